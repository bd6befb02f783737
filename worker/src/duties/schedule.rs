//! Makes the moments of flows on a cadence: each once, however many workers look.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use penstock_shared::{
    flow::Flow,
    job::Tenant,
    queue::{
        Queue,
        enqueue::{Admission, Enqueued},
        error::QueueError,
        parent::Standing,
        record::NewJob,
    },
};

use super::repeat;
use crate::flows::FlowFile;

/// How often it looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for ever.
pub async fn run(queue: Queue, flows: FlowFile) {
    let clockwork = Clockwork {
        queue,
        flows,
        made: Arc::default(),
    };
    repeat("schedule", PAUSE, || clockwork.round()).await;
}

struct Clockwork {
    queue: Queue,
    flows: FlowFile,
    /// The last moment of each flow, as far as this worker knows: Redis is asked only once another is due.
    made: Arc<Mutex<HashMap<(Tenant, String), u64>>>,
}

impl Clockwork {
    async fn round(&self) -> Result<(), QueueError> {
        let flows = self.flows.flows();
        let on_cadence: Vec<&Flow> = flows.iter().filter(|flow| flow.every.is_some()).collect();
        if on_cadence.is_empty() {
            return Ok(());
        }
        let now = self.queue.now().await?;
        let mut all = Ok(());
        for flow in on_cadence {
            for tenant in &flow.tenants {
                // One whose shard is away holds up no other.
                all = self.look(flow, tenant, now).await.and(all);
            }
        }
        all
    }

    async fn look(&self, flow: &Flow, tenant: &Tenant, now: u64) -> Result<(), QueueError> {
        let key = (tenant.clone(), flow.name.clone());
        let known = self.made.lock().get(&key).copied();
        if flow.due(now, known).is_none() {
            return Ok(());
        }
        let last = self.queue.last_moment(tenant.as_str(), &flow.name).await?;
        let made = match flow.due(now, last) {
            Some(at) if self.make(flow, tenant, at, last).await? => Some(at),
            // Once there is room, or the one before has ended.
            Some(_) => None,
            None => last,
        };
        if let Some(made) = made {
            self.made.lock().insert(key, made);
        }
        Ok(())
    }

    /// Stores the event first: a worker that dies before it has written down that it has is followed by one that finds it there.
    async fn make(
        &self,
        flow: &Flow,
        tenant: &Tenant,
        at: u64,
        last: Option<u64>,
    ) -> Result<bool, QueueError> {
        if self.is_waiting(flow, tenant, last).await? {
            return Ok(false);
        }
        let event = flow.moment(tenant, at, last);
        let new = NewJob {
            id: event.id.clone(),
            job: event.into_job(),
        };
        let stored = self.queue.enqueue(&[new], Admission::Each).await;
        let stored = stored.map_err(|interrupted| interrupted.error)?;
        if let [Enqueued::BacklogFull { .. }] = stored[..] {
            return Ok(false);
        }
        self.queue
            .keep_moment(tenant.as_str(), &flow.name, at, last)
            .await?;
        Ok(true)
    }

    /// Whether the moment before was not even begun with: of a tenant that stands still they would only pile up.
    async fn is_waiting(
        &self,
        flow: &Flow,
        tenant: &Tenant,
        last: Option<u64>,
    ) -> Result<bool, QueueError> {
        let Some(last) = last else {
            return Ok(false);
        };
        let id = flow.moment_id(last);
        let standings = self.queue.standings(tenant.as_str(), &[id]).await?;
        Ok(standings.contains(&Standing::Open))
    }
}
