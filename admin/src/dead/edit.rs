//! `dead edit`: another payload for a dead letter.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, anyhow};
use penstock_shared::{
    job::{Fault, Job, JobId, MAX_JOB_BYTES, Payload, Tenant},
    program::{Exit, Failure},
    queue::{Queue, dead::DeadLetter, record::RecordError},
};
use serde::Serialize;
use serde_json::Value;

use super::{difference, tally::Tally};
use crate::{
    arguments::Edit,
    mask::masked,
    render::{Format, Row},
    target,
};

/// `dead edit`.
pub(super) async fn edit(queue: &Queue, format: Format, edit: &Edit) -> Result<Exit, Failure> {
    let letter = target::dead_letter(queue, &edit.job).await?;
    let json = read(&edit.payload)?;
    let (job, fields) = edited(&letter, &json)?;
    let mut tally = Tally::default();
    if fields.is_empty() {
        tally.matched += 1;
        eprintln!("nothing was changed: the payload is the same");
    } else {
        tally.count(&letter, queue.edit(&letter, &job).await?);
    }
    format.row(&Edited {
        matched: tally.matched,
        changed: tally.changed,
        fields,
    })?;
    Ok(tally.exit())
}

#[derive(Debug, Serialize)]
struct Edited {
    matched: u64,
    changed: u64,
    /// What differs, by path; never the values.
    fields: Vec<String>,
}

impl Row for Edited {
    const COLUMNS: &'static [&'static str] = &["matched", "changed", "fields"];
}

/// Reads a file, or standard input, as far as a job may go.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).with_context(|| format!("--payload {}", path.display()));
        Box::new(file.map_err(Failure::bad_input)?)
    };
    let mut json = Vec::new();
    source
        .take(MAX_JOB_BYTES as u64 + 1)
        .read_to_end(&mut json)
        .with_context(|| format!("--payload {}", path.display()))
        .map_err(Failure::bad_input)?;
    if json.len() > MAX_JOB_BYTES {
        return Err(too_large());
    }
    Ok(json)
}

/// The job with its new payload, and the paths of what is new in it.
fn edited(letter: &DeadLetter, json: &[u8]) -> Result<(Job, Vec<String>), Failure> {
    let Some(stored) = &letter.job else {
        return Err(Failure::bad_input(anyhow!(unreadable(letter))));
    };
    let job_type = stored.payload.job_type();
    let payload = Payload::parse(job_type, json).map_err(|faults| refused(&faults))?;
    if payload.destination() != stored.payload.destination() {
        let path = match &payload {
            Payload::HttpCall(_) => "payload.connection",
            _ => "payload",
        };
        let fault = Fault {
            path: path.to_owned(),
            message: "it would go to another destination: enqueue a new job for that".to_owned(),
        };
        return Err(refused(&[fault]));
    }
    let (old, new) = (stored.payload.to_value(), payload.to_value());
    let fields = difference::paths(&old, &new);
    refuse_masks(&old, &new, &fields)?;
    let (tenant, id): (Tenant, JobId) = (letter.tenant.parse()?, letter.id.parse()?);
    let job = Job {
        payload,
        ..stored.to_job(tenant, id)
    };
    if serde_json::to_vec(&job)?.len() > MAX_JOB_BYTES {
        return Err(too_large());
    }
    Ok((job, fields))
}

fn unreadable(letter: &DeadLetter) -> String {
    let id = &letter.id;
    match &letter.unreadable {
        Some(error @ (RecordError::Locked(_) | RecordError::Later(_))) => {
            format!("{id} cannot be edited: {error}")
        }
        _ => format!(
            "{id} cannot be decoded, so its type is not known: enqueue a new job and delete this one"
        ),
    }
}

/// What `dead show` masked must not come back as a value.
fn refuse_masks(old: &Value, new: &Value, fields: &[String]) -> Result<(), Failure> {
    let masked = masked(old);
    let faults: Vec<_> = fields
        .iter()
        .filter(|path| {
            let given = difference::at(new, path);
            given.is_some() && given == difference::at(&masked, path)
        })
        .map(|path| Fault {
            path: format!("payload.{path}"),
            message: "this is the masked value; `dead show --reveal` gives the real one".to_owned(),
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(refused(&faults))
}

fn refused(faults: &[Fault]) -> Failure {
    let faults: Vec<_> = faults.iter().map(|fault| format!("  {fault}")).collect();
    Failure::bad_input(anyhow!("the payload is refused:\n{}", faults.join("\n")))
}

fn too_large() -> Failure {
    Failure::bad_input(anyhow!(
        "the payload is refused: a job may have {MAX_JOB_BYTES} bytes"
    ))
}
