//! What each sender is told, as it understands it.

use penstock_tests::harness::wait_until;
use serde_json::json;

use super::sender::{
    ACCEPTED, Senders, event, event_of, posting, response, smore, smsfactor, told,
};
use crate::{
    service::{Answer, Service},
    stage::{ACME, PATIENCE, Stage},
};

/// One of each sender.
async fn all(senders: &Senders, service: &Service, id: &str) -> [Answer; 4] {
    let responses = json!({ "responses": [response(id, 0)] }).to_string();
    let report = json!({ "status": 3, "destination": "33612345678", "message_id": id }).to_string();
    let crm = json!({ "id": id }).to_string();
    [
        senders.ghl_tells(service, &event(id)).await,
        Answer::to(smore(service, "/hooks/smore/forms", &responses)).await,
        Answer::to(smsfactor(service, "/hooks/smsfactor", &report)).await,
        Answer::to(posting(service, "/hooks/crm", &crm)).await,
    ]
}

#[tokio::test]
async fn while_redis_is_away_they_are_told_to_come_again() {
    let mut stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    stage.redis.kill9();
    let answers = all(&senders, &service, "a").await;
    for (answer, status) in answers.iter().zip([429, 503, 503, 503]) {
        answer.retry_after(status);
    }
    // Who has not proved himself is not told how things are.
    let forged = posting(&service, "/hooks/ghl", &event("a").to_string());
    Answer::to(forged).await.problem(401);
    stage.redis.restart().await;
    wait_until("all to be taken", PATIENCE, async || {
        let answers = all(&senders, &service, "a").await;
        answers
            .iter()
            .all(|answer| answer.status == 200)
            .then_some(())
    })
    .await;
    stage.reconnect().await;
    assert_eq!(stage.count(ACME).await, 4);
}

#[tokio::test]
async fn a_full_backlog_is_for_now() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders
        .service(&stage, &[("PENSTOCK_MAX_BACKLOG", "1")])
        .await;
    assert_eq!(
        told(&senders.ghl_tells(&service, &event("first")).await),
        ACCEPTED
    );
    let answers = all(&senders, &service, "a").await;
    for (answer, status) in answers.iter().zip([429, 503, 503, 503]) {
        answer.retry_after(status);
    }
    assert_eq!(stage.ids(ACME).await, ["ghl:first"]);
}

/// Smore stops for good where it is told that there is nothing.
#[tokio::test]
async fn what_is_not_configured_is_refused() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let none = Service::start(&stage, &[]).await;
    for (service, path, status) in [
        (&service, "/hooks/nobody", 404),
        (&service, "/hooks/smsfactor/nobody", 404),
        // Two are there: which one is meant?
        (&service, "/hooks/smore", 503),
        (&service, "/hooks/smore/nobody", 503),
        (&service, "/hooks/smore/no/body", 503),
        (&service, "/hooks/smore/", 503),
        (&service, "/hooks/smore%2Fforms", 503),
        (&service, "/hooks/Smore", 503),
        (&service, "/hooks/Smore/forms", 503),
        (&service, "//hooks/smore", 503),
        (&service, "/hooks/ghl/more", 404),
        (&none, "/hooks/ghl", 404),
        (&none, "/hooks/smsfactor", 404),
        (&none, "/hooks/smore", 503),
        (&none, "/hooks/smore/forms", 503),
        (&none, "/hooks/crm", 404),
    ] {
        Answer::to(posting(service, path, "{}"))
            .await
            .problem(status);
    }
    for path in [
        "/hooks/ghl",
        "/hooks/smore",
        "/hooks/smore/forms",
        "/hooks/crm",
    ] {
        service.get(path).await.problem(405);
    }
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    for body in [
        "",
        "{",
        "[]",
        "nonsense",
        "{\"type\":\"ContactCreate\"}",
        "{\"locationId\":\"../x\"}",
        &"[".repeat(10_000),
    ] {
        Answer::to(senders.ghl(&service, body)).await.problem(400);
    }
    let many = json!({ "responses": vec![json!({}); 300] }).to_string();
    for body in ["{\"responses\":[1]}", "[]", &many] {
        let request = smore(&service, "/hooks/smore/forms", body);
        Answer::to(request).await.problem(400);
    }
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    Answer::to(senders.ghl(&service, &large)).await.problem(413);
    let endless = senders.ghl(&service, &large);
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(large.clone())]);
    let endless = endless.body(reqwest::Body::wrap_stream(stream));
    Answer::to(endless).await.problem(413);
    let packed = senders
        .ghl(&service, "{}")
        .header("Content-Encoding", "gzip");
    Answer::to(packed).await.problem(415);
    assert_eq!(stage.redis.snapshot().await, before);
}

/// More than a job may hold, but no more than a webhook may have: the event is there, and says that it is not all.
#[tokio::test]
async fn a_large_event_is_shortened_rather_than_lost() {
    let mut stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let mut body = event_of("w1", "c1", 0);
    body["body"] = json!("x".repeat(900_000));
    assert_eq!(told(&senders.ghl_tells(&service, &body).await), ACCEPTED);
    let job = stage.claim_one(ACME).await;
    let stored = stage
        .queue
        .find(job.reference.id(), Some(ACME))
        .await
        .unwrap();
    let payload = stored[0].job.as_ref().unwrap().payload.to_value();
    assert_eq!(payload["event"]["truncated"], true);
    assert_eq!(payload["event"]["data"]["firstName"], "Canary");
    assert_eq!(payload["event"]["contact"]["id"], "c1");
}

#[tokio::test]
async fn webhooks_are_counted_and_told_of_without_what_is_in_them() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[("PENSTOCK_LOG", "trace")]).await;
    for _ in 0..2 {
        senders.ghl_tells(&service, &event("canary-w1")).await;
    }
    let forged = posting(&service, "/hooks/ghl", &event("canary-w2").to_string());
    Answer::to(forged.header("X-GHL-Signature", "canary"))
        .await
        .problem(401);
    Answer::to(posting(&service, "/hooks/canary-nobody", "{}"))
        .await
        .problem(404);
    let metrics = service.get("/metrics").await.text;
    for (name, value) in [
        (r#"penstock_hooks_received_total{source="ghl"}"#, 3),
        (r#"penstock_hooks_received_total{source="unknown"}"#, 1),
        (r#"penstock_hooks_verified_total{source="ghl"}"#, 2),
        (
            r#"penstock_hooks_refused_total{source="ghl",reason="signature"}"#,
            1,
        ),
        (
            r#"penstock_hooks_refused_total{source="unknown",reason="unconfigured"}"#,
            1,
        ),
        (
            r#"penstock_hook_events_total{source="ghl",status="accepted"}"#,
            1,
        ),
        (
            r#"penstock_hook_events_total{source="ghl",status="duplicate"}"#,
            1,
        ),
    ] {
        assert!(
            metrics.contains(&format!("{name} {value}\n")),
            "{name}\n{metrics}"
        );
    }
    let line = service
        .program
        .wait_for_line("a webhook was refused", PATIENCE)
        .await;
    assert!(line.contains("signature") && line.contains("ghl"), "{line}");
    let said = service.program.stderr().join("\n") + &metrics;
    for secret in ["canary", "Canary", super::sender::SECRET] {
        assert!(!said.contains(secret), "{secret}");
    }
}
