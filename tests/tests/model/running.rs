//! What the queue promises of jobs that run: who may have them, how long, and who may end them.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use penstock_shared::{
    job::{Priority, state::State},
    outcome::{Cause, Permit},
    queue::{
        HEAD_START,
        settle::{Advance, Settled},
    },
};

use crate::{
    operation::End,
    plain::{Plain, Stage},
    spec::{Key, TENANTS},
};

/// A job that the queue gave a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) key: Key,
    pub(crate) token: u64,
    pub(crate) deliveries: u64,
    pub(crate) attempts: u32,
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a time")
}

impl Plain {
    /// The running delivery with this token.
    pub(crate) fn is_owner(&self, key: Key, token: u64) -> bool {
        let stage = self.jobs.get(&key).map(|job| &job.stage);
        matches!(stage, Some(Stage::Running { token: own, .. }) if *own == token)
    }

    /// How many jobs of each tenant a worker has.
    pub(crate) fn held(&self, worker: u8) -> Vec<u64> {
        let mut held = vec![0; TENANTS.len()];
        for (key, job) in &self.jobs {
            if matches!(job.stage, Stage::Running { worker: own, .. } if own == worker) {
                held[usize::from(key.tenant)] += 1;
            }
        }
        held
    }

    /// A worker was heard of. A silence of all of them means that Redis was away, and prolongs every lease once.
    fn heartbeat(&mut self) {
        let silence = ms(self.terms.lease) * 2 / 3;
        if self.pulse.is_some_and(|pulse| self.now - pulse > silence) {
            self.grace = self.now + ms(self.terms.lease);
        }
        self.pulse = Some(self.now);
    }

    /// Leases that have ended give their jobs back, earliest first; their calls may arrive for a while.
    fn take_back(&mut self) {
        if self.now < self.grace {
            return;
        }
        let ended = self.jobs.iter().filter_map(|(key, job)| match job.stage {
            Stage::Running { lease, .. } if lease < self.now => {
                Some((lease, key.tenant(), job.priority, key.id(), *key))
            }
            _ => None,
        });
        let mut ended: Vec<_> = ended.collect();
        ended.sort();
        let (now, late) = (
            self.now,
            ms(self.terms.http_timeout + self.terms.quarantine),
        );
        for (lease, .., key) in ended {
            self.lane(key).permits.give_back_late(lease + late, now);
            self.put_back(key, 0);
        }
    }

    /// The job runs again, after so many milliseconds; it keeps its turn.
    fn put_back(&mut self, key: Key, after: u64) {
        let aside = self.contacts[usize::from(key.tenant)].step_aside(key);
        self.wait_for_turn(key);
        if after > 0 && !aside {
            let until = self.now + after;
            self.job(key).stage = Stage::Retrying { until };
        }
    }

    /// A worker with so many free slots was given these jobs: each was allowed, the most urgent came first, and no more was possible.
    pub(crate) fn claim(&mut self, worker: u8, slots: usize, given: &[Given]) -> Result<()> {
        let held = self.held(worker);
        self.heartbeat();
        self.take_back();
        ensure!(given.len() <= slots, "more than was asked for");
        let ranks: Vec<i64> = given.iter().map(|job| self.rank(job.key)).collect();
        if let Some(first) = given.first() {
            ensure!(first.token > self.fence, "the claim's token is not new");
            self.fence = first.token;
        }
        for job in given {
            self.start(worker, *job)?;
        }
        for (job, rank) in given.iter().zip(ranks) {
            self.nothing_more_urgent(job.key, rank)?;
        }
        self.nothing_left(&held, slots, given)?;
        let last = given.iter().map(|job| (job.key, job.token)).collect();
        let ends = self.now + ms(self.terms.lease);
        self.given.insert(worker, (last, ends));
        Ok(())
    }

    fn start(&mut self, worker: u8, given: Given) -> Result<()> {
        let key = given.key;
        ensure!(self.jobs.contains_key(&key), "{key:?} is unknown");
        let state = self.state(key);
        ensure!(state == State::Ready, "{key:?} was given while {state}");
        ensure!(
            given.token == self.fence,
            "{key:?}: the token is not its claim's"
        );
        let (now, lease) = (self.now, self.now + ms(self.terms.lease));
        let lane = self.lane(key);
        ensure!(!lane.paused, "{key:?} was given while its tenant is paused");
        ensure!(
            lane.held_until <= now,
            "{key:?} was given while its tenant is held"
        );
        ensure!(
            lane.permits.free(now).1 > 0,
            "{key:?} was given without a permit"
        );
        lane.permits.take();
        let job = self.job(key);
        job.deliveries += 1;
        ensure!(
            (given.deliveries, given.attempts) == (job.deliveries, job.attempts),
            "{key:?}: deliveries and attempts are {} and {}, not {} and {}",
            job.deliveries,
            job.attempts,
            given.deliveries,
            given.attempts
        );
        let token = given.token;
        job.overdue = false;
        job.stage = Stage::Running {
            token,
            lease,
            worker,
        };
        Ok(())
    }

    /// The due time less the head start of the most urgent of the job and those that wait behind it.
    fn rank(&self, key: Key) -> i64 {
        let Some(job) = self.jobs.get(&key) else {
            return 0;
        };
        let contact = self.contacts[usize::from(key.tenant)].of(key);
        let behind = contact
            .into_iter()
            .flat_map(|contact| contact.behind.values());
        let most = behind.map(|key| self.jobs[key].priority).max();
        let head_start = i64::try_from(ms(HEAD_START)).expect("a time");
        let head_start = match most.map_or(job.priority, |most| most.max(job.priority)) {
            Priority::High => head_start,
            Priority::Normal => 0,
            Priority::Low => -head_start,
        };
        i64::try_from(job.since).expect("a time") - head_start
    }

    fn ready(&self, tenant: u8) -> impl Iterator<Item = Key> {
        let ready = move |key: &Key| key.tenant == tenant && self.state(*key) == State::Ready;
        self.jobs.keys().copied().filter(ready)
    }

    fn nothing_more_urgent(&self, given: Key, rank: i64) -> Result<()> {
        for left in self.ready(given.tenant) {
            ensure!(
                rank <= self.rank(left),
                "{given:?} was given before {left:?}"
            );
        }
        Ok(())
    }

    /// Law 4: a tenant is left waiting only for a permit, for a person, or because it has as many of the worker's slots as are free.
    fn nothing_left(&self, held: &[u64], slots: usize, given: &[Given]) -> Result<()> {
        let free = (slots - given.len()) as u64;
        for (tenant, lane) in (0_u8..).zip(&self.lanes) {
            let may_run = !lane.paused && lane.held_until <= self.now;
            let taken = given.iter().filter(|job| job.key.tenant == tenant);
            let has = held[usize::from(tenant)] + taken.count() as u64;
            let left = self.ready(tenant).next().filter(|_| may_run && has < free);
            if let Some(left) = left.filter(|_| lane.permits.free(self.now).0 > 0) {
                bail!("{left:?} was not given, though nothing is in its way");
            }
        }
        Ok(())
    }

    /// How many jobs could run now if there were workers enough: at the least, at the most. Of those that have come due unseen it is not known
    /// yet whether they are blocked.
    pub(crate) fn eligible(&self) -> (u64, u64) {
        let mut sum = (0, 0);
        for (tenant, lane) in (0_u8..).zip(&self.lanes) {
            if lane.paused || lane.held_until > self.now {
                continue;
            }
            let ready = self.ready(tenant).count() as u64;
            let jobs = self.jobs.iter();
            let unseen = jobs.filter(|(key, job)| {
                key.tenant == tenant && job.overdue && self.state(**key) == State::Blocked
            });
            let free = lane.permits.free(self.now);
            sum.0 += ready.min(free.0);
            sum.1 += (ready + unseen.count() as u64).min(free.1);
        }
        sum
    }

    /// The last claim of a worker, repeated: the same jobs, as far as it still has them and has not prolonged their leases, with whole ones.
    pub(crate) fn claim_again(&mut self, worker: u8) -> Vec<(Key, u64)> {
        let ends = self.now + ms(self.terms.lease);
        let Some((given, ended)) = self.given.get(&worker).cloned() else {
            return Vec::new();
        };
        let mut mine = given.clone();
        mine.retain(|(key, token)| self.is_owner(*key, *token) && self.lease(*key) == Some(ended));
        for (key, _) in &mine {
            self.prolong(*key);
        }
        self.given.insert(worker, (given, ends));
        mine
    }

    fn lease(&self, key: Key) -> Option<u64> {
        match self.jobs.get(&key)?.stage {
            Stage::Running { lease, .. } => Some(lease),
            _ => None,
        }
    }

    fn prolong(&mut self, key: Key) {
        let end = self.now + ms(self.terms.lease);
        if let Stage::Running { lease, .. } = &mut self.job(key).stage {
            *lease = end;
        }
    }

    /// A worker prolongs its leases; returns what is no longer its own.
    pub(crate) fn renew(&mut self, jobs: &[(Key, u64)]) -> Vec<Key> {
        self.heartbeat();
        let mut lost = Vec::new();
        for (key, token) in jobs {
            if self.is_owner(*key, *token) {
                self.prolong(*key);
            } else {
                lost.push(*key);
            }
        }
        lost
    }

    pub(crate) fn settle(&mut self, key: Key, token: u64, end: End, permit: Permit) -> Settled {
        let Some(job) = self.jobs.get(&key) else {
            return Settled::Missing;
        };
        if !self.is_owner(key, token) {
            return match job.settled == Some(token) {
                true if job.refused == Some(token) => Settled::Refused,
                true => Settled::Ok,
                false => Settled::Lost,
            };
        }
        let longest = ms(self.terms.http_timeout + self.terms.quarantine);
        let now = self.now;
        let lane = self.lane(key);
        match permit {
            Permit::Answered => lane.permits.give_back(now),
            Permit::Unanswered => lane.permits.give_back(now + longest),
            Permit::Unsent => lane.permits.undo(),
        }
        if let End::Throttled { wait } = end {
            lane.held_until = lane.held_until.max(now + wait);
        }
        let job = self.job(key);
        (job.settled, job.step) = (Some(token), None);
        if self.is_anothers(key, end) {
            let again = End::Back {
                after: 0,
                attempt: true,
                delivery: false,
            };
            self.job(key).refused = Some(token);
            self.end(key, token, again);
            return Settled::Refused;
        }
        self.end(key, token, end);
        Settled::Ok
    }

    /// Whether it is to be done by an effect that another job is known by.
    fn is_anothers(&self, key: Key, end: End) -> bool {
        let End::Done { effect } = end else {
            return false;
        };
        let name = effect.map(|effect| (key.tenant, crate::operation::effect(effect)));
        let owner = name.and_then(|name| self.effects.get(&name));
        owner.is_some_and(|owner| *owner != key)
    }

    fn end(&mut self, key: Key, token: u64, end: End) {
        match end {
            End::Done { effect } => {
                self.done(key, Some(token), effect.map(crate::operation::effect));
            }
            End::Dead { cause } => {
                let at = self.now;
                let job = self.job(key);
                job.attempts += u32::from(matches!(cause, Cause::Rejected | Cause::Exhausted));
                job.stage = Stage::Dead { at, cause };
            }
            End::Back {
                after,
                attempt,
                delivery,
            } => {
                let job = self.job(key);
                job.attempts += u32::from(attempt);
                job.deliveries -= u64::from(!delivery);
                return self.put_back(key, after);
            }
            End::Throttled { .. } => {
                self.job(key).deliveries -= 1;
                return self.put_back(key, 0);
            }
        }
        if let Some(next) = self.contacts[usize::from(key.tenant)].leave(key) {
            let next = self.job(next);
            next.since = next.due;
        }
    }

    /// A step between two calls of a delivery, to which the queue said `said`.
    pub(crate) fn advance(
        &mut self,
        key: Key,
        token: u64,
        step: Step,
        said: Advance,
    ) -> Result<()> {
        let mark = Some((token, step.number));
        let known = self.jobs.get(&key);
        let repeated = known.is_some_and(|job| job.step == mark);
        if !self.is_owner(key, token) {
            let settled = known.is_some_and(|job| job.settled == Some(token));
            let expected = if settled && repeated {
                Advance::Later
            } else {
                Advance::Lost
            };
            ensure!(
                said == expected,
                "{key:?}: {said:?} instead of {expected:?}"
            );
            return Ok(());
        }
        if repeated {
            ensure!(
                said == Advance::Granted,
                "{key:?}: {said:?} instead of the same answer again"
            );
            return Ok(());
        }
        self.job(key).step = mark;
        let now = self.now;
        let mut free = (1, 1);
        if step.answered {
            let permits = &mut self.lane(key).permits;
            permits.give_back(now);
            free = permits.free(now);
        }
        match said {
            Advance::Granted => {
                ensure!(free.1 > 0, "{key:?}: a call without a permit");
                self.go_on(key, step);
            }
            Advance::Later => {
                ensure!(free.0 == 0, "{key:?}: refused, though a permit is free");
                let job = self.job(key);
                (job.settled, job.deliveries) = (Some(token), job.deliveries - 1);
                self.put_back(key, 0);
            }
            Advance::Lost => bail!("{key:?}: lost, though the delivery is its own"),
        }
        Ok(())
    }

    fn go_on(&mut self, key: Key, step: Step) {
        if step.answered {
            self.lane(key).permits.take();
        }
        self.job(key).intent |= step.intent;
    }
}

/// A step from one call to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) number: u32,
    pub(crate) answered: bool,
    pub(crate) intent: bool,
}
