//! `enqueue`: where the lines come from.

use penstock_tests::{
    fixture::job,
    harness::{RedisOptions, run},
};

use crate::{
    pipe::Pipe,
    stage::{ACME, PATIENCE, PRODUCER, Stage, counts, lines, text},
};

#[tokio::test]
async fn a_file_or_standard_input() {
    let stage = Stage::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jobs.ndjson");
    std::fs::write(&file, lines([&job("a"), &job("b")])).unwrap();
    let finished = stage.enqueue(&[file.to_str().unwrap()], "not read").await;
    assert_eq!(finished.stdout, counts(2, 0, 0), "{}", finished.stderr);
    let finished = stage.enqueue(&[], lines([&job("c")])).await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
    let finished = stage.enqueue(&["-"], lines([&job("d")])).await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
    assert_eq!(stage.ids(ACME).await, ["a", "b", "c", "d"]);
    // No progress bar where there is no terminal.
    assert!(!finished.stderr.contains(['\u{1b}', '\r']), "{finished:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_the_callers_fault() {
    let stage = Stage::start().await;
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.ndjson");
    for (path, said) in [
        (missing.as_path(), "No such file"),
        (directory.path(), "is a directory"),
    ] {
        let path = path.to_str().unwrap();
        let finished = stage.enqueue(&[path], "").await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert_eq!(finished.stdout, "");
        for part in [path, said] {
            assert!(finished.stderr.contains(part), "{finished:?}");
        }
    }
}

#[tokio::test]
async fn a_line_in_a_pipe_is_stored_when_it_comes() {
    let stage = Stage::start().await;
    let pipe = Pipe::new();
    let mut program = stage.producer(&[]).arg("enqueue").arg(pipe.path()).start();
    let mut writer = pipe.open().await;
    for (number, id) in ["a", "b", "c"].into_iter().enumerate() {
        writer.write(text(&job(id)) + "\n").await;
        stage.wait_for_count(ACME, number + 1).await;
    }
    // Half a line is none yet.
    writer.write(&text(&job("d"))[..20]).await;
    writer.write(&text(&job("d"))[20..]).await;
    drop(writer);
    assert!(program.wait_exit(PATIENCE).await.success());
    assert_eq!(program.stdout(), [counts(4, 0, 0).trim_end()]);
}

#[tokio::test]
async fn a_redis_that_refuses_is_told_at_once() {
    let options = RedisOptions {
        requirepass: Some("right".to_owned()),
        ..RedisOptions::default()
    };
    let stage = Stage::on(options).await;
    let url = stage.redis.url().replace("right", "canary");
    let env = [("PENSTOCK_REDIS_URL", url.as_str())];
    let finished = run(PRODUCER, ["enqueue"], &env, lines([&job("a")])).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("Redis denies access"),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains("canary"), "{finished:?}");
    assert!(!finished.stderr.contains("trying again"), "{finished:?}");
    assert_eq!(finished.stdout, counts(0, 0, 0));
}

#[tokio::test]
async fn a_redis_that_evicts_is_refused() {
    let stage = Stage::start().await;
    stage
        .redis
        .cli(["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
        .await;
    let finished = stage.enqueue(&[], lines([&job("a")])).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("noeviction"), "{finished:?}");
    assert_eq!(stage.count(ACME).await, 0);
}
