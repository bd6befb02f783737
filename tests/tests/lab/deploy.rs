//! A short rolling deploy. `penstock-lab deploys` makes long ones.

use penstock_tests::lab::deploy::deploy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_deploy_loses_doubles_and_retries_nothing() {
    let deployed = deploy(6, 1).await;
    assert!(deployed.violations.is_empty(), "{:#?}", deployed.violations);
}
