//! The demo is the first thing that anybody runs: it ends well, and leaves nothing behind.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use penstock_tests::harness::{
    Program, ProgramBuilder, RedisOptions, RedisServer, Snapshot, wait_until,
};

const LONG: Duration = Duration::from_secs(120);

fn demo() -> ProgramBuilder {
    // The one variable of ours that the demo needs, and that the harness keeps from programs.
    let redis = std::env::var_os("PENSTOCK_TEST_REDIS");
    let demo = Program::new("penstock-demo");
    redis
        .into_iter()
        .fold(demo, |demo, path| demo.env("PENSTOCK_TEST_REDIS", path))
}

/// The processes that the demo says it started are gone.
async fn assert_nothing_runs(output: &[String]) {
    let text = output.join("\n");
    let digits = |after: &str| {
        after
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    let named: Vec<i32> = text.split("process ").skip(1).filter_map(digits).collect();
    assert!(!named.is_empty(), "the demo names its processes:\n{text}");
    for pid in named {
        let gone = async || (kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)).then_some(());
        wait_until("the end of a process of the demo", LONG, gone).await;
    }
}

#[tokio::test]
async fn the_demo_keeps_every_promise() {
    let mut demo = demo().start();
    let status = demo.wait_exit(LONG).await;
    let output = demo.stdout();
    assert!(
        status.success(),
        "{}\n{}",
        output.join("\n"),
        demo.stderr().join("\n")
    );
    assert!(
        output
            .iter()
            .any(|line| line.contains("All of it came true"))
    );
    assert_nothing_runs(&output).await;
}

#[tokio::test]
async fn a_borrowed_redis_is_left_as_it_was_even_when_interrupted() {
    let server = RedisServer::start(RedisOptions::default()).await;
    server.cli(["SET", "somebody's", "own"]).await;
    let before = server.snapshot().await;
    let mut demo = demo().env("PENSTOCK_REDIS_URL", server.url()).start();
    demo.wait_for_output("Two workers deliver", LONG).await;
    assert_ne!(server.snapshot().await, before);
    demo.sigint();
    assert_eq!(
        demo.wait_exit(LONG).await.code(),
        Some(130),
        "{}",
        demo.stderr().join("\n")
    );
    assert_eq!(server.snapshot().await, before);
    assert_ne!(before, Snapshot::default());
    assert_nothing_runs(&demo.stdout()).await;
}
