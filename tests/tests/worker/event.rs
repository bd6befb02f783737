//! Events that webhooks told of.

use penstock_shared::{
    event::Event,
    job::state::State,
    queue::{
        enqueue::{Admission, Enqueued},
        record::NewJob,
    },
};
use penstock_tests::fixture::job;
use serde_json::json;

use crate::stage::{ACME, Stage};

/// It costs no call and no attempt, and what comes after it for the same contact waits for it.
#[tokio::test]
async fn an_event_from_which_nothing_follows_is_done() {
    let stage = Stage::start(&[]).await;
    let body =
        json!({ "type": "ContactUpdate", "locationId": ACME, "webhookId": "w1", "id": "c1" });
    let event = Event::from_ghl(body.to_string().as_bytes(), None)
        .unwrap()
        .event;
    let new = [NewJob {
        id: event.id.clone(),
        job: event.into_job(),
    }];
    let stored = stage.queue.enqueue(&new, Admission::Each).await.unwrap();
    assert_eq!(stored, [Enqueued::Accepted]);
    stage.enqueue(&[job("after").contact("c1")]).await;
    assert_eq!(stage.status("after").await.state, State::Blocked);
    let _worker = stage.worker().await;
    stage.until_done(2).await;
    let status = stage.status("ghl:w1").await;
    assert_eq!(status.state, State::Done);
    assert_eq!(status.done.unwrap().0.result, json!({ "jobs": [] }));
    assert_eq!(stage.sandbox.summary().calls, 1);
}
