//! What answers say. Where the vendor does not describe them they are read as far as they can be.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Answer;
use crate::{job::Phone, wire::CallError};

/// The names by which rows call a number.
pub(super) const NUMBERS: [&str; 5] = ["destination", "value", "gsm", "number", "phone"];
/// The names by which rows call their id.
const IDS: [&str; 3] = ["id", "contact_id", "contactId"];
/// The names by which answers call how many rows there are in all.
const TOTALS: [&str; 2] = ["totalDisplayRecords", "totalRecords"];
/// The names by which requests call where the numbers are, and so may answers.
const PLACES: [&str; 4] = ["list", "contacts", "gsm", "blacklist"];
/// How many rows the API lists where it is not asked for more.
const SHORT: usize = 100;
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
    /// How many there are on all pages, where that is said.
    pub total: Option<usize>,
    /// Whether it is known that these are all that have the number: an answer that nobody understands says nothing.
    pub is_understood: bool,
    /// What the first row says, so that a page that comes twice is known.
    pub first: Option<String>,
}

/// A reply, and the message that it answers.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageReply {
    /// The id that the message was given.
    pub message_id: String,
    /// Who has replied.
    number: Option<String>,
}

impl Page {
    /// Whether no page comes after this one, which begins with this row.
    pub fn is_last(&self, start: usize) -> bool {
        is_last(self.total, start, self.rows)
    }
}

impl MessageReply {
    /// As a row says it.
    pub(super) fn of(row: &Map<String, Value>) -> Option<Self> {
        Some(Self {
            message_id: text(row.get("message_id"))?,
            number: text(row.get("destination")),
        })
    }

    /// Whether this number may have sent it: no other is told.
    pub fn may_be_from(&self, phone: &Phone) -> bool {
        let mut number = self.number.iter();
        number.all(|number| is_number(number, super::number(phone)))
    }
}

/// Nothing of who has replied.
impl fmt::Debug for MessageReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageReply({})", self.message_id)
    }
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
        let found = rows(&self.body, DEPTH);
        let is_understood = is_understood(&self.body, found.is_some());
        let rows = found.unwrap_or_default();
        let is_wanted = |row: &&Map<String, Value>| {
            let mut numbers = NUMBERS.iter().filter_map(|name| text(row.get(*name)));
            numbers.any(|number| is_number(&number, wanted))
        };
        let wanted: Vec<_> = rows.iter().copied().filter(is_wanted).collect();
        let found: Vec<_> = wanted.iter().copied().filter_map(listed).collect();
        Page {
            // A row without an id can neither be changed nor taken out.
            is_understood: is_understood && found.len() == wanted.len(),
            found,
            rows: rows.len(),
            total: total(&self.body),
            first: rows
                .first()
                .map(|row| Value::Object((*row).clone()).to_string()),
        }
    }
}

pub(super) fn id(row: &Map<String, Value>) -> Option<String> {
    IDS.iter().find_map(|name| text(row.get(*name)))
}

pub(super) fn infos(row: &Map<String, Value>) -> [Option<String>; 4] {
    let infos = ["info1", "info2", "info3", "info4"];
    infos.map(|name| text(row.get(name)).filter(|info| !info.is_empty()))
}

/// Whether a number is this one, which is written as the API writes numbers.
fn is_number(number: &str, wanted: &str) -> bool {
    let number = number.trim();
    let plain = number
        .strip_prefix('+')
        .or_else(|| number.strip_prefix("00"));
    plain.unwrap_or(number) == wanted
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

/// How many rows there are on all pages, where that is said.
pub(super) fn total(body: &Value) -> Option<usize> {
    let total = TOTALS.iter().find_map(|name| number(body, name))?;
    usize::try_from(total).ok()
}

/// Whether no page comes after one that begins with this row and has so many. Where nobody says how many there are, only one is the last that has fewer
/// than the API lists at once: it may cut a page though it is asked for more.
pub(super) fn is_last(total: Option<usize>, start: usize, rows: usize) -> bool {
    match total {
        Some(total) => rows == 0 || start + rows >= total,
        None => rows < SHORT,
    }
}

/// Whether it is known what an answer says of its rows: it has some, or says that there are none.
pub(super) fn is_understood(body: &Value, has_rows: bool) -> bool {
    has_rows || total(body) == Some(0) || is_empty(body, DEPTH)
}

/// Whether there is nothing where rows would be.
fn is_empty(value: &Value, depth: usize) -> bool {
    let Value::Object(members) = value else {
        return false;
    };
    let mut places = PLACES.iter().filter_map(|name| members.get(*name));
    places.any(|place| match place {
        Value::Array(rows) => rows.is_empty(),
        place => depth > 0 && is_empty(place, depth - 1),
    })
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
