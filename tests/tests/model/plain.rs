//! What the queue promises, a second time: without scripts, indexes or time of its own. Vectors, maps and loops over all jobs.

use std::collections::BTreeMap;

use penstock_shared::{
    job::{Priority, state::State},
    outcome::Cause,
    queue::{Terms, enqueue::Enqueued, repair::Changed},
    quota::Quota,
};

use crate::{
    contacts::Contacts,
    permits::Permits,
    spec::{Key, Spec, TENANTS, Work},
};

/// Where a job is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// It waits for its `runAt`, and is in nobody's way.
    Scheduled {
        until: u64,
    },
    /// It waits for its next attempt, and keeps its place.
    Retrying {
        until: u64,
    },
    /// It runs when it is its turn.
    Due,
    Running {
        token: u64,
        lease: u64,
        worker: u8,
    },
    Done {
        at: u64,
        effect: Option<String>,
    },
    Dead {
        at: u64,
        cause: Cause,
    },
}

/// A job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) priority: Priority,
    pub(crate) stage: Stage,
    pub(crate) due: u64,
    /// Since when it counts as due among others: its due time, or the end of its wait for another attempt.
    pub(crate) since: u64,
    /// It became due by itself: the queue shows it as scheduled until a claim looks.
    pub(crate) overdue: bool,
    pub(crate) attempts: u32,
    pub(crate) deliveries: u64,
    /// The delivery that was settled last.
    pub(crate) settled: Option<u64>,
    /// The delivery that was refused last, since its effect is another job's.
    pub(crate) refused: Option<u64>,
    /// The last step between two calls: delivery and number.
    pub(crate) step: Option<(u64, u32)>,
    /// A call that is not idempotent was to be sent.
    pub(crate) intent: bool,
    /// Its number among all that were stored.
    arrival: u64,
}

/// How a tenant is governed, and what it may send.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) paused: bool,
    pub(crate) held_until: u64,
    pub(crate) permits: Permits,
}

/// The queue.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    pub(crate) now: u64,
    pub(crate) terms: Terms,
    pub(crate) jobs: BTreeMap<Key, Job>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) contacts: Vec<Contacts>,
    pub(crate) done_total: u64,
    /// The last token given out.
    pub(crate) fence: u64,
    /// When a worker was last heard of, and until when no lease ends because of a silence.
    pub(crate) pulse: Option<u64>,
    pub(crate) grace: u64,
    /// What each worker was given last.
    pub(crate) given: BTreeMap<u8, (Vec<(Key, u64)>, u64)>,
    pub(super) effects: BTreeMap<(u8, String), Key>,
    counter: u64,
}

impl Job {
    fn new(spec: &Spec, now: u64, arrival: u64) -> Self {
        let due = now + spec.run_in.unwrap_or(0);
        Self {
            work: spec.work.clone(),
            priority: spec.priority,
            stage: Stage::Due,
            due,
            since: due,
            overdue: false,
            attempts: 0,
            deliveries: 0,
            settled: None,
            refused: None,
            step: None,
            intent: false,
            arrival,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Done { .. } | Stage::Dead { .. })
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    fn is_dead(&self) -> bool {
        matches!(self.stage, Stage::Dead { .. })
    }
}

impl Plain {
    pub(crate) fn new(now: u64, terms: Terms, quotas: [Quota; 2]) -> Self {
        let lane = Lane {
            paused: false,
            held_until: 0,
            permits: Permits::new(quotas),
        };
        Self {
            now,
            terms,
            jobs: BTreeMap::new(),
            lanes: vec![lane; TENANTS.len()],
            contacts: vec![Contacts::default(); TENANTS.len()],
            done_total: 0,
            fence: 0,
            pulse: None,
            grace: 0,
            given: BTreeMap::new(),
            effects: BTreeMap::new(),
            counter: 0,
        }
    }

    pub(crate) fn job(&mut self, key: Key) -> &mut Job {
        self.jobs.get_mut(&key).expect("the job is known")
    }

    pub(crate) fn lane(&mut self, key: Key) -> &mut Lane {
        &mut self.lanes[usize::from(key.tenant)]
    }

    /// Where a job stands, for its callers.
    pub(crate) fn state(&self, key: Key) -> State {
        match &self.jobs[&key].stage {
            Stage::Scheduled { .. } | Stage::Retrying { .. } => State::Scheduled,
            Stage::Due if self.is_first(key) => State::Ready,
            Stage::Due => State::Blocked,
            Stage::Running { .. } => State::Running,
            Stage::Done { .. } => State::Done,
            Stage::Dead { .. } => State::Dead,
        }
    }

    pub(crate) fn is_first(&self, key: Key) -> bool {
        let contact = self.contacts[usize::from(key.tenant)].of(key);
        contact.is_some_and(|contact| contact.first.values().any(|first| *first == key))
    }

    pub(crate) fn open(&self, tenant: u8) -> u64 {
        let open = |(key, job): &(&Key, &Job)| key.tenant == tenant && job.is_open();
        self.jobs.iter().filter(open).count() as u64
    }

    /// Lets time pass: what has come due takes its place, in the order of its moments.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now += ms;
        let mut moved: Vec<(u64, u64, Key)> = Vec::new();
        for (key, job) in &mut self.jobs {
            match job.stage {
                Stage::Retrying { until } if until <= self.now => {
                    (job.stage, job.since, job.overdue) = (Stage::Due, until, true);
                }
                Stage::Scheduled { until } if until <= self.now => {
                    moved.push((until, job.arrival, *key));
                }
                _ => {}
            }
        }
        moved.sort_unstable();
        for (until, _, key) in moved {
            let job = self.job(key);
            (job.since, job.overdue) = (until, true);
            self.join(key);
        }
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn unite(&mut self, tenant: u8, names: &[String]) {
        let jobs = &self.jobs;
        let runs = |key| jobs.get(&key).is_some_and(Job::is_running);
        self.contacts[usize::from(tenant)].unite(names, runs);
        // Whoever lost its turn has lost its wait for another attempt too.
        for key in Key::all().filter(|key| key.tenant == tenant) {
            let waits = matches!(
                self.jobs.get(&key),
                Some(Job {
                    stage: Stage::Retrying { .. },
                    ..
                })
            );
            if waits && !self.is_first(key) {
                self.wait_for_turn(key);
            }
        }
    }

    pub(crate) fn wait_for_turn(&mut self, key: Key) {
        let job = self.job(key);
        (job.stage, job.since, job.overdue) = (Stage::Due, job.due, false);
    }

    fn join(&mut self, key: Key) {
        let place = self.next();
        let job = self.job(key);
        job.stage = Stage::Due;
        let name = job.work.names().remove(0);
        self.contacts[usize::from(key.tenant)].join(&name, place, key);
    }

    /// A job is stored or sent again: what it says of its contact is known at once, its place is taken when it is due.
    fn enter(&mut self, key: Key) {
        let (arrival, now) = (self.next(), self.now);
        let job = self.job(key);
        (job.arrival, job.since, job.overdue) = (arrival, job.due, false);
        let (due, names) = (job.due, job.work.names());
        self.unite(key.tenant, &names);
        if due > now {
            self.job(key).stage = Stage::Scheduled { until: due };
        } else {
            self.join(key);
        }
    }

    pub(crate) fn enqueue(&mut self, specs: &[Spec], whole: bool) -> Vec<Enqueued> {
        let before = self.clone();
        let codes: Vec<_> = specs.iter().map(|spec| self.enqueue_one(spec)).collect();
        if whole && !codes.iter().all(|code| code.is_stored()) {
            *self = before;
        }
        codes
    }

    fn enqueue_one(&mut self, spec: &Spec) -> Enqueued {
        if let Some(known) = self.jobs.get(&spec.key) {
            let same = known.work == spec.work;
            return if same {
                Enqueued::Duplicate
            } else {
                Enqueued::Conflict
            };
        }
        if self.open(spec.key.tenant) >= self.terms.max_backlog {
            let retry_after = std::time::Duration::from_secs(5);
            return Enqueued::BacklogFull { retry_after };
        }
        self.jobs.insert(spec.key, Job::new(spec, self.now, 0));
        self.enter(spec.key);
        Enqueued::Accepted
    }

    /// The API has said that these names are one contact's.
    pub(crate) fn learn(&mut self, tenant: u8, names: &[String]) {
        self.unite(tenant, names);
    }

    /// The dead letter, or why there is none.
    fn dead(&self, key: Key) -> Result<(u64, Cause), Changed> {
        match self.jobs.get(&key).map(|job| &job.stage) {
            None => Err(Changed::Unknown),
            Some(Stage::Dead { at, cause }) => Ok((*at, *cause)),
            Some(_) => Err(Changed::NotDead),
        }
    }

    pub(crate) fn redrive(
        &mut self,
        key: Key,
        priority: Priority,
        delay: u64,
        resend: bool,
    ) -> Changed {
        if let Err(refusal) = self.dead(key) {
            return refusal;
        }
        let now = self.now;
        let job = self.job(key);
        (job.priority, job.due) = (priority, now + delay);
        (job.attempts, job.settled) = (0, None);
        job.intent &= !resend;
        self.enter(key);
        Changed::Ok
    }

    pub(crate) fn discard(&mut self, key: Key) -> Changed {
        if let Err(refusal) = self.dead(key) {
            return refusal;
        }
        self.jobs.remove(&key);
        Changed::Ok
    }

    /// `looked_at`: the death of the letter that is edited.
    pub(crate) fn edit(&mut self, key: Key, looked_at: u64, work: &Work) -> Changed {
        match self.dead(key) {
            Err(refusal) => refusal,
            Ok((at, _)) if at != looked_at => Changed::Stale,
            Ok((_, Cause::Ambiguous)) => Changed::Undecided,
            Ok(_) if self.jobs[&key].intent => Changed::Undecided,
            Ok(_) => {
                self.job(key).work = work.clone();
                Changed::Ok
            }
        }
    }

    pub(crate) fn resolve(&mut self, key: Key, effect: Option<String>) -> Changed {
        match self.dead(key) {
            Err(refusal) => return refusal,
            Ok((_, Cause::Ambiguous)) => {}
            Ok(_) => return Changed::NotAmbiguous,
        }
        if let Some(effect) = &effect {
            let owner = *self
                .effects
                .entry((key.tenant, effect.clone()))
                .or_insert(key);
            if owner != key {
                return Changed::EffectTaken;
            }
        }
        self.done(key, None, effect);
        Changed::Ok
    }

    pub(crate) fn done(&mut self, key: Key, token: Option<u64>, effect: Option<String>) {
        if let Some(effect) = &effect {
            self.effects.insert((key.tenant, effect.clone()), key);
        }
        let at = self.now;
        let job = self.job(key);
        (job.stage, job.settled, job.step) = (Stage::Done { at, effect }, token, None);
        self.done_total += 1;
    }

    /// What has been done for as long as it is kept is forgotten.
    pub(crate) fn forget(&mut self) {
        let kept = u64::try_from(self.terms.retention.as_millis()).expect("a time");
        let (now, effects) = (self.now, &mut self.effects);
        self.jobs.retain(|key, job| match &job.stage {
            Stage::Done { at, effect } if at + kept <= now => {
                let effect = effect.clone().unwrap_or_default();
                effects.remove(&(key.tenant, effect));
                false
            }
            _ => true,
        });
    }

    pub(crate) fn causes(&self) -> BTreeMap<&'static str, u64> {
        let mut causes = BTreeMap::new();
        for job in self.jobs.values() {
            if let Stage::Dead { cause, .. } = &job.stage {
                *causes.entry(cause.as_str()).or_default() += 1;
            }
        }
        causes
    }

    pub(crate) fn dead_letters(&self, tenant: u8) -> u64 {
        let dead = |(key, job): &(&Key, &Job)| key.tenant == tenant && job.is_dead();
        self.jobs.iter().filter(dead).count() as u64
    }
}
