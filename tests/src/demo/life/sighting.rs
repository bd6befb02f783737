//! One thing that was seen, in a few words.

use serde_json::{Map, Value};

use super::ending::{Ending, How};
use super::outbox::content;
use crate::sandbox::{self, Kind};
use crate::stand;

/// What of a text is told at all: the rest is in the ledger.
const LONGEST: usize = 60;

/// Where it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Ghl,
    Penstock,
    Sms,
    Crm,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A person has done it.
    Act,
    /// It was changed by a call.
    Effect,
    /// A job is done.
    Job,
    /// Something went wrong, or was not needed.
    Aside,
}

/// A sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) place: Place,
    pub(super) sort: Sort,
    pub(super) text: String,
}

impl Sighting {
    /// Somebody does something.
    pub(super) fn act(place: Place, text: &str) -> Self {
        let text = format!("● {text}");
        let sort = Sort::Act;
        Self { place, sort, text }
    }

    /// Something that Penstock comes to.
    pub(super) const fn aside(text: String) -> Self {
        let (place, sort) = (Place::Penstock, Sort::Aside);
        Self { place, sort, text }
    }

    fn effect(place: Place, text: String) -> Self {
        let sort = Sort::Effect;
        Self { place, sort, text }
    }

    pub(super) fn of_ghl(effect: &sandbox::Effect) -> Self {
        let change = &effect.change;
        let content = content(change);
        let text = match change.kind {
            Kind::Contact => format!("+ contact {}", name(&content)),
            Kind::ContactUpdate => format!("~ {}", fields(&content)),
            Kind::ContactDelete => "− contact".to_owned(),
            Kind::Tags => format!("+ tag {}", list(&content, "tags")),
            Kind::TagsRemoved => format!("− tag {}", list(&content, "tags")),
            Kind::Task => format!("+ task: {}", text(&content, "title")),
            Kind::Note => format!("+ note: {}", text(&content, "body")),
            other => format!("~ {other:?}"),
        };
        Self::effect(Place::Ghl, text)
    }

    pub(super) fn of_sms(effect: &stand::Effect) -> Self {
        let change = &effect.change;
        let content = &change.content;
        let infos = ["info1", "info2"].map(|name| text(content, name));
        let whom = change.contact_id.as_deref().unwrap_or_default();
        let text = match change.kind {
            "sms" => format!("+ SMS …{}: {}", last(whom), text(content, "text")),
            "list-contact" => format!("+ in the list: {}", infos.join(" ")),
            "list-contact-update" => format!("~ in the list: {}", infos.join(" ")),
            "list-contact-delete" => "− from the list".to_owned(),
            "blacklist" => "+ on the blacklist".to_owned(),
            "blacklist-delete" => "− from the blacklist".to_owned(),
            other => format!("~ {other}"),
        };
        Self::effect(Place::Sms, text)
    }

    pub(super) fn of_crm(effect: &stand::Effect) -> Self {
        let content = &effect.change.content;
        let text = match effect.change.kind {
            "profile" => format!("+ profile {}", name(content)),
            "profile-update" => format!("~ {}", fields(content)),
            "record" => format!("+ record: {}", text(content, "title")),
            "milestone" => format!("+ milestone: {}", text(content, "title")),
            "timeline-entry" => format!("+ entry: {}", text(content, "text")),
            other => format!("~ {other}"),
        };
        Self::effect(Place::Crm, text)
    }

    /// How a job ended, if there is something to tell of it: that an event was followed is seen by what followed.
    pub(super) fn of_ending(ending: &Ending) -> Option<Self> {
        let job = ending.job_type.as_deref().unwrap_or("a job");
        let flow = ending.flow().map(|flow| format!("{flow} ▸ "));
        let (sort, text) = match ending.end {
            How::Done => match (flow, ending.vain()) {
                (Some(flow), _) => (Sort::Job, format!("{flow}{job}")),
                (None, Some(kind)) => (Sort::Aside, format!("{kind}: nothing follows")),
                (None, None) => return None,
            },
            How::Dead => (Sort::Aside, format!("{job} is dead")),
            How::Retrying => {
                let status = ending.status.map(|status| status.to_string());
                let why = status.unwrap_or_else(|| "no answer".to_owned());
                (Sort::Aside, format!("{job}: {why}"))
            }
            How::Postponed | How::Returned => return None,
        };
        let place = Place::Penstock;
        Some(Self { place, sort, text })
    }
}

/// A field's text, on one line.
fn text(content: &Map<String, Value>, name: &str) -> String {
    let text = content.get(name).and_then(Value::as_str);
    let words: Vec<_> = text.unwrap_or_default().split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

/// Of whom a contact or a profile is.
fn name(content: &Map<String, Value>) -> String {
    let parts = ["name", "firstName", "lastName"].map(|part| text(content, part));
    parts.join(" ").trim().to_owned()
}

fn list(content: &Map<String, Value>, name: &str) -> String {
    let items = content.get(name).and_then(Value::as_array);
    let items = items.into_iter().flatten().filter_map(Value::as_str);
    items.collect::<Vec<_>>().join(", ")
}

/// The fields that were written, but for those by which the contact is found.
fn fields(content: &Map<String, Value>) -> String {
    let shown = content.iter().filter_map(|(field, value)| {
        let value = match field.as_str() {
            "firstName" | "lastName" | "email" | "status" | "source" => text(content, field),
            "dndSettings" => return Some("do not disturb".to_owned()),
            "customFields" => value[0]["field_value"].as_str()?.to_owned(),
            _ => return None,
        };
        Some(value).filter(|value| !value.is_empty())
    });
    let shown: Vec<_> = shown.collect();
    shown.join(", ")
}

/// The last digits of a number, by which it is known again.
fn last(number: &str) -> &str {
    let at = number.len().saturating_sub(4);
    number.get(at..).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ending(job: &str, job_type: &str, end: How) -> Ending {
        Ending {
            job: job.to_owned(),
            end,
            status: None,
            job_type: Some(job_type.to_owned()),
            made: Vec::new(),
        }
    }

    #[test]
    fn an_ending_is_told_by_its_flow_and_type() {
        let told = |ending: &Ending| Sighting::of_ending(ending).map(|one| one.text);
        let done = ending("ghl:a.1/contact-to-list/0", "SmsListContact", How::Done);
        assert_eq!(
            told(&done).as_deref(),
            Some("contact-to-list ▸ SmsListContact")
        );
        let lost = ending("smore:r/onboarding/3", "AttachNote", How::Retrying);
        assert_eq!(told(&lost).as_deref(), Some("AttachNote: no answer"));
        let echo = ending("crm:x", "HandleEvent", How::Done);
        assert_eq!(told(&echo).as_deref(), Some("crm: nothing follows"));
        let mut followed = echo;
        followed.made.push("crm:x/y/0".to_owned());
        assert_eq!(told(&followed), None);
    }

    #[test]
    fn what_was_written_is_told_in_a_few_words() {
        let written = json!({ "lastName": "Roux", "phone": "+33", "customFields": [{ "field_value": "won" }] });
        let told = fields(written.as_object().unwrap());
        assert!(told.contains("Roux") && told.contains("won"), "{told}");
        assert!(!told.contains("+33"), "{told}");
        let long = json!({ "body": "word\n".repeat(100) });
        let told = text(long.as_object().unwrap(), "body");
        assert_eq!(told.chars().count(), LONGEST);
        assert!(!told.contains('\n'));
    }
}
