//! `HandleEvent`: what has happened elsewhere, and what follows from it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    date::Moment,
    destination::Destination,
    fault::Noted,
    list::List,
    payload::Work,
    read::{Place, Read},
    text::Line,
};
use crate::event::{Data, Event, Kind, Person, Source};

/// Does what follows from an event. Webhooks make such jobs: an event is as durable, ordered and unique as any job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandleEvent {
    /// What has happened.
    pub event: Event,
    /// Whether the contact is read back first, for those flows that look at it: the others have been followed by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_contact: bool,
    /// Whether it is followed once more, since a system has something older than the event told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Telling>,
    /// What was written for it when it was followed before: to those flows that look at the contact it is new too, however late they are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<List<Telling, 1, 64>>,
    /// Whether only that is heard which it says of a message, in nobody's order: that message may be what all other jobs of its contact wait for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub word: bool,
}

/// What is told to a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telling {
    /// To which.
    pub to: Destination,
    /// Which fields of the sync.
    pub fields: List<Line, 1, 64>,
}

impl Read for HandleEvent {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let event = fields.required("event");
        let with_contact = fields.optional("withContact").unwrap_or_default();
        let again = fields.optional("again");
        let written = fields.optional("written");
        let word = fields.optional("word").unwrap_or_default();
        fields.finish();
        Ok(Self {
            event: event?,
            with_contact,
            again,
            written,
            word,
        })
    }
}

impl Work for HandleEvent {
    /// A report of a message is in nobody's order: that message may be what all other jobs of its contact wait for, and waits for this itself.
    fn contact_refs(&self) -> Vec<ContactRef> {
        let is_report = self.event.kind.as_str() == "sms.delivery" && !self.with_contact;
        if is_report || self.word {
            return Vec::new();
        }
        self.event.contact.refs()
    }

    fn destination(&self) -> Destination {
        if self.with_contact {
            Destination::GHL
        } else {
            Destination::FLOW
        }
    }

    /// What follows are jobs whose ids are made of the event's.
    fn is_idempotent(&self) -> bool {
        true
    }
}

impl Read for Telling {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let to = fields.required("to");
        let of = fields.required("fields");
        fields.finish();
        Ok(Self {
            to: to?,
            fields: of?,
        })
    }
}

impl Read for Event {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let source = fields.required("source");
        let kind = fields.required("kind");
        let tenant = fields.required("tenant");
        let id = fields.required("id");
        let occurred_at = fields.optional::<Moment>("occurredAt");
        let contact = fields.optional("contact");
        let truncated = fields.optional("truncated");
        let data = fields.required("data");
        fields.finish();
        Ok(Self {
            source: source?,
            kind: kind?,
            tenant: tenant?,
            id: id?,
            occurred_at: occurred_at.map(|moment| moment.0),
            contact: contact.unwrap_or_default(),
            truncated: truncated.unwrap_or_default(),
            data: data?,
        })
    }
}

impl Read for Source {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl Read for Kind {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl Read for Person {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let id = fields.optional("id");
        let email = fields.optional("email");
        let phone = fields.optional("phone");
        fields.finish();
        Ok(Self { id, email, phone })
    }
}

impl Read for Data {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        // That it is an object is said with the kind of what it is instead.
        place.fields()?;
        let data = Self::stored(place.node.to_value());
        data.ok_or_else(|| place.fault("more than an event may hold"))
    }
}
