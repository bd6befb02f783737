//! The benchmark's jobs as jobs of Penstock: each is a note on a contact, and the note's title tells when it was made.

use std::time::{SystemTime, UNIX_EPOCH};

use penstock_shared::{
    job::{AttachNote, ContactRef, Invalid, Job, Payload, Priority},
    queue::record::NewJob,
};

const BODY_BYTES: usize = 230;

/// The job of this number among its tenant's, about one of `contacts`, or about a contact of its own if that is 0.
pub(super) fn new(number: u32, tenant: &str, contacts: u32) -> Result<NewJob, Invalid> {
    let id = format!("{tenant}-{number}");
    let contact = match contacts {
        0 => id.clone(),
        _ => format!("contact-{}", number % contacts),
    };
    let note = AttachNote {
        contact: ContactRef::Id(contact.parse()?),
        body: "x".repeat(BODY_BYTES).parse()?,
        title: Some(now_micros().to_string().parse()?),
        color: None,
        pinned: None,
        user_id: None,
    };
    Ok(NewJob {
        id: id.parse()?,
        job: Job {
            id: None,
            tenant: tenant.parse()?,
            priority: Priority::default(),
            run_at: None,
            max_attempts: None,
            payload: Payload::AttachNote(Box::new(note)),
        },
    })
}

/// When it was made.
pub(super) fn made_at(note: &AttachNote) -> Option<u64> {
    note.title.as_ref()?.as_str().parse().ok()
}

/// Microseconds since 1970, as all contenders tell the time.
pub(super) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}
