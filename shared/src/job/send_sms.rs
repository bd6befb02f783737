//! `SendSms`: a text message to one number.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    date::DueDate,
    destination::Destination,
    fault::{Invalid, Noted},
    payload::Work,
    phone::Phone,
    read::{Place, Read},
    text::Text,
};

/// Sends a text message. The API cannot tell a repeated one from a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendSms {
    /// Whom it is for.
    pub to: Phone,
    /// What it says; a long one is sent, and paid for, in parts.
    pub text: Text<1, 1600>,
    /// Whom it is from: up to 11 letters and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Text<1, 11>>,
    /// What it is for; the account's own default unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_type: Option<PushType>,
    /// When it is to be sent: RFC 3339 with its offset, to the second; at once unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<DueDate>,
    /// Whether it is sent with letters that only Unicode has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unicode: Option<bool>,
    /// Whether it is tried out only: nothing is sent, nothing is paid.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulate: bool,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum PushType {
    /// Something that its receiver waits for.
    Alert,
    /// Advertising.
    Marketing,
}

impl PushType {
    /// The word that the API knows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Marketing => "marketing",
        }
    }
}

impl FromStr for PushType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "alert" => Ok(Self::Alert),
            "marketing" => Ok(Self::Marketing),
            _ => Err(Invalid::new("must be alert or marketing")),
        }
    }
}

impl Read for PushType {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl Read for SendSms {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let to = fields.required("to");
        let text = fields.required("text");
        let sender = fields.optional("sender");
        let push_type = fields.optional("pushType");
        let send_at = fields.optional("sendAt");
        let unicode = fields.optional("unicode");
        let simulate = fields.optional("simulate").unwrap_or_default();
        fields.finish();
        Ok(Self {
            to: to?,
            text: text?,
            sender,
            push_type,
            send_at,
            unicode,
            simulate,
        })
    }
}

impl Work for SendSms {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![ContactRef::Phone(self.to.clone())]
    }

    fn destination(&self) -> Destination {
        Destination::SMSFACTOR
    }

    fn is_idempotent(&self) -> bool {
        self.simulate
    }
}
