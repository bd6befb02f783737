//! `SMSFactor`'s events: replies, STOPs, delivery reports and others. A body does not say of which type it is: the address that it is sent to
//! does, or what is in it.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Data, Event, Kind, MOST_EVENTS, Person, Source, Unreadable, document, hashed_id,
    member::{moment_in, text, written},
};
use crate::{
    job::{Invalid, JobId, Tenant},
    smsfactor::time,
};

/// What delivery reports call what has become of a message, by number.
const STATUSES: [(i64, &str); 11] = [
    (0, "NOT_SENT"),
    (1, "SENT"),
    (2, "NOT_DELIVERED"),
    (3, "DELIVERED"),
    (4, "NOT_ALLOWED"),
    (5, "INVALID_DESTINATION"),
    (6, "INVALID_SENDER"),
    (7, "ROUTE_NOT_AVAILABLE"),
    (9, "REJECTED"),
    (11, "NETWORK_ERROR"),
    (12, "EXPIRED"),
];

/// The type that a webhook was registered with: `MO`, `STOP`, `DLR`, `CLICKER`, `BALANCE_ALERT`, or one of tomorrow's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageType(Kind);

impl FromStr for MessageType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.trim().to_ascii_lowercase();
        let kind = match name.as_str() {
            "mo" => "sms.reply",
            "stop" => "sms.stop",
            "dlr" => "sms.delivery",
            "clicker" => "sms.click",
            "balance_alert" => "sms.balance",
            other => return format!("sms.{other}").parse().map(Self),
        };
        kind.parse().map(Self)
    }
}

pub(super) fn read(
    bytes: &[u8],
    tenant: &Tenant,
    told: Option<&MessageType>,
) -> Result<Vec<Event>, Unreadable> {
    let reports = match document(bytes)? {
        Value::Object(report) => vec![Value::Object(report)],
        Value::Array(reports) if reports.len() > MOST_EVENTS => return Err(Unreadable::TooMany),
        Value::Array(reports) => reports,
        _ => return Err(Unreadable::NotThis("an object or a list of objects")),
    };
    let events = reports.into_iter().map(|report| match report {
        Value::Object(members) => Ok(event(members, tenant, told)),
        _ => Err(Unreadable::NotThis("an object or a list of objects")),
    });
    events.collect()
}

/// The event of a reply as `/messages/mo` lists it: what a webhook calls `from` is `destination` there, and the time is told without its offset.
pub(super) fn polled(mut reply: Map<String, Value>, tenant: &Tenant) -> Event {
    for (there, here) in [("destination", "from"), ("message_id", "last_message_id")] {
        if let Some(value) = reply.remove(there).filter(|value| !value.is_null()) {
            reply.insert(here.to_owned(), value);
        }
    }
    if let Some(date) = date_of(&reply) {
        let date = time::there(date).strftime("%FT%T%:z").to_string();
        reply.insert("date".to_owned(), date.into());
    }
    event(reply, tenant, Some(&MessageType(Kind::named("sms.reply"))))
}

fn event(mut members: Map<String, Value>, tenant: &Tenant, told: Option<&MessageType>) -> Event {
    let kind = kind(&members, told);
    let about = Report::of(&members);
    let id = about.id(&kind);
    let contact = Person::of(None, None, about.phone().as_deref());
    if let Some(phone) = &contact.phone {
        members.insert("phone".to_owned(), phone.as_str().into());
    }
    if let Some(message) = about.message_id {
        members.insert("messageId".to_owned(), message.into());
    }
    if let Some(name) = status_name(&members) {
        members.insert("statusName".to_owned(), name.into());
    }
    let (data, truncated) = Data::bounded(members);
    Event {
        source: Source::Smsfactor,
        kind,
        tenant: tenant.clone(),
        id,
        occurred_at: about.date,
        contact,
        truncated,
        data,
    }
}

/// What the address says, else what the body looks like. But STOP is STOP wherever it is sent: whoever writes it wants to be heard.
fn kind(members: &Map<String, Value>, told: Option<&MessageType>) -> Kind {
    let said = ["type", "webhook_type"]
        .iter()
        .find_map(|name| text(members, name)?.parse::<MessageType>().ok());
    let told = told.cloned().or(said).map(|told| told.0);
    let is_reply = members.contains_key("from") && members.contains_key("message");
    let kind = told.unwrap_or_else(|| {
        Kind::named(if is_reply {
            "sms.reply"
        } else if members.contains_key("status") {
            "sms.delivery"
        } else {
            "sms.event"
        })
    });
    if kind.as_str() == "sms.reply" && is_stop(text(members, "message").unwrap_or_default()) {
        return Kind::named("sms.stop");
    }
    kind
}

fn is_stop(message: &str) -> bool {
    let mut words = message.split(|c: char| !c.is_alphanumeric());
    words
        .find(|word| !word.is_empty())
        .is_some_and(|word| word.eq_ignore_ascii_case("stop"))
}

fn status_name(members: &Map<String, Value>) -> Option<&'static str> {
    let status: i64 = members.get("status").and_then(written)?.parse().ok()?;
    let found = STATUSES.iter().find(|(number, _)| *number == status);
    found.map(|(_, name)| *name)
}

/// What tells one report from another.
struct Report {
    whom: Option<String>,
    written_date: Option<String>,
    date: Option<Timestamp>,
    what: Option<String>,
    message_id: Option<String>,
}

impl Report {
    fn of(members: &Map<String, Value>) -> Self {
        let any = |names: [&str; 2]| {
            names
                .iter()
                .find_map(|name| members.get(*name).and_then(written))
        };
        Self {
            whom: any(["from", "destination"]),
            written_date: members.get("date").and_then(written),
            date: date_of(members),
            what: any(["message", "status"]),
            message_id: any(["last_message_id", "message_id"]),
        }
    }

    /// What it is known again by, whether a webhook or a poll tells of it: the number, the time by the clocks of Paris to the second, what it says,
    /// and of a delivery report the message too. Of a reply the message before it is left out: how a poll calls one that was sent without an id
    /// of ours is not known.
    ///
    /// They cannot agree on a reply whose text the one shortens or writes otherwise, whose time differs by a second, or that was
    /// registered as STOP though it does not say so: then a flow follows it twice. Equal replies of one number in one second are one
    /// event, and so are those that are an hour apart in the hour that comes twice in autumn.
    fn id(&self, kind: &Kind) -> JobId {
        let is_reply = ["sms.reply", "sms.stop"].contains(&kind.as_str());
        let date = self.date.map(time::written);
        let date = date.or(self.written_date.clone());
        let message_id = self.message_id.clone().filter(|_| !is_reply);
        let parts = [self.digits(), date, self.what.clone(), message_id];
        let parts = parts.map(|part| part.unwrap_or_default().into_bytes());
        let all = [kind.as_str().as_bytes().to_vec()].into_iter().chain(parts);
        hashed_id(Source::Smsfactor.as_str(), all)
    }

    /// Numbers are international, and come without their `+`.
    fn phone(&self) -> Option<String> {
        Some(format!("+{}", self.digits()?))
    }

    fn digits(&self) -> Option<String> {
        let number = self.whom.as_deref()?;
        let digits = number
            .strip_prefix('+')
            .or_else(|| number.strip_prefix("00"));
        Some(digits.unwrap_or(number).to_owned())
    }
}

/// When it happened: times without their offset are those of Paris.
fn date_of(members: &Map<String, Value>) -> Option<Timestamp> {
    moment_in(members.get("date")?, &time::zone())
}
