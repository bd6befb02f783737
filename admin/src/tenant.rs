//! `tenant pause`, `resume`, `set`, `allow-writes` and `deny-writes`.

use penstock_shared::{
    job::{Tenant, state::READ_ONLY},
    program::{Exit, Failure},
    queue::{Queue, govern::Govern, ledger::Window, reference::Lane},
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
        TenantCommand::AllowWrites { tenant } => (tenant, allow(queue, tenant, true).await?),
        TenantCommand::DenyWrites { tenant } => (tenant, allow(queue, tenant, false).await?),
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
    if !known {
        eprintln!("note: no job of {tenant} was ever stored here; it holds for those to come");
    }
    format.row(&governed)?;
    Ok(Exit::Done)
}

/// Says whether it may write. Returns how its lane goes on at once, where it waits for that.
async fn allow(queue: &Queue, tenant: &Tenant, writes: bool) -> Result<Option<Govern>, Failure> {
    queue.allow_writes(tenant.as_str(), Some(writes)).await?;
    let lane = queue.lane_status(&Lane::ghl(tenant.as_str())).await?;
    let waits = writes && lane.why.as_deref() == Some(READ_ONLY);
    Ok(waits.then_some(Govern::Reauthorise))
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
