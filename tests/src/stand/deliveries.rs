//! Every message that was sent to a webhook, in order, and what each came to.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::hook::{Hook, Letter, Posting};
use crate::sandbox::Moment;

/// How many are kept before the oldest is dropped.
const CAP: usize = 100_000;

/// One message to one webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its place in the order of all, from 1.
    pub id: u64,
    /// The webhook's id.
    pub hook: String,
    /// The kind of message.
    pub kind: &'static str,
    /// What was sent.
    pub body: Value,
    /// What has become of it.
    pub state: Fate,
    /// Every time it was sent.
    pub attempts: Vec<Attempt>,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is under way, or waits to be sent again.
    Pending,
    /// It was answered with 2xx.
    Delivered,
    /// It was tried as often as it is tried.
    GivenUp,
    /// Its webhook was disabled or removed before it got through.
    Disabled,
}

/// One time that a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When.
    pub at: Moment,
    /// The status of the answer; none if there was none in time.
    pub status: Option<u16>,
}

/// The newest messages.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    kept: VecDeque<Delivery>,
    last: u64,
}

impl Deliveries {
    /// Enters a letter to a webhook and gives it its number.
    pub(super) fn enter(&mut self, hook: &Hook, letter: &Letter) -> u64 {
        self.last += 1;
        self.kept.push_back(Delivery {
            id: self.last,
            hook: hook.id.clone(),
            kind: letter.kind,
            body: letter.body.clone(),
            state: Fate::Pending,
            attempts: Vec::new(),
        });
        if self.kept.len() > CAP {
            self.kept.pop_front();
        }
        self.last
    }

    pub(super) fn after(&self, id: u64) -> Vec<Delivery> {
        let start = self.kept.partition_point(|delivery| delivery.id <= id);
        self.kept.range(start..).cloned().collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Delivery> {
        self.kept.iter()
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Delivery> {
        let first = self.kept.front()?.id;
        let at = usize::try_from(id.checked_sub(first)?).ok()?;
        self.kept.get_mut(at)
    }
}

impl Delivery {
    /// The bytes that are sent: the same each time, since the signature is over them.
    pub(super) fn bytes(&self) -> Bytes {
        self.body.to_string().into()
    }

    /// Enters an answer, and says what becomes of the message.
    pub(super) fn answered(&mut self, attempt: Attempt, posting: &Posting) -> Fate {
        self.attempts.push(attempt);
        self.state = match attempt.status {
            // Sent again on an order after it got through, it stays delivered.
            _ if self.state == Fate::Delivered => Fate::Delivered,
            Some(200..=299) => Fate::Delivered,
            Some(404 | 410) if posting.gone_disables => Fate::Disabled,
            _ if self.attempts.len() > posting.retries.len() => Fate::GivenUp,
            _ => Fate::Pending,
        };
        self.state
    }
}
