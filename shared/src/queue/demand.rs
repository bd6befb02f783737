//! What there is to do, for whoever decides how many workers there are.

use super::{Queue, error::QueueError, keys::Keys, outlook::Outlook, reference::Lane};

/// How many lanes one round trip asks about.
const PAGE: usize = 200;

/// What there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Unfinished jobs, whatever they wait for.
    pub backlog: u64,
    /// Jobs that could run now if there were more workers: due ones, as far as their tenants' permits are free.
    pub eligible: u64,
    /// Dead letters, which wait for a person.
    pub dead: u64,
}

impl Queue {
    /// What there is to do.
    pub async fn demand(&self) -> Result<Demand, QueueError> {
        let now = self.now().await?;
        let mut demand = Demand::default();
        for shard in 0..self.shards() {
            let keys = self.keys(shard);
            let mut counts = redis::pipe();
            counts.cmd("HGET").arg(keys.counts()).arg("open");
            counts.cmd("ZCARD").arg(keys.dead());
            let (open, dead): (Option<u64>, u64) = self.connection().run_all(&counts).await?;
            demand.backlog += open.unwrap_or(0);
            demand.dead += dead;
            demand.eligible += self.eligible(keys, now).await?;
        }
        Ok(demand)
    }

    /// The jobs of a shard that could run now: only lanes whose moment has come are looked at, a page of them at a time.
    pub(super) async fn eligible(&self, keys: &Keys, now: u64) -> Result<u64, QueueError> {
        let mut eligible = 0;
        for page in 0.. {
            let mut due = redis::cmd("ZRANGEBYSCORE");
            due.arg(keys.lanes()).arg("-inf").arg(now);
            due.arg("LIMIT").arg(page * PAGE).arg(PAGE);
            let names: Vec<String> = self.connection().run(&due).await?;
            let lanes: Vec<_> = names.iter().filter_map(|name| Lane::parse(name)).collect();
            let outlooks = self.outlooks(keys, &lanes, now).await?;
            eligible += outlooks.iter().map(Outlook::eligible).sum::<u64>();
            if names.len() < PAGE {
                break;
            }
        }
        Ok(eligible)
    }
}
