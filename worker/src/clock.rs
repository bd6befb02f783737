//! Redis' clock, as far as this worker knows it: its last word, and what has passed since by the monotonic clock.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;
use penstock_shared::span::millis;

/// Redis' time, estimated.
#[derive(Debug, Clone)]
pub struct RedisClock(Arc<Mutex<(u64, Instant)>>);

impl RedisClock {
    /// Set by what Redis has just said.
    pub fn new(now_ms: u64) -> Self {
        Self(Arc::new(Mutex::new((now_ms, Instant::now()))))
    }

    /// Redis has just said what time it is.
    pub fn set(&self, now_ms: u64) {
        *self.0.lock() = (now_ms, Instant::now());
    }

    /// Milliseconds of Redis' clock.
    pub fn now_ms(&self) -> u64 {
        let (at, since) = *self.0.lock();
        at.saturating_add(millis(since.elapsed()))
    }
}
