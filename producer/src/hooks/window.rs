//! How old an event may be that a webhook tells of.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How much a sender's clock may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// The span within which an event is taken in: for at least as long it is known again once it is done.
#[derive(Debug, Clone, Copy)]
pub struct Window(SignedDuration);

impl Window {
    /// Of this length.
    pub fn new(length: Duration) -> Self {
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        Self(length)
    }

    /// Whether what happened then, if that is said at all, is taken in now. What is dated ahead is taken in for so much longer, so the window
    /// ends earlier by as much as anything may be ahead.
    pub fn admits(self, occurred_at: Option<Timestamp>, now: Timestamp) -> bool {
        let age = |occurred_at: Timestamp| now.duration_since(occurred_at);
        occurred_at
            .map(age)
            .is_none_or(|age| age >= -AHEAD && age < self.0 - AHEAD)
    }
}
