//! Jobs of which histories are made: few names, so that they meet.

use penstock_shared::job::{ContactRef, Priority};
use penstock_tests::fixture::{Draft, job};
use proptest::prelude::*;

/// Whose jobs they are.
pub(crate) const TENANTS: [&str; 2] = ["acme", "beta"];
/// How many ids each tenant uses.
pub(crate) const IDS: u8 = 8;

/// A job: its tenant and its id, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) tenant: u8,
    pub(crate) id: u8,
}

impl Key {
    pub(crate) fn tenant(self) -> &'static str {
        TENANTS[usize::from(self.tenant)]
    }

    /// Later ids do not sort behind earlier ones, so that order by id is not order by time.
    pub(crate) fn id(self) -> String {
        format!("j{}", (self.id * 5) % IDS)
    }

    /// The key of a job that the queue names so.
    pub(crate) fn of(tenant: &str, id: &str) -> Option<Self> {
        Self::all().find(|key| key.tenant() == tenant && key.id() == id)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let tenants = 0..u8::try_from(TENANTS.len()).expect("few");
        tenants.flat_map(|tenant| (0..IDS).map(move |id| Self { tenant, id }))
    }
}

/// What a job does, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    Tag(Named, u8),
    Note(Named, u8),
    Task(Named, u8),
    /// Names an email address and a telephone number, each by its number.
    Upsert(u8, u8),
}

/// A contact, by one of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Id(u8),
    Email(u8),
    Phone(u8),
}

/// A job as it is enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) key: Key,
    pub(crate) work: Work,
    pub(crate) priority: Priority,
    /// Milliseconds from the moment of enqueuing.
    pub(crate) run_in: Option<u64>,
}

pub(crate) fn email(number: u8) -> String {
    format!("person-{number}@example.com")
}

pub(crate) fn phone(number: u8) -> String {
    format!("+1415555010{number}")
}

pub(crate) fn contact_id(number: u8) -> String {
    format!("contact-{number}")
}

impl Named {
    fn on(self, draft: Draft) -> Draft {
        match self {
            Self::Id(number) => draft.contact(&contact_id(number)),
            Self::Email(number) => draft.email(&email(number)),
            Self::Phone(number) => draft.phone(&phone(number)),
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Id(number) => contact_id(number),
            Self::Email(number) => email(number),
            Self::Phone(number) => phone(number),
        }
    }

    /// As the API would be quoted.
    pub(crate) fn reference(self) -> ContactRef {
        let draft = self.on(job("any"));
        draft.job().payload.contact_refs().remove(0)
    }
}

impl Work {
    /// The names of the contact that it is about.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Tag(named, _) | Self::Note(named, _) | Self::Task(named, _) => vec![named.name()],
            Self::Upsert(mail, number) => vec![email(*mail), phone(*number)],
        }
    }

    pub(crate) fn on(&self, draft: Draft) -> Draft {
        match self {
            Self::Tag(named, text) => named.on(draft.tag(&format!("tag-{text}"))),
            Self::Note(named, text) => named.on(draft.note(&format!("note {text}"))),
            Self::Task(named, text) => named.on(draft.task(&format!("task {text}"))),
            Self::Upsert(mail, number) => draft.upsert(&email(*mail), &phone(*number)),
        }
    }
}

impl Spec {
    /// The job as it is enqueued at this moment.
    pub(crate) fn draft(&self, now: u64) -> Draft {
        let draft = job(&self.key.id())
            .of(self.key.tenant())
            .priority(self.priority);
        let draft = self.work.on(draft);
        match self.run_in {
            Some(ms) => draft.run_at(now + ms),
            None => draft,
        }
    }
}

pub(crate) fn any_key() -> impl Strategy<Value = Key> {
    // Most of it happens to one tenant.
    (prop_oneof![4 => Just(0_u8), 1 => Just(1)], 0..IDS).prop_map(|(tenant, id)| Key { tenant, id })
}

pub(crate) fn any_named() -> impl Strategy<Value = Named> {
    prop_oneof![
        (0..2_u8).prop_map(Named::Id),
        (0..2_u8).prop_map(Named::Email),
        (0..2_u8).prop_map(Named::Phone),
    ]
}

pub(crate) fn any_work() -> impl Strategy<Value = Work> {
    prop_oneof![
        3 => (any_named(), 0..2_u8).prop_map(|(named, text)| Work::Tag(named, text)),
        1 => (any_named(), 0..2_u8).prop_map(|(named, text)| Work::Note(named, text)),
        1 => (any_named(), 0..2_u8).prop_map(|(named, text)| Work::Task(named, text)),
        1 => (0..2_u8, 0..2_u8).prop_map(|(mail, number)| Work::Upsert(mail, number)),
    ]
}

pub(crate) fn any_priority() -> impl Strategy<Value = Priority> {
    prop_oneof![
        2 => Just(Priority::Normal),
        1 => Just(Priority::High),
        1 => Just(Priority::Low),
    ]
}

pub(crate) fn any_spec() -> impl Strategy<Value = Spec> {
    let run_in = prop_oneof![
        3 => Just(None),
        // Few moments, so that jobs share them.
        1 => prop::sample::select(vec![0, 700, 2_000, 60_000]).prop_map(Some),
    ];
    (any_key(), any_work(), any_priority(), run_in).prop_map(|(key, work, priority, run_in)| Spec {
        key,
        work,
        priority,
        run_in,
    })
}
