//! What the two queues say of themselves, compared.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use penstock_shared::{
    job::state::State,
    queue::{
        dead::Filter,
        stats::{Stats, TenantStats},
        status::JobStatus,
    },
};
use penstock_tests::harness::{Entry, Snapshot};

use crate::{
    plain::Stage,
    spec::{Key, TENANTS},
    world::World,
};

impl World {
    /// Every job, the counts, the dead letters and the permits are as the model says.
    pub(crate) async fn agree(&self) -> Result<()> {
        let queue = self.bench.queue();
        let ask = |key: Key| {
            let queue = queue.clone();
            async move { queue.find(&key.id(), Some(key.tenant())).await }
        };
        let found = try_join_all(Key::all().map(ask)).await?;
        let mut seen = Vec::new();
        for (key, mut found) in Key::all().zip(found) {
            let status = found.pop();
            seen.extend(status.as_ref().map(|status| status.state));
            self.job_agrees(key, status.as_ref())
                .with_context(|| format!("{key:?}: {:?}", self.plain.jobs.get(&key)))?;
        }
        self.counts_agree(&seen, queue.stats().await?)?;
        for row in queue.tenant_stats().await? {
            self.tenant_agrees(&row)
                .with_context(|| format!("{row:?}"))?;
        }
        self.dead_agree().await
    }

    fn job_agrees(&self, key: Key, status: Option<&JobStatus>) -> Result<()> {
        let Some(job) = self.plain.jobs.get(&key) else {
            ensure!(status.is_none(), "the queue has it still: {status:?}");
            return Ok(());
        };
        let status = status.context("the queue has lost it")?;
        let (said, expected) = (status.state, self.plain.state(key));
        let unseen =
            said == State::Scheduled && job.overdue && status.due_ms <= Some(self.plain.now);
        ensure!(said == expected || unseen, "{said} instead of {expected}");
        ensure!(
            status.attempts() == job.attempts,
            "{} attempts",
            status.attempts()
        );
        if let Stage::Scheduled { until } | Stage::Retrying { until } = job.stage {
            ensure!(status.due_ms == Some(until), "due at {:?}", status.due_ms);
        }
        if let Stage::Running { lease, .. } = job.stage {
            ensure!(
                status.lease_ms == Some(lease),
                "leased until {:?}",
                status.lease_ms
            );
        }
        if said != State::Done {
            let deliveries = u64::from(status.deliveries);
            ensure!(deliveries == job.deliveries, "{deliveries} deliveries");
        }
        Ok(())
    }

    fn counts_agree(&self, seen: &[State], stats: Stats) -> Result<()> {
        let count = |state| seen.iter().filter(|it| **it == state).count() as u64;
        let expected = Stats {
            scheduled: count(State::Scheduled),
            ready: count(State::Ready),
            blocked: count(State::Blocked),
            running: count(State::Running),
            dead: count(State::Dead),
            done_total: self.plain.done_total,
            workers: stats.workers,
            eligible: stats.eligible,
        };
        ensure!(
            stats == expected,
            "the counts are {stats:?} instead of {expected:?}"
        );
        let (least, most) = self.plain.eligible();
        ensure!(
            (least..=most).contains(&stats.eligible),
            "{} are eligible instead of {least} to {most}",
            stats.eligible
        );
        Ok(())
    }

    fn tenant_agrees(&self, row: &TenantStats) -> Result<()> {
        let at = TENANTS.iter().position(|tenant| *tenant == row.tenant);
        let at = at.context("an unknown tenant")?;
        let tenant = u8::try_from(at)?;
        let (lane, now) = (&self.plain.lanes[at], self.plain.now);
        for (window, left) in [row.burst_left, row.daily_left].into_iter().enumerate() {
            let (least, most) = lane.permits.left(window, now);
            ensure!(
                (least..=most).contains(&left),
                "window {window}: {least} to {most} are left"
            );
        }
        let open = self.plain.open(tenant);
        ensure!(row.open == open, "{open} are open");
        let dead = self.plain.dead_letters(tenant);
        ensure!(row.dead == dead, "{dead} are dead");
        ensure!(row.paused == lane.paused, "paused");
        let held = Some(lane.held_until).filter(|until| *until > now);
        ensure!(row.held_until_ms == held, "held until {held:?}");
        Ok(())
    }

    async fn dead_agree(&self) -> Result<()> {
        let queue = self.bench.queue();
        let causes = self.plain.causes();
        let said = queue.dead_causes().await?;
        let said: std::collections::BTreeMap<_, _> = said
            .iter()
            .map(|(cause, count)| (cause.as_str(), *count))
            .collect();
        ensure!(
            said == causes,
            "the causes are {said:?} instead of {causes:?}"
        );
        for (cause, count) in causes {
            let filter = Filter {
                cause: Some(cause.into()),
                ..Filter::default()
            };
            let listed = queue.dead(&filter, 1_000, None).await?.len() as u64;
            ensure!(
                listed == count,
                "{listed} dead letters of {count} with {cause} are listed"
            );
        }
        Ok(())
    }

    /// Nothing is left behind of jobs that are forgotten.
    pub(crate) async fn nothing_is_leaked(&self) -> Result<()> {
        let left = self.bench.snapshot().await;
        let leaked = leaked(&left);
        ensure!(leaked.is_empty(), "left behind: {leaked:?}");
        Ok(())
    }
}

/// What is neither settings nor a tenant's nor a worker's own, nor a count that is zero.
pub(crate) fn leaked(snapshot: &Snapshot) -> Vec<(&String, &Entry)> {
    let kept = |key: &str, entry: &Entry| {
        let family = key.rsplit("}:").next().unwrap_or(key);
        let family = family.split(':').next().unwrap_or(family);
        match family {
            // The API's ids of contacts expire by themselves; of late effects workers tell, and there are none.
            "config" | "tenants" | "workers" | "worker" | "wake" | "contact" | "late-effects" => {
                true
            }
            "counts" | "open" => no_count_but(entry, &["done"]),
            "lane" => no_count_but(entry, &["burst", "daily", "burstSpan", "daySpan", "pace"]),
            _ => false,
        }
    };
    let all = snapshot.0.iter();
    all.filter(|(key, entry)| !kept(key, entry)).collect()
}

fn no_count_but(entry: &Entry, named: &[&str]) -> bool {
    let Entry::Hash(fields) = entry else {
        return false;
    };
    fields
        .iter()
        .all(|(name, value)| value == "0" || named.contains(&name.as_str()))
}
