//! Mixed jobs of many tenants, several workers, an API that takes its time: each effect once, in order, and never one call too many.

use std::time::Duration;

use penstock_tests::{
    fixture::{Draft, job},
    harness::RedisOptions,
    sandbox::{Kind, Latency, Options, Quota, Window},
};

use crate::stage::{PATIENCE, Stage};

/// What the jobs of one contact do, in turn; an upsert comes first where it must be found by email or phone.
const KINDS: [Kind; 3] = [Kind::Tags, Kind::Note, Kind::Task];
/// The most jobs of one contact.
const DEPTH: usize = 5;

/// The jobs of one contact: how it is named goes by its number.
struct Person {
    tenant: String,
    number: usize,
    jobs: usize,
}

impl Person {
    fn id(&self, at: usize) -> String {
        format!("{}-{}-{at}", self.tenant, self.number)
    }

    /// Whether it is only made by its first job.
    fn is_made(&self) -> bool {
        !self.number.is_multiple_of(3)
    }

    fn draft(&self, at: usize) -> Draft {
        let draft = job(&self.id(at)).of(&self.tenant);
        let email = format!("{}-{}@example.com", self.tenant, self.number);
        let phone = format!("+1415555{:04}", self.number);
        if at == 0 && self.is_made() {
            return draft.upsert(&email, &phone);
        }
        let draft = match self.number % 3 {
            0 => draft.contact(&format!("{}-{}", self.tenant, self.number)),
            1 => draft.email(&email),
            _ => draft.phone(&phone),
        };
        match KINDS[at % 3] {
            Kind::Note => draft.note(&format!("note {at}")),
            Kind::Task => draft.task(&format!("task {at}")),
            _ => draft.tag(&format!("tag-{at}")),
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<_> = (0..self.jobs).map(|at| KINDS[at % 3]).collect();
        if self.is_made() {
            kinds[0] = Kind::Contact;
        }
        kinds
    }
}

/// So many jobs of a tenant, on contacts with at most [`DEPTH`] each.
fn people(tenant: usize, jobs: usize) -> Vec<Person> {
    let persons = (0..jobs.div_ceil(DEPTH)).map(|number| Person {
        tenant: format!("tenant-{tenant}"),
        number,
        jobs: DEPTH.min(jobs - number * DEPTH),
    });
    persons.collect()
}

struct Load {
    stage: Stage,
    people: Vec<Person>,
}

impl Load {
    /// Each tenant has as many jobs as is said, all enqueued at once.
    async fn new(quota: &str, window: Window, tenants: &[usize]) -> Self {
        let mut options = Options::default();
        options.quota.burst = quota.parse().unwrap();
        options.quota.window = window;
        options.latency = Latency {
            least: Duration::from_millis(20),
            most: Duration::from_millis(300),
        };
        let stage = Stage::on(RedisOptions::default(), options).await;
        let people: Vec<_> = (0..tenants.len())
            .flat_map(|tenant| people(tenant, tenants[tenant]))
            .collect();
        let drafts: Vec<_> = (0..DEPTH)
            .flat_map(|at| {
                people
                    .iter()
                    .filter(move |p| at < p.jobs)
                    .map(move |p| p.draft(at))
            })
            .collect();
        stage.enqueue(&drafts).await;
        Self { stage, people }
    }

    async fn is_delivered_by_two_workers(&self, quota: &str, jobs: u64) {
        let settings = [("PENSTOCK_GHL_BURST", quota), ("PENSTOCK_LEASE", "5s")];
        let _workers = (
            self.stage.worker_with(&settings).await,
            self.stage.worker_with(&settings).await,
        );
        self.stage.until_done(jobs).await;
        let seen = self.stage.sandbox.summary();
        assert_eq!((seen.effects, seen.duplicates), (jobs, 0), "each once");
        assert_eq!(seen.over_quota, 0, "no call was one too many");
        assert!(!seen.statuses.contains_key("429"), "{:?}", seen.statuses);
        for person in &self.people {
            self.is_in_order(person).await;
        }
    }

    /// What happened to the contact is what was asked for, in that order, and by these jobs.
    async fn is_in_order(&self, person: &Person) {
        let (mut contact, mut makers) = (None, Vec::new());
        for at in 0..person.jobs {
            let status = self.stage.status_of(&person.tenant, &person.id(at)).await;
            let (done, _) = status.done.expect("it is done");
            let id = done.result["contactId"].as_str().map(str::to_owned);
            assert!(contact.is_none() || contact == id, "{}", person.id(at));
            contact = id;
            makers.push(done.effect);
        }
        let effects = self
            .stage
            .calls()
            .into_iter()
            .filter_map(|call| call.effect);
        let mut effects: Vec<_> = effects
            .filter(|effect| effect.change.contact_id == contact)
            .collect();
        effects.sort_by_key(|effect| effect.order);
        let kinds: Vec<_> = effects.iter().map(|effect| effect.change.kind).collect();
        assert_eq!(kinds, person.kinds(), "{}", person.id(0));
        for (effect, maker) in effects.iter().zip(makers) {
            assert!(maker.is_none() || maker == effect.change.id, "{effect:?}");
        }
    }
}

#[tokio::test]
async fn four_hundred_mixed_jobs_of_eight_tenants_within_sliding_windows() {
    // One tenant needs more calls than two windows have.
    let jobs = [190, 30, 30, 30, 30, 30, 30, 30];
    let load = Load::new("100/10s", Window::Sliding, &jobs).await;
    load.is_delivered_by_two_workers("100/10s", 400).await;
    let busiest = load.stage.calls_of("tenant-0");
    assert!(busiest.len() >= 190, "the quota was reached");
}

#[tokio::test]
async fn mixed_jobs_within_fixed_windows() {
    let load = Load::new("30/3s", Window::Fixed, &[100, 20, 20]).await;
    load.is_delivered_by_two_workers("30/3s", 140).await;
}

/// Every job of the tenant is due, and two workers share its quota.
#[tokio::test]
async fn a_quota_shared_by_two_workers_is_never_exceeded() {
    const QUOTA: &str = "50/5s";
    let quota: Quota = QUOTA.parse().unwrap();
    let mut options = Options::default();
    // The sandbox only counts: what it would refuse is found in its ledger.
    options.quota.burst.calls = 100_000;
    let stage = Stage::on(RedisOptions::default(), options).await;
    let drafts: Vec<_> = (0..150).map(|at| job(&format!("job-{at}"))).collect();
    stage.enqueue(&drafts).await;
    let settings = [("PENSTOCK_GHL_BURST", QUOTA)];
    let workers = [
        stage.worker_with(&settings).await,
        stage.worker_with(&settings).await,
    ];
    stage.until_done(150).await;
    let calls = stage.calls();
    assert_eq!(calls.len(), 150);
    let window = quota.calls as usize;
    for pair in calls.windows(window + 1) {
        let apart = pair[window].at.since(pair[0].at);
        assert!(
            apart >= quota.window,
            "{window} calls and one within {apart:?}"
        );
    }
    for worker in &workers {
        worker.wait_for_line("delivery ended", PATIENCE).await;
    }
}
