//! Who is believed, and what comes of it.

use serde_json::json;

use super::sender::{ACCEPTED, Senders, event, posting, response, smore, smsfactor, told};
use crate::{
    service::Answer,
    stage::{ACME, Stage},
};

#[tokio::test]
async fn each_sender_is_heard() {
    let mut stage = Stage::start().await;
    let senders = Senders::new();
    // Those who have keys are others.
    let keys = [("PENSTOCK_API_KEYS", "a-key-that-no-sender-has")];
    let service = senders.service(&stage, &keys).await;
    let answer = senders.ghl_tells(&service, &event("w1")).await;
    assert_eq!(told(&answer), ACCEPTED);
    let reply =
        json!({ "date": super::sender::ago(60), "message": "Call me", "from": "33612345678" });
    let stop =
        json!({ "date": super::sender::ago(5), "message": "no more", "from": "33612345678" });
    for (path, body) in [
        ("/hooks/smsfactor", &reply),
        ("/hooks/smsfactor/main?type=STOP", &stop),
    ] {
        let answer = Answer::to(smsfactor(&service, path, &body.to_string())).await;
        assert_eq!(told(&answer), ACCEPTED);
    }
    let body = json!({ "id": "p", "type": "responses", "responses": [response("r1", 0), response("r2", 0)] });
    let answer = Answer::to(smore(&service, "/hooks/smore/forms", &body.to_string())).await;
    assert_eq!(told(&answer), ("accepted", 2, 0, 0));
    let body = json!({ "event": "moved", "id": 7, "email": "canary@example.com" });
    let answer = Answer::to(posting(&service, "/hooks/crm", &body.to_string())).await;
    assert_eq!(told(&answer), ACCEPTED);

    let ids = stage.ids(ACME).await;
    assert_eq!(&ids[..4], ["crm:7", "ghl:w1", "smore:r1", "smore:r2"]);
    assert_eq!(ids.len(), 6);
    let mut kinds = Vec::new();
    for job in stage.claim(ACME, 10).await {
        let stored = stage
            .queue
            .find(job.reference.id(), Some(ACME))
            .await
            .unwrap();
        let payload = stored[0].job.as_ref().unwrap().payload.to_value();
        assert_eq!(payload["event"]["id"], job.reference.id());
        kinds.push(payload["event"]["kind"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    // Of one contact one at a time: the second reply and the second response wait for the first, and the CRM's for those.
    assert_eq!(kinds, ["ContactUpdate", "smore.response", "sms.reply"]);
}

/// The reply itself waits for what its writer has before it, such as the message that it answers.
#[tokio::test]
async fn what_a_reply_says_of_a_message_waits_for_nothing() {
    let mut stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let reply = |said: &str, second: i64| json!({ "date": super::sender::ago(second), "message": said, "from": "33612345678", "last_message_id": "m1" });
    for body in [reply("Thanks", 60), reply("STOP", 5)] {
        for expected in [ACCEPTED, ("duplicate", 0, 1, 0)] {
            let answer =
                Answer::to(smsfactor(&service, "/hooks/smsfactor", &body.to_string())).await;
            assert_eq!(told(&answer), expected);
        }
    }
    let claimed = stage.claim(ACME, 10).await;
    let ids = claimed.iter().map(|job| job.reference.id());
    let words = ids.filter(|id| id.ends_with("~word")).count();
    assert_eq!((words, claimed.len()), (2, 3), "the second reply waits");
}

#[tokio::test]
async fn what_is_forged_is_not_stored() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let body = event("w1").to_string();
    let other = event("w2").to_string();
    let good = senders.signature(&body);
    for signature in [
        "",
        "N/A",
        "nonsense",
        &good[..80],
        &senders.signature(&other),
        &Senders::new().signature(&body),
    ] {
        for header in ["X-GHL-Signature", "X-WH-Signature"] {
            let request = posting(&service, "/hooks/ghl", &body).header(header, signature);
            Answer::to(request).await.problem(401);
        }
    }
    let twice = senders
        .ghl(&service, &body)
        .header("X-GHL-Signature", &good);
    let changed = posting(&service, "/hooks/ghl", &body.replace("c1", "c2"));
    let elsewhere = posting(&service, "/hooks/smore/forms", &body).header("X-GHL-Signature", &good);
    let not_legacy = posting(&service, "/hooks/ghl", &body).header("X-WH-Signature", &good);
    for request in [
        twice,
        changed.header("X-GHL-Signature", &good),
        elsewhere,
        not_legacy,
        posting(&service, "/hooks/smsfactor", &body).header("X-SMSFactor-Signature", "guess"),
        posting(&service, "/hooks/smore/forms", &body),
        // Who has a key of the API has none of GHL's.
        posting(&service, "/hooks/ghl", &body).bearer_auth("key"),
    ] {
        Answer::to(request).await.problem(401);
    }
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn an_event_of_another_application_is_not_stored() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let mut other = event("w1");
    other["appId"] = json!("their-app");
    let nameless = json!({ "type": "INSTALL", "locationId": ACME });
    for body in [other, nameless] {
        senders.ghl_tells(&service, &body).await.problem(403);
    }
    assert_eq!(stage.redis.snapshot().await, before);
    let install = json!({ "type": "INSTALL", "appId": "our-app", "companyId": "agency" });
    assert_eq!(told(&senders.ghl_tells(&service, &install).await), ACCEPTED);
    assert_eq!(stage.count("agency").await, 1);
    let mut silent = event("w2");
    silent.as_object_mut().unwrap().remove("appId");
    assert_eq!(told(&senders.ghl_tells(&service, &silent).await), ACCEPTED);
}

#[tokio::test]
async fn a_hook_with_sources_hears_only_those() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let body = json!({ "responses": [response("r1", 0)] }).to_string();
    let from = |forwarded: Option<&str>| {
        let request = smore(&service, "/hooks/smore/other", &body);
        match forwarded {
            Some(forwarded) => request.header("X-Forwarded-For", forwarded),
            None => request,
        }
    };
    for forwarded in [
        None,
        Some("198.51.100.1"),
        Some("203.0.113.7, 198.51.100.1"),
    ] {
        Answer::to(from(forwarded)).await.problem(403);
    }
    assert_eq!(stage.count("other").await, 0);
    let answer = Answer::to(from(Some("198.51.100.1, 203.0.113.7"))).await;
    assert_eq!(told(&answer), ACCEPTED);
}

#[tokio::test]
async fn no_web_page_may_use_a_hook_without_proof() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let request = posting(&service, "/hooks/crm", "{}").header("Origin", "https://example.com");
    Answer::to(request).await.problem(403);
    assert_eq!(stage.count(ACME).await, 0);
}
