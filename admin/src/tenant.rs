//! `tenant pause`, `resume`, `set`, `allow-writes` and `deny-writes`.

use penstock_shared::{
    job::Tenant,
    program::{Exit, Failure},
    queue::{Queue, govern::Govern, grants::Kind, ledger::Window, reference::Lane},
};
use serde::Serialize;

use crate::{
    arguments::TenantCommand,
    moment::moment,
    render::{Format, Row},
    tokens::said,
};

/// Governs a tenant, and shows how it stands then.
pub(crate) async fn run(
    queue: &Queue,
    format: Format,
    command: &TenantCommand,
) -> Result<Exit, Failure> {
    let (tenant, govern) = match command {
        TenantCommand::AllowWrites { tenant } => {
            queue.allow_writes(tenant.as_str(), Some(true)).await?;
            release(queue, tenant).await?;
            (tenant, None)
        }
        TenantCommand::DenyWrites { tenant } => {
            queue.allow_writes(tenant.as_str(), Some(false)).await?;
            (tenant, None)
        }
        TenantCommand::Pause { tenant } => (tenant, Some(Govern::Pause)),
        TenantCommand::Resume { tenant } => (tenant, Some(Govern::Resume)),
        TenantCommand::Set(set) => {
            let govern = Govern::Set {
                burst: set.burst,
                daily: set.daily,
                weight: set.weight,
            };
            (&set.tenant, Some(govern))
        }
    };
    if let Some(govern) = govern {
        queue.govern(tenant.as_str(), &govern).await?;
    }
    let (governed, known) = governed(queue, tenant).await?;
    if is_company(queue, tenant).await? {
        eprintln!(
            "note: {tenant} is a company: what is said of its writing holds for those of its locations of which nothing else is said"
        );
    } else if !known {
        eprintln!("note: no job of {tenant} was ever stored here; it holds for those to come");
    }
    format.row(&governed)?;
    Ok(Exit::Done)
}

/// Lets its jobs go on at once that wait until it may write; those of a company's locations, if it is one.
async fn release(queue: &Queue, tenant: &Tenant) -> Result<(), Failure> {
    let waiting = queue.refused().await?.writes;
    if waiting.is_empty() {
        return Ok(());
    }
    let listed = queue.list_grants().await?;
    let is_its = |location: &str| {
        let mut of_location = listed.iter().filter(|listed| listed.name.id() == location);
        of_location.any(|listed| listed.company.as_deref() == Some(tenant.as_str()))
    };
    for lane in waiting {
        if lane.tenant() == tenant.as_str() || is_its(lane.tenant()) {
            queue.release(&lane).await?;
        }
    }
    Ok(())
}

async fn is_company(queue: &Queue, tenant: &Tenant) -> Result<bool, Failure> {
    let listed = queue.list_grants().await?;
    Ok(listed
        .iter()
        .any(|listed| listed.name.kind() == Kind::Company && listed.name.id() == tenant.as_str()))
}

async fn governed(queue: &Queue, tenant: &Tenant) -> Result<(Governed, bool), Failure> {
    let lane = Lane::ghl(tenant.as_str());
    let outlook = queue.outlook(&lane).await?;
    let status = outlook.status;
    let quota = |window: Option<Window>| window.map(|window| window.quota.to_string());
    let governed = Governed {
        tenant: tenant.to_string(),
        paused: status.paused,
        held_until: status.held_until_ms.map(moment),
        why: status.why,
        burst: quota(outlook.ledger.burst),
        daily: quota(outlook.ledger.daily),
        weight: outlook.weight,
        writes: queue
            .writes()
            .await?
            .get(tenant.as_str())
            .copied()
            .map(said),
    };
    Ok((governed, queue.is_known(tenant.as_str()).await?))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Governed {
    tenant: String,
    paused: bool,
    held_until: Option<String>,
    why: Option<String>,
    /// The quotas that count: its own or those in force for everybody, and less where the API announced less.
    burst: Option<String>,
    daily: Option<String>,
    weight: Option<u32>,
    /// What a person has said of writing, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    writes: Option<&'static str>,
}

impl Row for Governed {
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "paused",
        "heldUntil",
        "why",
        "burst",
        "daily",
        "weight",
        "writes",
    ];
}
