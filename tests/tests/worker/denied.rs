//! A Redis that denies a worker its rights for a while, as when an ACL is edited in a hurry.

use penstock_tests::{fixture::job, harness::RedisOptions};

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
            r#"`penstock-admin acl` prints what each program's user needs doing="settle""#,
            PATIENCE,
        )
        .await;
    stage.grant("+@scripting").await;
    stage.until_done(1).await;
    assert_eq!(stage.operations_on("c1"), ["create-task"]);
}

/// A Redis that has forgotten its users is away for another reason than before, which is for other people to mend.
#[tokio::test]
async fn a_worker_says_so_when_the_reason_becomes_another() {
    let mut stage = Stage::on(RedisOptions::default(), &[]).await;
    stage.grant("+@all").await;
    let url = format!("{}?user=courier&pass=secret", stage.redis.url());
    let worker = stage.worker_with(&[("PENSTOCK_REDIS_URL", &url)]).await;
    stage.redis.kill9();
    let claims = r#"doing="claim""#;
    let away = worker.wait_for_line("cannot be reached", PATIENCE).await;
    assert!(away.contains("Redis does not serve"), "{away}");
    stage.redis.restart().await;
    let denied = "check user and password in PENSTOCK_REDIS_URL doing=\"claim\"";
    worker.wait_for_line(denied, PATIENCE).await;
    stage.grant("+@all").await;
    let served = format!("Redis serves again {claims}");
    worker.wait_for_line(&served, PATIENCE).await;
}
