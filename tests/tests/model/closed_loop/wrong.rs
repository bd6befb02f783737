//! Ledgers that are wrong, each in one way, with a schedule that shows it: the check is worth nothing if it cannot fail.

use penstock_shared::{outcome::Permit, queue::settle::Settlement, quota::RateReport};
use penstock_tests::fixture::Bench;

use super::{
    Run,
    api::Shape,
    known::HOUR,
    schedule::{Call, Limits, Round, Schedule},
    terms,
};

/// The defects that the check must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Right,
    /// A permit comes back with its answer, not a window after it.
    Forgetful,
    /// Nothing is believed, …
    Deaf,
    /// … or only what is announced.
    Blind,
    /// Whoever says nonsense is thought to have counted nothing.
    Credulous,
    /// A response is judged by what is held when it comes.
    Suspicious,
    /// Whatever is held is held for twice as long, …
    Slow,
    /// … or only what is believed of the day.
    Resentful,
}

impl Kind {
    /// What such a ledger makes of the end of a delivery.
    pub(crate) fn spoil(self, end: &mut Settlement, truthful: bool, now: u64) {
        let Some(report) = &mut end.report else {
            return;
        };
        match self {
            Self::Forgetful => end.transition.permit = Permit::Unsent,
            Self::Credulous if !truthful => end.transition.permit = Permit::Unsent,
            Self::Deaf => report.rate = RateReport::default(),
            Self::Blind => report.rate.burst_remaining = None,
            Self::Suspicious => report.sent_ms = now,
            _ => {}
        }
    }

    /// How much of that time has passed for it.
    pub(crate) fn passes(self, ms: u64) -> u64 {
        match self {
            Self::Slow => ms / 2,
            Self::Resentful if ms == HOUR => ms / 2,
            _ => ms,
        }
    }
}

/// One call in each round, after so long; somebody else's come first.
fn schedule(limits: Limits, others: u64, rounds: &[(u64, Call)]) -> Schedule {
    let rounds = rounds.iter().map(|(after, call)| Round {
        after: *after,
        slots: 1,
        calls: vec![*call],
        others: (0..others).map(|_| (0, 1)).collect(),
        announced: None,
    });
    Schedule {
        calls: 4,
        window: 1_000,
        day: (100, 24 * HOUR),
        shape: Shape::Sliding,
        limits,
        rounds: rounds.collect(),
    }
}

#[tokio::test]
async fn a_wrong_loop_is_caught() {
    let half = Limits {
        calls: 50,
        ..Limits::SAME
    };
    let prompt = Call::prompt();
    let lie = Call {
        lie: Some(RateReport {
            daily_remaining: Some(0),
            ..RateReport::default()
        }),
        ..prompt
    };
    let long = Call {
        arrival: 50,
        back: 150,
        ..prompt
    };
    let plain = |call| schedule(Limits::SAME, 0, &[(1, call)]);
    let cases = [
        (Kind::Forgetful, plain(prompt), "headers free calls"),
        (
            Kind::Deaf,
            schedule(half, 0, &[(1, prompt)]),
            "more than was told",
        ),
        (
            Kind::Blind,
            schedule(Limits::SAME, 2, &[(1, prompt)]),
            "that a report left",
        ),
        (Kind::Credulous, plain(lie), "headers free calls"),
        (
            // The first has come back when the second is answered, which found both.
            Kind::Suspicious,
            schedule(Limits::SAME, 0, &[(1, prompt), (900, long)]),
            "ours are taken for another's",
        ),
        (Kind::Slow, plain(prompt), "after a window of silence"),
        (
            Kind::Resentful,
            plain(lie),
            "nothing of the day may be used",
        ),
    ];
    let mut bench = Bench::with(terms).await;
    for (kind, schedule, says) in cases {
        let (taken, right) = Run::through(bench, Kind::Right, &schedule).await;
        right.expect("the ledger is right");
        let (taken, wrong) = Run::through(taken, kind, &schedule).await;
        let said = wrong.expect_err("the ledger is wrong").to_string();
        assert!(said.contains(says), "{kind:?}: {said}");
        bench = taken;
    }
}
