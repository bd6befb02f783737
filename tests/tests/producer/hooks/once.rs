//! The same again, too late, and in another order.

use futures::future::join_all;
use penstock_tests::{
    fixture::done,
    harness::{Appendfsync, RedisOptions},
};
use serde_json::json;

use super::sender::{
    ACCEPTED, DUPLICATE, Senders, ago, event, event_of, posting, response, smore, told,
};
use crate::{
    service::Answer,
    stage::{ACME, Stage},
};

/// Also after the program and Redis were started anew, and when what was to be done about it is done.
#[tokio::test]
async fn what_is_replayed_is_known_again() {
    let mut stage = Stage::on(RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    })
    .await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let (body, responses) = (
        event("w1"),
        json!({ "responses": [response("r1", 0)] }).to_string(),
    );
    let from_smore = || smore(&service, "/hooks/smore/forms", &responses);
    assert_eq!(told(&senders.ghl_tells(&service, &body).await), ACCEPTED);
    assert_eq!(told(&Answer::to(from_smore()).await), ACCEPTED);
    let again = senders.ghl(&service, &body.to_string());
    let again = again.header("deliveryId", "another");
    assert_eq!(told(&Answer::to(again).await), DUPLICATE);
    assert_eq!(told(&Answer::to(from_smore()).await), DUPLICATE);
    let claimed = stage.claim(ACME, 10).await;
    assert_eq!(claimed.len(), 2);
    for job in &claimed {
        stage.settle(done(job)).await;
    }
    drop(service);
    stage.redis.kill9();
    stage.redis.restart().await;
    stage.reconnect().await;
    let service = senders.service(&stage, &[]).await;
    assert_eq!(told(&senders.ghl_tells(&service, &body).await), DUPLICATE);
    let again = smore(&service, "/hooks/smore/forms", &responses);
    assert_eq!(told(&Answer::to(again).await), DUPLICATE);
    assert_eq!(stage.count(ACME).await, 2);
    assert!(stage.claim(ACME, 10).await.is_empty());
}

#[tokio::test]
async fn told_of_in_other_words_it_is_the_same_event() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    for (seconds, expected) in [(10, ACCEPTED), (5, DUPLICATE)] {
        let body = event_of("w1", "c1", seconds);
        assert_eq!(told(&senders.ghl_tells(&service, &body).await), expected);
    }
    assert_eq!(stage.count(ACME).await, 1);
}

/// Whoever has taken a record's id for an event's loses nothing.
#[tokio::test]
async fn another_systems_record_tells_of_each_change() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    for (city, expected) in [
        ("Bern", ACCEPTED),
        ("Basel", ACCEPTED),
        ("Basel", DUPLICATE),
        ("Bern", DUPLICATE),
    ] {
        let body = json!({ "id": "r1", "city": city }).to_string();
        let answer = Answer::to(posting(&service, "/hooks/crm", &body)).await;
        assert_eq!(told(&answer), expected, "{city}");
    }
    assert_eq!(stage.count(ACME).await, 2);
}

#[tokio::test]
async fn of_many_at_once_one_is_stored() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    let body = event("w1");
    let answers = join_all((0..40).map(|_| senders.ghl_tells(&service, &body))).await;
    let accepted: u64 = answers.iter().map(|answer| told(answer).1).sum();
    let duplicates: u64 = answers.iter().map(|answer| told(answer).2).sum();
    assert_eq!((accepted, duplicates), (1, 39));
    assert_eq!(stage.count(ACME).await, 1);
}

#[tokio::test]
async fn what_is_too_old_or_dated_ahead_is_not_stored() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders
        .service(&stage, &[("PENSTOCK_HOOK_WINDOW", "1h")])
        .await;
    let before = stage.redis.snapshot().await;
    for seconds in [3_600, 3_545, 90_000, -120] {
        let body = event_of("w1", "c1", seconds);
        senders.ghl_tells(&service, &body).await.problem(422);
    }
    let old = json!({ "responses": [response("r1", 7_200)] }).to_string();
    let answer = Answer::to(smore(&service, "/hooks/smore/forms", &old)).await;
    answer.problem(422);
    let crm = json!({ "at": ago(7_200) }).to_string();
    Answer::to(posting(&service, "/hooks/crm", &crm))
        .await
        .problem(422);
    assert_eq!(stage.redis.snapshot().await, before);
    // What is with it and new is taken.
    let both = json!({ "responses": [response("r1", 7_200), response("r2", 60)] }).to_string();
    let answer = Answer::to(smore(&service, "/hooks/smore/forms", &both)).await;
    assert_eq!(told(&answer), ("accepted", 1, 0, 1));
    let body = event_of("w1", "c1", 3_400);
    assert_eq!(told(&senders.ghl_tells(&service, &body).await), ACCEPTED);
    assert_eq!(stage.ids(ACME).await, ["ghl:w1", "smore:r2"]);
}

/// In which order things happened only their times tell: those are kept.
#[tokio::test]
async fn events_of_one_contact_are_handled_in_the_order_of_their_arrival() {
    let mut stage = Stage::start().await;
    let senders = Senders::new();
    let service = senders.service(&stage, &[]).await;
    for (id, contact, seconds) in [
        ("new", "c1", 1),
        ("old", "c1", 60),
        ("other", "c2", 30),
        ("last", "c1", 0),
    ] {
        let body = event_of(id, contact, seconds);
        assert_eq!(told(&senders.ghl_tells(&service, &body).await), ACCEPTED);
    }
    // By another of its names it is the same contact.
    let crm = json!({ "id": "crm", "email": "canary-c1@example.com" }).to_string();
    let answer = Answer::to(posting(&service, "/hooks/crm", &crm)).await;
    assert_eq!(told(&answer), ACCEPTED);
    let first = stage.claim(ACME, 10).await;
    let ids: Vec<_> = first.iter().map(|job| job.reference.id()).collect();
    assert_eq!(ids, ["ghl:new", "ghl:other"]);
    for job in &first {
        stage.settle(done(job)).await;
    }
    assert_eq!(stage.drain(ACME).await, ["ghl:old", "ghl:last", "crm:crm"]);
}
