//! `link`: what a record is in several systems, what counts of it, and what was decided against whom.

use std::collections::BTreeMap;

use anyhow::anyhow;
use jiff::Timestamp;
use penstock_shared::{
    link::Conflict,
    program::{Exit, Failure},
    queue::{
        Queue,
        links::{Link, RecordName},
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    arguments::{LinkCommand, ShowLink},
    mask::masked,
    render::{Format, Row},
};

/// `link`.
pub(crate) async fn run(
    queue: &Queue,
    format: Format,
    command: &LinkCommand,
) -> Result<Exit, Failure> {
    match command {
        LinkCommand::Show(wanted) => show(queue, format, wanted).await,
    }
}

async fn show(queue: &Queue, format: Format, wanted: &ShowLink) -> Result<Exit, Failure> {
    let name = &wanted.record;
    let found = queue.known_link(wanted.tenant.as_str(), name).await?;
    let link = found.ok_or_else(|| {
        Failure::failed(anyhow!(
            "nothing is known of {}/{}: no flow has kept it the same, and no LinkRecord has linked it",
            name.system,
            name.record
        ))
    })?;
    format.record(&Shown::of(name, &link, wanted.reveal))?;
    Ok(Exit::Done)
}

/// A record, with all that is known of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    record: String,
    records: BTreeMap<String, String>,
    fields: BTreeMap<String, Field>,
    lacking: BTreeMap<String, Vec<String>>,
    undecided: BTreeMap<String, String>,
    conflicts: Vec<Conflict>,
}

#[derive(Debug, Serialize)]
struct Field {
    value: Value,
    at: Timestamp,
    by: String,
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &[
        "record",
        "records",
        "fields",
        "lacking",
        "undecided",
        "conflicts",
    ];
}

impl Shown {
    fn of(name: &RecordName, link: &Link, reveal: bool) -> Self {
        let memory = &link.memory;
        let fields = memory.fields().map(|(name, known)| {
            let value = json!({ name: known.value });
            let value = if reveal { value } else { masked(&value) };
            let field = Field {
                value: value[name].clone(),
                at: known.at,
                by: known.by.clone(),
            };
            (name.to_owned(), field)
        });
        let systems = link.records.keys();
        let lacking = systems.clone().map(|system| {
            let lacks = memory.lacks_of_its_own(system).into_iter();
            (system.clone(), lacks.map(str::to_owned).collect())
        });
        let lacking = lacking.filter(|(_, lacks): &(_, Vec<_>)| !lacks.is_empty());
        let undecided = memory
            .creations()
            .filter_map(|(system, creation)| Some((system.to_owned(), creation.question()?)));
        Self {
            record: format!("{}/{}", name.system, name.record),
            records: link.records.clone(),
            fields: fields.collect(),
            lacking: lacking.collect(),
            undecided: undecided.collect(),
            conflicts: memory.conflicts().to_vec(),
        }
    }
}
