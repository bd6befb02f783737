//! Webhooks: their bodies, and the file that says which there are.

use std::path::Path;

use penstock_producer::hooks::Hooks;
use penstock_shared::{
    event::{Event, GenericRules, KindRule, Source, Unreadable},
    job::Tenant,
};

use super::{intake, said};

/// What a body is to each of the senders that it may come from.
pub(super) fn event(bytes: &[u8]) -> u64 {
    let tenant: Tenant = "acme".parse().expect("a tenant");
    let told = [
        one(Event::from_ghl(bytes, Some("delivery")).map(|read| read.event)),
        all(Event::from_smsfactor(bytes, &tenant, None)),
        all(Event::from_smore(bytes, &tenant)),
        one(Event::from_generic(bytes, &tenant, &rules())),
    ];
    said(&told)
}

fn rules() -> GenericRules {
    let at = |pointer: &str| Some(pointer.to_owned());
    GenericRules {
        source: Source::Named("crm".to_owned()),
        kind: KindRule::At("/type".to_owned()),
        id: at("/id"),
        time: at("/date"),
        contact: at("/contactId"),
        email: at("/email"),
        phone: at("/phone"),
    }
}

fn one(event: Result<Event, Unreadable>) -> String {
    all(event.map(|event| vec![event]))
}

/// Every event is a job that can be stored, whatever it was made of.
fn all(events: Result<Vec<Event>, Unreadable>) -> String {
    match events {
        Ok(events) => {
            let names = events.iter().take(2).map(|event| {
                let refs = event.contact.refs().len();
                intake::check(&event.clone().into_job());
                let dated = event.occurred_at.is_some();
                let kind: String = event.kind.as_str().chars().take(12).collect();
                format!("{kind} {refs} {dated} {}", event.truncated)
            });
            names.collect::<Vec<_>>().join(",")
        }
        Err(unreadable) => unreadable.to_string(),
    }
}

pub(super) fn hooks(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    // What it names elsewhere is not looked for: a test writes where, not what others could make it read.
    if text.contains("_file") || text.contains("_env") {
        return 0;
    }
    match Hooks::parse(&text, Path::new("hooks.toml")) {
        Ok(hooks) => said(&(hooks.names(), hooks.unproved(), hooks.warnings().len())),
        Err(error) => said(&error.to_string()),
    }
}
