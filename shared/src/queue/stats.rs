//! Counts, for people and for gauges.

use std::collections::HashMap;

use super::{
    Queue,
    crew::Crew,
    error::QueueError,
    keys::Keys,
    ledger::Window,
    outlook::Outlook,
    reference::{Lane, Reference},
};

/// How many lanes one round trip asks about.
const PAGE: usize = 200;

/// The whole system in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Jobs that wait for a moment.
    pub scheduled: u64,
    /// Jobs that may run as soon as quota and workers allow.
    pub ready: u64,
    /// Jobs behind an earlier one of their contact.
    pub blocked: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// Jobs done, ever.
    pub done_total: u64,
    /// Workers alive.
    pub workers: u64,
    /// Ready jobs that could run now if there were more workers.
    pub eligible: u64,
}

/// One tenant in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStats {
    /// Its location id.
    pub tenant: String,
    /// Jobs that may run now.
    pub ready: u64,
    /// Jobs that wait for a moment.
    pub scheduled: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Unfinished jobs in all.
    pub open: u64,
    /// Dead letters.
    pub dead: u64,
    /// Calls of GHL left in the burst window.
    pub burst_left: u64,
    /// Calls of GHL left in the day.
    pub daily_left: u64,
    /// Until when (ms) its jobs for GHL are held.
    pub held_until_ms: Option<u64>,
    /// Why they are held.
    pub why: Option<String>,
    /// Whether a person paused it.
    pub paused: bool,
    /// About when (ms) all its unfinished jobs are done that are not scheduled; `None` if there are none, and where they wait for a person, a
    /// worker or a quota.
    pub eta_ms: Option<u64>,
}

impl Queue {
    /// The whole system in numbers.
    pub async fn stats(&self) -> Result<Stats, QueueError> {
        let now = self.now().await?;
        let mut sum = Stats::default();
        for shard in 0..self.shards() {
            let keys = self.keys(shard);
            let mut pipeline = redis::pipe();
            pipeline
                .cmd("HMGET")
                .arg(keys.counts())
                .arg("open")
                .arg("blocked")
                .arg("done");
            pipeline.cmd("HLEN").arg(keys.running());
            pipeline.cmd("ZCARD").arg(keys.dead());
            pipeline
                .cmd("ZCOUNT")
                .arg(keys.workers())
                .arg(self.alive_since(now))
                .arg("+inf");
            let ((open, blocked, done), running, dead, workers): (Counts, u64, u64, u64) =
                self.connection().run_all(&pipeline).await?;
            let (open, blocked) = (open.unwrap_or(0), blocked.unwrap_or(0));
            let scheduled = self.scheduled(keys).await?;
            sum.scheduled += scheduled;
            sum.blocked += blocked;
            sum.running += running;
            sum.ready += open.saturating_sub(scheduled + blocked + running);
            sum.dead += dead;
            sum.done_total += done.unwrap_or(0);
            // Every worker serves every shard.
            sum.workers = sum.workers.max(workers);
            sum.eligible += self.eligible(keys, now).await?;
        }
        Ok(sum)
    }

    async fn scheduled(&self, keys: &Keys) -> Result<u64, QueueError> {
        let mut sum = 0;
        for page in self.lanes(keys).await?.chunks(PAGE) {
            let mut pipeline = redis::pipe();
            for lane in page {
                pipeline.cmd("ZCARD").arg(keys.wait(lane));
                pipeline.cmd("ZCARD").arg(keys.later(lane));
            }
            let counts: Vec<u64> = self.connection().run_all(&pipeline).await?;
            sum += counts.iter().sum::<u64>();
        }
        Ok(sum)
    }

    async fn lanes(&self, keys: &Keys) -> Result<Vec<String>, QueueError> {
        Ok(self
            .connection()
            .run(redis::cmd("ZRANGE").arg(keys.lanes()).arg(0).arg(-1))
            .await?)
    }

    /// Every tenant in numbers, by name.
    pub async fn tenant_stats(&self) -> Result<Vec<TenantStats>, QueueError> {
        let (now, crew) = (self.now().await?, self.crew().await?);
        let mut rows = Vec::new();
        for shard in 0..self.shards() {
            let keys = self.keys(shard);
            let mut pipeline = redis::pipe();
            pipeline.cmd("SMEMBERS").arg(keys.tenants());
            pipeline.cmd("HKEYS").arg(keys.running());
            let (tenants, references): (Vec<String>, Vec<String>) =
                self.connection().run_all(&pipeline).await?;
            let mut running: HashMap<String, u64> = HashMap::new();
            for reference in references.iter().filter_map(|name| Reference::parse(name)) {
                *running.entry(reference.tenant().to_owned()).or_default() += 1;
            }
            let elsewhere = self.elsewhere(keys).await?;
            for page in tenants.chunks(PAGE) {
                let lanes: Vec<_> = page.iter().map(|tenant| Lane::ghl(tenant)).collect();
                let outlooks = self.outlooks(keys, &lanes, now).await?;
                let mut counted = self.counted(keys, page, &running).await?;
                for destination in &elsewhere {
                    let lanes = page.iter().map(|tenant| Lane::of(destination, tenant));
                    let lanes: Vec<_> = lanes.collect();
                    let outlooks = self.outlooks(keys, &lanes, now).await?;
                    let lanes = counted.iter_mut().zip(&outlooks);
                    lanes.for_each(|(counted, lane)| counted.add(lane, &crew));
                }
                let page = page.iter().zip(outlooks.iter().zip(&counted));
                rows.extend(
                    page.map(|(tenant, (lane, counted))| row(tenant, lane, counted, &crew)),
                );
            }
        }
        rows.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        Ok(rows)
    }

    /// What the lanes of tenants do not tell.
    async fn counted(
        &self,
        keys: &Keys,
        tenants: &[String],
        running: &HashMap<String, u64>,
    ) -> Result<Vec<Counted>, QueueError> {
        let mut pipeline = redis::pipe();
        for tenant in tenants {
            pipeline.cmd("HGET").arg(keys.open()).arg(tenant);
            pipeline.cmd("ZCARD").arg(keys.dead_of(tenant));
        }
        let counts: Vec<Option<u64>> = self.connection().run_all(&pipeline).await?;
        let counts = counts.chunks_exact(2).zip(tenants);
        let counted = counts.map(|(counts, tenant)| Counted {
            open: counts[0].unwrap_or(0),
            dead: counts[1].unwrap_or(0),
            running: running.get(tenant).copied().unwrap_or(0),
            ..Counted::default()
        });
        Ok(counted.collect())
    }
}

type Counts = (Option<u64>, Option<u64>, Option<u64>);

/// What its GHL lane does not tell of a tenant.
#[derive(Default)]
struct Counted {
    open: u64,
    running: u64,
    dead: u64,
    /// What its lanes for other destinations tell.
    ready: u64,
    scheduled: u64,
    eta_ms: Option<u64>,
}

impl Counted {
    /// Adds a lane for another destination; what is blocked behind its jobs is not known of it alone.
    fn add(&mut self, lane: &Outlook, crew: &Crew) {
        self.ready += lane.ready;
        self.scheduled += lane.retrying.count + lane.scheduled.count;
        self.eta_ms = self.eta_ms.max(lane.done_ms(crew, 0));
    }
}

fn row(tenant: &str, outlook: &Outlook, counted: &Counted, crew: &Crew) -> TenantStats {
    let ready = outlook.ready + counted.ready;
    let scheduled = outlook.retrying.count + outlook.scheduled.count + counted.scheduled;
    let others = ready + scheduled + counted.running;
    let left = |window: &Option<Window>| window.as_ref().map_or(0, |window| window.left(true));
    TenantStats {
        tenant: tenant.to_owned(),
        ready,
        scheduled,
        running: counted.running,
        open: counted.open,
        dead: counted.dead,
        burst_left: left(&outlook.ledger.burst),
        daily_left: left(&outlook.ledger.daily),
        why: outlook.status.why.clone(),
        held_until_ms: outlook.status.held_until_ms,
        paused: outlook.status.paused,
        eta_ms: outlook
            .done_ms(crew, counted.open.saturating_sub(others))
            .max(counted.eta_ms),
    }
}
