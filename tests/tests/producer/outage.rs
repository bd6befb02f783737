//! `enqueue` while Redis is away: it goes on, or says how far it came.

use penstock_tests::{
    fixture::{Draft, job},
    harness::{Appendfsync, Program, Proxy, RedisOptions, run},
};

use crate::{
    pipe::{Pipe, Writer},
    stage::{ACME, PATIENCE, PRODUCER, Stage, counts, lines},
};

const AWAY: &str = "trying again for 20 s";

fn jobs(numbers: std::ops::Range<usize>) -> Vec<Draft> {
    numbers
        .map(|number| job(&format!("{number:02}")).contact("c"))
        .collect()
}

/// A run that has stored the first ten lines and waits for more.
async fn begun(stage: &Stage, url: &str) -> (Program, Writer) {
    let pipe = Pipe::new();
    let program = stage
        .producer_at(url, &[])
        .args(["enqueue", "--batch", "k"])
        .arg(pipe.path())
        .start();
    let mut writer = pipe.open().await;
    writer.write(lines(&jobs(0..10))).await;
    stage.wait_for_count(ACME, 10).await;
    // When this one is told of, those before it are settled.
    writer.write("nonsense\n").await;
    program.wait_for_line("line 11:", PATIENCE).await;
    (program, writer)
}

/// Expects that it came to its end with all twenty, once and in order.
async fn ends_well(stage: &mut Stage, mut program: Program) {
    assert_eq!(program.wait_exit(PATIENCE).await.code(), Some(2));
    assert_eq!(program.stdout(), [counts(20, 0, 1).trim_end()]);
    stage.reconnect().await;
    let expected: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(stage.drain(ACME).await, expected);
}

fn durable() -> RedisOptions {
    RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    }
}

#[tokio::test]
async fn killed_and_started_again_it_goes_on() {
    let mut stage = Stage::on(durable()).await;
    let (program, mut writer) = begun(&stage, &stage.redis.url()).await;
    stage.redis.kill9();
    writer.write(lines(&jobs(10..20))).await;
    program.wait_for_line(AWAY, PATIENCE).await;
    assert_eq!(program.stdout(), [""; 0]);
    stage.redis.restart().await;
    drop(writer);
    ends_well(&mut stage, program).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_is_waited_for() {
    let mut stage = Stage::start().await;
    let (program, mut writer) = begun(&stage, &stage.redis.url()).await;
    stage.redis.stop_signal();
    writer.write(lines(&jobs(10..20))).await;
    program.wait_for_line(AWAY, PATIENCE).await;
    stage.redis.cont();
    drop(writer);
    ends_well(&mut stage, program).await;
}

#[tokio::test]
async fn a_redis_that_is_full_is_waited_for() {
    let mut stage = Stage::start().await;
    let (program, mut writer) = begun(&stage, &stage.redis.url()).await;
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "1"]).await;
    writer.write(lines(&jobs(10..20))).await;
    let line = program.wait_for_line(AWAY, PATIENCE).await;
    assert!(line.contains("Redis is full"), "{line}");
    assert_eq!(stage.count(ACME).await, 10);
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "0"]).await;
    drop(writer);
    ends_well(&mut stage, program).await;
}

#[tokio::test]
async fn a_lost_answer_makes_no_job_a_duplicate() {
    let mut stage = Stage::start().await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let (program, mut writer) = begun(&stage, &proxy.redis_url()).await;
    proxy.lose_replies(1, "FCALL");
    writer.write(lines(&jobs(10..20))).await;
    drop(writer);
    ends_well(&mut stage, program).await;
    assert_eq!(proxy.lost(), 1);
}

#[tokio::test]
async fn a_redis_that_has_forgotten_its_scripts_is_taught_them_again() {
    let mut stage = Stage::start().await;
    let (program, mut writer) = begun(&stage, &stage.redis.url()).await;
    stage.redis.cli(["SCRIPT", "FLUSH"]).await;
    writer.write(lines(&jobs(10..20))).await;
    drop(writer);
    ends_well(&mut stage, program).await;
}

#[tokio::test]
async fn away_for_good_it_says_how_far_it_came() {
    // At the same time, for each takes 20 s.
    tokio::join!(away_from_some_line_on(), away_from_the_start());
}

async fn away_from_some_line_on() {
    let mut stage = Stage::on(durable()).await;
    let (mut program, mut writer) = begun(&stage, &stage.redis.url()).await;
    stage.redis.kill9();
    writer.write(lines(&jobs(10..20))).await;
    let exit = program.wait_exit(PATIENCE).await;
    assert_eq!(exit.code(), Some(1));
    assert_eq!(program.stdout(), [counts(10, 0, 1).trim_end()]);
    let told = program.stderr();
    let last = told.last().unwrap();
    for part in [
        "up to 11 is safely enqueued",
        "--batch k",
        "Redis cannot be reached",
    ] {
        assert!(last.contains(part), "{last}");
    }
    stage.redis.restart().await;
    let file = lines(&jobs(0..10)) + "nonsense\n" + &lines(&jobs(10..20));
    let finished = stage.enqueue(&["--batch", "k"], file).await;
    assert_eq!(finished.stdout, counts(10, 10, 1), "{}", finished.stderr);
}

async fn away_from_the_start() {
    let nowhere = [("PENSTOCK_REDIS_URL", "redis+unix:///nowhere/at.sock")];
    let finished = run(PRODUCER, ["enqueue"], &nowhere, lines(&jobs(0..1))).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, counts(0, 0, 0));
    for part in [
        AWAY,
        "no line is known to be enqueued",
        "Redis cannot be reached",
    ] {
        assert!(finished.stderr.contains(part), "{finished:?}");
    }
}
