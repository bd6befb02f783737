//! Who renews grants: one program at a time over all that are there.

use std::time::Duration;

use serde::Serialize;

use super::{Queue, error::QueueError};
use crate::span::millis;

/// The right to renew grants, until it ends or another has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence(pub(super) u64);

#[derive(Serialize)]
struct RefresherArguments<'a> {
    access: String,
    holder: &'a str,
    term: u64,
}

impl Queue {
    /// Makes this program the one that renews grants for `term` from now, if no other is; the same again prolongs it.
    pub async fn be_refresher(
        &self,
        holder: &str,
        term: Duration,
    ) -> Result<Option<Fence>, QueueError> {
        let arguments = RefresherArguments {
            access: self.keys(0).access(),
            holder,
            term: millis(term),
        };
        let fence: u64 = self
            .call(0, &self.scripts().refresher, &arguments, super::no_tail)
            .await?;
        Ok((fence > 0).then_some(Fence(fence)))
    }
}
