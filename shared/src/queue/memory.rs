//! Redis' memory: new jobs are refused before all of it is used, so that there is room for what becomes of those that are stored.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Queue, error::QueueError};

/// How old what is known of a server's memory may be. Each program asks so often at the most, and only while it stores something.
const FRESH: Duration = Duration::from_secs(1);
/// It is asked for sooner when this program alone has stored so much of what there was room for.
const PART: u64 = 16;

/// What is known of the memory that shards are in.
pub(super) struct Memory {
    shards: Vec<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    asked: Option<Instant>,
    /// Bytes that intake may still use; `None` if there is no bound.
    room: Option<u64>,
    /// Bytes stored since.
    stored: u64,
}

impl Memory {
    pub(super) fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
        }
    }

    fn of(&self, shard: u16) -> &Mutex<Known> {
        &self.shards[usize::from(shard) % self.shards.len()]
    }
}

impl Known {
    /// Whether somebody has to ask. One does; all others go on with what is known.
    fn is_stale(&mut self) -> bool {
        let old = self.asked.is_none_or(|asked| asked.elapsed() >= FRESH);
        let much = self
            .room
            .is_some_and(|room| room > 0 && self.stored > room / PART);
        if old || much {
            self.asked = Some(Instant::now());
        }
        old || much
    }
}

impl Queue {
    /// Refuses to store so many bytes in a shard whose server has used up intake's share of its memory.
    pub(super) async fn check_memory(&self, shard: u16, bytes: usize) -> Result<(), QueueError> {
        let known = self.inner.memory.of(shard);
        let stale = known.lock().is_stale();
        if stale {
            // One that is away, or does not say it, refuses by itself what it cannot take.
            if let Ok(room) = self.room(shard).await {
                let mut known = known.lock();
                (known.room, known.stored) = (room, 0);
            }
        }
        let mut known = known.lock();
        known.stored += u64::try_from(bytes).unwrap_or(u64::MAX);
        match known.room {
            Some(0) => Err(QueueError::Full),
            _ => Ok(()),
        }
    }

    /// Bytes that intake may still use on a shard's server; `None` if there is no bound.
    async fn room(&self, shard: u16) -> Result<Option<u64>, QueueError> {
        let mut pipeline = redis::pipe();
        // A command with a key goes to the shard's server, and takes the other with it.
        pipeline
            .cmd("EXISTS")
            .arg(self.keys(shard).config())
            .ignore();
        pipeline.cmd("INFO").arg("memory");
        let (info,): (String,) = self.connection().run_all(&pipeline).await?;
        let facts: HashMap<&str, u64> = info
            .lines()
            .filter_map(|line| line.trim().split_once(':'))
            .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect();
        let fact = |name| facts.get(name).copied().unwrap_or(0);
        // What replicas and the append-only file are still to be given does not count for Redis either.
        let used = fact("used_memory").saturating_sub(fact("mem_not_counted_for_evict"));
        let bound = fact("maxmemory") / 100 * u64::from(self.terms().memory);
        Ok((bound > 0).then(|| bound.saturating_sub(used)))
    }
}
