//! A record that is gone, and what was known of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Memory, Saying};

/// A record that is gone: what is told of it late, or comes back of what was written to it, makes no new one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gone {
    /// Since when.
    pub at: Timestamp,
    /// What was known of it.
    pub memory: Memory,
}

impl Gone {
    /// Whether its system says something of it that nobody has known: somebody has written it there since.
    pub fn is_news(&self, saying: &Saying<'_>) -> bool {
        saying.at > self.at && !self.memory.knows_all(saying)
    }
}
