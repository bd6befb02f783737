//! The contacts of a run, and how jobs name them.

use serde_json::{Value, json};

use super::CANARY;

/// The tenant that alone has jobs for other systems: their accounts are its own.
pub const ELSEWHERE: &str = "tenant-0";

/// A contact of the API's.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) tenant: String,
    /// Its id, or its address.
    pub(super) contact: String,
    pub(super) kind: Kind,
}

/// How a contact comes to be, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is there from the start, and named by its id.
    Known,
    /// Its first job upserts it; it is named by its address.
    Addressed,
    /// Its first job creates it, and it is named by that job; a later one deletes it.
    Mortal,
}

impl Who {
    /// Half of them are known by their id; of the others a few are deleted.
    pub(super) fn new(tenant: usize, contact: usize) -> Self {
        let kind = match contact % 8 {
            5 => Kind::Mortal,
            place if place.is_multiple_of(2) => Kind::Known,
            _ => Kind::Addressed,
        };
        Self {
            tenant: format!("tenant-{tenant}"),
            contact: if kind == Kind::Known {
                id(tenant, contact)
            } else {
                format!("{CANARY}-{tenant}x{contact}@lab.example")
            },
            kind,
        }
    }

    /// As a job names it that refers to no other.
    pub(super) fn named(&self) -> Value {
        if self.kind == Kind::Known {
            json!({ "id": self.contact })
        } else {
            json!({ "email": self.contact })
        }
    }
}

fn id(tenant: usize, contact: usize) -> String {
    format!("contact{tenant}x{contact}")
}

/// The contact with this number, and the two next ones that are known by their ids, as far as there are so many.
pub(super) fn neighbours(tenant: usize, contact: usize, contacts: usize) -> Vec<Value> {
    let known = (contact..contacts).step_by(2).take(3);
    let known = known.map(|contact| json!({ "id": id(tenant, contact) }));
    known.collect()
}

/// A number that text messages go to, as jobs name it: with a plus, which the API leaves out.
pub(super) fn number(of: usize) -> String {
    format!("+336{of:08}")
}

/// One that nothing is sent to any more.
pub(super) fn unwanted(of: usize) -> String {
    format!("+337{of:08}")
}

/// A profile at the CRM.
pub fn profile(of: usize) -> String {
    format!("profile{of}")
}
