//! The age limit: what is not done in time is given up, but nothing that may have been sent without having been looked for.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::Program,
};

use crate::stage::Stage;

const SHORT: [(&str, &str); 2] = [("PENSTOCK_MAX_AGE", "3s"), ("PENSTOCK_QUARANTINE", "2s")];

/// The job meets these faults until it is dead, of this.
async fn dies(draft: Draft, faults: &[&str], cause: &str) -> (Stage, Program) {
    let stage = Stage::start(faults).await;
    let worker = stage.worker_with(&SHORT).await;
    stage.enqueue(&[draft]).await;
    stage.until_state("old", State::Dead).await;
    assert_eq!(stage.dead("old").await.cause, cause);
    (stage, worker)
}

fn note() -> Draft {
    job("old").contact("c1").note("Once")
}

#[tokio::test]
async fn what_fails_for_too_long_has_expired() {
    let tags = job("old").contact("c1");
    let (stage, _worker) = dies(tags, &["503:op=add-tags"], "expired").await;
    assert_eq!(stage.sandbox.summary().effects, 0);
}

/// Nobody knows what came of it, and in time nobody finds out.
#[tokio::test]
async fn what_may_have_been_sent_is_a_persons_when_it_cannot_be_read_back_in_time() {
    let faults = ["cut-after:op=create-note:count=1", "503:op=get-all-notes"];
    let (stage, _worker) = dies(note(), &faults, "ambiguous").await;

    // Retried when the list can be read again, it is found, and not sent again.
    stage.faults(&[]);
    let retried = stage.ask(&["dead", "retry", "old"]).await;
    assert_eq!(retried["changed"], 1, "{retried}");
    stage.until_state("old", State::Done).await;
    let made = stage.operations_on("c1");
    let made = made.iter().filter(|name| **name == "create-note");
    assert_eq!(made.count(), 1);
    assert_eq!(stage.sandbox.summary().effects, 1);
}

/// It was looked for, and is not there: then it is too old to be sent again.
#[tokio::test]
async fn what_was_not_sent_after_all_has_expired() {
    let faults = ["cut-before:op=create-note:count=1"];
    let (stage, _worker) = dies(note(), &faults, "expired").await;
    let looked_twice = ["create-note", "get-all-notes", "get-all-notes"];
    assert_eq!(stage.operations_on("c1"), looked_twice);
}
