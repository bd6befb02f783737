//! `enqueue --batch`: a run that goes on where another ended.

use crate::{
    pipe::Pipe,
    stage::{ACME, Stage, counts},
};

/// A job without an id, about a contact of its own.
fn anonymous(number: usize) -> String {
    format!(
        r#"{{"type":"AddTags","tenant":"acme","payload":{{"contact":{{"id":"c{number}"}},"tags":["t"]}}}}"#
    ) + "\n"
}

fn many(numbers: std::ops::Range<usize>) -> String {
    numbers.map(anonymous).collect()
}

/// The key that a run has told.
fn told_key(stderr: &str) -> &str {
    let line = stderr.lines().next().unwrap_or_default();
    let key = line
        .strip_prefix("batch ")
        .and_then(|rest| rest.split(':').next());
    key.unwrap_or_else(|| panic!("no key in {stderr}"))
}

#[tokio::test]
async fn the_same_key_stores_no_line_twice() {
    let stage = Stage::start().await;
    let first = stage.enqueue(&["--batch", "monday"], many(0..3)).await;
    assert_eq!(first.stdout, counts(3, 0, 0), "{}", first.stderr);
    assert_eq!(told_key(&first.stderr), "monday");
    let again = stage.enqueue(&["--batch", "monday"], many(0..5)).await;
    assert_eq!((again.code, again.stdout), (Some(0), counts(2, 3, 0)));
    assert_eq!(stage.count(ACME).await, 5);
}

#[tokio::test]
async fn a_run_tells_the_key_that_it_made() {
    let stage = Stage::start().await;
    let first = stage.enqueue(&[], many(0..3)).await;
    let key = told_key(&first.stderr);
    let again = stage.enqueue(&["--batch", key], many(0..3)).await;
    assert_eq!(again.stdout, counts(0, 3, 0), "{}", again.stderr);
    // Another run is another batch: the same lines are other jobs.
    let other = stage.enqueue(&[], many(0..3)).await;
    assert_eq!(other.stdout, counts(3, 0, 0), "{}", other.stderr);
    assert_ne!(told_key(&other.stderr), key);
}

#[tokio::test]
async fn blank_and_refused_lines_count() {
    let stage = Stage::start().await;
    let file = format!("\n{}nonsense\n{}", anonymous(0), anonymous(1));
    let first = stage.enqueue(&["--batch", "k"], file.clone()).await;
    assert_eq!((first.code, first.stdout), (Some(2), counts(2, 0, 1)));
    assert_eq!(stage.ids(ACME).await, ["k-2", "k-4"]);
    let mended = file.replace("nonsense\n", &anonymous(2));
    let again = stage.enqueue(&["--batch", "k"], mended).await;
    assert_eq!((again.code, again.stdout), (Some(0), counts(1, 2, 0)));
}

#[tokio::test]
async fn a_line_that_has_changed_is_refused() {
    let stage = Stage::start().await;
    stage.enqueue(&["--batch", "k"], many(0..2)).await;
    let changed = anonymous(0) + &anonymous(7);
    let again = stage.enqueue(&["--batch", "k"], changed).await;
    assert_eq!((again.code, again.stdout), (Some(2), counts(0, 1, 1)));
    let fault = "line 2: id: another type or payload is stored under this id";
    assert!(again.stderr.contains(fault), "{}", again.stderr);
}

#[tokio::test]
async fn a_key_that_makes_no_id_is_refused() {
    let stage = Stage::start().await;
    let longest = "k".repeat(107);
    let finished = stage.enqueue(&["--batch", &longest], many(0..1)).await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
    for key in ["", "a\tb", &"k".repeat(108)] {
        let finished = stage.enqueue(&["--batch", key], many(0..1)).await;
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains("--batch"), "{finished:?}");
    }
    assert_eq!(stage.count(ACME).await, 1);
}

#[tokio::test]
async fn killed_midway_and_resumed_everything_is_stored_once() {
    const LINES: usize = 5_000;
    let stage = Stage::start().await;
    for round in 0..3 {
        let pipe = Pipe::new();
        let mut program = stage
            .producer(&[])
            .args(["enqueue", "--batch", "k"])
            .arg(pipe.path())
            .start();
        let mut writer = pipe.open().await;
        let writing = tokio::spawn(async move { writer.write(many(0..LINES)).await });
        // Each time further on, in the middle of things.
        let goal = stage.count(ACME).await + 700 * usize::from(round < 2) + 1;
        stage.wait_for_count(ACME, goal).await;
        program.kill9();
        writing.await.unwrap();
    }
    let stored = u64::try_from(stage.count(ACME).await).unwrap();
    let finished = stage.enqueue(&["--batch", "k"], many(0..LINES)).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, counts(LINES as u64 - stored, stored, 0));
    assert_eq!(stage.count(ACME).await, LINES);
    let totals = stage.queue.stats().await.unwrap();
    assert_eq!(totals.ready, LINES as u64);
}
