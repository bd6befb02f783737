//! What is asked to be sent.

use serde::Deserialize;

use super::answer::{DATA, DELAY, refused};
use super::paris;
use crate::sandbox::Moment;
use crate::stand::Refusal;

/// `{"sms": {"message": …, "recipients" or "lists": …}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted<T> {
    pub(super) sms: T,
}

/// A message to numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToNumbers {
    pub(super) message: Message,
    pub(super) recipients: Recipients,
}

/// A message to lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToLists {
    pub(super) message: Message,
    pub(super) lists: Vec<ListRef>,
}

/// `{"gsm": [...]}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipients {
    pub(super) gsm: Vec<Recipient>,
}

/// One number, and the caller's own id for what is sent to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    pub(super) value: String,
    pub(super) gsmsmsid: Option<String>,
}

/// A list's id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRef {
    pub(super) value: String,
}

/// The message itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) pushtype: Option<PushType>,
    pub(super) sender: Option<String>,
    pub(super) delay: Option<String>,
    pub(super) unicode: Option<u8>,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PushType {
    Alert,
    Marketing,
}

impl Message {
    /// When it is due, if it can be sent as it is; none for at once.
    pub(super) fn due(&self, now: Moment) -> Result<Option<Moment>, Refusal> {
        if self.text.trim().is_empty() {
            return Err(refused(DATA, "text is empty"));
        }
        if self.unicode.is_some_and(|flag| flag > 1) {
            return Err(refused(DATA, "unicode must be 0 or 1"));
        }
        let read = |text: &String| {
            let why = "delay must be Y-m-d H:i:s, in the time of Paris";
            paris::read(text).ok_or_else(|| refused(DELAY, why))
        };
        let due = self.delay.as_ref().map(read).transpose()?;
        if due.is_some_and(|due| due < now) {
            return Err(refused(DELAY, "delay has passed"));
        }
        Ok(due)
    }

    /// How many SMS a text takes.
    pub(super) fn parts(&self, text: &str) -> u64 {
        let (one, each) = if self.unicode == Some(1) {
            (70, 67)
        } else {
            (160, 153)
        };
        let letters = text.chars().count();
        let parts = if letters <= one {
            1
        } else {
            letters.div_ceil(each)
        };
        u64::try_from(parts).unwrap_or(u64::MAX)
    }
}
