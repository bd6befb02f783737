//! Power cuts, with AOF `always`: what was acknowledged is there afterwards.
//!
//! A power cut takes what the disk had not synced. One batch of jobs is under way at a time, and nothing else writes: so when it is acknowledged, all
//! that is in the file is synced, and from then on nothing is known to be. Redis is killed somewhere within the next batch, and its file is cut
//! back to some length between the two, in the middle of a command if it comes to that.

use std::fs::{self, OpenOptions};
use std::path::Path;

use penstock_shared::queue::enqueue::Admission;
use penstock_shared::queue::record::NewJob;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::workload::{Size, Workload};
use super::world::{Make, PATIENCE, World};
use crate::harness::{Appendfsync, RedisOptions, wait_until};

/// How many jobs one call enqueues.
const BATCH: usize = 20;
/// How many batches are acknowledged before each cut.
const BATCHES: usize = 3;

/// What the cuts came to.
#[derive(Debug, Default)]
pub struct Cut {
    /// Power cuts.
    pub cuts: usize,
    /// Cuts that left a part of what was under way.
    pub torn: usize,
    /// Jobs that were acknowledged.
    pub acknowledged: usize,
    /// Of these, the ids of those that are gone.
    pub lost: Vec<String>,
}

/// Cuts the power so many times.
///
/// # Panics
/// When Redis does not start again, or takes no jobs.
pub async fn cut_power(cuts: usize, seed: u64) -> Cut {
    let mut world = World::start(
        Make {
            redis: RedisOptions {
                appendfsync: Appendfsync::Always,
                config: vec![("auto-aof-rewrite-percentage".into(), "0".into())],
                ..RedisOptions::default()
            },
            ..Make::default()
        }
        .with("PENSTOCK_DURABILITY", "always"),
    )
    .await;
    let workload = Workload::draw(seed, Size::of(cuts * BATCH * (BATCHES + 1)));
    let jobs: Vec<_> = workload
        .jobs
        .iter()
        .map(|wanted| wanted.job.clone())
        .collect();
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut cut, mut acknowledged) = (Cut::default(), Vec::new());
    for round in jobs.chunks(BATCH * (BATCHES + 1)).take(cuts) {
        let (sure, unsure) = round.split_at(round.len().min(BATCH * BATCHES));
        for batch in sure.chunks(BATCH) {
            // The connection notices only now that the power was cut.
            wait_until("the jobs to be acknowledged", PATIENCE, || async {
                let stored = world.queue.enqueue(batch, Admission::Each).await.ok()?;
                stored.iter().all(|code| code.is_stored()).then_some(())
            })
            .await;
            acknowledged.extend(batch.iter().map(reference));
        }
        cut.torn += usize::from(cut_once(&mut world, unsure, &mut dice).await);
        cut.cuts += 1;
    }
    cut.acknowledged = acknowledged.len();
    cut.lost = lost(&world, acknowledged).await;
    cut
}

/// Jobs are on their way whose acknowledgement never comes, and the power is cut as soon as some of them is written. Whether it took something.
async fn cut_once(world: &mut World, unsure: &[NewJob], dice: &mut StdRng) -> bool {
    let queue = world.queue_over_link().await;
    let file = world.redis.growing_file();
    let synced = length(&file);
    world
        .redis_link
        .lose_replies(usize::MAX, unsure[0].id.as_str());
    let batch = unsure.to_vec();
    let under_way = tokio::spawn(async move { queue.enqueue(&batch, Admission::Each).await });
    wait_until("the file to grow", PATIENCE, || async {
        (length(&file) > synced).then_some(())
    })
    .await;
    world.redis.kill9();
    under_way.abort();
    world.redis_link.lose_replies(0, "");
    let written = length(&file);
    let kept = dice.random_range(synced..written);
    let opened = OpenOptions::new().write(true).open(&file);
    let cut = opened.expect("the file can be written").set_len(kept);
    cut.expect("the file can be cut");
    world.redis.restart().await;
    kept > synced
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("the file is there").len()
}

fn reference(job: &NewJob) -> (String, String) {
    (
        job.job.tenant.as_str().to_owned(),
        job.id.as_str().to_owned(),
    )
}

async fn lost(world: &World, acknowledged: Vec<(String, String)>) -> Vec<String> {
    let mut lost = Vec::new();
    for (tenant, id) in acknowledged {
        let found = wait_until("Redis to answer", PATIENCE, || async {
            world.queue.find(&id, Some(&tenant)).await.ok()
        });
        if found.await.is_empty() {
            lost.push(id);
        }
    }
    lost
}
