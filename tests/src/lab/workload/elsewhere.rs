//! What is done in the other systems, record by record.

use penstock_shared::job::JobType;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::who::{ELSEWHERE, number, profile, unwanted};
use super::{CANARY, Size, Wanted, wanted};
use crate::lab::trace::Trace;

/// The list that numbers are put into.
pub const LIST: &str = "lab-list";
/// The connection that leads to the CRM.
const CRM: &str = "crm";

/// A record of another system, as far as its jobs are drawn.
#[derive(Debug)]
pub(super) struct Record {
    what: What,
    of: usize,
    drawn: usize,
    is_listed: bool,
    /// It was taken out of the list: of a second time nobody could tell which job did it.
    was_delisted: bool,
}

#[derive(Debug)]
enum What {
    /// A number that gets messages, and is in a list.
    Number,
    /// One that is put on the blacklist and taken off.
    Unwanted,
    Profile,
}

/// What is written about a profile.
#[derive(Debug, Clone, Copy)]
pub enum Writing {
    /// A note, which is there twice if it is written twice.
    Note,
    /// One of its fields.
    Field,
    /// A tag, by a call that says of itself that it may be repeated.
    Tag,
}

/// All of them; the numbers that are blacklisted get nothing else.
pub(super) fn records(size: Size) -> Vec<Record> {
    let of_each = (0..size.records()).flat_map(|of| {
        let kinds = [What::Number, What::Unwanted, What::Profile];
        kinds.map(|what| Record {
            what,
            of,
            drawn: 0,
            is_listed: false,
            was_delisted: false,
        })
    });
    of_each.collect()
}

impl Record {
    /// Its next job, if it has another.
    pub(super) fn next(&mut self, dice: &mut StdRng, number: usize) -> Option<Wanted> {
        let (id, word) = (format!("job-{number}"), format!("lab-{number}"));
        let place = self.drawn;
        self.drawn += 1;
        match self.what {
            What::Number => Some(self.about_number(dice, &id, word)),
            What::Unwanted if place < 2 => {
                let operation = ["add", "remove"][place];
                Some(blacklisted(&id, ELSEWHERE, &unwanted(self.of), operation))
            }
            What::Unwanted => None,
            What::Profile => {
                let all = [Writing::Note, Writing::Field, Writing::Tag];
                let what = all[dice.random_range(0..all.len())];
                Some(noted(&id, ELSEWHERE, &profile(self.of), word, what))
            }
        }
    }

    fn about_number(&mut self, dice: &mut StdRng, id: &str, word: String) -> Wanted {
        let to = number(self.of);
        match dice.random_range(0..10) {
            0..6 => texted(id, ELSEWHERE, &to, word),
            6 if self.is_listed && !self.was_delisted => {
                (self.is_listed, self.was_delisted) = (false, true);
                delisted(id, ELSEWHERE, &to)
            }
            _ => {
                self.is_listed = true;
                enlisted(id, ELSEWHERE, &to, word)
            }
        }
    }
}

/// A text message.
pub fn texted(id: &str, tenant: &str, to: &str, word: String) -> Wanted {
    let payload = json!({ "to": to, "text": format!("{word} {CANARY}") });
    wanted(id, tenant, JobType::SendSms, there(to), word, &payload)
}

/// A number in the list, with something that is known of it.
pub fn enlisted(id: &str, tenant: &str, phone: &str, word: String) -> Wanted {
    let payload = json!({ "listId": LIST, "phone": phone, "info1": word, "info2": CANARY });
    let listed = JobType::SmsListContact;
    wanted(id, tenant, listed, there(phone), word, &payload)
}

/// A number out of the list.
pub fn delisted(id: &str, tenant: &str, phone: &str) -> Wanted {
    let payload = json!({ "listId": LIST, "phone": phone, "operation": "remove" });
    let (listed, word) = (JobType::SmsListContact, String::new());
    wanted(id, tenant, listed, there(phone), word, &payload).traced(Trace::Alone)
}

/// A number on the blacklist, or off it.
pub fn blacklisted(id: &str, tenant: &str, phone: &str, operation: &str) -> Wanted {
    let payload = json!({ "phone": phone, "operation": operation });
    let (listed, word) = (JobType::SmsBlacklist, String::new());
    wanted(id, tenant, listed, there(phone), word, &payload).traced(Trace::Alone)
}

/// Something that is written about a profile.
pub fn noted(id: &str, tenant: &str, profile: &str, word: String, what: Writing) -> Wanted {
    let text = format!("{word} {CANARY}");
    let (method, path, body) = match what {
        Writing::Note => ("POST", "/notes", json!({ "body": text })),
        Writing::Field => ("PATCH", "", json!({ "firstName": text })),
        Writing::Tag => ("POST", "/tags", json!({ "tags": [text] })),
    };
    let payload = json!({
        "connection": CRM, "method": method, "path": format!("/profiles/{profile}{path}"), "body": body,
        "contact": { "id": profile }, "idempotent": !matches!(what, Writing::Note),
    });
    wanted(id, tenant, JobType::HttpCall, profile, word, &payload)
}

/// A number as the API writes it.
fn there(number: &str) -> &str {
    number.trim_start_matches('+')
}
