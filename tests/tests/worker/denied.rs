//! A Redis that denies a worker its rights for a while, as when an ACL is edited in a hurry.

use penstock_tests::fixture::job;

use crate::stage::{PATIENCE, Stage};

impl Stage {
    /// Gives the workers' own user these rights.
    async fn grant(&self, rule: &str) {
        let words = [
            "ACL", "SETUSER", "courier", "on", ">secret", "~*", "&*", rule,
        ];
        self.redis.cli(words).await;
    }
}

/// The task is made, and nobody can write it down: it is written when the rights are back, and not looked for or made again.
#[tokio::test]
async fn what_was_delivered_meanwhile_is_settled_afterwards() {
    let stage = Stage::start(&["delay=400ms"]).await;
    stage.grant("+@all").await;
    let url = format!("{}?user=courier&pass=secret", stage.redis.url());
    // Its leases cannot be renewed meanwhile.
    let settings = [
        ("PENSTOCK_REDIS_URL", url.as_str()),
        ("PENSTOCK_LEASE", "20s"),
    ];
    let worker = stage.worker_with(&settings).await;
    stage.enqueue(&[job("a").contact("c1").task("Once")]).await;
    stage.until_calls(1).await;
    stage.grant("-@scripting").await;
    worker
        .wait_for_line(
            r#"check user, password and ACL rights in PENSTOCK_REDIS_URL doing="settle""#,
            PATIENCE,
        )
        .await;
    stage.grant("+@scripting").await;
    stage.until_done(1).await;
    assert_eq!(stage.operations_on("c1"), ["create-task"]);
}
