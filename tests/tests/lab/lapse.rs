//! A few lapses of Redis; `./test --lapses N` makes more.

use penstock_tests::lab::lapse::lapse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_forgets_is_neither_lost_nor_doubled() {
    let lapsed = lapse(4, 1).await;
    assert!(lapsed.forgotten > 0, "nothing was forgotten");
    let wrong: Vec<_> = lapsed.violations.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
