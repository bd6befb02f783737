//! What a flow can begin with: every kind of event that is known, with its fields.

use serde_json::{Map, Value};

use crate::event::Kind;

/// One kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    /// The event's kind, as `on` names it.
    pub kind: &'static str,
    /// When it happens.
    pub about: &'static str,
    /// What `data` may hold.
    pub fields: &'static [&'static [Field]],
}

/// A field of an event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it tells.
    pub about: &'static str,
    /// A value that it may have, as JSON.
    pub example: &'static str,
}

/// Whether events of this kind are GHL's, whose records are its contacts.
pub(super) fn is_of_ghl(kind: &Kind) -> bool {
    let others = ["sms.", "smore.", "schedule"];
    let kind = kind.as_str();
    Trigger::named(kind).is_some() && !others.iter().any(|other| kind.starts_with(other))
}

impl Trigger {
    /// The trigger of that name.
    pub fn named(kind: &str) -> Option<&'static Self> {
        TRIGGERS.iter().find(|trigger| trigger.kind == kind)
    }

    /// All of its fields.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().copied().flatten()
    }

    /// The data of an event of this kind, with every field.
    pub fn sample(&self) -> Map<String, Value> {
        let fields = self.fields();
        fields
            .map(|field| (field.name.to_owned(), field.value()))
            .collect()
    }
}

impl Field {
    /// Its example.
    fn value(&self) -> Value {
        // That each is JSON is tested.
        serde_json::from_str(self.example).unwrap_or_default()
    }

    /// What kind of value it has, in a word.
    pub fn kind(&self) -> &'static str {
        match self.value() {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
            Value::Null | Value::String(_) => "text",
        }
    }
}

const fn field(name: &'static str, example: &'static str, about: &'static str) -> Field {
    Field {
        name,
        about,
        example,
    }
}

const fn trigger(
    kind: &'static str,
    about: &'static str,
    fields: &'static [&'static [Field]],
) -> Trigger {
    Trigger {
        kind,
        about,
        fields,
    }
}

/// Every trigger. Generic connectors have others, named after them: whatever those send.
pub const TRIGGERS: &[Trigger] = &[
    trigger("ContactCreate", "GHL: a contact was created", &[CONTACT]),
    trigger("ContactUpdate", "GHL: a contact was changed", &[CONTACT]),
    trigger("ContactDelete", "GHL: a contact was deleted", &[CONTACT]),
    trigger(
        "ContactTagUpdate",
        "GHL: tags of a contact were changed",
        &[CONTACT],
    ),
    trigger(
        "ContactDndUpdate",
        "GHL: a contact's do-not-disturb was changed",
        &[CONTACT, DND],
    ),
    trigger("NoteCreate", "GHL: a note was attached", &[NOTE]),
    trigger("NoteUpdate", "GHL: a note was changed", &[NOTE]),
    trigger("NoteDelete", "GHL: a note was deleted", &[NOTE]),
    trigger("TaskCreate", "GHL: a task was created", &[TASK]),
    trigger("TaskComplete", "GHL: a task was completed", &[TASK]),
    trigger("TaskDelete", "GHL: a task was deleted", &[TASK]),
    trigger(
        "AppointmentCreate",
        "GHL: an appointment was made",
        &[APPOINTMENT],
    ),
    trigger(
        "AppointmentUpdate",
        "GHL: an appointment was changed",
        &[APPOINTMENT],
    ),
    trigger(
        "AppointmentDelete",
        "GHL: an appointment was deleted",
        &[APPOINTMENT],
    ),
    trigger("InboundMessage", "GHL: a message came in", &[MESSAGE]),
    trigger("INSTALL", "GHL: a location installed the app", &[INSTALL]),
    trigger(
        "UNINSTALL",
        "GHL: a location uninstalled the app",
        &[INSTALL],
    ),
    trigger(
        "contact.pulled",
        "PullContacts has met a contact",
        &[CONTACT, DND],
    ),
    trigger("sms.reply", "SMSFactor: somebody replied", &[SMS_IN]),
    trigger("sms.stop", "SMSFactor: somebody replied STOP", &[SMS_IN]),
    trigger(
        "sms.delivery",
        "SMSFactor: what became of a message",
        &[SMS_REPORT],
    ),
    trigger("sms.click", "SMSFactor: a link was followed", &[SMS_CLICK]),
    trigger("sms.balance", "SMSFactor: few credits are left", &[BALANCE]),
    trigger(
        "sms.contact",
        "SMSFactor: a contact of a list was added, changed or removed, as a poll has found",
        &[LIST_CONTACT],
    ),
    trigger("smore.response", "Smore: a form was answered", &[RESPONSE]),
    trigger("schedule", "the flow's own cadence", &[SCHEDULE]),
];

const CONTACT: &[Field] = &[
    field("id", r#""ocQHyuzHvysMo5N5VsXc""#, "GHL's id of the contact"),
    field("email", r#""ada@example.com""#, "e-mail address"),
    field("phone", r#""+33612345678""#, "telephone number"),
    field("name", r#""Ada Lovelace""#, "the whole name"),
    field("firstName", r#""Ada""#, "first name"),
    field("lastName", r#""Lovelace""#, "last name"),
    field("companyName", r#""Analytical Engines""#, "company"),
    field("address1", r#""12 Rue de la Paix""#, "street and number"),
    field("city", r#""Paris""#, "city"),
    field("state", r#""Île-de-France""#, "state or region"),
    field("postalCode", r#""75002""#, "postal code"),
    field("country", r#""FR""#, "country, by its two letters"),
    field("website", r#""https://example.com""#, "web address"),
    field("source", r#""web form""#, "where the contact comes from"),
    field(
        "dateAdded",
        r#""2026-11-23T09:00:00.000Z""#,
        "when it was created",
    ),
    field(
        "dateOfBirth",
        r#""1990-12-10T00:00:00.000Z""#,
        "day of birth",
    ),
    field("dnd", "false", "do not disturb, by any channel"),
    field("tags", r#"["customer"]"#, "all tags"),
    field(
        "assignedTo",
        r#""GCs5KuzPqTls7vWclkEV""#,
        "the user who looks after it",
    ),
    field("attachments", "[]", "files"),
    field(
        "customFields",
        r#"[{"id":"BcdmQEsNgz6AVpgLVUJ0","value":"gold"}]"#,
        "custom fields, each with id and value",
    ),
];

const DND: &[Field] = &[field(
    "dndSettings",
    r#"{"SMS":{"status":"active","message":"STOP","code":"105"}}"#,
    "do not disturb, by channel",
)];

const NOTE: &[Field] = &[
    field("id", r#""n7mFmQEsNgz6AVpgLVUJ""#, "GHL's id of the note"),
    field(
        "contactId",
        r#""ocQHyuzHvysMo5N5VsXc""#,
        "GHL's id of the contact",
    ),
    field("body", r#""Called about the boiler""#, "what it says"),
    field("userId", r#""GCs5KuzPqTls7vWclkEV""#, "whose note it is"),
    field(
        "dateAdded",
        r#""2026-11-23T09:00:00.000Z""#,
        "when it was attached",
    ),
];

const TASK: &[Field] = &[
    field("id", r#""UlRWGLSXh0ji5qbiGu4i""#, "GHL's id of the task"),
    field(
        "contactId",
        r#""ocQHyuzHvysMo5N5VsXc""#,
        "GHL's id of the contact; may be missing",
    ),
    field("title", r#""Call back""#, "what is to be done"),
    field(
        "body",
        r#""About the boiler""#,
        "more about it; may be missing",
    ),
    field("assignedTo", r#""GCs5KuzPqTls7vWclkEV""#, "who is to do it"),
    field("dueDate", r#""2026-11-24T09:00:00.000Z""#, "when it is due"),
    field(
        "dateAdded",
        r#""2026-11-23T09:00:00.000Z""#,
        "when it was created",
    ),
];

const APPOINTMENT: &[Field] = &[field(
    "appointment",
    r#"{"id":"0TkCdp9PfvLeWKYRRvIz","title":"Visit","calendarId":"JaTwK5SqAUQbXN1vXlcx","contactId":"ocQHyuzHvysMo5N5VsXc","groupId":"9NkT25Vor1v4aQatFsv2","appointmentStatus":"confirmed","assignedUserId":"GCs5KuzPqTls7vWclkEV","users":["GCs5KuzPqTls7vWclkEV"],"notes":"ring twice","address":"Paris","source":"booking_widget","startTime":"2026-11-24T09:00:00Z","endTime":"2026-11-24T09:30:00Z","dateAdded":"2026-11-23T09:00:00Z","dateUpdated":"2026-11-23T09:00:00Z"}"#,
    "the appointment, with its contactId",
)];

const MESSAGE: &[Field] = &[
    field(
        "contactId",
        r#""ocQHyuzHvysMo5N5VsXc""#,
        "GHL's id of the contact",
    ),
    field(
        "conversationId",
        r#""fcanlLgpbQgQhderivVs""#,
        "GHL's id of the conversation",
    ),
    field(
        "messageId",
        r#""QkNS0DNje0FjoLQdD5O3""#,
        "GHL's id of the message",
    ),
    field("messageType", r#""SMS""#, "by which channel"),
    field("direction", r#""inbound""#, "inbound or outbound"),
    field("status", r#""delivered""#, "what became of it"),
    field("body", r#""Please call me""#, "what it says"),
    field("contentType", r#""text/plain""#, "how it is written"),
    field("attachments", "[]", "files"),
    field(
        "conversationProviderId",
        r#""cI08i1Bls3iTB9bKgF01""#,
        "by which provider it came",
    ),
    field(
        "userId",
        r#""GCs5KuzPqTls7vWclkEV""#,
        "the user who took it",
    ),
    field("callDuration", "120", "of a call, s"),
    field("callStatus", r#""completed""#, "of a call"),
    field("dateAdded", r#""2026-11-23T09:00:00.000Z""#, "when it came"),
];

const INSTALL: &[Field] = &[
    field(
        "companyId",
        r#""otg8dTQqGLh3Q6iQI55w""#,
        "GHL's id of the company",
    ),
    field(
        "companyName",
        r#""Analytical Engines""#,
        "the company's name",
    ),
    field("userId", r#""GCs5KuzPqTls7vWclkEV""#, "who installed it"),
    field(
        "planId",
        r#""66a0419a0dffa47fb5f8b22f""#,
        "which plan was chosen",
    ),
    field(
        "trial",
        r#"{"onTrial":true,"trialDuration":10,"trialStartDate":"2026-11-23T09:00:00.000Z"}"#,
        "a trial, if it is one",
    ),
    field(
        "isWhitelabelCompany",
        "false",
        "whether the company has a brand of its own",
    ),
    field(
        "whitelabelDetails",
        r#"{"domain":"example.com","logoUrl":"https://example.com/logo.png"}"#,
        "that brand",
    ),
];

const SMS_IN: &[Field] = &[
    field("from", r#""33612345678""#, "who wrote it"),
    field("phone", r#""+33612345678""#, "the same as E.164"),
    field("message", r#""Call me please""#, "what it says"),
    field("date", r#""2026-11-23T10:00:00+01:00""#, "when it came"),
    field(
        "messageId",
        r#""order-4711-sms""#,
        "the job of the message that it answers",
    ),
    field(
        "last_message_id",
        r#""order-4711-sms""#,
        "the same as it was sent",
    ),
    field("account_id", r#""1234""#, "the account"),
];

const SMS_REPORT: &[Field] = &[
    field("destination", r#""33612345678""#, "to whom it went"),
    field("phone", r#""+33612345678""#, "the same as E.164"),
    field("status", "5", "what became of it, by number"),
    field(
        "statusName",
        r#""INVALID_DESTINATION""#,
        "the same in words",
    ),
    field("messageId", r#""order-4711-sms""#, "the job that sent it"),
    field(
        "message_id",
        r#""order-4711-sms""#,
        "the same as it was sent",
    ),
    field("campaign_id", r#""14672468""#, "the campaign"),
    field("country_code", r#""FR""#, "the country"),
    field(
        "date",
        r#""2026-11-23T10:00:00+01:00""#,
        "when that was known",
    ),
];

const SMS_CLICK: &[Field] = &[
    field("phone", r#""+33612345678""#, "who followed it"),
    field("messageId", r#""order-4711-sms""#, "the job of the message"),
    field("url", r#""https://example.com/offer""#, "where it leads"),
    field("date", r#""2026-11-23T10:00:00+01:00""#, "when"),
];

const BALANCE: &[Field] = &[
    field("credits", "42", "how many are left"),
    field("account_id", r#""1234""#, "the account"),
];

const LIST_CONTACT: &[Field] = &[
    field("listId", r#""5a0312a7""#, "SMSFactor's id of the list"),
    field("id", r#""991""#, "SMSFactor's id of the contact in it"),
    field("change", r#""changed""#, "added, changed or removed"),
    field("phone", r#""+33612345678""#, "telephone number as E.164"),
    field("info1", r#""Ada""#, "the first of four texts"),
    field("info2", r#""Lovelace""#, "the second"),
    field("info3", r#""Paris""#, "the third"),
    field("info4", r#""gold""#, "the fourth"),
];

const RESPONSE: &[Field] = &[
    field("id", r#""r-2041""#, "Smore's id of the response"),
    field("token", r#""b5c1""#, "its token"),
    field(
        "submittedAt",
        r#""2026-11-23T09:00:00Z""#,
        "when it was sent",
    ),
    field(
        "email",
        r#""ada@example.com""#,
        "the e-mail address among the answers",
    ),
    field(
        "phone",
        r#""+33612345678""#,
        "the telephone number among the answers",
    ),
    field("endingName", r#""Thank you""#, "with which ending"),
    field("endingScore", "7", "the score"),
    field(
        "metadata",
        r#"{"utm_source":"newsletter"}"#,
        "what came with it",
    ),
    field(
        "customFields",
        r#"{"plan":"gold"}"#,
        "hidden fields by name",
    ),
    field(
        "answers",
        r#"[{"id":"q1","question":"Your name?","questionType":"input-text","answerType":"string","value":"Ada Lovelace"}]"#,
        "every answer, with its question and its value",
    ),
];

const SCHEDULE: &[Field] = &[
    field("flow", r#""pull-contacts""#, "the flow's name"),
    field(
        "at",
        r#""2026-11-23T09:00:00Z""#,
        "the moment that it was due",
    ),
    field("previous", r#""2026-11-23T08:45:00Z""#, "the moment before"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_example_is_json() {
        for trigger in TRIGGERS {
            for field in trigger.fields() {
                let read = serde_json::from_str::<Value>(field.example);
                assert!(read.is_ok(), "{} {}", trigger.kind, field.name);
            }
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let kinds: BTreeSet<_> = TRIGGERS.iter().map(|trigger| trigger.kind).collect();
        assert_eq!(kinds.len(), TRIGGERS.len());
        for trigger in TRIGGERS {
            let names: BTreeSet<_> = trigger.fields().map(|field| field.name).collect();
            assert_eq!(names.len(), trigger.fields().count(), "{}", trigger.kind);
        }
    }
}
