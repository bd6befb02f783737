//! `PollSms`: asks `SMSFactor` what has happened that no webhook has told of.

use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    date::Moment,
    destination::Destination,
    fault::{Invalid, Noted},
    path_id::PathId,
    payload::Work,
    read::{Place, Read},
};

/// Asks `SMSFactor` for replies, or for the contacts of a list, and makes an event of whatever is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollSms {
    /// What is asked for.
    pub what: Polled,
    /// Of `list`: the list's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_id: Option<PathId>,
    /// Of `replies`: since when, if that is earlier than the last time that they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Moment>")]
    pub since: Option<Timestamp>,
    /// Of `list`: whether all of its contacts are new as it is read for the first time. Else it is only looked at then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initial: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Polled {
    /// What people have replied: `sms.reply` and `sms.stop`, each once, even if a webhook tells of it too.
    Replies,
    /// The contacts of a list: `sms.contact` for each that was added, changed or removed.
    List,
}

impl FromStr for Polled {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "replies" => Ok(Self::Replies),
            "list" => Ok(Self::List),
            _ => Err(Invalid::new("must be replies or list")),
        }
    }
}

impl Read for Polled {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl Read for PollSms {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let what = fields.required("what");
        let list_id = fields.optional("listId");
        let since = fields.optional::<Moment>("since");
        let initial = fields.optional("initial").unwrap_or_default();
        match &what {
            Ok(Polled::List) if !fields.has("listId") => {
                fields.missing("listId", "missing");
            }
            Ok(Polled::Replies) if list_id.is_some() => {
                fields.missing("listId", "only of a list");
            }
            Ok(Polled::Replies) if initial => {
                fields.missing("initial", "only of a list");
            }
            Ok(Polled::List) if since.is_some() => {
                fields.missing("since", "only of replies");
            }
            _ => {}
        }
        fields.finish();
        Ok(Self {
            what: what?,
            list_id,
            since: since.map(|since| since.0),
            initial,
        })
    }
}

impl Work for PollSms {
    fn contact_refs(&self) -> Vec<ContactRef> {
        Vec::new()
    }

    fn destination(&self) -> Destination {
        Destination::SMSFACTOR
    }

    /// It only reads, and the ids of its events are made of what it has read.
    fn is_idempotent(&self) -> bool {
        true
    }
}
