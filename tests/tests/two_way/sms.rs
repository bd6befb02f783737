//! `SMSFactor` to GHL.

use serde_json::json;

use crate::stage::{ALERTS, TENANT, World, content};

const ANN: &str = "33612345678";
const ANN_THERE: (&str, &str) = ("number", "+33612345678");

/// Also in its own words: what is written in another script arrives as it is.
#[tokio::test]
async fn a_reply_becomes_a_contact_and_a_transcript() {
    let world = World::start().await;
    let message = "Hello! مرحبا 👋 Write to Ada@Example.com, please";
    world.replies(ANN, message);
    let contact = world
        .contact(ANN_THERE, "the contact", |contact| {
            contact["email"] == "ada@example.com"
        })
        .await;
    assert_eq!(contact["source"], "SMS");
    let notes = world.notes(contact["id"].as_str().unwrap(), 1).await;
    assert!(
        notes[0].starts_with("SMS from +33612345678, 20"),
        "{notes:?}"
    );
    assert!(notes[0].ends_with(&format!(":\n{message}")), "{notes:?}");
    assert_eq!(world.rest().await, 0);
}

#[tokio::test]
async fn who_asks_to_be_called_is_a_task_and_somebody_is_told() {
    let world = World::start().await;
    world.replies(ANN, "Please CALL ME, it is urgent");
    let contact = world.contact(ANN_THERE, "the contact", |_| true).await;
    let tasks = world
        .listed(contact["id"].as_str().unwrap(), "tasks", 1)
        .await;
    assert_eq!(tasks[0]["title"], "Call +33612345678 back");
    assert_eq!(tasks[0]["body"], "Please CALL ME, it is urgent");
    let sent = world.sms_effects("sms", 1).await;
    assert_eq!(sent[0].change.contact_id.as_deref(), Some(ALERTS));
    let text = content(&sent[0])["text"].as_str().unwrap();
    assert_eq!(
        text,
        "+33612345678 asks to be called: Please CALL ME, it is urgent"
    );
    world.replies(ANN, "Do not recall me");
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.sms_effects("sms", 1).await.len(), 1);
}

#[tokio::test]
async fn stop_is_do_not_disturb_and_joining_is_consent() {
    let world = World::start().await;
    world.replies(ANN, "STOP it");
    let stopped = world
        .contact(ANN_THERE, "to be left alone", |contact| {
            contact["tags"] == json!(["sms-stop"])
        })
        .await;
    let sms = &stopped["dndSettings"]["SMS"];
    assert_eq!(
        (&sms["status"], &sms["code"]),
        (&json!("active"), &json!("STOP"))
    );
    world.replies(ANN, "Join: Zoé 李 <zoe@example.com>");
    let joined = world
        .contact(ANN_THERE, "to have joined", |contact| {
            contact["tags"] == json!(["sms-stop", "sms-opt-in"])
        })
        .await;
    assert_eq!(joined["id"], stopped["id"]);
    assert_eq!(joined["dndSettings"]["SMS"]["status"], "inactive");
    assert_eq!(joined["email"], "zoe@example.com");
    assert_eq!(
        (&joined["firstName"], &joined["lastName"]),
        (&json!("Zoé"), &json!("李"))
    );
    let consent = &joined["customFields"][0];
    assert_eq!(consent["id"], "sms_consent");
    assert!(
        consent["value"]
            .as_str()
            .unwrap()
            .starts_with("yes, by SMS of 20"),
        "{consent}"
    );
    let off = world.sms_effects("blacklist-delete", 1).await;
    assert_eq!(off[0].change.contact_id.as_deref(), Some(ANN));
    assert_eq!(world.rest().await, 0);
}

/// An SMS that Penstock has sent, and that came to nobody.
#[tokio::test]
async fn a_number_that_takes_no_message_is_tagged() {
    let world = World::start().await;
    let contact = world.seeded(json!({ "phone": "+33612345678" }));
    let id = contact["id"].as_str().unwrap();
    let job = json!({ "type": "SendSms", "tenant": TENANT, "payload": { "to": "+33612345678", "text": "Hello" } });
    let posted = world
        .http
        .post(world.address("/v1/jobs"))
        .body(job.to_string());
    assert_eq!(posted.send().await.unwrap().status(), 202);
    world.sms_effects("sms", 1).await;
    for status in [1, 3, 12, 5] {
        let report = json!({ "to": ANN, "status": status });
        world.sms.steer("reports", &report).unwrap();
    }
    let notes = world.notes(id, 1).await;
    assert_eq!(notes, ["No SMS reaches +33612345678: INVALID_DESTINATION"]);
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.ghl_contact(id).await["tags"], json!(["sms-failed"]));
    assert_eq!(world.notes(id, 1).await.len(), 1);
}

/// Numbers as people write them in their own country.
#[tokio::test]
async fn a_form_becomes_a_contact() {
    let world = World::start().await;
    for (number, there) in [
        ("06 12 34 56 78", "+33612345678"),
        ("+44 (0)7911 123456", "+447911123456"),
        ("٠٦ ٨٧ ٦٥ ٤٣ ٢١", "+33687654321"),
        ("001 415 555 2671", "+14155552671"),
    ] {
        let name = format!("Åsa {there} 王");
        world
            .form(
                &json!({ "name": name, "phone": number, "email": format!("a{there}@example.com") }),
            )
            .await;
        let contact = world.contact(("number", there), number, |_| true).await;
        assert_eq!(contact["email"], format!("a{there}@example.com"));
        assert_eq!(contact["firstName"], "Åsa");
        assert_eq!(contact["source"], "form");
    }
    // Of whom nothing is known by which he could be found, nothing is made.
    world
        .form(&json!({ "name": "Nobody", "phone": "12" }))
        .await;
    assert_eq!(world.rest().await, 0);
}
