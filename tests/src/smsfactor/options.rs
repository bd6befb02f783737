//! What a stand-in for `SMSFactor` can be started with.

use std::time::Duration;

use secrecy::SecretString;

use crate::sandbox::Quota;
use crate::stand::{self, Scheme};

/// How it behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What every stand-in has.
    pub stand: stand::Options,
    /// The most calls of the account in any such window; the vendor publishes none.
    pub burst: Quota,
    /// The bearer tokens that are accepted; any is when there are none.
    pub tokens: Vec<SecretString>,
    /// How many credits the account has.
    pub credits: u64,
    /// How webhooks are signed; the vendor does not say.
    pub scheme: Scheme,
    /// How long after each failure a webhook is sent again; the vendor does not say.
    pub retries: Vec<Duration>,
    /// How long the answer to a webhook may take.
    pub hook_timeout: Duration,
    /// The HTTP status of an answer whose body refuses; the vendor does not say.
    pub error_status: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stand: stand::Options::default(),
            burst: Quota {
                calls: 10,
                window: Duration::from_secs(1),
            },
            tokens: Vec::new(),
            credits: 10_000,
            scheme: Scheme::HmacHex,
            retries: Vec::new(),
            hook_timeout: Duration::from_secs(10),
            error_status: 200,
        }
    }
}
