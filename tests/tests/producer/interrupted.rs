//! `enqueue`, told to stop.

use penstock_tests::{fixture::job, harness::Program};

use crate::{
    pipe::{Pipe, Writer},
    stage::{ACME, PATIENCE, Stage, counts, lines},
};

/// A run that has settled two lines and waits for more.
async fn waiting(stage: &Stage) -> (Program, Writer) {
    let pipe = Pipe::new();
    let program = stage
        .producer(&[])
        .args(["enqueue", "--batch", "k"])
        .arg(pipe.path())
        .start();
    let mut writer = pipe.open().await;
    writer.write(lines([&job("a")])).await;
    stage.wait_for_count(ACME, 1).await;
    writer.write("nonsense\n").await;
    program.wait_for_line("line 2:", PATIENCE).await;
    (program, writer)
}

#[tokio::test]
async fn it_says_how_far_it_came() {
    let stage = Stage::start().await;
    for signal in [Program::sigint, Program::sigterm] {
        stage.redis.flush().await;
        let (mut program, _writer) = waiting(&stage).await;
        signal(&mut program);
        assert_eq!(program.wait_exit(PATIENCE).await.code(), Some(1));
        assert_eq!(program.stdout(), [counts(1, 0, 1).trim_end()]);
        let told = program.stderr();
        let last = told.last().unwrap();
        for part in ["interrupted", "up to 2 is safely enqueued", "--batch k"] {
            assert!(last.contains(part), "{last}");
        }
    }
}

#[tokio::test]
async fn it_stops_while_redis_is_away_too() {
    let mut stage = Stage::start().await;
    let (mut program, mut writer) = waiting(&stage).await;
    stage.redis.kill9();
    writer.write(lines([&job("b")])).await;
    program.wait_for_line("trying again", PATIENCE).await;
    program.sigint();
    assert_eq!(program.wait_exit(PATIENCE).await.code(), Some(1));
    let told = program.stderr();
    assert!(
        told.last().unwrap().contains("up to 2 is safely"),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_it_calls_safe_is_stored() {
    let stage = Stage::start().await;
    let pipe = Pipe::new();
    let mut program = stage.producer(&[]).arg("enqueue").arg(pipe.path()).start();
    let mut writer = pipe.open().await;
    let many: Vec<_> = (0..5_000).map(|number| job(&format!("{number}"))).collect();
    // It stays open: there may always be more to come.
    let writing = tokio::spawn(async move {
        writer.write(lines(&many)).await;
        writer
    });
    stage.wait_for_count(ACME, 300).await;
    program.sigint();
    assert_eq!(program.wait_exit(PATIENCE).await.code(), Some(1));
    drop(writing.await.unwrap());
    let told = program.stderr().pop().unwrap();
    let line = told.split("up to ").nth(1).unwrap();
    let safe: usize = line.split(' ').next().unwrap().parse().unwrap();
    let stored = stage.ids(ACME).await;
    assert!(safe > 0 && safe <= 5_000, "{told}");
    for number in 0..safe {
        assert!(
            stored.binary_search(&number.to_string()).is_ok(),
            "{number}"
        );
    }
}
