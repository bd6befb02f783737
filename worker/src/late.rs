//! An effect that a worker brings after its job was given to another one, which has made it once more: nobody else knows of it.

use std::{sync::Arc, time::Duration};

use penstock_shared::{
    job::state::Ending,
    queue::{Queue, settle::Settlement, status::JobStatus, twins::Twins},
};
use tokio::time::sleep;

use crate::{assignment::Assignment, marker::Maker};

/// How often is looked whether the job has ended, a lease apart: then it is known by which effect it is.
const LOOKS: u32 = 60;

/// What a late delivery has made.
struct Late {
    job: Arc<Assignment>,
    effect: String,
    job_type: String,
    contact: String,
}

/// Tells of what was made by a delivery that was no longer this worker's, if the job is known by another effect. Where it has not ended yet, the
/// delivery that ends it finds what is left for it, unless it has made its own by then: that is looked at again beside all else.
pub(crate) async fn tell(queue: &Queue, settlement: &Settlement, job: &Arc<Assignment>) {
    let Ending::Done {
        result,
        effect: Some(effect),
    } = &settlement.transition.ending
    else {
        return;
    };
    let contact = result.get("contactId").and_then(|id| id.as_str());
    let late = Late {
        job: Arc::clone(job),
        effect: effect.clone(),
        job_type: settlement.job_type.clone(),
        contact: contact.unwrap_or_default().to_owned(),
    };
    if late.is_told(queue).await {
        return;
    }
    let queue = queue.clone();
    tokio::spawn(async move {
        for _ in 0..LOOKS {
            sleep(queue.terms().lease.max(Duration::from_secs(1))).await;
            if late.is_told(&queue).await {
                return;
            }
        }
    });
}

impl Late {
    /// Whether nothing is left to tell.
    async fn is_told(&self, queue: &Queue) -> bool {
        let reference = self.job.reference();
        match queue.maker_of(reference.tenant(), &self.effect).await {
            // It was only taken to be this job's.
            Ok(Some(maker)) if maker != reference.id() => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
        let Ok(mut found) = queue.find(reference.id(), Some(reference.tenant())).await else {
            return false;
        };
        let fingerprint = Maker::of(&self.job).fingerprint;
        // A job that is gone, or another by its id, is known by nothing that could be compared.
        let Some(status) = found
            .pop()
            .filter(|status| status.fingerprint == fingerprint)
        else {
            return true;
        };
        if status.ended_ms().is_none() {
            return false;
        }
        let Some(twins) = self.twins(status) else {
            return true;
        };
        let Ok(new) = queue.tell_twins(&twins).await else {
            return false;
        };
        metrics::counter!("penstock_twins_total").increment(new);
        if new > 0 {
            let (job, tenant) = (&twins.id, &twins.tenant);
            let (kept, effect) = (&twins.kept, &self.effect);
            tracing::warn!(
                job,
                tenant,
                kept,
                effect,
                "a delivery that came too late has made this effect beside the one that the job is known by"
            );
        }
        true
    }

    /// What is there besides what the job is known by. A dead letter is to have none: a retry takes this one for its own.
    fn twins(&self, status: JobStatus) -> Option<Twins> {
        let is_dead = status.done.is_none();
        let known = status.done.and_then(|(done, _)| done.effect);
        if known.as_ref() == Some(&self.effect) {
            return None;
        }
        let (kept, twins) = match known {
            Some(kept) => (kept, vec![self.effect.clone()]),
            None => (self.effect.clone(), Vec::new()),
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
}
