//! An effect that a worker brings after its job was given to another one, which has made it once more: nobody else knows of it.

use std::{sync::Arc, time::Duration};

use penstock_shared::queue::{Queue, settle::Settlement, status::JobStatus, twins::Twins};
use tokio::time::sleep;

use crate::{assignment::Assignment, marker::Maker};

/// How often is looked whether the job has ended, a lease apart: then it is known by which effect it is.
const LOOKS: u32 = 60;

/// What a delivery has made that was no longer its worker's.
pub(crate) struct Late {
    job: Arc<Assignment>,
    effect: String,
    job_type: String,
    contact: String,
}

/// What became of a look.
enum Seen {
    /// The job has not ended, or Redis does not answer.
    NotYet,
    /// There is nothing to tell, or it is told.
    All,
}

impl Late {
    /// If the delivery has made anything.
    pub(crate) fn of(settlement: &Settlement, job: Arc<Assignment>) -> Option<Self> {
        let ending = &settlement.transition.ending;
        let contact = ending.result().and_then(|result| result.get("contactId"));
        let contact = contact.and_then(|id| id.as_str()).unwrap_or_default();
        Some(Self {
            effect: ending.effect()?.to_owned(),
            job,
            job_type: settlement.job_type.clone(),
            contact: contact.to_owned(),
        })
    }

    /// Tells of it, if the job is known by another effect. Where it has not ended yet, the delivery that ends it finds what was left for it,
    /// unless it has made its own by then: so it is looked at until it has ended.
    pub(crate) async fn watch(self, queue: Queue) {
        for _ in 0..LOOKS {
            if let Seen::All = self.look(&queue).await {
                return;
            }
            sleep(queue.terms().lease.max(Duration::from_secs(1))).await;
        }
        tracing::warn!(
            job = self.job.reference().id(),
            tenant = self.job.reference().tenant(),
            effect = self.effect,
            "the job of a late delivery has not ended: if it makes another effect, nobody tells"
        );
    }

    async fn look(&self, queue: &Queue) -> Seen {
        let reference = self.job.reference();
        match queue.maker_of(reference.tenant(), &self.effect).await {
            // It was only taken to be this job's.
            Ok(Some(maker)) if maker != reference.id() => return Seen::All,
            Ok(_) => {}
            Err(_) => return Seen::NotYet,
        }
        let found = queue.find(reference.id(), Some(reference.tenant())).await;
        let Ok(mut found) = found else {
            return Seen::NotYet;
        };
        let fingerprint = Maker::of(&self.job).fingerprint;
        let is_same = |status: &JobStatus| status.fingerprint == fingerprint;
        match found.pop().filter(is_same) {
            // It is gone, or another by its id: nothing is known that could be compared.
            None => Seen::All,
            Some(status) if status.ended_ms().is_none() => Seen::NotYet,
            Some(status) => match self.twins(status) {
                Some(twins) => self.tell(queue, &twins).await,
                None => Seen::All,
            },
        }
    }

    /// What there is one of too many. A dead letter is to have none; of one that is done without a known effect nobody can tell.
    fn twins(&self, status: JobStatus) -> Option<Twins> {
        let is_dead = status.done.is_none();
        let known = status.done.and_then(|(done, _)| done.effect);
        let (kept, twins) = match known {
            Some(known) if known != self.effect => (known, vec![self.effect.clone()]),
            None if is_dead => (self.effect.clone(), Vec::new()),
            _ => return None,
        };
        let reference = self.job.reference();
        Some(Twins {
            tenant: reference.tenant().to_owned(),
            id: reference.id().to_owned(),
            job_type: self.job_type.clone(),
            contact: self.contact.clone(),
            kept,
            twins,
            removed: Vec::new(),
            dead: is_dead,
            found_ms: self.job.clock.now_ms(),
        })
    }

    async fn tell(&self, queue: &Queue, twins: &Twins) -> Seen {
        let Ok(new) = queue.tell_twins(twins).await else {
            return Seen::NotYet;
        };
        metrics::counter!("penstock_twins_total").increment(new);
        if new > 0 {
            tracing::warn!(
                job = twins.id,
                tenant = twins.tenant,
                kept = twins.kept,
                effect = self.effect,
                "a delivery that came too late has made this effect {}",
                if twins.dead {
                    "of what is a dead letter: a retry takes it for its own"
                } else {
                    "beside the one that the job is known by"
                }
            );
        }
        Seen::All
    }
}
