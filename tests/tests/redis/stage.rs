//! The sandbox, programs on whatever Redis a test has, and a producer that goes on.

use std::{collections::BTreeMap, time::Duration};

use penstock_shared::{
    queue::{Location, Queue, Terms, enqueue::Admission},
    settings::Settings,
};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, RedisServer, wait_until},
    sandbox::{Kind, Options, Running, Sandbox},
};
use serde_json::json;

/// For whatever must happen at all; how soon is not what these tests are about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// What a worker says when Redis has gone back in time.
pub(crate) const FORGOTTEN: &str = "has lost what it had acknowledged";
/// How many jobs a producer is ahead of the workers.
const AHEAD: u64 = 200;
/// Contacts that have jobs, over all tenants.
const CONTACTS: usize = 24;
const TENANTS: usize = 6;

/// Short, so that a test sees the end of each; and quotas that no test reaches.
const SETTINGS: [(&str, &str); 7] = [
    ("PENSTOCK_GHL_TOKEN", "pit-test"),
    ("PENSTOCK_GHL_BURST", "100000/10s"),
    ("PENSTOCK_LEASE", "3s"),
    ("PENSTOCK_HTTP_TIMEOUT", "3s"),
    ("PENSTOCK_QUARANTINE", "1s"),
    ("PENSTOCK_BACKOFF", "50ms..100ms"),
    ("PENSTOCK_COALESCE", "off"),
];

/// A test's programs and its own way to the queue.
pub(crate) struct Stage {
    pub(crate) sandbox: Running,
    pub(crate) queue: Queue,
    settings: Vec<(String, String)>,
}

impl Stage {
    /// On the Redis with this URL, with further settings for every program.
    pub(crate) async fn on(url: &str, further: &[(&str, &str)]) -> Self {
        let mut options = Options::default();
        options.quota.burst.calls = 100_000;
        let sandbox = Sandbox::start(options).await.unwrap();
        let api = sandbox.url();
        let places = [("PENSTOCK_REDIS_URL", url), ("PENSTOCK_GHL_BASE_URL", &api)];
        let all = SETTINGS.iter().chain(&places).chain(further);
        let settings: Vec<_> = all
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let stage = Self {
            queue: connect(&settings).await,
            sandbox,
            settings,
        };
        for number in 0..CONTACTS {
            stage.contact(&tenant(number), &contact(number));
        }
        stage
    }

    /// Puts a contact into the API.
    pub(crate) fn contact(&self, tenant: &str, id: &str) {
        let contact = json!({ "id": id, "locationId": tenant });
        self.sandbox.seed_contact(&contact).unwrap();
    }

    pub(crate) fn faults(&self, faults: &[&str]) {
        self.sandbox
            .set_faults(faults.iter().map(|fault| fault.parse().unwrap()));
    }

    /// A program with all these settings that has not been started.
    pub(crate) fn program(&self, name: &str) -> penstock_tests::harness::ProgramBuilder {
        let settings = self.settings.iter();
        settings.fold(Program::new(name), |program, (name, value)| {
            program.env(name, value)
        })
    }

    /// A worker that is ready.
    pub(crate) async fn worker(&self) -> Program {
        let worker = self.program("penstock-worker").start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    }

    /// Stores a job of each kind for every contact, again and again with their ids until all are acknowledged.
    pub(crate) async fn enqueue_round(&self, number: usize) -> u64 {
        let drafts = round(number);
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        for jobs in jobs.chunks(8) {
            wait_until("jobs to be acknowledged", PATIENCE, || async {
                let stored = self.queue.enqueue(jobs, Admission::Each).await.ok()?;
                stored.iter().all(|code| code.is_stored()).then_some(())
            })
            .await;
        }
        jobs.len() as u64
    }

    /// Rounds without end, until `done` is: returns how many jobs were acknowledged. They come as fast as they are worked off, so that there is
    /// always something to do, and little left at the end.
    pub(crate) async fn enqueue_while<F: Future>(&self, done: F) -> u64 {
        let mut acknowledged = 0;
        let mut number = 0;
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                _ = &mut done => return acknowledged,
                () = self.sandbox.until(|seen| seen.effects + AHEAD >= acknowledged) => {}
            }
            // A round that was begun is brought to its end: then each of its jobs is acknowledged.
            let mut over = false;
            let mut round = std::pin::pin!(self.enqueue_round(number));
            acknowledged += loop {
                tokio::select! {
                    stored = &mut round => break stored,
                    _ = &mut done, if !over => over = true,
                }
            };
            number += 1;
            if over {
                return acknowledged;
            }
        }
    }

    /// Waits until the API has seen so many effects more than now.
    pub(crate) async fn until_effects(&self, more: u64) {
        let wanted = self.sandbox.summary().effects + more;
        let seen = self.sandbox.until(|seen| seen.effects >= wanted);
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        assert!(
            seen.is_ok(),
            "waited {PATIENCE:?} in vain for {more} effects"
        );
    }

    /// Waits until so many jobs are done, and each had its effect once, in order per contact.
    pub(crate) async fn until_all_done(&self, all: u64) {
        let what = format!("{all} jobs to be done");
        wait_until(&what, PATIENCE, || async {
            // Redis may be away for a moment.
            let stats = self.queue.stats().await.ok()?;
            assert_eq!(stats.dead, 0, "none was to die");
            (stats.done_total == all).then_some(())
        })
        .await;
        let seen = self.sandbox.summary();
        assert_eq!((seen.effects, seen.duplicates), (all, 0));
        self.assert_order();
    }

    /// Whatever Redis was through, it has forgotten nothing, and nobody has to think so.
    pub(crate) async fn nothing_was_forgotten(&self, servers: &[RedisServer], workers: &[Program]) {
        for worker in workers {
            let told = worker.stderr();
            let alarm = told.iter().find(|line| line.contains(FORGOTTEN));
            assert_eq!(alarm, None);
        }
        for shard in 0..self.queue.shards() {
            let travels = travels(servers, &self.queue.keys(shard).config()).await;
            assert!(!travels.is_empty(), "some server has shard {shard}");
            assert!(travels.iter().all(Option::is_none), "{travels:?}");
        }
    }

    /// What happened to a contact did so in the order in which it was enqueued: round for round, a note, a tag and a task.
    fn assert_order(&self) {
        let calls = self.sandbox.calls_after(0).into_iter();
        let mut effects: Vec<_> = calls.filter_map(|call| call.effect).collect();
        effects.sort_by_key(|effect| effect.order);
        let mut kinds: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for effect in effects {
            let contact = effect.change.contact_id.unwrap();
            kinds.entry(contact).or_default().push(effect.change.kind);
        }
        for (contact, kinds) in kinds {
            let expected = [Kind::Note, Kind::Tags, Kind::Task].into_iter().cycle();
            let expected: Vec<_> = expected.take(kinds.len()).collect();
            assert_eq!(kinds, expected, "{contact}");
        }
    }
}

/// When Redis is said to have gone back in time, by each server that has this key.
async fn travels(servers: &[RedisServer], config: &str) -> Vec<Option<String>> {
    let mut travels = Vec::new();
    for server in servers {
        let mut connection = server.connect().await.unwrap();
        let travel = redis::cmd("HGET").arg(config).arg("travel").take();
        travels.extend(travel.query_async(&mut connection).await.ok());
    }
    travels
}

async fn connect(settings: &[(String, String)]) -> Queue {
    let pairs = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let loaded = Settings::load_from(pairs).unwrap();
    Queue::connect(Location::from(&loaded), Terms::from(&loaded))
        .await
        .unwrap()
}

fn contact(number: usize) -> String {
    format!("c-{number}")
}

fn tenant(number: usize) -> String {
    format!("tenant-{}", number % TENANTS)
}

/// A note, a tag and a task for each contact.
fn round(number: usize) -> Vec<Draft> {
    let jobs = (0..CONTACTS).flat_map(|at| {
        let of = |kind: &str| {
            let draft = job(&format!("{kind}-{number}-{at}"));
            draft.of(&tenant(at)).contact(&contact(at))
        };
        [
            of("note").note(&format!("note {number}")),
            of("tag").tag(&format!("tag-{number}")),
            of("task").task(&format!("task {number}")),
        ]
    });
    jobs.collect()
}
