//! Events come in by webhooks only; but what was stored goes where all jobs go.

use penstock_shared::{
    event::Event,
    job::{Job, Tenant},
};

use super::sender::{event, response};
use crate::{
    service::Service,
    stage::{ACME, Stage, counts},
};

fn job() -> Job {
    let body = event("w1").to_string();
    Event::from_ghl(body.as_bytes(), None)
        .unwrap()
        .event
        .into_job()
}

#[tokio::test]
async fn over_http_nobody_may_say_that_something_has_happened() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let text = serde_json::to_string(&job()).unwrap();
    for (body, path) in [(text.clone(), "type"), (format!("[{text}]"), "[0].type")] {
        let answer = service.post(body).await;
        assert_eq!(answer.problem(422), [path]);
        assert!(answer.text.contains("webhooks only"), "{answer:?}");
    }
    assert_eq!(stage.redis.snapshot().await, before);
}

/// Whoever runs `enqueue` may write to Redis anyway, and has to be able to take a dead letter back.
#[tokio::test]
async fn what_was_exported_is_taken_back() {
    let stage = Stage::start().await;
    let job = job();
    let text = serde_json::to_string(&job).unwrap() + "\n";
    let finished = stage.enqueue(&[], text.clone()).await;
    assert_eq!((finished.code, finished.stdout), (Some(0), counts(1, 0, 0)));
    let again = stage.enqueue(&[], text).await;
    assert_eq!(again.stdout, counts(0, 1, 0));
    let found = stage.queue.find("ghl:w1", Some(ACME)).await.unwrap();
    assert_eq!(found[0].job.as_ref().unwrap().payload, job.payload);
}

/// The ids are the events' own, so those of two tenants are two.
#[tokio::test]
async fn the_same_response_to_two_tenants_is_two_events() {
    let stage = Stage::start().await;
    let body = serde_json::json!({ "responses": [response("r1", 0)] }).to_string();
    let mut lines = String::new();
    for tenant in ["acme", "other"] {
        let tenant: Tenant = tenant.parse().unwrap();
        let events = Event::from_smore(body.as_bytes(), &tenant).unwrap();
        for event in events {
            lines += &(serde_json::to_string(&event.into_job()).unwrap() + "\n");
        }
    }
    let finished = stage.enqueue(&[], lines).await;
    assert_eq!(finished.stdout, counts(2, 0, 0));
}
