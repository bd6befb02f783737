//! "Do not disturb", as the upsert body has it.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
    text::Line,
};

/// By which channels a contact may not be written to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DndSettings {
    /// Telephone calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<DndSetting>,
    /// E-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<DndSetting>,
    /// Text messages.
    #[serde(default, rename = "SMS", skip_serializing_if = "Option::is_none")]
    pub sms: Option<DndSetting>,
    /// `WhatsApp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whats_app: Option<DndSetting>,
    /// Google's business messages.
    #[serde(default, rename = "GMB", skip_serializing_if = "Option::is_none")]
    pub gmb: Option<DndSetting>,
    /// Facebook's messenger.
    #[serde(default, rename = "FB", skip_serializing_if = "Option::is_none")]
    pub fb: Option<DndSetting>,
}

/// One channel's setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DndSetting {
    /// Whether not to disturb.
    pub status: DndStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Line>,
    /// The channel's own code for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Line>,
}

/// Whether a contact may be written to by a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DndStatus {
    /// Do not disturb.
    Active,
    /// May be disturbed.
    Inactive,
    /// Do not disturb, ever.
    Permanent,
}

/// Whether messages from the contact are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundDndSettings {
    /// Every channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<InboundDndSetting>,
}

/// The setting for messages from the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundDndSetting {
    /// Whether they are refused.
    pub status: InboundDndStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Line>,
}

/// Whether messages from a contact are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InboundDndStatus {
    /// Refused.
    Active,
    /// Taken.
    Inactive,
}

impl Read for DndSettings {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let settings = Self {
            call: fields.optional("Call"),
            email: fields.optional("Email"),
            sms: fields.optional("SMS"),
            whats_app: fields.optional("WhatsApp"),
            gmb: fields.optional("GMB"),
            fb: fields.optional("FB"),
        };
        fields.finish();
        Ok(settings)
    }
}

impl Read for DndSetting {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let status = fields.required("status");
        let message = fields.optional("message");
        let code = fields.optional("code");
        fields.finish();
        Ok(Self {
            status: status?,
            message,
            code,
        })
    }
}

impl Read for InboundDndSettings {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let all = fields.optional("all");
        fields.finish();
        Ok(Self { all })
    }
}

impl Read for InboundDndSetting {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let status = fields.required("status");
        let message = fields.optional("message");
        fields.finish();
        Ok(Self {
            status: status?,
            message,
        })
    }
}

impl FromStr for DndStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "active" => Ok(Self::Active),
            "inactive" => Ok(Self::Inactive),
            "permanent" => Ok(Self::Permanent),
            _ => Err(Invalid::new("must be one of active, inactive, permanent")),
        }
    }
}

impl Read for DndStatus {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl FromStr for InboundDndStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "active" => Ok(Self::Active),
            "inactive" => Ok(Self::Inactive),
            _ => Err(Invalid::new("must be active or inactive")),
        }
    }
}

impl Read for InboundDndStatus {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}
