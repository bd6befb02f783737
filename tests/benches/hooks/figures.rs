//! What was measured.

use std::{fmt, time::Duration};

/// All that one burst came to.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    latencies: Vec<Duration>,
    wrong: usize,
    took: Duration,
}

impl Figures {
    pub(crate) fn extend(&mut self, told: Vec<(Duration, bool)>) {
        self.wrong += told.iter().filter(|(_, right)| !right).count();
        self.latencies
            .extend(told.into_iter().map(|(latency, _)| latency));
    }

    pub(crate) fn took(&mut self, took: Duration) {
        self.took = took;
        self.latencies.sort_unstable();
    }

    /// How many were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.latencies.len() - self.wrong
    }

    /// Of so many in a thousand no answer took longer.
    fn at(&self, thousandths: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = self.latencies.len() * thousandths / 1_000;
        self.latencies
            .get(at.min(last))
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.latencies.len();
        let each = self.took / u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let rate = 1.0 / each.as_secs_f64();
        write!(f, "{count} webhooks at {rate:.0}/s")?;
        for (name, thousandths) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999)] {
            let ms = self.at(thousandths).as_secs_f64() * 1e3;
            write!(f, "   {name} {ms:.1} ms")?;
        }
        let most = self.at(1_000).as_secs_f64() * 1e3;
        write!(f, "   most {most:.1} ms   refused {}", self.wrong)
    }
}
