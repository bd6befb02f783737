//! Workers and an API that are played: only the test's clock passes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use penstock_shared::{
    queue::{
        claim::{ClaimRequest, Claimed},
        crew::SLOTS,
        reference::Reference,
        settle::{Advance, Fields, Settlement, Step},
    },
    span::millis,
};
use penstock_tests::fixture::{Bench, Draft, back, delivered, job};

/// How long a worker waits for jobs that are due, but not for it.
const CROWDED: u64 = 20;

/// A worker's slots.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    slots: usize,
    held: HashMap<String, usize>,
}

/// A call on its way: whose it is, and which of its job's.
#[derive(Debug)]
struct Call {
    worker: usize,
    claimed: Claimed,
    number: u32,
    took: u64,
}

/// Workers on a bench.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) bench: Bench,
    pub(crate) workers: Vec<Worker>,
    /// How long a call takes in the mean.
    pub(crate) call_ms: u64,
    /// How many calls a job needs.
    pub(crate) calls: u32,
    /// The first attempt of every so many-th job fails, and the next is ten seconds later.
    pub(crate) fails: Option<u64>,
    claims: u64,
    ends: BTreeMap<u64, Vec<Call>>,
    /// Jobs whose first call has been answered.
    looked_up: HashSet<String>,
    /// By tenant and id: when its first call was sent, and when it had ended.
    sent: HashMap<(String, String), u64>,
    ended: HashMap<(String, String), u64>,
}

impl Play {
    pub(crate) async fn start(
        bench: Bench,
        slots: &[usize],
        (burst, daily): (&str, &str),
        call_ms: u64,
    ) -> Self {
        let mut workers = Vec::new();
        for (number, slots) in slots.iter().enumerate() {
            let name = format!("w{number}");
            let quotas = (burst.parse().unwrap(), daily.parse().unwrap());
            let about = HashMap::from([(SLOTS.to_owned(), slots.to_string())]);
            let queue = bench.queue();
            queue.register(0, &name, quotas, &about).await.unwrap();
            workers.push(Worker {
                name,
                slots: *slots,
                held: HashMap::new(),
            });
        }
        Self {
            bench,
            workers,
            call_ms,
            calls: 1,
            fails: None,
            claims: 0,
            ends: BTreeMap::new(),
            looked_up: HashSet::new(),
            sent: HashMap::new(),
            ended: HashMap::new(),
        }
    }

    /// Half as long or up to half as long again, by its id and delivery.
    fn time_of(&self, claimed: &Claimed) -> u64 {
        let chance = number_of(claimed) + u64::from(claimed.deliveries);
        self.call_ms / 2 + self.call_ms * (chance * 7919 % 101) / 101
    }

    /// Goes on until this moment, or until everything is done.
    pub(crate) async fn run(&mut self, until: Option<u64>) {
        loop {
            self.end_calls().await;
            let next = self.claim_all().await;
            let end = self.ends.keys().next().copied();
            let Some(next) = next.into_iter().chain(end).min() else {
                break;
            };
            if let Some(until) = until.filter(|until| next > *until) {
                self.bench.now = until;
                return;
            }
            self.bench.now = next;
        }
        if let Some(until) = until {
            self.bench.now = until;
        }
    }

    /// Every worker takes what it can; returns when there may be more.
    async fn claim_all(&mut self) -> Option<u64> {
        let mut soonest = None;
        for number in 0..self.workers.len() {
            let next = self.claim(number).await;
            soonest = soonest.into_iter().chain(next).min();
        }
        soonest
    }

    async fn claim(&mut self, number: usize) -> Option<u64> {
        loop {
            let worker = &self.workers[number];
            let slots = worker.slots - worker.held.values().sum::<usize>();
            if slots == 0 {
                return None;
            }
            self.claims += 1;
            let request = ClaimRequest {
                number: self.claims,
                slots,
                held: worker.held.clone().into_iter().collect(),
            };
            let name = worker.name.clone();
            let claim = self.bench.claim_as(&name, &request).await;
            if claim.jobs.is_empty() {
                let wait = claim.next.map(millis)?.max(CROWDED);
                return Some(self.bench.now + wait);
            }
            for claimed in claim.jobs {
                let lane = claimed.reference.lane().to_string();
                *self.workers[number].held.entry(lane).or_default() += 1;
                let name = named(&claimed.reference);
                let call = if self.looked_up.contains(&name.1) {
                    2
                } else {
                    1
                };
                let riders = claimed.riders.iter().map(|rider| named(&rider.reference));
                for name in riders.chain([name]) {
                    self.sent.entry(name).or_insert(self.bench.now);
                }
                self.send(number, claimed, call);
            }
        }
    }

    fn send(&mut self, worker: usize, claimed: Claimed, number: u32) {
        let took = self.time_of(&claimed);
        let ends = self.ends.entry(self.bench.now + took).or_default();
        ends.push(Call {
            worker,
            claimed,
            number,
            took,
        });
    }

    async fn end_calls(&mut self) {
        let Some(ended) = self.ends.remove(&self.bench.now) else {
            return;
        };
        let mut settlements = Vec::new();
        for call in ended {
            if call.number < self.calls {
                self.next_call(call).await;
                continue;
            }
            self.release(&call);
            settlements.push(Settlement {
                calls: 1,
                took: Duration::from_millis(call.took),
                ..self.end(&call)
            });
        }
        if !settlements.is_empty() {
            self.bench.settle(&settlements).await;
        }
    }

    /// How its job ends, and those that rode in the call.
    fn end(&mut self, call: &Call) -> Settlement {
        let claimed = &call.claimed;
        let every = self
            .fails
            .filter(|every| number_of(claimed).is_multiple_of(*every));
        if every.is_some() && claimed.run.attempts() == 0 {
            return back(claimed, 10_000);
        }
        self.ended.insert(named(&claimed.reference), self.bench.now);
        let riders = claimed.riders.iter().map(|rider| {
            self.ended.insert(named(&rider.reference), self.bench.now);
            let rider = Claimed {
                reference: rider.reference.clone(),
                record: rider.record.clone(),
                riders: Vec::new(),
                ..claimed.clone()
            };
            Settlement {
                calls: 0,
                ..delivered(&rider)
            }
        });
        Settlement {
            riders: riders.collect(),
            ..delivered(claimed)
        }
    }

    /// Its look-up has been answered; the next call may have to wait.
    async fn next_call(&mut self, call: Call) {
        let step = Step {
            number: 1,
            answered: true,
            fields: Fields::from([("contact", "c1".to_owned())]),
            intent: None,
            report: None,
            calls: 1,
            took: Duration::from_millis(call.took),
        };
        self.looked_up.insert(named(&call.claimed.reference).1);
        let (reference, token) = (&call.claimed.reference, call.claimed.token);
        let queue = self.bench.queue();
        match queue.advance(reference, token, &step).await.unwrap() {
            Advance::Granted => self.send(call.worker, call.claimed, call.number + 1),
            Advance::Later => self.release(&call),
            Advance::Lost => panic!("{reference} is lost"),
        }
    }

    fn release(&mut self, call: &Call) {
        let lane = call.claimed.reference.lane().to_string();
        *self.workers[call.worker].held.get_mut(&lane).unwrap() -= 1;
    }

    /// As many producers would: some in every millisecond.
    pub(crate) async fn enqueue(&mut self, jobs: &[Draft]) {
        for page in jobs.chunks(100) {
            self.bench.enqueue(page).await;
            self.bench.pass(1);
        }
    }

    /// So much time passes, and the workers live.
    pub(crate) async fn pass(&mut self, ms: u64) {
        self.bench.pass(ms);
        for worker in &self.workers {
            let renewed = self.bench.queue().renew(0, &worker.name, &[]).await;
            renewed.expect("it renews");
        }
    }

    /// So many jobs are done, from which it is known what a job costs.
    pub(crate) async fn warm_up(&mut self, count: usize) {
        let warm_up = self.claims;
        let jobs = (0..count).map(|number| job(&format!("warm-up{warm_up}-{number}")));
        self.enqueue(&jobs.collect::<Vec<_>>()).await;
        self.run(None).await;
    }

    /// Enqueues these jobs of `acme`, asks when the middle one, the last one and all that the tenant has will be served, and plays it.
    pub(crate) async fn foretell(&mut self, title: &str, jobs: &[Draft]) {
        self.enqueue(jobs).await;
        let start = self.bench.now;
        let ids = [jobs.len() / 2, jobs.len() - 1].map(|at| jobs[at].build().id.to_string());
        let foretold = self.foretold(&ids).await;
        self.run(None).await;
        let happened = self.happened(&ids);
        let whats = ["middle one", "last one", "all"];
        for (what, (foretold, happened)) in whats.iter().zip(foretold.iter().zip(happened)) {
            let [foretold, happened] = [*foretold, happened].map(|at| seconds(at - start));
            let off = 100.0 * (foretold - happened).abs() / happened;
            println!(
                "{title:24} {what:10} foretold {foretold:9.1} s, happened {happened:9.1} s, {off:4.1} % off"
            );
            assert!(off <= 10.0, "{title}, {what}: {off} % off");
        }
    }

    async fn foretold(&self, ids: &[String]) -> Vec<u64> {
        let queue = self.bench.queue();
        let mut foretold = Vec::new();
        for id in ids {
            let eta = queue.eta(&self.bench.status(id).await).await;
            foretold.push(eta.unwrap().expect("it is foreseen"));
        }
        let tenants = queue.tenant_stats().await.unwrap();
        let acme = tenants.iter().find(|row| row.tenant == "acme");
        foretold.push(acme.unwrap().eta_ms.expect("it is foreseen"));
        foretold
    }

    fn happened(&self, ids: &[String]) -> Vec<u64> {
        let acme = |id: &String| ("acme".to_owned(), id.clone());
        let mut happened: Vec<_> = ids.iter().map(|id| self.sent[&acme(id)]).collect();
        let of_acme = self
            .ended
            .iter()
            .filter(|((tenant, _), _)| tenant == "acme");
        happened.push(*of_acme.map(|(_, at)| at).max().expect("some have ended"));
        happened
    }
}

/// A number that tells jobs apart: their ids' digits, or so.
fn number_of(claimed: &Claimed) -> u64 {
    let bytes = claimed.reference.id().bytes();
    bytes.fold(0, |number, byte| {
        (number * 31 + u64::from(byte)) % 1_000_003
    })
}

fn named(job: &Reference) -> (String, String) {
    (job.tenant().to_owned(), job.id().to_owned())
}

#[allow(clippy::cast_precision_loss, reason = "some days at the most")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
