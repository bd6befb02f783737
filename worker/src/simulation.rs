//! The decisions about one note, without Redis, network or clock: [`state::after`], [`Earlier`] and [`Sought`], driven through deliveries whose
//! worker dies and whose call fares as a die says. Whatever happens, as long as the API keeps to the quarantine, the note is there once, or
//! the job's end says why not.
//!
//! A seed is one life. Seeds that have failed are kept in `simulation/kept.txt` and lived first; `PENSTOCK_TEST_SEED=N` lives one and tells it.

mod api;
mod life;

use life::{Broken, Life};

const LIVES: u64 = 100_000;
/// Seeds that have failed, one a line, with why.
const KEPT: &str = include_str!("simulation/kept.txt");

fn kept() -> impl Iterator<Item = u64> {
    KEPT.lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
}

#[test]
fn each_note_is_there_once_or_reported() {
    let one = std::env::var("PENSTOCK_TEST_SEED").ok();
    if let Some(seed) = one.and_then(|seed| seed.parse().ok()) {
        let mut life = Life::new(seed, Broken::Nothing);
        let judged = life.live();
        println!("{}", life.story());
        return judged.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
    let (mut done, mut dead) = (0, 0);
    for seed in kept().chain(0..LIVES) {
        let mut life = Life::new(seed, Broken::Nothing);
        if let Err(wrong) = life.live() {
            panic!(
                "seed {seed}: {wrong}\n{}\n(keep it in worker/src/simulation/kept.txt)",
                life.story()
            );
        }
        if life.is_done() { done += 1 } else { dead += 1 }
    }
    // The dice must not have been so kind, or so harsh, that nothing was tried.
    assert!(
        done > LIVES / 2 && dead > LIVES / 1000,
        "{done} done, {dead} dead"
    );
}

/// What leaves out one of the rules is found out: the simulation can fail.
#[test]
fn a_rule_that_is_left_out_is_found_out() {
    for broken in [
        Broken::NoIntent,
        Broken::NoQuarantine,
        Broken::OneLook,
        Broken::NoReadBack,
        Broken::NoSuspicion,
    ] {
        let found = (0..LIVES).any(|seed| Life::new(seed, broken).live().is_err());
        assert!(found, "{broken:?}");
    }
}
