//! What polls read: pages of replies and of contacts, as far as they can be read.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    Answer,
    answer::{self, DEPTH, MessageReply, NUMBERS, is_understood, rows, text, total},
};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled<T> {
    /// What can be read of its rows.
    pub rows: Vec<T>,
    /// How many rows it has.
    pub count: usize,
    /// Whether it is known that these are all: an answer that nobody understands says nothing.
    pub is_understood: bool,
    /// How many there are on all pages, where that is said.
    pub total: Option<usize>,
    /// What tells it from other pages, so that one that comes twice is known.
    pub fingerprint: String,
}

/// A contact of a list. It is personal: it is stored as it is, and never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its id there.
    #[serde(skip)]
    pub id: String,
    /// Its number, without the plus.
    pub number: String,
    /// What is said of it.
    pub infos: [Option<String>; 4],
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({})", self.id)
    }
}

impl<T> Polled<T> {
    /// Whether no page comes after this one, which begins with this row.
    pub fn is_last(&self, start: usize) -> bool {
        answer::is_last(self.total, start, self.count)
    }
}

impl Answer {
    /// The replies of this page, with all that is said of them.
    pub fn polled_replies(&self) -> Polled<Map<String, Value>> {
        self.of_replies(|reply| Some(reply.clone()))
    }

    /// The replies of this page, as far as they name the messages that they answer.
    pub fn replies(&self) -> Polled<MessageReply> {
        self.of_replies(MessageReply::of)
    }

    fn of_replies<T>(&self, read: impl Fn(&Map<String, Value>) -> Option<T>) -> Polled<T> {
        let replies = self.body.get("replies").and_then(Value::as_array);
        let rows = replies.into_iter().flatten().filter_map(Value::as_object);
        self.polled(replies.map(Vec::len), rows.filter_map(read).collect())
    }

    /// The contacts of this page.
    pub fn polled_contacts(&self) -> Polled<Row> {
        let found = rows(&self.body, DEPTH);
        let count = found.as_ref().map(Vec::len);
        let found = found.into_iter().flatten();
        self.polled(count, found.filter_map(contact).collect())
    }

    fn polled<T>(&self, count: Option<usize>, rows: Vec<T>) -> Polled<T> {
        let digest = Sha256::digest(self.body.to_string());
        Polled {
            rows,
            count: count.unwrap_or(0),
            is_understood: is_understood(&self.body, count.is_some()),
            total: total(&self.body),
            fingerprint: URL_SAFE_NO_PAD.encode(&digest[..12]),
        }
    }
}

/// A row without an id is known by its number.
fn contact(row: &Map<String, Value>) -> Option<Row> {
    let mut numbers = NUMBERS.iter();
    let number = numbers.find_map(|name| text(row.get(*name)))?;
    let number = number.trim().trim_start_matches('+').to_owned();
    Some(Row {
        id: answer::id(row).unwrap_or_else(|| number.clone()),
        infos: answer::infos(row),
        number,
    })
}
