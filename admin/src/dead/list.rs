//! `dead list` and `dead causes`.

use anyhow::anyhow;
use penstock_shared::{
    job::Tenant,
    program::{Exit, Failure},
    queue::{Queue, dead::DeadLetter, run::field},
};
use serde::Serialize;

use crate::{
    arguments::List,
    moment::moment,
    render::{Format, Row},
};

/// `dead list`.
pub(super) async fn list(queue: &Queue, format: Format, list: &List) -> Result<Exit, Failure> {
    let after = match &list.after {
        Some(after) => Some(last_row(queue, after, list).await?),
        None => None,
    };
    let filter = list.filters.to_filter();
    let mut letters = queue.dead(&filter, list.limit + 1, after.as_ref()).await?;
    if letters.len() > list.limit {
        letters.truncate(list.limit);
        if let Some(DeadLetter { tenant, id, .. }) = letters.last() {
            eprintln!("note: there are more; go on with --after {tenant}/{id}");
        }
    }
    let rows: Vec<_> = letters.iter().map(Line::of).collect();
    format.rows(&rows)?;
    Ok(Exit::Done)
}

/// The dead letter that `--after` names: by its id, or by tenant and id.
async fn last_row(queue: &Queue, after: &str, list: &List) -> Result<DeadLetter, Failure> {
    let tenant = list.filters.tenant.as_ref().map(Tenant::as_str);
    let mut found = queue.dead_by_id(after, tenant).await?;
    if found.len() != 1
        && let Some((tenant, id)) = after.split_once('/')
    {
        found = queue.dead_by_id(id, Some(tenant)).await?;
    }
    match (found.len(), found.pop()) {
        (1, Some(letter)) => Ok(letter),
        (0, _) => Err(Failure::bad_input(anyhow!(
            "--after: {after} is not a dead letter any more; start again without --after"
        ))),
        _ => Err(Failure::bad_input(anyhow!(
            "--after: several tenants have a dead letter {after}; write TENANT/{after}"
        ))),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: &'a str,
    r#type: Option<&'static str>,
    tenant: &'a str,
    cause: &'a str,
    error: Option<&'a str>,
    http_status: Option<u64>,
    attempts: u32,
    dead_at: String,
}

impl Row for Line<'_> {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "type",
        "tenant",
        "cause",
        "httpStatus",
        "attempts",
        "deadAt",
        "error",
    ];
}

impl<'a> Line<'a> {
    fn of(letter: &'a DeadLetter) -> Self {
        Self {
            id: &letter.id,
            r#type: letter.job_type(),
            tenant: &letter.tenant,
            cause: &letter.cause,
            error: letter.run.text(field::ERROR),
            http_status: letter.run.number(field::HTTP_STATUS),
            attempts: letter.run.attempts(),
            dead_at: moment(letter.dead_ms),
        }
    }
}

/// `dead causes`.
pub(super) async fn causes(queue: &Queue, format: Format) -> Result<Exit, Failure> {
    let causes = queue.dead_causes().await?.into_iter();
    let rows: Vec<_> = causes
        .map(|(cause, count)| Count { cause, count })
        .collect();
    format.rows(&rows)?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Count {
    cause: String,
    count: u64,
}

impl Row for Count {
    const COLUMNS: &'static [&'static str] = &["cause", "count"];
}
