//! Which job is meant: an id is unique within its tenant only.

use anyhow::anyhow;
use penstock_shared::{
    job::Tenant,
    program::Failure,
    queue::{Queue, dead::DeadLetter, status::JobStatus},
};

use crate::arguments::OneJob;

/// The one job that is meant.
pub(crate) async fn job(queue: &Queue, wanted: &OneJob) -> Result<JobStatus, Failure> {
    let found = queue.find(wanted.id.as_str(), tenant(wanted)).await?;
    let found = one(found, |status| &status.tenant, wanted)?;
    found.ok_or_else(|| Failure::bad_input(anyhow!(missing(wanted))))
}

/// The one dead letter that is meant.
pub(crate) async fn dead_letter(queue: &Queue, wanted: &OneJob) -> Result<DeadLetter, Failure> {
    let found = find_dead(queue, wanted).await?;
    found.map_err(|reason| Failure::bad_input(anyhow!(reason)))
}

/// The one dead letter that is meant, or why there is none.
pub(crate) async fn find_dead(
    queue: &Queue,
    wanted: &OneJob,
) -> Result<Result<DeadLetter, String>, Failure> {
    let (id, tenant) = (wanted.id.as_str(), tenant(wanted));
    let letters = queue.dead_by_id(id, tenant).await?;
    if let Some(letter) = one(letters, |letter| &letter.tenant, wanted)? {
        return Ok(Ok(letter));
    }
    let jobs = queue.find(id, tenant).await?;
    Ok(Err(match one(jobs, |status| &status.tenant, wanted)? {
        Some(job) => format!("{id} of {} is not dead, it is {}", job.tenant, job.state),
        None => missing(wanted),
    }))
}

fn tenant(wanted: &OneJob) -> Option<&str> {
    wanted.tenant.as_ref().map(Tenant::as_str)
}

fn missing(wanted: &OneJob) -> String {
    let of = tenant(wanted).map_or_else(String::new, |tenant| format!(" of {tenant}"));
    format!(
        "there is no job {}{of}: was it done longer ago than PENSTOCK_RETENTION, or deleted?",
        wanted.id
    )
}

fn one<T>(
    mut found: Vec<T>,
    tenant: impl Fn(&T) -> &String,
    wanted: &OneJob,
) -> Result<Option<T>, Failure> {
    if found.len() <= 1 {
        return Ok(found.pop());
    }
    let mut tenants: Vec<_> = found.iter().map(|found| tenant(found).as_str()).collect();
    tenants.sort_unstable();
    Err(Failure::bad_input(anyhow!(
        "the id {} is used by {} tenants ({}): say which with --tenant",
        wanted.id,
        tenants.len(),
        listed(&tenants)
    )))
}

/// The first few of many.
fn listed(tenants: &[&str]) -> String {
    const SHOWN: usize = 5;
    let mut text = tenants[..tenants.len().min(SHOWN)].join(", ");
    if tenants.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
