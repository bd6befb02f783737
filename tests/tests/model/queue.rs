//! The queue does what the plain model says, whatever happens.

use anyhow::{Context, Result, bail};
use penstock_shared::{outcome::Permit, queue::Terms};
use penstock_tests::fixture::Bench;
use proptest::collection::vec;

use crate::{
    cases::{hold, runtime},
    operation::{End, Operation, any_operation},
    spec::{Key, TENANTS},
    world::World,
};

const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/model/proptest-regressions/queue.txt"
);

/// Few jobs per tenant, so that the bound is met.
pub(crate) fn small(terms: &mut Terms) {
    terms.max_backlog = 6;
}

#[test]
fn the_queue_is_as_the_model_says() {
    let runtime = runtime();
    let bench = std::cell::RefCell::new(Some(runtime.block_on(Bench::with(small))));
    hold(KEPT, 300, &vec(any_operation(), 1..60), |history| {
        let taken = bench.borrow_mut().take().expect("one history at a time");
        let (taken, result) = runtime.block_on(live_through(taken, &history));
        *bench.borrow_mut() = Some(taken);
        result
    });
}

async fn live_through(bench: Bench, history: &[Operation]) -> (Bench, Result<()>) {
    let mut world = World::new(bench).await;
    let result = all(&mut world, history).await;
    (world.bench, result)
}

async fn all(world: &mut World, history: &[Operation]) -> Result<()> {
    for (number, operation) in history.iter().enumerate() {
        let happened = || format!("operation {number}, {operation:?}");
        world.happen(operation).await.with_context(happened)?;
        world.agree().await.with_context(happened)?;
    }
    finish(world)
        .await
        .context("at the end, when all is brought to its end")?;
    world.nothing_is_leaked().await
}

/// Everything is done and forgotten.
async fn finish(world: &mut World) -> Result<()> {
    for tenant in 0..TENANTS.len() {
        let tenant = u8::try_from(tenant)?;
        let quotas = Operation::SetQuotas {
            tenant,
            burst: "100/1s",
            daily: "10000/1m",
        };
        world.happen(&Operation::Resume { tenant }).await?;
        world.happen(&quotas).await?;
    }
    let mut rounds = 0;
    while (0..TENANTS.len()).any(|tenant| world.plain.open(u8::try_from(tenant).expect("few")) > 0)
    {
        rounds += 1;
        if rounds > 60 {
            bail!("stuck: {:?}", world.plain.jobs);
        }
        world.settle_all().await?;
        // Longer than a lease, a wait or a window.
        world.pass(70_000);
        world.claim(World::fresh_worker(), 20).await?;
        world.agree().await?;
    }
    world
        .happen(&Operation::Discard(Key::all().collect()))
        .await?;
    // Longer than what is done is remembered.
    world.pass(2 * 24 * 3_600_000);
    world.happen(&Operation::Forget).await?;
    world.agree().await?;
    // Permits come back by a worker's clock.
    world.bench.queue().renew(0, "w", &[]).await?;
    for tenant in TENANTS {
        let mut cursor = Some("0".to_owned());
        while let Some(from) = cursor {
            cursor = world.bench.queue().unlearn(tenant, &from).await?;
        }
        let resume = penstock_shared::queue::govern::Govern::Resume;
        world.bench.queue().govern(tenant, &resume).await?;
    }
    Ok(())
}

impl World {
    /// Whatever runs is done.
    async fn settle_all(&mut self) -> Result<()> {
        let running = self.running().into_iter().cloned().collect::<Vec<_>>();
        for claimed in running {
            let end = End::Done { effect: None };
            self.settle_one(&claimed, end, Permit::Answered).await?;
        }
        Ok(())
    }
}
