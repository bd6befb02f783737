//! The ready-made files at work: the three systems that they are for, as stand-ins; their webhooks, GHL's among them, which its
//! sandbox does not send; and what programs are started with. What is named here is named in the files that are shipped.

mod files;
mod systems;
mod teller;

pub use files::Files;
pub use systems::Systems;
pub use teller::Teller;

use std::time::Duration;

use penstock_shared::queue::{Location, Queue, Terms, error::QueueError};
use penstock_shared::settings::{Durability, Encryption};

/// Whose all of it is.
pub const TENANT: &str = "ve9EPM428h8vShlRW1KT";
/// Our app of GHL's.
pub const APP: &str = "6687b8f4e1d2c3a4b5f60718";
/// The list of contacts.
pub const LIST: &str = "5a0312a7";
/// The number that alerts go to, as `SMSFactor` writes it.
pub const ALERTS: &str = "33600000001";
/// A user of GHL's, and the number to tell him of tasks.
pub const STAFF: (&str, &str) = ("GCs5KuzPqTls7vWclkEV", "33600000002");
/// The form that people answer.
pub const FORM: &str = "f1";
/// What webhooks are signed with, but for Smore's: Smore makes its secrets itself.
pub const SECRET: &str = "a secret that is long enough";

/// What workers call the systems with.
pub const TOKENS: [(&str, &str); 3] = [
    ("PENSTOCK_GHL_TOKEN", "pit-test"),
    ("SMSFACTOR_TOKEN", "sms-token"),
    ("CRM_TOKEN", "crm-token"),
];

/// What `serve` proves webhooks with, where Smore gave this secret.
pub const fn secrets(smore: &str) -> [(&'static str, &str); 4] {
    [
        ("SMSFACTOR_HOOK_SECRET", SECRET),
        ("FORM_HOOK_SECRET", SECRET),
        ("CRM_HOOK_SECRET", SECRET),
        ("SMORE_HOOK_SECRET", smore),
    ]
}

/// The queue, to look into.
pub async fn queue(url: &str, namespace: &str) -> Result<Queue, QueueError> {
    let location = Location {
        url: url.into(),
        roots: None,
        namespace: namespace.into(),
        shards: 1,
        durability: Durability::Everysec,
        encryption: Encryption::default(),
    };
    let terms = Terms {
        lease: Duration::from_secs(2),
        http_timeout: Duration::from_secs(2),
        quarantine: Duration::from_secs(1),
        reserve: 0.1,
        spread: false,
        coalesce: 1,
        max_backlog: 1_000_000,
        memory: 90,
        retention: Duration::from_secs(86_400),
    };
    Queue::connect(location, terms).await
}
