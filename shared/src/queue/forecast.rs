//! When the calls of a lane that are yet to come may be sent, if nothing fails: pure, from what its ledger holds now.
//!
//! Whatever limits a lane is a gate that lets so many calls through and one more whenever one comes back: a window's permits, one window
//! after the answer; the lane's share of the workers' slots, with the answer. So the n-th call is sent when all gates have one for it.

mod gate;

use self::gate::Gate;
use super::ledger::Ledger;

/// More calls than any backlog needs: a forecast for more is one for these.
const MOST: u64 = 1 << 40;
/// Into how many parts the calls of many laps are put together, in the gates that these went through meanwhile.
const PARTS: u64 = 128;

/// What a call waits for, if it cannot be sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The workers' slots.
    Slots,
    /// Earlier jobs of the same contacts: of each one runs at a time.
    Contacts,
    /// The burst window.
    Burst,
    /// The daily window.
    Daily,
}

/// When a call may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The moment (ms).
    pub at_ms: u64,
    /// What it waits for most of the time.
    pub limit: Option<Limit>,
}

/// What a lane's calls depend on beside its ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Now (ms).
    pub now_ms: u64,
    /// Nothing is sent before this moment (ms).
    pub start_ms: u64,
    /// Whether they are made with high priority.
    pub high: bool,
    /// How long a call takes in the mean (ms).
    pub call_ms: u64,
    /// How many calls the workers make for it at once; `None` if that is not known.
    pub slots: Option<f64>,
}

/// The calls to come of a lane.
#[derive(Debug, Clone)]
pub struct Forecast {
    at: u64,
    /// The faster ones first.
    gates: Vec<Gate>,
}

impl Forecast {
    /// What is to be expected of this ledger; `None` if no quota is known, or it allows nothing.
    pub fn new(ledger: &Ledger, conditions: &Conditions) -> Option<Self> {
        let (burst, daily) = ledger.windows()?;
        let mut gates = vec![
            Gate::window(Limit::Burst, burst, conditions),
            Gate::window(Limit::Daily, daily, conditions),
        ];
        gates.extend(
            conditions
                .slots
                .map(|slots| Gate::slots(slots, ledger.flying, conditions)),
        );
        for gate in &mut gates {
            gate.fly(ledger.flying, conditions);
            gate.collect(conditions.start_ms);
        }
        gates.sort_by_key(Gate::lap);
        let passable = gates.iter().all(|gate| gate.calls > 0);
        passable.then_some(Self {
            at: conditions.start_ms,
            gates,
        })
    }

    /// When the `number`-th call from now may be sent, counted from 1.
    ///
    /// The work is bounded, whatever the number: of each gate no more than two laps are gone through step by step, and a lap has some
    /// hundred steps, since a window's moments are rounded to a hundredth of it.
    pub fn turn(&self, number: u64) -> Option<Turn> {
        let mut run = Run {
            forecast: self.clone(),
            left: number.clamp(1, MOST),
        };
        while !run.step()? {}
        Some(run.forecast.reached())
    }

    fn reached(&self) -> Turn {
        let longest = self.gates.iter().max_by_key(|gate| gate.waited);
        let longest = longest.filter(|gate| gate.waited > 0);
        Turn {
            at_ms: self.at,
            limit: longest.map(|gate| gate.limit),
        }
    }
}

/// A forecast on its way to a certain call.
struct Run {
    forecast: Forecast,
    /// The calls that are to be sent yet, with the one that it is about.
    left: u64,
}

impl Run {
    /// Sends what may be sent next; returns whether the last one was among that.
    fn step(&mut self) -> Option<bool> {
        self.skip();
        let Forecast { at, gates } = &mut self.forecast;
        let mut last = (*at, None);
        for (number, gate) in gates.iter().enumerate() {
            let opens = gate.opens()?;
            if opens > last.0 {
                last = (opens, Some(number));
            }
        }
        if let (opens, Some(number)) = last {
            gates[number].waited += opens - *at;
            *at = opens;
        }
        for gate in gates.iter_mut() {
            gate.collect(*at);
        }
        let free = gates.iter().map(Gate::room).min()?.min(self.left);
        for gate in gates {
            gate.take(free, *at);
        }
        self.left -= free;
        Some(self.left == 0)
    }

    /// Goes through whole laps at once. What a gate lets through in one lap, together with the faster ones, it lets through in the next, at
    /// the same moments one lap later; as long as no slower one comes in between, for it has room for all of that. One lap is left, since
    /// the first may be another.
    fn skip(&mut self) {
        let gates = &self.forecast.gates;
        for number in (0..gates.len()).rev() {
            let calls = gates[number].calls;
            let room = gates[number + 1..].iter().map(Gate::room).min();
            let laps = (self.left / calls).saturating_sub(1);
            let laps = laps.min(room.unwrap_or(u64::MAX) / calls);
            if laps > 0 {
                return self.laps(number, laps);
            }
        }
    }

    fn laps(&mut self, number: usize, laps: u64) {
        let Forecast { at, gates } = &mut self.forecast;
        let calls = gates[number].calls;
        let slowest = (0..=number).max_by_key(|number| gates[*number].time_for(calls));
        let slowest = slowest.unwrap_or(number);
        let lap = gates[slowest].time_for(calls);
        let jump = lap.saturating_mul(laps);
        gates[slowest].waited = gates[slowest].waited.saturating_add(jump);
        let (faster, slower) = gates.split_at_mut(number + 1);
        let parts = laps.min(PARTS);
        for gate in slower {
            for part in 0..parts {
                let (from, to) = (laps * part / parts, laps * (part + 1) / parts);
                gate.take(
                    (to - from) * calls,
                    at.saturating_add(lap.saturating_mul(from)),
                );
            }
        }
        for gate in faster {
            gate.postpone(jump);
        }
        *at = at.saturating_add(jump);
        self.left -= laps * calls;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::{collection::vec, prelude::*};

    use super::{gate::signed, *};
    use crate::{queue::ledger::Window, quota::Quota};

    const NOW: u64 = 1_000_000;

    fn window(quota: &str, taken: u64, returns: &[(u64, u64)]) -> Window {
        let quota: Quota = quota.parse().unwrap();
        Window {
            quota,
            configured: quota,
            normal: quota.calls().get().into(),
            taken,
            returns: returns.to_vec(),
        }
    }

    /// Nothing has been sent yet.
    fn fresh(burst: &str, daily: &str) -> Ledger {
        Ledger {
            burst: Some(window(burst, 0, &[])),
            daily: Some(window(daily, 0, &[])),
            flying: 0,
            foreign: None,
            forgotten_until: None,
        }
    }

    /// Calls take 200 ms, and there are workers enough.
    fn conditions() -> Conditions {
        Conditions {
            now_ms: NOW,
            start_ms: NOW,
            high: false,
            call_ms: 200,
            slots: None,
        }
    }

    fn turn(ledger: &Ledger, conditions: Conditions, number: u64) -> (u64, Option<Limit>) {
        let turn = Forecast::new(ledger, &conditions).and_then(|forecast| forecast.turn(number));
        let turn = turn.expect("it comes");
        (turn.at_ms - NOW, turn.limit)
    }

    #[test]
    fn what_is_free_is_sent_at_once() {
        let ledger = fresh("100/10s", "1000/1d");
        for number in [0, 1, 100] {
            assert_eq!(turn(&ledger, conditions(), number), (0, None));
        }
    }

    #[test]
    fn a_permit_is_back_one_window_after_its_answer() {
        let ledger = fresh("100/10s", "100000/1d");
        for (number, laps) in [(101, 1), (200, 1), (201, 2), (50_001, 500)] {
            let expected = (laps * 10_200, Some(Limit::Burst));
            assert_eq!(turn(&ledger, conditions(), number), expected, "{number}");
        }
    }

    #[test]
    fn a_hold_comes_before_all_else() {
        let held = Conditions {
            start_ms: NOW + 60_000,
            ..conditions()
        };
        let mut ledger = fresh("100/10s", "1000/1d");
        ledger.burst = Some(window("100/10s", 100, &[(NOW + 5_000, 100)]));
        assert_eq!(turn(&ledger, held, 1), (60_000, None));
        assert_eq!(turn(&ledger, held, 101).0, 70_200);
    }

    #[test]
    fn what_was_sent_before_comes_back_first() {
        let mut ledger = fresh("100/10s", "1000/1d");
        let returns = [(NOW + 2_000, 30), (NOW + 6_000, 40)];
        ledger.burst = Some(window("100/10s", 70, &returns));
        for (number, at) in [
            (30, 0),
            (31, 2_000),
            (60, 2_000),
            (61, 6_000),
            (101, 10_200),
        ] {
            assert_eq!(turn(&ledger, conditions(), number).0, at, "{number}");
        }
    }

    #[test]
    fn calls_in_flight_come_back_one_window_after_they_are_answered() {
        let mut ledger = fresh("10/10s", "1000/1d");
        ledger.burst = Some(window("10/10s", 10, &[]));
        ledger.flying = 10;
        assert_eq!(turn(&ledger, conditions(), 1), (10_100, Some(Limit::Burst)));
    }

    #[test]
    fn a_day_that_is_used_up_begins_again_when_it_has_passed() {
        const DAY: u64 = 86_400_000;
        let ledger = fresh("100/10s", "1000/1d");
        assert_eq!(turn(&ledger, conditions(), 1000).0, 9 * 10_200);
        let (at, limit) = turn(&ledger, conditions(), 1001);
        assert_eq!(limit, Some(Limit::Daily));
        // It is rounded up to a hundredth of a day.
        assert!((DAY..DAY + DAY / 50).contains(&at), "{at}");
        let (at, limit) = turn(&ledger, conditions(), 100_001);
        assert_eq!(limit, Some(Limit::Daily));
        assert!((100 * DAY..102 * DAY).contains(&at), "{at}");
    }

    #[test]
    fn few_slots_let_through_as_many_calls_as_they_end() {
        let ledger = fresh("100/10s", "100000/1d");
        for (slots, number, at) in [
            (1.0, 5, 800),
            (4.0, 9, 400),
            (0.5, 3, 800),
            // Slower than the burst.
            (1.0, 10_001, 2_000_000),
        ] {
            let conditions = Conditions {
                slots: Some(slots),
                ..conditions()
            };
            let expected = (at, Some(Limit::Slots));
            assert_eq!(turn(&ledger, conditions, number), expected, "{slots}");
        }
    }

    #[test]
    fn reserve_and_spread_are_as_in_the_ledger() {
        let mut ledger = fresh("100/10s", "1000/1d");
        ledger.burst.as_mut().unwrap().normal = 1;
        assert_eq!(turn(&ledger, conditions(), 11).0, 102_000);
        let high = Conditions {
            high: true,
            ..conditions()
        };
        assert_eq!(turn(&ledger, high, 11).0, 0);
        ledger.burst.as_mut().unwrap().normal = 0;
        assert!(Forecast::new(&ledger, &conditions()).is_none());
    }

    #[test]
    fn without_a_quota_nothing_is_foreseen() {
        assert!(Forecast::new(&Ledger::default(), &conditions()).is_none());
    }

    /// A ledger with something in it, and the conditions.
    fn any() -> impl Strategy<Value = (Ledger, Conditions)> {
        let quota = |calls, windows: std::ops::Range<u64>| {
            let returns = vec((1..100_u64, 1..8_u64), 0..6);
            (calls, windows, returns, 0..3_u64)
        };
        let burst = quota(1..40_u32, 1_000..10_000);
        let daily = quota(1..300_u32, 10_000..200_000);
        let slots = proptest::option::of(0.2..20_f64);
        (burst, daily, 1..3_000_u64, slots, 0..20_000_u64).prop_map(
            |(burst, daily, call_ms, slots, hold)| {
                let flying = burst.3;
                let window = |(calls, length, returns, _): (u32, u64, Vec<(u64, u64)>, u64)| {
                    let mut returns: Vec<_> = returns
                        .iter()
                        .map(|(part, count)| (NOW + part * length / 100 + 1, *count))
                        .collect();
                    returns.sort_unstable();
                    let quota = Quota::new(calls, std::time::Duration::from_millis(length));
                    let taken = flying + returns.iter().map(|(_, count)| count).sum::<u64>();
                    window(&quota.unwrap().to_string(), taken, &returns)
                };
                let ledger = Ledger {
                    burst: Some(window(burst)),
                    daily: Some(window(daily)),
                    flying,
                    foreign: None,
                    forgotten_until: None,
                };
                let conditions = Conditions {
                    start_ms: NOW + hold,
                    call_ms,
                    slots,
                    ..conditions()
                };
                (ledger, conditions)
            },
        )
    }

    /// The same, call by call: each gate is a queue of the moments at which it lets one more through.
    fn plain(forecast: &Forecast, number: u64) -> u64 {
        let count = |free: i64| usize::try_from(free).unwrap_or(0);
        let moments = |gate: &Gate| -> VecDeque<u64> {
            let free = std::iter::repeat_n(0, count(gate.free));
            let returns = gate.returns.iter();
            let returns =
                returns.flat_map(|(at, many)| std::iter::repeat_n(*at, count(signed(*many))));
            // What is out beyond what may be is not let through again.
            free.chain(returns.skip(count(-gate.free))).collect()
        };
        let mut gates: Vec<_> = forecast.gates.iter().map(moments).collect();
        let mut at = forecast.at;
        for _ in 0..number {
            for moments in &mut gates {
                at = at.max(moments.pop_front().expect("it lets some through"));
            }
            for (gate, moments) in forecast.gates.iter().zip(&mut gates) {
                moments.push_back(gate.back(at));
            }
        }
        at
    }

    proptest! {
        #[test]
        fn laps_at_once_come_to_the_same((ledger, conditions) in any(), number in 1..3_000_u64) {
            let forecast = Forecast::new(&ledger, &conditions).unwrap();
            let (quick, plain) = (forecast.turn(number).unwrap().at_ms, plain(&forecast, number));
            let slowest = forecast.gates.iter().map(Gate::lap).max().unwrap();
            let off = quick.abs_diff(plain);
            prop_assert!(off <= (plain - NOW) / 100 + slowest, "{quick} {plain}");
        }

        /// A backlog of any size is foreseen in as many steps as one of some laps.
        #[test]
        fn the_steps_are_bounded((ledger, conditions) in any()) {
            let mut run = Run {
                forecast: Forecast::new(&ledger, &conditions).unwrap(),
                left: MOST,
            };
            let steps = std::iter::from_fn(|| (!run.step().unwrap()).then_some(()));
            let steps = steps.count();
            prop_assert!(steps < 5_000, "{steps}");
        }
    }
}
