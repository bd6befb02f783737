//! When something was said, and how far that can be relied on.

use jiff::{SignedDuration, Timestamp};

/// Clocks differ by less.
pub(super) const CLOCKS: SignedDuration = SignedDuration::from_secs(5);

/// When something was said, and how far that can be relied on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    /// For so long after a write has arrived it may still be told how it was before.
    pub(super) late: SignedDuration,
    /// By so much what was said before, and what was written, may have come in another order.
    pub(super) apart: SignedDuration,
}

impl Moment {
    /// Of a system that says when it was so. What it says in a moment may have been gathered somewhat earlier.
    pub(super) fn dated(at: Timestamp) -> Self {
        Self {
            at,
            late: SignedDuration::from_secs(30),
            apart: CLOCKS,
        }
    }

    /// Of one that does not: it is known when it came, and webhooks come late.
    pub(super) fn undated(at: Timestamp) -> Self {
        Self {
            at,
            late: SignedDuration::from_mins(15),
            apart: SignedDuration::from_mins(15),
        }
    }
}
