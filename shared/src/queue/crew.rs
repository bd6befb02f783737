//! The workers that live, and what of their slots one lane gets.

use std::collections::BTreeSet;

use super::{Queue, error::QueueError, keys::Keys};
use crate::span::millis;

/// Under which name a worker tells how many calls it makes at once, when it registers.
pub const SLOTS: &str = "slots";

/// Under which name it tells the keys that it lacks, a line each.
pub const LACKS: &str = "lacks";

/// At most so many workers are asked for their slots, and so many lanes for their weights.
const MOST: usize = 1000;

/// The workers that live, and the lanes that want their slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crew {
    /// How many workers there are.
    pub workers: u64,
    /// How many calls each makes at once; `None` if one has not told.
    slots: Option<Vec<u32>>,
    /// The lanes that may be served now.
    due: Weights,
}

/// What lanes weigh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weights {
    sum: u64,
    heaviest: u64,
}

impl Crew {
    /// How many slots a lane of this weight gets at once, as `slots_for` in `scripts/claim.lua` gives them: its part of what it, all rivals and
    /// one more as heavy as the heaviest would have, since some are always left. `None` if that is not known. `is_due`: whether the lane is one
    /// of those that may be served now.
    pub fn share(&self, weight: u32, is_due: bool) -> Option<f64> {
        let slots = self.slots.as_ref()?;
        let weight = u64::from(weight);
        let rivals = self.due.sum - if is_due { weight.min(self.due.sum) } else { 0 };
        if rivals == 0 {
            // Alone, it takes the odd one of each worker too.
            return Some(slots.iter().map(|slots| f64::from(slots.div_ceil(2))).sum());
        }
        let heaviest = self.due.heaviest.max(weight);
        let all: f64 = slots.iter().copied().map(f64::from).sum();
        Some(all * number(weight) / number(rivals + weight + heaviest))
    }
}

fn number(weight: u64) -> f64 {
    u32::try_from(weight).map_or(f64::INFINITY, f64::from)
}

impl Queue {
    /// From when on (ms) a worker that was heard of lives.
    pub(super) fn alive_since(&self, now: u64) -> u64 {
        now.saturating_sub(millis(self.terms().lease) * 2)
    }

    /// The keys that jobs are sealed with and that some worker lacks: it leaves such jobs to others.
    pub async fn keys_lacking(&self) -> Result<BTreeSet<String>, QueueError> {
        let names = self.names(self.now().await?).await?;
        let told = self.told(self.keys(0), &names, LACKS).await?;
        let keys = told.iter().flatten().flat_map(|keys| keys.lines());
        Ok(keys.map(str::to_owned).collect())
    }

    /// The workers that live.
    async fn names(&self, now: u64) -> Result<Vec<String>, QueueError> {
        let mut names = redis::cmd("ZRANGEBYSCORE");
        names.arg(self.keys(0).workers());
        names.arg(self.alive_since(now)).arg("+inf");
        names.arg("LIMIT").arg(0).arg(MOST);
        Ok(self.connection().run(&names).await?)
    }

    /// The workers that live now. Each of them serves every shard, so it is enough to ask one.
    pub async fn crew(&self) -> Result<Crew, QueueError> {
        let (keys, now) = (self.keys(0), self.now().await?);
        let names = self.names(now).await?;
        let mut due = Weights::default();
        for shard in 0..self.shards() {
            let weights = self.due_weights(self.keys(shard), now).await?;
            due.sum += weights.sum;
            due.heaviest = due.heaviest.max(weights.heaviest);
        }
        Ok(Crew {
            workers: names.len() as u64,
            slots: self.slots(keys, &names).await?,
            due,
        })
    }

    /// What the lanes of a shard weigh that may be served now. Mostly no lane has a weight of its own, and it is enough to count them.
    async fn due_weights(&self, keys: &Keys, now: u64) -> Result<Weights, QueueError> {
        let mut pipeline = redis::pipe();
        let count = pipeline.cmd("ZCOUNT").arg(keys.lanes());
        count.arg("-inf").arg(now);
        pipeline.cmd("HGET").arg(keys.config()).arg("weighted");
        let (sum, weighted): (u64, Option<String>) = self.connection().run_all(&pipeline).await?;
        if sum == 0 || weighted.is_none() {
            return Ok(Weights { sum, heaviest: 1 });
        }
        let mut lanes = redis::cmd("ZRANGEBYSCORE");
        lanes.arg(keys.lanes()).arg("-inf").arg(now);
        lanes.arg("LIMIT").arg(0).arg(MOST);
        let lanes: Vec<String> = self.connection().run(&lanes).await?;
        let mut pipeline = redis::pipe();
        for lane in &lanes {
            pipeline.cmd("HGET").arg(keys.lane(lane)).arg("weight");
        }
        let own: Vec<Option<u64>> = self.connection().run_all(&pipeline).await?;
        let weights = || own.iter().map(|weight| weight.unwrap_or(1));
        Ok(Weights {
            sum: weights().sum::<u64>().max(sum),
            heaviest: weights().max().unwrap_or(1),
        })
    }

    async fn slots(&self, keys: &Keys, names: &[String]) -> Result<Option<Vec<u32>>, QueueError> {
        if names.is_empty() {
            return Ok(None);
        }
        let told = self.told(keys, names, SLOTS).await?;
        let slots = told.iter().map(|slots| slots.as_ref()?.parse().ok());
        Ok(slots.collect())
    }

    /// What workers tell under a name.
    async fn told(
        &self,
        keys: &Keys,
        names: &[String],
        what: &str,
    ) -> Result<Vec<Option<String>>, QueueError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for name in names {
            pipeline.cmd("HGET").arg(keys.worker(name)).arg(what);
        }
        Ok(self.connection().run_all(&pipeline).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Crew, Weights};

    fn share(slots: &[u32], (sum, heaviest): (u64, u64), weight: u32, is_due: bool) -> f64 {
        let crew = Crew {
            workers: slots.len() as u64,
            slots: Some(slots.to_vec()),
            due: Weights { sum, heaviest },
        };
        crew.share(weight, is_due).expect("it is known")
    }

    fn assert_near(share: f64, expected: f64) {
        assert!((share - expected).abs() < 1e-9, "{share} {expected}");
    }

    #[test]
    fn a_lane_that_is_alone_gets_half_of_each_worker() {
        for weight in [1, 5] {
            for is_due in [false, true] {
                let due = if is_due { u64::from(weight) } else { 0 };
                assert_near(share(&[64, 7, 1], (due, due), weight, is_due), 37.0);
            }
        }
    }

    #[test]
    fn rivals_get_as_much_as_it_and_leave_as_much() {
        assert_near(share(&[60, 4], (3, 1), 1, true), 16.0);
        assert_near(share(&[60, 4], (2, 1), 1, false), 16.0);
        assert_near(share(&[4], (15, 1), 1, true), 0.25);
    }

    #[test]
    fn the_heavier_gets_more() {
        assert_near(share(&[70], (4, 3), 3, true), 30.0);
        assert_near(share(&[70], (4, 3), 1, true), 10.0);
    }

    #[test]
    fn one_that_does_not_tell_makes_it_unknown() {
        assert_eq!(Crew::default().share(1, true), None);
    }
}
