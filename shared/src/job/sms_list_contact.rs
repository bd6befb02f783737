//! `SmsListContact`: a number in a list of `SMSFactor`'s.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    destination::Destination,
    fault::Noted,
    membership::Membership,
    path_id::PathId,
    payload::Work,
    phone::Phone,
    read::{Place, Read},
    text::{ForeignId, Text},
};

/// Puts a number into a list, with what is said of it there, or takes it out. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmsListContact {
    /// The list's id.
    pub list_id: PathId,
    /// The number.
    pub phone: Phone,
    /// Whether it is to be there; `add` unless said.
    #[serde(default)]
    pub operation: Membership,
    /// What the list calls the contact, as an earlier job's result has it (`contactId`): its row is meant, whichever number it has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ForeignId>,
    /// The contact in whose order it is done; in the number's, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactRef>,
    /// What messages call `[info1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info1: Option<Info>,
    /// What messages call `[info2]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info2: Option<Info>,
    /// What messages call `[info3]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info3: Option<Info>,
    /// What messages call `[info4]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info4: Option<Info>,
}

type Info = Text<0, 255>;

impl SmsListContact {
    /// What is said of the number; what is not named stays as it is.
    pub fn infos(&self) -> [Option<&str>; 4] {
        let infos = [&self.info1, &self.info2, &self.info3, &self.info4];
        infos.map(|info| info.as_ref().map(Text::as_str))
    }
}

impl Read for SmsListContact {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let list_id = fields.required("listId");
        let phone = fields.required("phone");
        let operation = fields.optional("operation").unwrap_or_default();
        let contact_id = fields.optional("contactId");
        let contact = fields.optional("contact");
        let info1 = fields.optional("info1");
        let info2 = fields.optional("info2");
        let info3 = fields.optional("info3");
        let info4 = fields.optional("info4");
        fields.finish();
        Ok(Self {
            list_id: list_id?,
            phone: phone?,
            operation,
            contact_id,
            contact,
            info1,
            info2,
            info3,
            info4,
        })
    }
}

impl Work for SmsListContact {
    fn contact_refs(&self) -> Vec<ContactRef> {
        let phone = || ContactRef::Phone(self.phone.clone());
        vec![self.contact.clone().unwrap_or_else(phone)]
    }

    fn destination(&self) -> Destination {
        Destination::SMSFACTOR
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
