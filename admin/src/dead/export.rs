//! `dead export`: dead letters as jobs that can be enqueued again.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
};

use anyhow::anyhow;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use penstock_shared::{
    job::{Job, Tenant},
    outcome::Cause,
    program::{self, Exit, Failure},
    queue::{Queue, dead::DeadLetter, lapse::Lapses, record::RecordError},
};
use sha2::{Digest, Sha256};

use super::pages::Pages;
use crate::{
    arguments::Export,
    detail::{is_undecided, was_sent_again},
    render::Format,
};

/// The longest id, in characters.
const LONGEST_ID: usize = 128;

/// `dead export`.
pub(super) async fn export(
    queue: &Queue,
    given: Option<Format>,
    wanted: &Export,
) -> Result<Exit, Failure> {
    if given == Some(Format::Table) {
        return Err(Failure::bad_input(anyhow!(
            "an export is for programs: -o ndjson (the default) or -o json; `dead list` gives a table"
        )));
    }
    let mut document = Document::new(given == Some(Format::Json));
    let ambiguous = wanted.filters.cause.as_deref() == Some(Cause::Ambiguous.as_str());
    let undecided_too = wanted.undecided || ambiguous;
    let mut pages = Pages::of(queue, wanted.filters.to_filter()).await?;
    while let Some(page) = pages.next(queue).await? {
        let mut lapses: HashMap<u16, Lapses> = HashMap::new();
        for letter in &page {
            let known = match lapses.entry(queue.shard_of(&letter.tenant)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(queue.lapses_of(&letter.tenant).await?),
            };
            match exported(letter, undecided_too, known) {
                Ok(job) => document.add(&job)?,
                Err(reason) => eprintln!("left out: {} of {}: {reason}", letter.id, letter.tenant),
            }
        }
        document.flush()?;
    }
    document.end()?;
    Ok(Exit::Done)
}

/// The job under an id of its own, due at once; or why there is none.
fn exported(
    letter: &DeadLetter,
    undecided_too: bool,
    lapses: &Lapses,
) -> Result<Job, Cow<'static, str>> {
    let unreadable = "it cannot be decoded";
    let stored = letter
        .job
        .as_ref()
        .ok_or_else(|| match &letter.unreadable {
            Some(RecordError::Undecodable(_)) | None => unreadable.into(),
            Some(error) => Cow::Owned(error.to_string()),
        })?;
    if !undecided_too && was_sent_again(&letter.run) {
        return Err(
            "it may have taken effect before it was sent once more, by policy, and nothing looks for that: look at its contact, then retry it, or export with --undecided"
                .into(),
        );
    }
    if !undecided_too && is_undecided(&letter.run, Some(stored), lapses) {
        return Err(
            "it may have taken effect, and a copy would not be looked for: retry or resolve it, or export with --undecided"
                .into(),
        );
    }
    let tenant: Tenant = letter.tenant.parse().map_err(|_| unreadable)?;
    let id = new_id(&letter.id, letter.dead_ms).parse();
    let job = stored.to_job(tenant, id.map_err(|_| unreadable)?);
    Ok(Job {
        run_at: None,
        ..job
    })
}

/// An id for the copy of a dead job: the same for the same death, another for the next.
fn new_id(id: &str, dead_ms: u64) -> String {
    let new = format!("{id}~{}", base36(dead_ms));
    if new.chars().count() <= LONGEST_ID {
        return new;
    }
    let digest = Sha256::digest(new.as_bytes());
    let hash = URL_SAFE_NO_PAD.encode(&digest[..16]);
    let head: String = id.chars().take(LONGEST_ID - hash.len() - 1).collect();
    format!("{head}~{hash}")
}

fn base36(mut number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    loop {
        // Below 36, whatever the number.
        digits.push(char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// What is written, a page at a time: one job a line, or one array.
struct Document {
    array: bool,
    empty: bool,
    text: String,
}

impl Document {
    fn new(array: bool) -> Self {
        Self {
            array,
            empty: true,
            text: String::new(),
        }
    }

    fn add(&mut self, job: &Job) -> Result<(), Failure> {
        let job = serde_json::to_string(job)?;
        match (self.array, self.empty) {
            (true, true) => self.text += "[\n",
            (true, false) => self.text += ",\n",
            (false, _) => {}
        }
        self.empty = false;
        self.text += &job;
        if !self.array {
            self.text.push('\n');
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        program::print(&std::mem::take(&mut self.text))
    }

    fn end(mut self) -> Result<(), Failure> {
        match (self.array, self.empty) {
            (true, true) => self.text += "[]\n",
            (true, false) => self.text += "\n]\n",
            (false, _) => {}
        }
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_an_id_of_its_death() {
        assert_eq!(new_id("order-1", 1_796_115_600_000), "order-1~mx4guqo0");
        assert_ne!(new_id("order-1", 1), new_id("order-1", 2));
        assert_eq!(base36(0), "0");
    }

    #[test]
    fn an_id_stays_within_its_bound() {
        let long = "é".repeat(128);
        let new = new_id(&long, 1_796_115_600_000);
        assert_eq!(new.chars().count(), 128);
        assert!(new.parse::<penstock_shared::job::JobId>().is_ok());
        assert_ne!(new, new_id(&long, 1_796_115_600_001));
        let fits = "a".repeat(119);
        assert_eq!(new_id(&fits, 1_796_115_600_000).len(), 128);
    }
}
