//! What stands in Redis: records, what is written down beside them, and what is sealed.

use std::{collections::HashMap, sync::LazyLock};

use penstock_shared::{
    job::state::Ending,
    queue::{
        record::{self, Record},
        run::{Run, field},
    },
    seal::{Keyring, Place, Purpose},
};

use super::said;

static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let keys = "fuzz:ZnV6eiBmdXp6IGZ1enogZnV6eiBmdXp6IGZ1enohISE=";
    Keyring::parse(keys).expect("it is a key")
});

pub(super) fn record(bytes: &[u8]) -> u64 {
    match record::decode(bytes) {
        Ok(Record::Job(job)) => {
            let (_, packed) = job.payload.pack();
            assert!(!packed.is_empty());
            said(&(
                job.payload.job_type(),
                job.priority,
                job.run_at.is_some(),
                job.max_attempts.is_some(),
            ))
        }
        Ok(Record::Sweep(sweep)) => said(&(sweep.job_type, sweep.late_ms.is_some())),
        Ok(Record::Done { done, .. }) => said(&(done.effect.is_some(), done.result.is_object())),
        Err(error) => said(&error.to_string()),
    }
}

/// Names and values, a line each.
pub(super) fn journal(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let fields = text.lines().filter_map(|line| line.split_once('='));
    let fields: HashMap<_, _> = fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let run = Run::new(fields);
    let ending = run.text(field::ENDING).map(serde_json::from_str::<Ending>);
    let times = [
        field::INTENT,
        field::UNANSWERED,
        field::INTENT_ENDS,
        field::LOST_AT,
        field::DEAD_AT,
    ]
    .map(|name| run.number(name).is_some());
    said(&(
        run.attempts() > 0,
        run.deliveries() > 0,
        run.lost() > 2,
        times,
    )) ^ said(&ending.map(|ending| ending.map_err(|error| error.to_string())))
}

pub(super) fn sealed(bytes: &[u8]) -> u64 {
    let place = Place {
        purpose: Purpose::Payload,
        namespace: "fuzz",
        tenant: "t",
        id: "a",
    };
    let opened = KEYS.open(&place, bytes);
    assert!(opened.is_err(), "what was not sealed does not open");
    let text = String::from_utf8_lossy(bytes);
    let read = KEYS.open_text(&place, text.to_string());
    let keys = Keyring::parse(&text).map(|keys| keys.is_empty());
    said(&opened) ^ said(&read.is_ok()) ^ said(&keys)
}
