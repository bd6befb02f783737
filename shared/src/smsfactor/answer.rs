//! What answers say. Where the vendor does not describe them they are read as far as they can be.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Answer;
use crate::wire::CallError;

/// The names by which rows call a number.
pub(super) const NUMBERS: [&str; 5] = ["destination", "value", "gsm", "number", "phone"];
/// The names by which rows call their id.
const IDS: [&str; 3] = ["id", "contact_id", "contactId"];
/// How deep the rows of an answer may lie.
pub(super) const DEPTH: usize = 4;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The campaign's number; none comes back from a simulation.
    pub ticket: Option<String>,
    /// What it cost, in credits.
    pub cost: Option<u64>,
    /// What is left.
    pub credits: Option<u64>,
    /// Whether a person looks at it first.
    pub moderated: bool,
}

/// One contact of a list, or one number of the blacklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its id there.
    pub id: String,
    /// What is said of it.
    pub infos: [Option<String>; 4],
}

/// A page of rows, as far as one number is sought in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows with that number.
    pub found: Vec<Listed>,
    /// How many rows there are in all on this page.
    pub rows: usize,
    /// What the first row says, so that a page that comes twice is known.
    pub first: Option<String>,
}

/// A reply, and the message that it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReply {
    /// The id that the message was given.
    pub message_id: String,
}

impl Answer {
    /// What became of a message to one number; a refusal if it was sent to nobody.
    pub fn receipt(&self) -> Result<Receipt, CallError> {
        let count = |name| number(&self.body, name);
        if !self.moderated && count("sent") == Some(0) {
            return Err(CallError::Rejected {
                status: self.status,
                message: self.unsent().to_owned(),
            });
        }
        Ok(Receipt {
            ticket: text(self.body.get("ticket")),
            cost: count("cost"),
            credits: count("credits"),
            moderated: self.moderated,
        })
    }

    /// Why it was sent to nobody.
    fn unsent(&self) -> &'static str {
        let reasons = [
            (
                "blacklisted",
                "nothing was sent: the number is on the blacklist",
            ),
            ("invalid", "nothing was sent: the number is not valid"),
            ("npai", "nothing was sent: the number is not assigned"),
            (
                "duplicated",
                "nothing was sent: the number was there already",
            ),
        ];
        let found = reasons
            .iter()
            .find(|(name, _)| number(&self.body, name).unwrap_or(0) > 0);
        found.map_or("nothing was sent", |(_, reason)| *reason)
    }

    /// The rows with this number, on this page.
    pub fn page(&self, wanted: &str) -> Page {
        let rows = rows(&self.body, DEPTH).unwrap_or_default();
        let is_wanted = |row: &&Map<String, Value>| {
            let mut numbers = NUMBERS.iter().filter_map(|name| text(row.get(*name)));
            numbers.any(|number| number.trim_start_matches('+') == wanted)
        };
        Page {
            found: rows
                .iter()
                .copied()
                .filter(is_wanted)
                .filter_map(listed)
                .collect(),
            rows: rows.len(),
            first: rows
                .first()
                .map(|row| Value::Object((*row).clone()).to_string()),
        }
    }

    /// The replies, and whether there may be more after them.
    pub fn replies(&self) -> Vec<MessageReply> {
        let replies = self.body.get("replies").and_then(Value::as_array);
        let replies = replies.into_iter().flatten();
        replies
            .filter_map(|reply| text(reply.get("message_id")))
            .map(|message_id| MessageReply { message_id })
            .collect()
    }
}

pub(super) fn id(row: &Map<String, Value>) -> Option<String> {
    IDS.iter().find_map(|name| text(row.get(*name)))
}

pub(super) fn infos(row: &Map<String, Value>) -> [Option<String>; 4] {
    let infos = ["info1", "info2", "info3", "info4"];
    infos.map(|name| text(row.get(name)).filter(|info| !info.is_empty()))
}

fn listed(row: &Map<String, Value>) -> Option<Listed> {
    Some(Listed {
        id: id(row)?,
        infos: infos(row),
    })
}

/// The first list of objects that have a number, wherever it is: how the answer is wrapped, the vendor does not say.
pub(super) fn rows(value: &Value, depth: usize) -> Option<Vec<&Map<String, Value>>> {
    match value {
        Value::Array(items) => {
            let rows: Vec<_> = items.iter().filter_map(Value::as_object).collect();
            let has_number =
                |row: &&Map<String, Value>| NUMBERS.iter().any(|name| row.contains_key(*name));
            rows.iter().any(has_number).then_some(rows)
        }
        Value::Object(members) if depth > 0 => {
            members.values().find_map(|value| rows(value, depth - 1))
        }
        _ => None,
    }
}

/// A number, which some answers write as text.
pub(super) fn number(value: &Value, name: &str) -> Option<u64> {
    match value.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
