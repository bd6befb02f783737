//! Hostile input in short: every kept input, and some thousand changed ones, for every target. `./test --fuzz 10m` goes on.

use penstock_tests::fuzz::{Limit, run, seeds, target::TARGETS};

/// Together more than a hundred thousand.
const EACH: u64 = 12_000;

#[test]
fn nothing_panics() {
    let reports: Vec<_> = std::thread::scope(|scope| {
        let spawn = |target| scope.spawn(move || run(target, Limit::Executions(EACH), 1));
        let running: Vec<_> = TARGETS.iter().map(spawn).collect();
        let ended = running.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    });
    for report in &reports {
        assert!(report.executions >= EACH && report.ways > 5, "{report:?}");
        let inputs = report
            .panics
            .iter()
            .map(|input| String::from_utf8_lossy(input));
        let inputs: Vec<_> = inputs.collect();
        assert!(inputs.is_empty(), "{} panics on {inputs:?}", report.name);
    }
    let all: u64 = reports.iter().map(|report| report.executions).sum();
    assert!(all >= 100_000);
    println!("{all} executions, 0 panics");
}

/// Else what a target says is not what its inputs lead to, and the loop learns nothing.
#[test]
fn the_kept_inputs_lead_different_ways() {
    for target in &TARGETS {
        let seeds = seeds(target);
        let ways: std::collections::HashSet<_> =
            seeds.iter().map(|seed| (target.read)(seed)).collect();
        assert!(
            ways.len() * 2 > seeds.len(),
            "{}: {} ways of {}",
            target.name,
            ways.len(),
            seeds.len()
        );
    }
}

/// The checks inside the targets can fail: a loop that could find nothing would find nothing.
#[test]
fn a_target_that_is_wrong_is_caught() {
    fn wrong(bytes: &[u8]) -> u64 {
        assert!(!bytes.windows(2).any(|two| two == b"{}"), "braces");
        bytes.len() as u64
    }
    let target = penstock_tests::fuzz::target::Target {
        name: "job",
        read: wrong,
    };
    let report = run(&target, Limit::Executions(20_000), 1);
    assert!(!report.panics.is_empty());
    assert!(
        report
            .panics
            .iter()
            .all(|input| input.windows(2).any(|two| two == b"{}"))
    );
}
