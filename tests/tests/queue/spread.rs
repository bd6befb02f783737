//! A job for several contacts and those that it is spread over are one: stored together or not at all, and never a second time.

use std::time::Duration;

use penstock_shared::{
    job::state::State,
    outcome::Cause,
    queue::{
        enqueue::{Admission, Enqueued},
        repair::Changed,
    },
};
use penstock_tests::fixture::{Bench, Draft, back, dead, done, job};
use serde_json::json;

use crate::letter::{letter, named};

const FULL: Enqueued = Enqueued::BacklogFull {
    retry_after: Duration::from_secs(5),
};
const DAY: u64 = 24 * 3_600_000;

fn tags(id: &str, contacts: &[&str]) -> Draft {
    let contacts: Vec<_> = contacts.iter().map(|id| json!({ "id": id })).collect();
    let payload = json!({ "contacts": contacts, "tags": ["x"], "operation": "add" });
    job(id).what("BulkTags", payload)
}

async fn store(bench: &Bench, drafts: &[Draft], admission: Admission) -> Vec<Enqueued> {
    let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
    let stored = bench.queue().enqueue(&jobs, admission).await;
    stored.expect("it can be asked")
}

async fn is_stored(bench: &Bench, id: &str) -> bool {
    let found = bench.queue().find(id, Some("acme")).await.unwrap();
    !found.is_empty()
}

/// Ends the job of one contact, which is among those that can be claimed.
async fn end(bench: &mut Bench, id: &str, cause: Option<Cause>) {
    let claimed = bench.claim(8).await;
    assert!(claimed.iter().any(|job| job.reference.id() == id));
    let ends: Vec<_> = claimed
        .iter()
        .map(|job| match cause {
            Some(cause) if job.reference.id() == id => dead(job, cause),
            None if job.reference.id() == id => done(job),
            _ => back(job, 0),
        })
        .collect();
    bench.settle(&ends).await;
}

#[tokio::test]
async fn none_is_stored_where_the_id_of_one_is_taken() {
    let bench = Bench::start().await;
    bench.enqueue(&[job("x/2")]).await;
    let before = bench.snapshot().await;
    let drafts = [job("plain"), tags("x", &["a", "b"])];
    let taken = Enqueued::PartTaken { number: 2 };
    let expected = [Enqueued::Accepted, taken];
    assert_eq!(
        store(&bench, &drafts, Admission::AllOrNothing).await,
        expected
    );
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(bench.enqueue(&drafts[1..]).await, [taken]);
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(taken.taken_id(&drafts[1].build().id).as_str(), "x/2");
    assert_eq!(bench.enqueue(&drafts).await, expected);
    assert!(is_stored(&bench, "plain").await);
    assert!(!is_stored(&bench, "x").await && !is_stored(&bench, "x/1").await);
}

/// 300 jobs take two calls to Redis, of which each knows its own jobs only.
#[tokio::test]
async fn an_id_that_is_taken_in_the_same_array_is_seen_however_far_apart() {
    for between in [0, 300] {
        let bench = Bench::start().await;
        let before = bench.snapshot().await;
        let others = (0..between).map(|number| job(&number.to_string()));
        let (bulk, plain) = (tags("x", &["a", "b"]), job("x/1"));
        let mut drafts = vec![bulk.clone()];
        drafts.extend(others);
        drafts.push(plain);
        let codes = store(&bench, &drafts, Admission::AllOrNothing).await;
        assert_eq!(codes.last(), Some(&Enqueued::Conflict));
        drafts.reverse();
        let codes = store(&bench, &drafts, Admission::AllOrNothing).await;
        assert_eq!(codes.last(), Some(&Enqueued::PartTaken { number: 1 }));
        assert!(bench.snapshot().await == before, "something was stored");
        // The job of one contact may be given with the whole, or again.
        drafts[0] = tags("x/1", &["a"]);
        let codes = store(&bench, &drafts, Admission::AllOrNothing).await;
        assert!(codes.iter().all(|code| code.is_stored()));
        assert_eq!(bench.state_of("x/2").await, State::Ready);
    }
}

#[tokio::test]
async fn the_whole_again_stores_none_whatever_has_become_of_them() {
    let mut bench = Bench::start().await;
    let whole = [tags("x", &["a", "b", "c"])];
    assert_eq!(bench.enqueue(&whole).await, [Enqueued::Accepted]);
    end(&mut bench, "x/1", None).await;
    end(&mut bench, "x/2", Some(Cause::Rejected)).await;
    end(&mut bench, "x/3", Some(Cause::Rejected)).await;
    // The first is forgotten, the second deleted, the third another by now.
    bench.pass(DAY);
    assert!(!bench.queue().forget(0).await.unwrap());
    let discarded = bench.queue().discard(&[named("x/2")]).await;
    assert_eq!(discarded.unwrap(), [Changed::Ok]);
    let (old, new) = (letter(&bench, "x/3").await, tags("x/3", &["d"]).job());
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
    let before = bench.snapshot().await;
    for admission in [Admission::Each, Admission::AllOrNothing] {
        assert_eq!(
            store(&bench, &whole, admission).await,
            [Enqueued::Duplicate]
        );
    }
    assert_eq!(bench.snapshot().await, before);
    assert!(!is_stored(&bench, "x/1").await && !is_stored(&bench, "x/2").await);
}

#[tokio::test]
async fn it_finds_room_as_one_or_takes_no_effect() {
    let mut bench = Bench::with(|terms| terms.max_backlog = 2).await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let whole = [tags("x", &["a", "b", "c"])];
    let before = bench.snapshot().await;
    for admission in [Admission::Each, Admission::AllOrNothing] {
        assert_eq!(store(&bench, &whole, admission).await, [FULL]);
    }
    assert_eq!(bench.snapshot().await, before);
    end(&mut bench, "a", None).await;
    // It is more than the bound, and would never be taken otherwise.
    assert_eq!(bench.enqueue(&whole).await, [Enqueued::Accepted]);
    assert_eq!(bench.state_of("x/3").await, State::Ready);
    assert_eq!(bench.enqueue(&[job("c")]).await, [FULL]);
}

/// As many contacts as one may name.
#[tokio::test]
async fn the_largest_is_one_call() {
    let bench = Bench::start().await;
    let contacts: Vec<_> = (0..500).map(|number| format!("c{number}")).collect();
    let contacts: Vec<_> = contacts.iter().map(String::as_str).collect();
    let drafts = [job("before"), tags("x", &contacts), job("after")];
    for code in [Enqueued::Accepted, Enqueued::Duplicate] {
        assert_eq!(
            store(&bench, &drafts, Admission::AllOrNothing).await,
            [code; 3]
        );
        assert_eq!(bench.queue().stats().await.unwrap().ready, 503);
    }
}

#[tokio::test]
async fn what_follows_from_a_job_is_stored_however_full_it_is() {
    let bench = Bench::with(|terms| terms.max_backlog = 1).await;
    bench.enqueue(&[job("a")]).await;
    let drafts = [job("b"), tags("x", &["a", "b"]), job("a").tag("other")];
    let codes = store(&bench, &drafts, Admission::Following).await;
    let expected = [Enqueued::Accepted, Enqueued::Accepted, Enqueued::Conflict];
    assert_eq!(codes, expected);
    assert!(is_stored(&bench, "x/2").await);
    assert_eq!(bench.enqueue(&[job("c")]).await, [FULL]);
}

/// Its id is known before any call to Redis.
#[tokio::test]
async fn another_job_may_go_by_one_of_them() {
    let bench = Bench::start().await;
    let child = job("child").what(
        "AddTags",
        json!({ "contact": { "job": "x/2" }, "tags": ["y"] }),
    );
    bench.enqueue(&[tags("x", &["a", "b"]), child]).await;
    assert_eq!(bench.state_of("child").await, State::Blocked);
}

#[tokio::test]
async fn no_dead_letter_becomes_one() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[tags("x", &["a"])]).await;
    end(&mut bench, "x", Some(Cause::Rejected)).await;
    let old = letter(&bench, "x").await;
    let before = bench.snapshot().await;
    let new = tags("x", &["a", "b"]).job();
    let changed = bench.queue().edit(&old, &new).await;
    assert_eq!(changed.unwrap(), Changed::Spread);
    assert_eq!(bench.snapshot().await, before);
}
