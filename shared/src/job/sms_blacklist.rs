//! `SmsBlacklist`: a number to which `SMSFactor` sends nothing.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    destination::Destination,
    fault::Noted,
    membership::Membership,
    payload::Work,
    phone::Phone,
    read::{Place, Read},
};

/// Puts a number on the blacklist, or takes it off. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmsBlacklist {
    /// The number.
    pub phone: Phone,
    /// Whether it is to be there; `add` unless said.
    #[serde(default)]
    pub operation: Membership,
}

impl Read for SmsBlacklist {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let phone = fields.required("phone");
        let operation = fields.optional("operation").unwrap_or_default();
        fields.finish();
        Ok(Self {
            phone: phone?,
            operation,
        })
    }
}

impl Work for SmsBlacklist {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![ContactRef::Phone(self.phone.clone())]
    }

    fn destination(&self) -> Destination {
        Destination::SMSFACTOR
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
