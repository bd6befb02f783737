//! `redrive`: dead letters go back to the end of their contacts' sequences.

use std::time::Duration;

use penstock_shared::{
    job::{
        Priority,
        state::{Ending, State},
    },
    outcome::Cause,
    queue::{
        repair::{Changed, Redrive},
        run::field,
    },
};
use penstock_tests::fixture::{Bench, back, dead, done, job, settlement};
use serde_json::json;

use crate::{
    letter::{again, bury, dies, letters, redrive},
    state::run_field,
};

#[tokio::test]
async fn what_is_not_dead_is_refused() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["done", "running", "ready"].map(job)).await;
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    bench.claim_one().await;
    let before = bench.snapshot().await;
    let codes = redrive(&bench, &["done", "running", "ready", "none"]).await;
    let not = Changed::NotDead;
    assert_eq!(codes, [not, not, not, Changed::Unknown]);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn a_second_time_it_is_dead_no_longer() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    assert_eq!(
        redrive(&bench, &["a", "a"]).await,
        [Changed::Ok, Changed::NotDead]
    );
    let before = bench.snapshot().await;
    assert_eq!(redrive(&bench, &["a"]).await, [Changed::NotDead]);
    assert_eq!(bench.snapshot().await, before);
    let stats = bench.queue().stats().await.unwrap();
    assert_eq!((stats.ready, stats.dead), (1, 0));
}

#[tokio::test]
async fn what_nobody_can_run_is_refused() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Undecodable).await;
    let key = bench.queue().keys(0).job("acme");
    bench.server.cli(["HSET", &key, "a", "garbage"]).await;
    let before = bench.snapshot().await;
    assert_eq!(redrive(&bench, &["a"]).await, [Changed::Undecodable]);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn it_has_no_attempts_and_keeps_history_and_journal() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut end = back(&bench.claim_one().await, 0);
    end.fields
        .extend(["intent", "contact", "sweep"].map(|name| (name, "c1".to_owned())));
    end.history = Some(json!({ "error": "no" }).to_string());
    bench.settle(&[end]).await;
    bury(&mut bench, Cause::Exhausted).await;
    assert_eq!(redrive(&bench, &["a"]).await, [Changed::Ok]);
    let job = bench.claim_one().await;
    assert_eq!(
        (job.run.attempts(), job.run.lost(), job.deliveries),
        (0, 0, 3)
    );
    for kept in ["intent", "contact"] {
        assert_eq!(job.run.text(kept), Some("c1"));
    }
    // What is sent from now on is swept for itself.
    for gone in ["cause", "deadAt", "error", "httpStatus", "lane", "sweep"] {
        assert_eq!(job.run.text(gone), None, "{gone}");
    }
    assert_eq!(bench.queue().history("acme", "a").await.unwrap().len(), 1);
}

/// It may be long ago: a search that was begun, who was there instead, and, where nothing was sent, whom an email led to. What was done stays done.
#[tokio::test]
async fn what_was_learnt_is_asked_anew_and_what_was_begun_goes_on() {
    const LEARNT: [&str; 6] = [
        field::CONTACT,
        field::INSTEAD,
        field::SEEN,
        field::UNREAD,
        field::PAGE,
        field::LOOKS,
    ];
    const BEGUN: [&str; 5] = [
        field::PLACE,
        field::POLL,
        field::PARTS,
        field::FOLLOWED,
        field::WRITTEN,
    ];
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut end = dead(&bench.claim_one().await, Cause::Rejected);
    let all = LEARNT.into_iter().chain(BEGUN);
    end.fields.extend(all.map(|name| (name, "1".to_owned())));
    bench.settle(&[end]).await;
    assert_eq!(redrive(&bench, &["a"]).await, [Changed::Ok]);
    let job = bench.claim_one().await;
    for name in LEARNT {
        assert_eq!(job.run.text(name), None, "{name}");
    }
    for name in BEGUN {
        assert_eq!(job.run.text(name), Some("1"), "{name}");
    }
}

/// It was told, and a person may have removed it before the retry.
#[tokio::test]
async fn what_a_late_delivery_has_made_is_looked_for_and_not_believed() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let due = bench.now;
    let late = bench.claim_one().await;
    bench.live(20_000, &[]).await;
    let owner = bench.claim_one().await;
    let made = Ending::Done {
        result: json!({ "noteId": "n1" }),
        effect: Some("n1".into()),
    };
    bench.settle(&[settlement(&late, made)]).await;
    bench.settle(&[dead(&owner, Cause::Rejected)]).await;
    assert!(run_field(&bench, "a", "orphan").await.is_some());
    assert_eq!(redrive(&bench, &["a"]).await, [Changed::Ok]);
    let job = bench.claim_one().await;
    assert_eq!(job.run.text("orphan"), None);
    assert_eq!(job.run.number("intent"), Some(due));
}

#[tokio::test]
async fn to_send_an_ambiguous_one_again_forgets_its_intent() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut end = dead(&bench.claim_one().await, Cause::Ambiguous);
    end.fields
        .extend([("intent", "sent".to_owned()), ("contact", "c1".to_owned())]);
    bench.settle(&[end]).await;
    let codes = bench.queue().redrive(&[again("a")], true).await.unwrap();
    assert_eq!(codes, [Changed::Ok]);
    assert_eq!(run_field(&bench, "a", "intent").await, None);
    assert_eq!(
        run_field(&bench, "a", "contact").await.as_deref(),
        Some("c1")
    );
}

#[tokio::test]
async fn they_join_the_end_of_their_sequence_in_the_order_given() {
    let mut bench = Bench::start().await;
    let of_one = |id| job(id).contact("c");
    for id in ["a", "b"] {
        dies(&mut bench, of_one(id), Cause::Rejected).await;
    }
    bench.enqueue(&[of_one("c"), of_one("d")]).await;
    assert_eq!(redrive(&bench, &["a", "b"]).await, [Changed::Ok; 2]);
    assert_eq!(bench.state_of("a").await, State::Blocked);
    assert_eq!(bench.drain().await, ["c", "d", "a", "b"]);
}

#[tokio::test]
async fn with_a_delay_it_joins_then_and_with_the_priority_given() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a").contact("c").high(), Cause::Rejected).await;
    let later = Redrive {
        priority: Priority::Low,
        delay: Duration::from_secs(2),
        ..again("a")
    };
    let codes = bench.queue().redrive(&[later], false).await.unwrap();
    assert_eq!(codes, [Changed::Ok]);
    assert_eq!(bench.state_of("a").await, State::Scheduled);
    bench.enqueue(&[job("b").contact("c")]).await;
    assert_eq!(bench.drain().await, ["b"]);
    bench.pass(2000);
    let a = bench.claim_one().await;
    assert_eq!(a.reference.ticket(), "0a");
}

/// They died within one millisecond, and are listed in the order of their deaths.
#[tokio::test]
async fn deaths_of_one_moment_keep_their_order() {
    let mut bench = Bench::start().await;
    let of_one = |id| job(id).contact("c");
    for id in ["z", "y", "x", "w"] {
        dies(&mut bench, of_one(id), Cause::Rejected).await;
    }
    assert_eq!(letters(&bench).await, ["z", "y", "x", "w"]);
}

#[tokio::test]
async fn a_job_can_die_and_be_sent_again_and_again() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c"), job("b").contact("c")])
        .await;
    for cause in [Cause::Rejected, Cause::Exhausted, Cause::Expired] {
        let claimed = bench.claim(9).await;
        assert_eq!(claimed.len(), 1);
        bench.settle(&[dead(&claimed[0], cause)]).await;
        let id = claimed[0].reference.id().to_owned();
        assert_eq!(redrive(&bench, &[&id]).await, [Changed::Ok]);
        assert_eq!(bench.queue().dead_causes().await.unwrap(), []);
    }
    assert_eq!(bench.drain().await, ["b", "a"]);
}

/// It may have been sent since then, whatever its due time is now: what Redis may have forgotten goes by that.
#[tokio::test]
async fn when_it_was_due_first_is_remembered() {
    let mut bench = Bench::start().await;
    let first = bench.now.to_string();
    for _ in 0..2 {
        if bench.queue().stats().await.unwrap().dead == 0 {
            dies(&mut bench, job("a"), Cause::Rejected).await;
        }
        bench.pass(1_000);
        redrive(&bench, &["a"]).await;
        bury(&mut bench, Cause::Rejected).await;
    }
    let due = run_field(&bench, "a", "firstDue").await;
    assert_eq!(due, Some(first));
}
