//! Connections that a worker does not know: their jobs wait for one that does.

use penstock_shared::job::state::State;
use penstock_tests::harness::run;
use serde_json::json;

use crate::stage::{Stage, call};

#[tokio::test]
async fn a_job_waits_for_a_worker_that_knows_its_connection() {
    let stage = Stage::start().await;
    let without = stage.worker_with("", &[]).await;
    stage
        .enqueue(&[call("read", "GET", "/profiles", json!({}))])
        .await;
    assert!(stage.whys("read").await.contains(&"connection".to_owned()));
    let _with = stage.worker().await;
    stage.result("read").await;
    assert_eq!(stage.status("read").await.attempts(), 0);
    drop(without);
}

#[tokio::test]
async fn a_worker_that_is_given_what_it_does_not_know_hands_it_back() {
    let stage = Stage::start().await;
    // The destination is known, since a worker has told of it; that worker is gone.
    drop(stage.worker().await);
    let _without = stage.worker_with("", &[]).await;
    stage
        .enqueue(&[call("read", "GET", "/profiles", json!({}))])
        .await;
    let job = stage
        .until_job("read", "handed back", |job| {
            job.run.text("noConnection").is_some()
        })
        .await;
    assert_eq!((job.state, job.attempts()), (State::Scheduled, 0));
    assert_eq!(stage.whys("read").await[0], "connection");
}

#[tokio::test]
async fn a_file_that_makes_no_sense_stops_the_start() {
    let stage = Stage::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connections.toml");
    for (text, told) in [
        ("[smsfactor]\n", "smsfactor.token: missing"),
        (
            "[smsfactor]\ntoken = 'x'\ntimeout = '1m'\n",
            "longer than PENSTOCK_HTTP_TIMEOUT",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let url = stage.redis.url();
        let env = [
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_CONNECTIONS", path.to_str().unwrap()),
        ];
        let finished = run("penstock-worker", &[] as &[&str], &env, "").await;
        assert_eq!(finished.code, Some(2), "{text}");
        assert!(finished.stderr.contains(told), "{}", finished.stderr);
    }
}
