//! What is answered is stored.

use futures::future::join_all;
use penstock_tests::harness::{Appendfsync, RedisOptions};

use super::sender::{Senders, event_of, told};
use crate::stage::{ACME, Stage};

/// Both are killed in the middle of a burst: of what was answered nothing is lost.
#[tokio::test]
async fn killed_after_its_answer_it_has_lost_nothing() {
    let mut stage = Stage::on(RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    })
    .await;
    let senders = Senders::new();
    let durable = [("PENSTOCK_DURABILITY", "always")];
    let mut service = senders.service(&stage, &durable).await;
    let bodies: Vec<_> = (0..300)
        .map(|n| {
            (
                format!("w{n}"),
                event_of(&format!("w{n}"), &format!("c{n}"), 0).to_string(),
            )
        })
        .collect();
    let (answered, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let requests: Vec<_> = bodies
        .iter()
        .map(|(id, body)| (id.clone(), senders.ghl(&service, body)))
        .collect();
    let burst = tokio::spawn(join_all(requests.into_iter().map(|(id, request)| {
        let answered = answered.clone();
        async move {
            // Most are cut off.
            if request
                .send()
                .await
                .is_ok_and(|response| response.status() == 200)
            {
                answered.send(format!("ghl:{id}")).unwrap();
            }
        }
    })));
    let first = heard.recv().await.expect("one is answered");
    service.program.kill9();
    stage.redis.kill9();
    burst.await.unwrap();
    drop(answered);
    let mut known = vec![first];
    while let Some(id) = heard.recv().await {
        known.push(id);
    }
    stage.redis.restart().await;
    stage.reconnect().await;
    let stored = stage.ids(ACME).await;
    for id in &known {
        assert!(stored.contains(id), "{id} was answered, and is lost");
    }
    // Sent again, as senders do, all of them are there once.
    let service = senders.service(&stage, &durable).await;
    let mut accepted = 0;
    for (_, body) in &bodies {
        let answer = senders
            .ghl_tells(&service, &serde_json::from_str(body).unwrap())
            .await;
        accepted += told(&answer).1;
    }
    assert_eq!(accepted, 300 - stored.len() as u64);
    assert_eq!(stage.count(ACME).await, 300);
}
