//! `twins`: effects that are there more than once, or though their job is a dead letter.

use penstock_shared::{
    job::Tenant,
    program::{Exit, Failure},
    queue::{Queue, twins::Twins},
};
use serde::Serialize;

use crate::{
    arguments::TwinsOf,
    moment::moment,
    render::{Format, Row},
};

/// `twins`.
pub(crate) async fn twins(
    queue: &Queue,
    format: Format,
    wanted: &TwinsOf,
) -> Result<Exit, Failure> {
    let tenant = wanted.tenant.as_ref().map(Tenant::as_str);
    let twins = queue.twins(tenant).await?;
    let rows: Vec<_> = twins.into_iter().map(TwinsRow::from).collect();
    format.rows(&rows)?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TwinsRow {
    id: String,
    r#type: String,
    tenant: String,
    contact_id: String,
    kept: String,
    twins: Vec<String>,
    removed: Vec<String>,
    dead: bool,
    found_at: String,
}

impl Row for TwinsRow {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "type",
        "tenant",
        "contactId",
        "kept",
        "twins",
        "removed",
        "dead",
        "foundAt",
    ];
}

impl From<Twins> for TwinsRow {
    fn from(twins: Twins) -> Self {
        Self {
            id: twins.id,
            r#type: twins.job_type,
            tenant: twins.tenant,
            contact_id: twins.contact,
            kept: twins.kept,
            twins: twins.twins,
            removed: twins.removed,
            dead: twins.dead,
            found_at: moment(twins.found_ms),
        }
    }
}
