//! What can be known of the quota from the reports that have been settled.

use anyhow::{Result, ensure};
use penstock_shared::{
    queue::{ledger::Ledger, report::Report},
    quota::{Quota, RateReport},
    span::millis,
};

use super::api::{Epoch, Quotas, quota};
use crate::permits::{Permits, ms};

pub(crate) const HOUR: u64 = 3_600_000;

/// What a truthful report leaves of a window.
#[derive(Debug)]
struct Room {
    window: usize,
    sent: u64,
    until: u64,
    /// The calls that it left, less those claimed since it was settled.
    calls: i64,
}

/// All that is known.
#[derive(Debug)]
pub(crate) struct Known {
    configured: Quotas,
    told: [Option<Quota>; 2],
    /// Until when a day is believed that was told.
    told_until: u64,
    in_force: Epoch,
    /// Moments are rounded up to this, a hundredth of the longest burst window that was in force.
    pub(crate) grain: u64,
    /// Our permits, as if no response had said anything.
    own: Permits,
    /// Our permits under the quotas in force.
    permits: Permits,
    rooms: Vec<Room>,
    /// When the call was sent whose report of the day is the newest.
    newest_day: u64,
    /// Whether all that was said was true, and of windows like the configured ones.
    pub(crate) trustful: bool,
}

impl Known {
    pub(crate) fn new(configured: Quotas) -> Self {
        Self {
            configured,
            told: [None; 2],
            told_until: 0,
            in_force: Epoch {
                number: 0,
                quotas: configured,
            },
            grain: ms(configured[0]).div_ceil(100),
            own: Permits::new(configured),
            permits: Permits::new(configured),
            rooms: Vec::new(),
            newest_day: 0,
            trustful: true,
        }
    }

    /// What is configured, and told downwards from that.
    pub(crate) fn in_force(&self) -> Epoch {
        self.in_force
    }

    /// The quotas in force may be others by now.
    fn look(&mut self, now: u64) {
        if self.told_until <= now {
            self.told[1] = None;
        }
        let before = self.in_force.quotas;
        let mut in_force = self.configured;
        for (own, told) in in_force.iter_mut().zip(self.told) {
            *own = told.map_or(*own, |told| own.stricter(told));
        }
        if before == in_force {
            return;
        }
        self.in_force.number += 1;
        self.in_force.quotas = in_force;
        self.grain = self.grain.max(ms(in_force[0]).div_ceil(100));
        // What was left of another quota says nothing of this.
        self.rooms
            .retain(|room| before[room.window] == in_force[room.window]);
        self.permits.set(in_force, now);
    }

    pub(crate) fn claim(&mut self) {
        self.own.take();
        self.permits.take();
        for room in &mut self.rooms {
            room.calls -= 1;
        }
    }

    /// Nothing was sent.
    pub(crate) fn undo(&mut self) {
        self.own.undo();
        self.permits.undo();
        for room in &mut self.rooms {
            room.calls += 1;
        }
    }

    pub(crate) fn give_back(&mut self, last: u64) {
        self.own.give_back(last);
        self.permits.give_back(last);
    }

    /// A response has been settled.
    pub(crate) fn hear(&mut self, report: &Report, truthful: bool, now: u64) {
        self.tell(&report.rate, now);
        let (sent, burst) = (report.sent_ms, ms(self.in_force.quotas[0]));
        if now > sent + burst {
            return;
        }
        if let Some(left) = report.rate.burst_remaining.filter(|_| truthful) {
            self.leave(0, sent, burst, left);
        }
        // Of the day the newest report counts, be it true or not.
        if let Some(left) = report.rate.daily_remaining
            && sent >= self.newest_day
        {
            self.newest_day = sent;
            self.rooms
                .retain(|room| room.window == 0 || room.sent == sent);
            if truthful {
                self.leave(1, sent, HOUR.min(ms(self.in_force.quotas[1])), left);
            }
        }
    }

    fn leave(&mut self, window: usize, sent: u64, wait: u64, left: u32) {
        self.rooms.push(Room {
            window,
            sent,
            until: sent + wait,
            calls: left.into(),
        });
    }

    fn tell(&mut self, rate: &RateReport, now: u64) {
        let [burst, daily] = self.in_force.quotas;
        if let Some(calls) = rate.burst_limit {
            let window = rate.interval.map_or(ms(burst), millis);
            self.told[0] = Some(quota(calls, window.min(HOUR)));
        }
        if let Some(calls) = rate.daily_limit {
            self.told[1] = Some(quota(calls, ms(daily)));
            // In whole minutes.
            self.told_until = (now + HOUR) / 60_000 * 60_000;
        }
        self.look(now);
    }

    /// What the ledger says, against what it may and must. `others`: the most that may be held for them.
    pub(crate) fn check(&mut self, ledger: &Ledger, others: [u64; 2], now: u64) -> Result<()> {
        self.look(now);
        let in_force = self.in_force.quotas;
        let (burst, daily) = ledger.windows().expect("quotas are known");
        for (at, window) in [burst, daily].into_iter().enumerate() {
            let free = window.left(true);
            let (own, permits) = (self.own.left(at, now), self.permits.left(at, now));
            ensure!(free <= own.1, "headers free calls: {free} of {own:?}, {at}");
            ensure!(
                free <= permits.1,
                "more than was told: {free} of {permits:?}, {at}"
            );
            ensure!(
                window.quota == in_force[at],
                "{} counts, not {}",
                window.quota,
                in_force[at]
            );
            ensure!(
                !self.trustful || free + others[at] >= permits.0,
                "ours are taken for another's: {free} of {permits:?}, {at}"
            );
            self.check_rooms(at, free, now)?;
        }
        Ok(())
    }

    fn check_rooms(&self, window: usize, free: u64, now: u64) -> Result<()> {
        for room in &self.rooms {
            if room.window != window || now >= room.until {
                continue;
            }
            let back = self.permits.back(window, room.sent, now);
            let left = room.calls + i64::try_from(back)?;
            ensure!(
                i64::try_from(free)? <= left.max(0),
                "{free} are claimed of {left} that a report left: {room:?}"
            );
        }
        Ok(())
    }

    /// The calls of the day that are left by what is known of us.
    pub(crate) fn left_of_day(&self, now: u64) -> (u64, u64) {
        self.permits.left(1, now)
    }

    pub(crate) fn own_left_of_day(&self, now: u64) -> u64 {
        self.own.left(1, now).0
    }
}
