//! What workers do when there is nothing to do, and what they say of themselves: little, and never a secret.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::{Program, RedisOptions, free_port, get, until_counted, wait_until},
    sandbox::Options,
};

use crate::stage::{PATIENCE, Stage};

/// The canaries: wherever they are planted, they must not sing.
const TOKEN: &str = "canary-token";
const EMAIL: &str = "canary@rejected.example";
const BODY: &str = "canary in a note";

/// Commands that a client sends, as `MONITOR` shows them: `1700000000.123456 [0 127.0.0.1:1] "fcall" …`; those of scripts say `lua`.
fn is_sent(line: &str) -> bool {
    line.split_once(']')
        .is_none_or(|(source, _)| !source.ends_with(" lua"))
}

#[tokio::test]
async fn idle_workers_send_redis_fewer_than_twenty_commands_a_second_each() {
    const WATCHED: u32 = 4;
    let stage = Stage::start(&[]).await;
    let _workers = (stage.worker().await, stage.worker().await);
    let client = redis::Client::open(stage.redis.url()).unwrap();
    let monitor = client
        .get_async_monitor()
        .await
        .unwrap()
        .into_on_message::<String>();
    let watched = tokio::time::sleep(Duration::from_secs(u64::from(WATCHED)));
    let sent = pin!(
        monitor
            .take_until(watched)
            .filter(|line| std::future::ready(is_sent(line)))
    );
    let count = sent.count().await;
    assert!(count > 0, "they live");
    assert!(count < 2 * 20 * WATCHED as usize, "{count} commands");
}

async fn noisy_worker(stage: &Stage, metrics: &str) -> Program {
    stage
        .worker_with(&[
            ("PENSTOCK_GHL_TOKEN", TOKEN),
            ("PENSTOCK_LOG", "trace"),
            ("PENSTOCK_METRICS_LISTEN", metrics),
        ])
        .await
}

#[tokio::test]
async fn neither_secrets_nor_personal_data_are_said() {
    let options = RedisOptions {
        requirepass: Some("canary-pass".into()),
        ..RedisOptions::default()
    };
    let stage = Stage::on(options, Options::default()).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let worker = noisy_worker(&stage, &metrics).await;
    stage
        .enqueue(&[
            job("note").contact("c1").note(BODY),
            job("lead").upsert(EMAIL, "+14155550199"),
        ])
        .await;
    stage.until_state("note", State::Done).await;
    stage.until_state("lead", State::Dead).await;
    let (_, figures) = get(&metrics, "/metrics").await.expect("it answers");
    let mut said = vec![
        figures,
        worker.stderr().join("\n"),
        worker.stdout().join("\n"),
    ];
    let url = stage.redis.url();
    for args in [
        ["dead", "list", "-o", "json"],
        ["dead", "show", "lead", "-ojson"],
        ["job", "show", "note", "-ojson"],
    ] {
        let shown = penstock_tests::harness::run(
            "penstock-admin",
            args,
            &[("PENSTOCK_REDIS_URL", &url)],
            "",
        )
        .await;
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        said.extend([shown.stdout, shown.stderr]);
    }
    let said = said.join("\n");
    assert!(said.contains("lead"), "there is something to look through");
    for canary in ["canary", "4155550199"] {
        let line = said.lines().find(|line| line.contains(canary));
        assert_eq!(line, None, "{canary}");
    }
}

#[tokio::test]
async fn a_worker_tells_whether_it_lives_is_ready_and_what_it_did() {
    let mut stage = Stage::start(&[]).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let _worker = stage
        .worker_with(&[("PENSTOCK_METRICS_LISTEN", &metrics)])
        .await;
    stage.enqueue(&[job("a")]).await;
    stage.until_done(1).await;
    assert_eq!(get(&metrics, "/livez").await.unwrap().0, 200);
    assert_eq!(get(&metrics, "/readyz").await.unwrap().0, 200);
    let done = r#"penstock_deliveries_total{destination="ghl",end="done",type="AddTags"} 1"#;
    until_counted(&metrics, done, PATIENCE).await;
    let nothing_to_do = ["penstock_backlog_jobs 0", "penstock_eligible_jobs 0"];
    wait_until("the demand to be asked again", PATIENCE, || async {
        let (_, text) = get(&metrics, "/metrics").await?;
        let shown = |line: &&str| text.lines().any(|shown| shown == *line);
        nothing_to_do.iter().all(shown).then_some(())
    })
    .await;
    stage.redis.kill9();
    wait_until("the demand to be unknown", PATIENCE, || async {
        get(&metrics, "/metrics")
            .await
            .filter(|(_, text)| text.contains("penstock_eligible_jobs NaN"))
    })
    .await;
    wait_until("it to be unready", PATIENCE, || async {
        get(&metrics, "/readyz")
            .await
            .filter(|(status, _)| *status == 503)
    })
    .await;
    assert_eq!(get(&metrics, "/livez").await.unwrap().0, 200);
    stage.redis.restart().await;
    wait_until("it to be ready again", PATIENCE, || async {
        get(&metrics, "/readyz")
            .await
            .filter(|(status, _)| *status == 200)
    })
    .await;
}
