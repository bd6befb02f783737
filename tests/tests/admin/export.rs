//! `dead export`.

use penstock_shared::{job::Job, outcome::Cause, queue::settle::Fields};
use serde_json::{Value, json};

use crate::world::{ACME, World, note};

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

#[tokio::test]
async fn an_export_is_what_enqueue_takes() {
    let mut world = World::start().await;
    let mut job = note(ACME, "a", &json!({ "email": "jane@example.com" }));
    job["priority"] = json!("high");
    job["maxAttempts"] = json!(3);
    world.enqueue(job.clone()).await;
    world.bury(ACME, Cause::Rejected, Fields::new()).await;
    let exported = world.admin(&["dead", "export"]).await;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let jobs = lines(&exported.stdout);
    assert_eq!(jobs.len(), 1);
    let id = jobs[0]["id"].as_str().unwrap();
    assert!(id.starts_with("a~"), "{id}");
    job["id"] = json!(id);
    assert_eq!(jobs[0], job);
    // The same death gives the same id: twice is harmless.
    assert_eq!(
        world.admin(&["dead", "export"]).await.stdout,
        exported.stdout
    );
    world.enqueue(jobs[0].clone()).await;
    assert_eq!(world.ask(&["stats"]).await["dead"], 1);
}

#[tokio::test]
async fn a_long_id_stays_within_its_bound() {
    let mut world = World::start().await;
    let long = "é".repeat(128);
    world
        .enqueue(note(ACME, &long, &json!({ "id": "c1" })))
        .await;
    world.bury(ACME, Cause::Rejected, Fields::new()).await;
    let exported = world.admin(&["dead", "export"]).await.stdout;
    assert!(Job::parse(exported.trim().as_bytes()).is_ok(), "{exported}");
}

#[tokio::test]
async fn what_cannot_or_must_not_be_copied_is_left_out_and_named() {
    let mut world = World::start().await;
    world.dead(ACME, &["a", "b"], Cause::Rejected).await;
    world.ambiguous(ACME, "unsure").await;
    world.garble(ACME, "b").await;
    let exported = world.admin(&["dead", "export"]).await;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    assert_eq!(lines(&exported.stdout).len(), 1);
    for said in [
        "left out: b of acme: it cannot be decoded",
        "left out: unsure of acme: it may have taken effect",
    ] {
        assert!(exported.stderr.contains(said), "{}", exported.stderr);
    }
    for (args, count) in [
        (&["--cause", "ambiguous"][..], 1),
        (&["--undecided"], 2),
        (&["--tenant", "zenith"], 0),
        (&["--type", "AddTags"], 0),
    ] {
        let exported = world.admin(&[&["dead", "export"], args].concat()).await;
        assert_eq!(lines(&exported.stdout).len(), count, "{args:?}");
    }
}

/// Redis went back since they were due, and may have forgotten that they were sent: a copy would be sent without a look.
#[tokio::test]
async fn what_redis_may_have_forgotten_is_left_out() {
    let mut world = World::start().await;
    world.dead(ACME, &["a"], Cause::Rejected).await;
    let tags = json!({
        "type": "AddTags", "tenant": ACME, "id": "b",
        "payload": { "contact": { "id": "c2" }, "tags": ["vip"] },
    });
    world.enqueue(tags).await;
    world.bury(ACME, Cause::Rejected, Fields::new()).await;
    let noticed = world.queue.now().await.unwrap();
    let travel = format!("{noticed}/{noticed}/0/{noticed}");
    let config = world.queue.keys(0).config();
    world.server.cli(["HSET", &config, "travel", &travel]).await;
    let shown = world.ask(&["dead", "show", "a"]).await;
    assert_eq!(shown["undecided"], true);
    let exported = world.admin(&["dead", "export"]).await;
    let said = "left out: a of acme: it may have taken effect";
    assert!(exported.stderr.contains(said), "{exported:?}");
    // What may be done twice is another matter.
    assert_eq!(lines(&exported.stdout).len(), 1, "{exported:?}");
}

/// A policy has decided to send it once more; or a delivery that came late has told of its effect.
#[tokio::test]
async fn what_may_be_there_is_left_out_though_its_intent_is_closed() {
    let mut world = World::start().await;
    let orphan = json!({ "type": "AttachNote", "attempts": 0, "result": {}, "effect": "n1" });
    for (id, name, value) in [
        ("a", "sentAgain", "prefer-duplicate".to_owned()),
        ("b", "orphan", orphan.to_string()),
    ] {
        world.note(ACME, id).await;
        let fields = Fields::from([(name, value)]);
        world.bury(ACME, Cause::Expired, fields).await;
        let shown = world.ask(&["dead", "show", id]).await;
        assert_eq!(shown["undecided"], true, "{shown}");
    }
    let exported = world.admin(&["dead", "export"]).await;
    assert!(exported.stdout.is_empty(), "{exported:?}");
    let fixed = r#"{ "contact": { "id": "c1" }, "body": "Fixed" }"#;
    let edited = world
        .admin_with(&["dead", "edit", "b", "--payload", "-"], fixed)
        .await;
    assert!(
        edited.stderr.contains("may have taken effect"),
        "{edited:?}"
    );
}

#[tokio::test]
async fn an_export_is_one_array_where_that_is_asked_for() {
    let mut world = World::start().await;
    assert_eq!(world.ask(&["dead", "export"]).await, json!([]));
    world.dead(ACME, &["a", "b"], Cause::Rejected).await;
    let jobs = world.ask(&["dead", "export"]).await;
    assert_eq!(jobs.as_array().unwrap().len(), 2);
    let refused = world.refused(&["dead", "export", "-o", "table"]).await;
    assert!(refused.contains("dead list"), "{refused}");
}

/// What a webhook made is made again by nobody: it has to survive this way.
#[tokio::test]
async fn an_event_that_died_can_be_looked_at_edited_and_taken_back() {
    let mut world = World::start().await;
    let event = json!({
        "source": "smsfactor", "kind": "sms.reply", "tenant": ACME, "id": "smsfactor:1",
        "contact": { "phone": "+33612345678" }, "data": { "from": 33_612_345_678_u64, "type": "Jane", "read": false },
    });
    let payload = json!({ "event": event });
    let job =
        json!({ "type": "HandleEvent", "tenant": ACME, "id": "smsfactor:1", "payload": payload });
    world.enqueue(job).await;
    world.bury(ACME, Cause::Rejected, Fields::new()).await;
    let shown = world.ask(&["dead", "show", "smsfactor:1"]).await;
    assert_eq!(shown["payload"]["event"]["kind"], "sms.reply");
    assert_eq!(shown["payload"]["event"]["data"]["read"], false);
    let text = shown.to_string();
    for personal in ["3612345", "Jane"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    let exported = world.admin(&["dead", "export"]).await;
    let jobs = lines(&exported.stdout);
    assert_eq!(jobs[0]["payload"], payload);
    world.enqueue(jobs[0].clone()).await;
    let mut fixed = payload.clone();
    fixed["event"]["contact"] = json!({});
    let edited = world
        .admin_with(
            &["dead", "edit", "smsfactor:1", "--payload", "-"],
            &fixed.to_string(),
        )
        .await;
    assert_eq!(edited.code, Some(0), "{edited:?}");
    world.ask(&["dead", "retry", "smsfactor:1"]).await;
    // The copy names the contact, the other no longer does: neither waits.
    assert_eq!(world.claim(ACME, 10).await.len(), 2);
}
