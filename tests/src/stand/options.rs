//! What every stand-in can be started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::sandbox::{Fault, Latency, Quota, Terms, Window};

/// How a stand-in behaves, whatever it stands in for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How the quotas' windows lie in time.
    pub window: Window,
    /// How long an answer takes, half of it before the effect and half after.
    pub latency: Latency,
    /// What ids, secrets and random choices are drawn from.
    pub seed: u64,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// How many calls the ledger keeps before it drops the oldest.
    pub ledger_cap: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            window: Window::Sliding,
            latency: Latency::default(),
            seed: 0,
            faults: Vec::new(),
            ledger_cap: 100_000,
        }
    }
}

/// A quota that is the only one.
pub(super) const fn terms(quota: Quota, window: Window) -> Terms {
    // Of a second only, so that no more times are kept than the other quota keeps.
    let daily = Quota {
        calls: u32::MAX,
        window: Duration::from_secs(1),
    };
    Terms {
        burst: quota,
        daily,
        window,
    }
}
