//! A lease lasts as long as its worker believes.

use penstock_tests::fixture::{Bench, ids, job};

#[tokio::test]
async fn a_claim_repeated_after_a_lost_answer_begins_its_leases_anew() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let request = bench.request(1);
    bench.claim_as("w", &request).await;
    bench.live(4000, &[]).await;
    let again = bench.claim_as("w", &request).await;
    assert_eq!(ids(&again.jobs), ["a"]);

    // The worker counts its five seconds from here; another one may take the job no earlier.
    bench.live(2000, &[]).await;
    let other = bench.request(1);
    assert!(bench.claim_as("other", &other).await.jobs.is_empty());
    bench.live(4000, &[]).await;
    let other = bench.request(1);
    let taken = bench.claim_as("other", &other).await.jobs;
    assert_eq!(ids(&taken), ["a"]);
}
