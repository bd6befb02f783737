//! Other jobs that a job waits for.

use penstock_shared::{
    program::Failure,
    queue::{Queue, awaited::Awaited, parent::Standing, status::JobStatus},
};

use super::Reason;

/// What it waits for in them.
pub(super) async fn reason(
    queue: &Queue,
    status: &JobStatus,
    awaited: &Awaited,
) -> Result<Reason, Failure> {
    let (parent, standing) = match awaited {
        Awaited::Parent { parent, standing } => (parent, standing),
        Awaited::Parts { open, first } => {
            let jobs = if *open == 1 { "job" } else { "jobs" };
            let detail =
                format!("{open} {jobs} of its contacts must end before it; the first is {first}");
            return Ok(Reason::new("parts", detail));
        }
    };
    let id = &parent.job;
    let detail = match standing {
        Standing::Unknown => format!(
            "it goes by the job {id}, which nobody has stored: it is waited for, for 2 minutes in all"
        ),
        Standing::Dead if parent.wait => format!(
            "it goes by the job {id}, which is dead: it waits until that is retried (`dead retry`) and done"
        ),
        Standing::Dead => format!(
            "it goes by the job {id}, which is dead: it will be dead too (parent-dead), unless that is retried before"
        ),
        Standing::Open | Standing::Done(_) | Standing::Locked(_) | Standing::Unreadable => {
            let found = queue.find(id.as_str(), Some(&status.tenant)).await?;
            let state = found.first().map_or_else(String::new, |parent| {
                format!(
                    ", which is {}: `job why {id}` says what that waits for",
                    parent.state
                )
            });
            format!("it goes by the job {id}{state}")
        }
    };
    Ok(Reason::new("parent", detail))
}
