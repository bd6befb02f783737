//! What happens: claims, what becomes of their calls, and somebody else's.

use std::time::Duration;

use penstock_shared::quota::RateReport;
use proptest::{collection::vec, option, prelude::*};

use super::{
    api::{Quotas, Shape, quota},
    known::HOUR,
};
use crate::permits::ms;

pub(crate) const QUARANTINE: u64 = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Answered,
    /// It is given up at `arrival`, and arrives up to `back` later.
    Cut,
    Unsent,
}

/// What becomes of a call, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) fate: Fate,
    /// From its claim.
    pub(crate) arrival: u64,
    /// From its arrival to its answer.
    pub(crate) back: u64,
    /// What its answer says, if that is not true. What is no number is left out when headers are read.
    pub(crate) lie: Option<RateReport>,
}

impl Call {
    /// It is answered at once, and truly.
    pub(crate) fn prompt() -> Self {
        Self {
            fate: Fate::Answered,
            arrival: 0,
            back: 0,
            lie: None,
        }
    }
}

/// The limits of a server in hundredths of the configured ones, its interval too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) calls: u32,
    pub(crate) interval: u64,
    pub(crate) day: u32,
}

impl Limits {
    pub(crate) const SAME: Self = Self {
        calls: 100,
        interval: 100,
        day: 100,
    };

    pub(crate) fn over(self, [burst, daily]: Quotas) -> Quotas {
        let share = |calls: u32, hundredths: u32| (calls * hundredths / 100).max(1);
        let interval = (ms(burst) * self.interval / 100).max(1_000);
        [
            quota(share(burst.calls().get(), self.calls), interval),
            quota(share(daily.calls().get(), self.day), ms(daily)),
        ]
    }
}

/// Time passes, then a worker asks for so many jobs; what becomes of their calls is drawn beside it.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) after: u64,
    pub(crate) slots: usize,
    pub(crate) calls: Vec<Call>,
    /// Somebody else's calls on the way: when, how many.
    pub(crate) others: Vec<(u64, u64)>,
    /// From now on the server allows this.
    pub(crate) announced: Option<Limits>,
}

#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) calls: u32,
    pub(crate) window: u64,
    pub(crate) day: (u32, u64),
    pub(crate) shape: Shape,
    pub(crate) limits: Limits,
    pub(crate) rounds: Vec<Round>,
}

impl Schedule {
    pub(crate) fn configured(&self) -> Quotas {
        let (calls, window) = self.day;
        [quota(self.calls, self.window), quota(calls, window)]
    }
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let interval = prop_oneof![Just(100), 30..400_u64];
    let any = (20..300_u32, interval, 20..200_u32).prop_map(|(calls, interval, day)| Limits {
        calls,
        interval,
        day,
    });
    prop_oneof![Just(Limits::SAME), any]
}

/// A number that a header may hold: one of this quota's size, any, or none.
fn any_count(least: u32) -> impl Strategy<Value = Option<u32>> {
    prop_oneof![
        2 => (least..4).prop_map(Some),
        2 => (least..30).prop_map(Some),
        1 => (least..=10_000_000).prop_map(Some),
        2 => Just(None),
    ]
}

fn any_lie() -> impl Strategy<Value = RateReport> {
    let interval =
        prop_oneof![2 => 1_000..2_000_u64, 2 => 1_000..20_000_u64, 1 => 1_000..604_800_000_u64];
    let interval = option::of(interval.prop_map(Duration::from_millis));
    (
        any_count(1),
        any_count(0),
        interval,
        any_count(1),
        any_count(0),
    )
        .prop_map(|(max, left, interval, day, day_left)| RateReport {
            burst_limit: max,
            burst_remaining: left,
            interval,
            daily_limit: day,
            daily_remaining: day_left,
        })
}

fn any_call() -> impl Strategy<Value = Call> {
    let fate = prop_oneof![
        8 => Just(Fate::Answered),
        1 => Just(Fate::Cut),
        1 => Just(Fate::Unsent),
    ];
    let back = prop_oneof![5 => 0..1_000_u64, 1 => 0..8_000_u64];
    let lie = option::weighted(0.2, any_lie());
    (fate, 0..1_000_u64, back, lie).prop_map(|(fate, arrival, back, lie)| Call {
        fate,
        arrival,
        back,
        lie,
    })
}

fn any_round() -> impl Strategy<Value = Round> {
    let after = prop_oneof![20 => 0..1_500_u64, 1 => 0..2 * HOUR];
    (
        after,
        1..12_usize,
        vec(any_call(), 12),
        vec((0..1_500_u64, 1..6_u64), 0..3),
        option::weighted(0.15, any_limits()),
    )
        .prop_map(|(after, slots, calls, others, announced)| Round {
            after,
            slots,
            calls,
            others,
            announced,
        })
}

pub(crate) fn any_schedule() -> impl Strategy<Value = Schedule> {
    let rounds = (any::<bool>(), any::<bool>(), vec(any_round(), 1..20)).prop_map(
        |(lies, others, mut rounds)| {
            for round in &mut rounds {
                round.others.retain(|_| others);
                let calls = round.calls.iter_mut();
                calls.for_each(|call| call.lie = call.lie.filter(|_| lies));
            }
            rounds
        },
    );
    let shape = prop_oneof![
        Just(Shape::Sliding),
        (0..100_000_u64).prop_map(Shape::Fixed)
    ];
    (
        1..10_u32,
        1_000..6_000_u64,
        (2..12_u32, any::<bool>()),
        shape,
        any_limits(),
        rounds,
    )
        .prop_map(
            |(calls, window, (times, long), shape, limits, rounds)| Schedule {
                calls,
                window,
                day: (calls * times, if long { 24 * HOUR } else { window * 10 }),
                shape,
                limits,
                rounds,
            },
        )
}
