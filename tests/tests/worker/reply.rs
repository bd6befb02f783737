//! Redis does what it was asked, and the answer is lost.

use penstock_tests::{
    fixture::{Draft, job},
    harness::{Proxy, wait_until},
};

use crate::stage::{PATIENCE, Stage};

const JOBS: u64 = 300;
/// A word of each script's arguments: claim, advance, settle.
const SCRIPTS: [&str; 3] = ["takebacks", "answered", "breakerAfter"];
const ROUNDS: usize = 5;

fn load() -> Vec<Draft> {
    let of = |at: u64| {
        let draft = job(&format!("job-{at}")).contact(&format!("c-{}", at % 30));
        if at.is_multiple_of(4) {
            draft.tag(&format!("tag-{at}"))
        } else {
            draft.note(&format!("note {at}"))
        }
    };
    (0..JOBS).map(of).collect()
}

#[tokio::test]
async fn lost_replies_of_every_transition_lose_and_double_nothing() {
    let stage = Stage::start(&["delay=100ms"]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let settings = [
        ("PENSTOCK_REDIS_URL", url.as_str()),
        ("PENSTOCK_CONCURRENCY", "8"),
    ];
    let mut workers = [
        stage.worker_with(&settings).await,
        stage.worker_with(&settings).await,
    ];
    stage.enqueue(&load()).await;
    for script in SCRIPTS.iter().cycle().take(SCRIPTS.len() * ROUNDS) {
        let lost = proxy.lost();
        proxy.lose_replies(1, *script);
        let what = format!("a lost reply to {script}");
        wait_until(&what, PATIENCE, || {
            std::future::ready((proxy.lost() > lost).then_some(()))
        })
        .await;
    }
    let still_busy = stage.queue.stats().await.unwrap().done_total < JOBS;
    assert!(still_busy, "the replies were lost under load");
    stage.until_done(JOBS).await;
    let seen = stage.sandbox.summary();
    // Each was found to have been done: no call was repeated, nothing was read back.
    assert_eq!((seen.calls, seen.effects, seen.duplicates), (JOBS, JOBS, 0));
    for worker in &mut workers {
        assert!(worker.exited().is_none());
    }
}

/// Longer than two leases, in which answers to renewals are lost one after the other: the leases are kept, and no job is taken over.
#[tokio::test]
async fn lost_replies_to_renewals_cost_no_lease() {
    const CALLS: u64 = 4;
    let stage = Stage::start(&["delay=5s"]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let patient = [
        ("PENSTOCK_REDIS_URL", url.as_str()),
        ("PENSTOCK_HTTP_TIMEOUT", "30s"),
    ];
    let _holder = stage.worker_with(&patient).await;
    let calls: Vec<_> = (0..CALLS)
        .map(|at| job(&at.to_string()).contact(&format!("c-{at}")))
        .collect();
    stage.enqueue(&calls).await;
    stage.until_calls(CALLS).await;
    // It would take them over, and send them again at once.
    let _other = stage.worker_with(&patient[1..]).await;
    let ended = || stage.sandbox.summary().statuses.contains_key("201");
    while !ended() {
        let lost = proxy.lost();
        proxy.lose_replies(1, "_renew");
        wait_until("a lost reply to a renewal, or the end", PATIENCE, || {
            std::future::ready((ended() || proxy.lost() > lost).then_some(()))
        })
        .await;
    }
    assert!(proxy.lost() > 2, "{} were lost", proxy.lost());
    proxy.lose_replies(0, "");
    stage.until_done(CALLS).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.calls, seen.effects), (CALLS, CALLS));
}

/// What a worker does beside delivering is done again, or was done.
#[tokio::test]
async fn lost_replies_to_a_workers_duties_change_nothing() {
    let stage = Stage::start(&[]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let mut worker = stage
        .worker_with(&[("PENSTOCK_REDIS_URL", &proxy.redis_url())])
        .await;
    let duties = ["_learn", "_register", "_forget"];
    for (at, duty) in duties.iter().enumerate() {
        let lost = proxy.lost();
        proxy.lose_replies(1, *duty);
        let email = format!("jane-{at}@example.com");
        stage.person(&email);
        stage
            .enqueue(&[job(&at.to_string()).email(&email).tag("once")])
            .await;
        let what = format!("a lost reply to {duty}");
        wait_until(&what, PATIENCE, || {
            std::future::ready((proxy.lost() > lost).then_some(()))
        })
        .await;
    }
    let all = duties.len() as u64;
    stage.until_done(all).await;
    let seen = stage.sandbox.summary();
    // Each contact is looked up once.
    assert_eq!((seen.calls, seen.effects), (all * 2, all));
    assert!(worker.exited().is_none());
}
