//! A Redis, the producer on it, and the test's own way to what is stored.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    job::state::State,
    queue::{
        Location, Queue, Terms,
        claim::{ClaimRequest, Claimed},
        enqueue::{Admission, Enqueued},
        settle::{Settled, Settlement},
    },
    settings::{Durability, Encryption},
};
use penstock_tests::{
    fixture::{Draft, done},
    harness::{Finished, Program, ProgramBuilder, RedisOptions, RedisServer, run, wait_until},
};

pub(crate) const PRODUCER: &str = "penstock-producer";
/// The tenant of most tests.
pub(crate) const ACME: &str = "acme";
/// For whatever must happen at all; how soon is not what these tests are about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough that no lease ends within a test.
const LEASE: Duration = Duration::from_secs(600);

/// A Redis, and the queue on it.
pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) queue: Queue,
    claims: u64,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::on(RedisOptions::default()).await
    }

    pub(crate) async fn on(redis: RedisOptions) -> Self {
        Self::with_shards(redis, 1).await
    }

    pub(crate) async fn with_shards(redis: RedisOptions, shards: u16) -> Self {
        let redis = RedisServer::start(redis).await;
        let queue = connect(&redis, shards).await;
        Self {
            redis,
            queue,
            claims: 0,
        }
    }

    /// The producer, told where this Redis is.
    pub(crate) fn producer(&self, settings: &[(&str, &str)]) -> ProgramBuilder {
        self.producer_at(&self.redis.url(), settings)
    }

    /// The same with another way to Redis.
    pub(crate) fn producer_at(&self, url: &str, settings: &[(&str, &str)]) -> ProgramBuilder {
        let shards = self.queue.shards().to_string();
        let builder = Program::new(PRODUCER)
            .env("PENSTOCK_REDIS_URL", url)
            .env("PENSTOCK_SHARDS", shards);
        settings
            .iter()
            .fold(builder, |builder, (name, value)| builder.env(name, value))
    }

    /// Runs `enqueue` with this as its standard input.
    pub(crate) async fn enqueue(&self, args: &[&str], stdin: impl Into<Vec<u8>>) -> Finished {
        self.enqueue_with(args, &[], stdin).await
    }

    pub(crate) async fn enqueue_with(
        &self,
        args: &[&str],
        settings: &[(&str, &str)],
        stdin: impl Into<Vec<u8>>,
    ) -> Finished {
        let (url, shards) = (self.redis.url(), self.queue.shards().to_string());
        let places = [
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_SHARDS", shards.as_str()),
        ];
        let env = [&places, settings].concat();
        run(PRODUCER, [&["enqueue"], args].concat(), &env, stdin).await
    }

    /// Stores jobs without the producer.
    pub(crate) async fn store(&self, drafts: &[Draft]) {
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        let stored = self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
        assert!(stored.iter().all(|code| *code == Enqueued::Accepted));
    }

    /// The ids under which the tenant has jobs, sorted.
    pub(crate) async fn ids(&self, tenant: &str) -> Vec<String> {
        let key = self.queue.keys(self.queue.shard_of(tenant)).job(tenant);
        let mut ids: Vec<String> = self.redis.get(["HKEYS", &key]).await;
        ids.sort();
        ids
    }

    /// How many jobs the tenant has.
    pub(crate) async fn count(&self, tenant: &str) -> usize {
        let key = self.queue.keys(self.queue.shard_of(tenant)).job(tenant);
        self.redis.get(["HLEN", &key]).await
    }

    /// Waits until the tenant has so many jobs.
    pub(crate) async fn wait_for_count(&self, tenant: &str, count: usize) {
        wait_until("the jobs to be stored", PATIENCE, async || {
            (self.count(tenant).await >= count).then_some(())
        })
        .await;
    }

    /// A worker says that it lives, and that there is quota for all that these tests do.
    pub(crate) async fn register(&self, shard: u16) {
        let quotas = ("100000/10s".parse().unwrap(), "1000000/1d".parse().unwrap());
        let about = HashMap::new();
        let registered = self.queue.register(shard, "w", quotas, &about).await;
        registered.unwrap();
    }

    /// Claims the tenant's due jobs, up to so many.
    pub(crate) async fn claim(&mut self, tenant: &str, slots: usize) -> Vec<Claimed> {
        let shard = self.queue.shard_of(tenant);
        self.register(shard).await;
        self.claims += 1;
        let request = ClaimRequest {
            number: self.claims,
            slots,
            held: vec![],
        };
        let claim = self.queue.claim(shard, "w", &request).await;
        claim.unwrap().jobs
    }

    /// The one job that is due.
    pub(crate) async fn claim_one(&mut self, tenant: &str) -> Claimed {
        let mut claimed = self.claim(tenant, 1).await;
        claimed.pop().expect("a job is due")
    }

    /// Waits until so many jobs are due, of whichever tenant.
    pub(crate) async fn wait_for_due(&self, count: u64) {
        wait_until("jobs to be due", PATIENCE, async || {
            let stats = self.queue.stats().await.unwrap();
            (stats.ready >= count).then_some(())
        })
        .await;
    }

    /// Waits until the test's own connection is there again after an outage.
    pub(crate) async fn reconnect(&self) {
        wait_until("Redis to answer", PATIENCE, async || {
            self.queue.ping().await.ok()
        })
        .await;
    }

    /// Ends a delivery.
    pub(crate) async fn settle(&self, settlement: Settlement) {
        let shard = self.queue.shard_of(settlement.reference.tenant());
        let settled = self.queue.settle(shard, &[settlement]).await.unwrap();
        assert_eq!(settled, [Settled::Ok]);
    }

    /// Runs the tenant's due jobs one after another until none is left; their ids in that order.
    pub(crate) async fn drain(&mut self, tenant: &str) -> Vec<String> {
        let mut order = Vec::new();
        while let Some(job) = self.claim(tenant, 1).await.pop() {
            order.push(job.reference.id().to_owned());
            self.settle(done(&job)).await;
        }
        order
    }

    /// Where a job stands.
    pub(crate) async fn state_of(&self, tenant: &str, id: &str) -> State {
        let mut found = self.queue.find(id, Some(tenant)).await.unwrap();
        found.pop().expect("there is such a job").state
    }
}

async fn connect(redis: &RedisServer, shards: u16) -> Queue {
    let location = Location {
        url: redis.url().into(),
        roots: None,
        namespace: "penstock".into(),
        shards,
        durability: Durability::Everysec,
        encryption: Encryption::default(),
    };
    let terms = Terms {
        lease: LEASE,
        http_timeout: Duration::from_secs(10),
        quarantine: Duration::from_secs(30),
        reserve: 0.1,
        spread: false,
        coalesce: 1,
        max_backlog: 1_000_000,
        memory: 90,
        retention: Duration::from_secs(86_400),
    };
    Queue::connect(location, terms).await.unwrap()
}

/// A job as a producer writes it.
pub(crate) fn text(draft: &Draft) -> String {
    serde_json::to_string(&draft.job()).unwrap()
}

/// Jobs, one a line.
pub(crate) fn lines<'a>(drafts: impl IntoIterator<Item = &'a Draft>) -> String {
    drafts.into_iter().map(|draft| text(draft) + "\n").collect()
}

/// Jobs as an array.
pub(crate) fn array<'a>(drafts: impl IntoIterator<Item = &'a Draft>) -> String {
    let texts: Vec<String> = drafts.into_iter().map(text).collect();
    format!("[{}]", texts.join(","))
}

/// The counts that a run prints: accepted, duplicates, rejected.
pub(crate) fn counts(accepted: u64, duplicates: u64, rejected: u64) -> String {
    format!("{{\"accepted\":{accepted},\"duplicates\":{duplicates},\"rejected\":{rejected}}}\n")
}
