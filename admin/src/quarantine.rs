//! `quarantine`: those that were raised since the API was late, and how they are set back.

use std::collections::BTreeMap;

use penstock_shared::{
    job::JobType,
    program::{Exit, Failure},
    queue::Queue,
    span,
};
use serde::Serialize;

use crate::{
    arguments::QuarantineCommand,
    render::{Format, Row},
};

/// `quarantine`, and `quarantine reset`.
pub(crate) async fn run(
    queue: &Queue,
    format: Format,
    command: Option<&QuarantineCommand>,
) -> Result<Exit, Failure> {
    match command {
        None => {
            let raised = queue.raised_quarantines().await?.into_iter();
            let rows: Vec<_> = raised
                .map(|(job_type, to)| Raised {
                    r#type: job_type.as_str(),
                    raised_to: span::render(to),
                })
                .collect();
            format.rows(&rows)?;
        }
        Some(QuarantineCommand::Reset { types }) => format.row(&reset(queue, types).await?)?,
    }
    Ok(Exit::Done)
}

/// Sets back those that are named, or all.
async fn reset(queue: &Queue, types: &[JobType]) -> Result<Reset, Failure> {
    let raised: BTreeMap<_, _> = queue.raised_quarantines().await?.into_iter().collect();
    let (there, missing): (Vec<_>, Vec<_>) = if types.is_empty() {
        (raised.into_keys().collect(), Vec::new())
    } else {
        types.iter().partition(|each| raised.contains_key(each))
    };
    for job_type in missing {
        eprintln!("note: that of {job_type} is not raised");
    }
    let changed = queue.reset_quarantines(&there).await?;
    Ok(Reset {
        matched: there.len(),
        changed,
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Raised {
    r#type: &'static str,
    /// It is in force where a worker's own setting is not longer.
    raised_to: String,
}

impl Row for Raised {
    const COLUMNS: &'static [&'static str] = &["type", "raisedTo"];
}

#[derive(Debug, Serialize)]
struct Reset {
    matched: usize,
    changed: u64,
}

impl Row for Reset {
    const COLUMNS: &'static [&'static str] = &["matched", "changed"];
}
