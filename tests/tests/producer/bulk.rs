//! `enqueue`: a large file with many bad lines, in constant memory.

use penstock_tests::harness::RedisOptions;

use crate::{
    pipe::Pipe,
    stage::{ACME, PATIENCE, Stage, counts},
};

const LINES: usize = 200_000;
/// Every tenth line is bad, and this long: all of them together are 80 MB.
const BAD: usize = 4_000;
/// Lines written at once.
const PIECE: usize = 1_000;
/// What the program may have in memory, in KiB.
const BOUND: u64 = 64 * 1024;

fn line(number: usize) -> String {
    if number.is_multiple_of(10) {
        let rest = "x".repeat(BAD);
        return format!("{{\"type\":\"AddTags\",\"tenant\":\"acme\",\"payload\":\"{rest}\"}}\n");
    }
    format!(
        "{{\"type\":\"AddTags\",\"tenant\":\"acme\",\"id\":\"{number}\",\"payload\":{{\"contact\":{{\"id\":\"c{number}\"}},\"tags\":[\"t\"]}}}}\n"
    )
}

#[tokio::test]
async fn two_hundred_thousand_lines_with_every_tenth_bad() {
    let options = RedisOptions {
        appendonly: false,
        ..RedisOptions::default()
    };
    let stage = Stage::on(options).await;
    let pipe = Pipe::new();
    let mut program = stage.producer(&[]).arg("enqueue").arg(pipe.path()).start();
    let mut writer = pipe.open().await;
    let mut written = 0;
    for first in (1..=LINES).step_by(PIECE) {
        let piece: String = (first..first + PIECE).map(line).collect();
        written += piece.len() as u64;
        assert!(writer.write(piece).await, "the program reads on");
    }
    // The last line is a bad one.
    let last = format!("line {LINES}: payload: expected an object, found a string");
    program.wait_for_line(&last, 3 * PATIENCE).await;
    assert!(written > BOUND * 1024);
    check_memory(program.pid());
    drop(writer);
    assert_eq!(program.wait_exit(PATIENCE).await.code(), Some(2));
    let (good, bad) = (LINES / 10 * 9, LINES / 10);
    let expected = counts(good as u64, 0, bad as u64);
    assert_eq!(program.stdout(), [expected.trim_end()]);
    let told = program.stderr();
    let refused: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("line "))
        .collect();
    assert_eq!(refused.len(), bad);
    for (index, line) in refused.iter().enumerate() {
        assert!(
            line.starts_with(&format!("line {}0: payload: ", index + 1)),
            "{line}"
        );
    }
    assert_eq!(stage.count(ACME).await, good);
}

/// The most that the process ever had in memory, where the system tells it.
fn check_memory(pid: u32) {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return;
    };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak
        .expect("there is a peak")
        .trim()
        .trim_end_matches(" kB");
    let peak: u64 = peak.parse().unwrap();
    assert!(peak < BOUND, "{peak} KiB");
}
