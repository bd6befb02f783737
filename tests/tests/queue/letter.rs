//! Dead letters, for tests.

use std::time::Duration;

use penstock_shared::{
    job::Priority,
    outcome::Cause,
    queue::{
        dead::{DeadLetter, Filter},
        repair::{Changed, Named, Redrive},
    },
};
use penstock_tests::fixture::{Bench, Draft, dead};

/// The one job that is due dies.
pub(crate) async fn bury(bench: &mut Bench, cause: Cause) {
    let claimed = bench.claim_one().await;
    bench.settle(&[dead(&claimed, cause)]).await;
}

/// This job is enqueued, and dies.
pub(crate) async fn dies(bench: &mut Bench, draft: Draft, cause: Cause) {
    bench.enqueue(&[draft]).await;
    bury(bench, cause).await;
}

/// A dead letter of tenant `acme`.
pub(crate) async fn letter(bench: &Bench, id: &str) -> DeadLetter {
    let found = bench.queue().dead_by_id(id, Some("acme")).await.unwrap();
    let mut found = found.into_iter();
    found
        .next()
        .unwrap_or_else(|| panic!("there is no dead letter {id}"))
}

/// The ids of all dead letters, in their order.
pub(crate) async fn letters(bench: &Bench) -> Vec<String> {
    let all = bench.queue().dead(&Filter::default(), 1000, None).await;
    all.unwrap().into_iter().map(|letter| letter.id).collect()
}

/// A dead letter of tenant `acme`, whichever death it was.
pub(crate) fn named(id: &str) -> Named {
    Named {
        tenant: "acme".into(),
        id: id.into(),
        dead_ms: None,
    }
}

/// A wish to send a job of tenant `acme` again at once.
pub(crate) fn again(id: &str) -> Redrive {
    Redrive {
        letter: named(id),
        priority: Priority::Normal,
        delay: Duration::ZERO,
    }
}

/// Sends jobs of tenant `acme` again, at once.
pub(crate) async fn redrive(bench: &Bench, ids: &[&str]) -> Vec<Changed> {
    let jobs: Vec<_> = ids.iter().map(|id| again(id)).collect();
    bench.queue().redrive(&jobs, false).await.unwrap()
}
