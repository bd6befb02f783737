//! A lane's permit ledger as `part/ledger.lua` reads it: what each window allows, what is taken of that, and when it comes back.

use std::collections::HashMap;

use super::{Policy, claim::read_quota, lapse::Lapses};
use crate::{quota::Quota, span::millis};

/// A lane's permits, now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The burst window; `None` before any worker has registered a quota.
    pub burst: Option<Window>,
    /// The daily window.
    pub daily: Option<Window>,
    /// Calls in flight: each has a permit of both windows, which comes back one window after its answer.
    pub flying: u64,
    /// The calls of the day that somebody else was seen to use, and until when (ms) that is believed.
    pub foreign: Option<(u64, u64)>,
    /// Until when (ms) the burst window counts as full, since Redis has forgotten what was sent.
    pub forgotten_until: Option<u64>,
}

/// One window of a ledger, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The quota that counts: what keeps the configured one and what the API announced.
    pub quota: Quota,
    /// The configured one: the lane's own, or the one in force.
    pub configured: Quota,
    /// The calls that it allows to normal and low priority, less than all where some are reserved or they are spread over the day.
    pub normal: u64,
    /// The calls that are taken: in flight, not yet back, or somebody else's.
    pub taken: u64,
    /// What is to come back, by moment (ms) after now: moment and count. What is in flight has no moment yet.
    pub returns: Vec<(u64, u64)>,
}

impl Ledger {
    /// The calls that may be made now, with high priority or without.
    pub fn free(&self, high: bool) -> u64 {
        let left = |window: &Option<Window>| window.as_ref().map_or(0, |window| window.left(high));
        left(&self.burst).min(left(&self.daily))
    }

    /// Both windows, if both quotas are known.
    pub fn windows(&self) -> Option<(&Window, &Window)> {
        self.burst.as_ref().zip(self.daily.as_ref())
    }
}

impl Window {
    /// The calls that it allows.
    pub fn allowed(&self, high: bool) -> u64 {
        if high {
            u64::from(self.quota.calls().get())
        } else {
            self.normal
        }
    }

    /// Those that may still be made.
    pub fn left(&self, high: bool) -> u64 {
        self.allowed(high).saturating_sub(self.taken)
    }

    /// So many more are taken, and come back then.
    pub(super) fn hold(&mut self, count: u64, until: u64) {
        self.taken += count;
        self.returns.push((until, count));
        self.returns.sort_unstable();
    }

    /// When (ms) a call may be made, where none is left; `None` if that waits for the end of a call in flight.
    pub fn frees_ms(&self, high: bool) -> Option<u64> {
        let mut missing = (self.taken + 1).saturating_sub(self.allowed(high));
        let back = self.returns.iter().find(|(_, count)| {
            missing = missing.saturating_sub(*count);
            missing == 0
        });
        back.map(|(moment, _)| *moment)
    }
}

/// What Redis holds of a ledger.
pub(super) struct Raw<'a> {
    /// The lane's hash.
    pub(super) fields: &'a HashMap<String, String>,
    /// The quotas in force.
    pub(super) in_force: [Option<&'a str>; 2],
    /// The two rings in full.
    pub(super) rings: [&'a [String]; 2],
    /// By how much (ms) Redis' clock was set since the lane was last written.
    pub(super) set_by: i64,
    /// How much longer (ms) than its window a permit may be held, if the clock was ever set.
    pub(super) slack: Option<u64>,
    /// What Redis has forgotten.
    pub(super) lapses: &'a Lapses,
    /// When the last of that was noticed (ms), by the clock as it is set now.
    pub(super) filled: Option<u64>,
}

/// The names of a window's fields in the lane's hash.
struct Names {
    quota: &'static str,
    told: &'static str,
    /// Until when that is believed, if not until something else is told.
    till: Option<&'static str>,
    span: &'static str,
    past: &'static str,
}

const BURST: Names = Names {
    quota: "burst",
    told: "toldBurst",
    till: None,
    span: "burstSpan",
    past: "burstPast",
};
const DAILY: Names = Names {
    quota: "daily",
    told: "toldDaily",
    till: Some("toldUntil"),
    span: "daySpan",
    past: "dayPast",
};

impl Raw<'_> {
    /// The ledger as it stands at `now`.
    pub(super) fn read(&self, policy: &Policy, now: u64) -> Ledger {
        let flying = self.number("flying").unwrap_or(0);
        let foreign = self.foreign();
        let foreign = foreign.filter(|(count, until)| *count > 0 && *until > now);
        let mut burst = self.window(&BURST, self.in_force[0], self.rings[0], now);
        let mut daily = self.window(&DAILY, self.in_force[1], self.rings[1], now);
        for window in [&mut burst, &mut daily].into_iter().flatten() {
            window.taken += flying;
        }
        if let Some(burst) = &mut burst {
            self.hold_for_others(burst, now);
        }
        let mut forgotten_until = None;
        if let (Some(burst), Some(day)) = (&mut burst, &mut daily) {
            self.lapses.charge(day, burst, self.number("charged"), now);
            forgotten_until = self.lapses.fill(burst, self.filled, now);
        }
        if let Some(day) = &mut daily {
            day.normal = shared(day.normal, policy.reserve);
            if let Some((count, until)) = foreign {
                day.hold(count, until);
            }
            if let Some(burst) = burst.as_mut().filter(|_| policy.spread) {
                burst.normal = burst.normal.min(spread(burst.quota, day));
            }
        }
        Ledger {
            burst,
            daily,
            flying,
            foreign,
            forgotten_until,
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name)?.parse().ok()
    }

    fn quota(&self, name: &str) -> Option<Quota> {
        self.fields.get(name).and_then(|quota| read_quota(quota))
    }

    fn foreign(&self) -> Option<(u64, u64)> {
        let (count, until) = self.fields.get("foreign")?.split_once('/')?;
        Some((count.parse().ok()?, self.moved(until.parse().ok()?)))
    }

    /// The calls that somebody else was seen to have in the burst window: `<moment>:<count>`, each for a window from then, and the most of
    /// them at a time, which is the first.
    fn hold_for_others(&self, burst: &mut Window, now: u64) {
        let span = millis(burst.quota.window());
        let others = self.fields.get("others").map_or("", String::as_str);
        let seen = others.split(' ').filter_map(|seen| {
            let (moment, count) = seen.split_once(':')?;
            let until = self.moved(moment.parse().ok()?) + span;
            Some((until, count.parse::<u64>().ok()?))
        });
        let seen: Vec<_> = seen.filter(|(until, _)| *until > now).collect();
        burst.taken += seen.first().map_or(0, |(_, count)| *count);
        let after = seen.iter().skip(1).map(|(_, count)| *count).chain([0]);
        let steps = seen.iter().zip(after);
        let steps = steps.map(|((until, count), next)| (*until, count.saturating_sub(next)));
        burst.returns.extend(steps);
        burst.returns.sort_unstable();
    }

    /// A moment of Redis' clock as it was when the lane was last written.
    fn moved(&self, moment: u64) -> u64 {
        moment.saturating_add_signed(self.set_by)
    }

    /// A window before anything is known of the other one.
    fn window(
        &self,
        names: &Names,
        in_force: Option<&str>,
        ring: &[String],
        now: u64,
    ) -> Option<Window> {
        let configured = self.quota(names.quota).or_else(|| read_quota(in_force?))?;
        let is_over = |till| self.moved(self.number(till).unwrap_or(0)) <= now;
        let told = self.quota(names.told);
        let told = told.filter(|_| !names.till.is_some_and(is_over));
        let quota = told.map_or(configured, |told| configured.stricter(told));
        let returns = self.returns(names, ring, millis(quota.window()), now);
        Some(Window {
            quota,
            configured,
            normal: quota.calls().get().into(),
            taken: returns.iter().map(|(_, count)| count).sum(),
            returns,
        })
    }

    /// What has not come back: `past` says up to when the scripts have looked. Where the window is another than when these permits were
    /// given back, or Redis' clock was set, the next script will move them by the difference.
    fn returns(&self, names: &Names, ring: &[String], span: u64, now: u64) -> Vec<(u64, u64)> {
        let past = self.number(names.past).unwrap_or(0);
        let stored = self.number(names.span);
        let latest = stored.zip(self.slack).map_or(u64::MAX, |(span, slack)| {
            now + 1 + span + span.div_ceil(100).max(1) + slack
        });
        let given = stored.unwrap_or(span);
        let entries = ring.iter().filter_map(|entry| {
            let (moment, count) = entry.split_once(':')?;
            Some((moment.parse::<u64>().ok()?, count.parse::<u64>().ok()?))
        });
        entries
            .filter(|(moment, _)| *moment > past)
            .map(|(moment, count)| (self.returning(moment, now, latest), count))
            .map(|(moment, count)| ((moment + span).saturating_sub(given), count))
            .filter(|(moment, _)| *moment > now)
            .collect()
    }

    /// A moment of return after the clock was set: as the scripts have it, by which nothing that was entered since is later than `latest`.
    fn returning(&self, moment: u64, now: u64, latest: u64) -> u64 {
        let (by, moved) = (self.set_by, moment.saturating_add_signed(self.set_by));
        if by == 0 || (by < 0 && moment <= latest) {
            return moment;
        }
        let entered_since = moment > now && by.unsigned_abs() > latest - now;
        match (by < 0, entered_since) {
            (true, _) => moved,
            (false, true) => moment,
            (false, false) => moved.min(latest).max(moment),
        }
    }
}

/// The calls of the day that are not kept for high priority, rounded as the scripts do.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of at most ten million, not below zero"
)]
fn shared(calls: u64, reserve: f64) -> u64 {
    calls.saturating_sub((calls as f64 * reserve).floor() as u64)
}

/// The calls of a window that are its part of the day, rounded as the scripts do.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "calls of at most ten million, windows of at most a week"
)]
fn spread(quota: Quota, day: &Window) -> u64 {
    let spans = (
        millis(quota.window()) as f64,
        millis(day.quota.window()) as f64,
    );
    (day.normal as f64 * spans.0 / spans.1).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn read(fields: &[(&str, &str)], burst: &[&str], daily: &[&str], policy: &Policy) -> Ledger {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).into(), (*value).into()));
        let own = |ring: &[&str]| ring.iter().map(|entry| (*entry).to_owned()).collect();
        let (burst, daily): (Vec<String>, Vec<String>) = (own(burst), own(daily));
        let raw = Raw {
            fields: &fields.collect(),
            in_force: [Some("100/10000"), Some("1000/86400000")],
            rings: [&burst, &daily],
            set_by: 0,
            slack: None,
            lapses: &Lapses::default(),
            filled: None,
        };
        raw.read(policy, NOW)
    }

    fn plain() -> Policy {
        Policy {
            head_start: [0; 3],
            reserve: 0.0,
            spread: false,
        }
    }

    #[test]
    fn what_flies_and_what_is_not_back_is_taken() {
        let rings = ["999000:5", "1000100:60", "1000200:37"];
        let ledger = read(&[("flying", "3")], &rings, &rings, &plain());
        assert_eq!((ledger.free(false), ledger.flying), (0, 3));
        let burst = ledger.burst.unwrap();
        assert_eq!((burst.taken, burst.frees_ms(false)), (100, Some(1_000_100)));
        assert_eq!(ledger.daily.unwrap().left(false), 900);
    }

    #[test]
    fn more_may_have_to_come_back_than_the_next() {
        let fields = [("burst", "10/10000")];
        let burst = read(&fields, &["1000100:3", "1000200:9"], &[], &plain()).burst;
        assert_eq!(burst.unwrap().frees_ms(true), Some(1_000_100));
        let burst = read(&fields, &["1000100:3", "1000200:12"], &[], &plain()).burst;
        assert_eq!(burst.unwrap().frees_ms(true), Some(1_000_200));
        let flying = [("burst", "1/10000"), ("flying", "1")];
        let burst = read(&flying, &[], &[], &plain()).burst;
        assert_eq!(burst.unwrap().frees_ms(true), None);
    }

    #[test]
    fn an_own_quota_goes_before_the_one_in_force_and_an_announced_one_only_downwards() {
        let quota = |told: &str| {
            let fields = [("burst", "50/10000"), ("toldBurst", told)];
            let burst = read(&fields, &[], &[], &plain()).burst.unwrap();
            (burst.quota.to_string(), burst.configured.to_string())
        };
        assert_eq!(quota("100/10000"), ("50/10s".into(), "50/10s".into()));
        assert_eq!(quota("20/10000"), ("20/10s".into(), "50/10s".into()));
        assert_eq!(quota("nonsense"), ("50/10s".into(), "50/10s".into()));
    }

    #[test]
    fn a_lower_day_counts_for_as_long_as_it_is_believed() {
        let calls = |until: &str| {
            let fields = [("toldDaily", "20/86400000"), ("toldUntil", until)];
            let daily = read(&fields, &[], &[], &plain()).daily.unwrap();
            daily.allowed(true)
        };
        assert_eq!((calls("1000001"), calls("1000000")), (20, 1_000));
    }

    #[test]
    fn a_window_that_has_changed_moves_what_is_to_come_back() {
        let fields = [("burstSpan", "20000"), ("burstPast", "1000000")];
        let ring = ["1000000:9", "1009000:1", "1015000:2"];
        let burst = read(&fields, &ring, &[], &plain()).burst.unwrap();
        assert_eq!((burst.taken, burst.returns), (2, vec![(1_005_000, 2)]));
    }

    #[test]
    fn what_somebody_else_uses_of_the_day_comes_back_when_it_is_believed_no_longer() {
        let fields = [("foreign", "990/1003000")];
        let ledger = read(&fields, &[], &["1002000:1", "1004000:1"], &plain());
        assert_eq!(ledger.foreign, Some((990, 1_003_000)));
        let daily = ledger.daily.unwrap();
        assert_eq!(daily.left(true), 8);
        assert_eq!(daily.returns[1], (1_003_000, 990));
        let past = read(&[("foreign", "990/1000000")], &[], &[], &plain());
        assert_eq!((past.foreign, past.free(true)), (None, 100));
    }

    #[test]
    fn of_what_somebody_else_was_seen_to_have_the_most_counts() {
        let fields = [("others", "990000:50 990100:40 995000:10")];
        let burst = read(&fields, &["1000200:5"], &[], &plain()).burst.unwrap();
        // The first counts no longer.
        assert_eq!(burst.left(true), 100 - 40 - 5);
        let returns = [(1_000_100, 30), (1_000_200, 5), (1_005_000, 10)];
        assert_eq!(burst.returns, returns);
    }

    #[test]
    fn reserve_and_spread_are_for_what_is_not_of_high_priority() {
        let policy = Policy {
            reserve: 0.1,
            spread: true,
            ..plain()
        };
        let fields = [("daily", "20000/86400000")];
        let (burst, daily) = {
            let ledger = read(&fields, &[], &[], &policy);
            (ledger.burst.unwrap(), ledger.daily.unwrap())
        };
        // 18,000 a day are 2.083 in 10 s.
        assert_eq!((burst.allowed(false), burst.allowed(true)), (3, 100));
        assert_eq!(
            (daily.allowed(false), daily.allowed(true)),
            (18_000, 20_000)
        );
    }

    #[test]
    fn without_a_quota_nothing_is_free() {
        let raw = Raw {
            fields: &HashMap::new(),
            in_force: [None, None],
            rings: [&[], &[]],
            set_by: 0,
            slack: None,
            lapses: &Lapses::default(),
            filled: None,
        };
        let ledger = raw.read(&plain(), NOW);
        assert_eq!((ledger.free(true), ledger.windows()), (0, None));
    }
}
