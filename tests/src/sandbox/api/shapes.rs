//! The bodies and queries of the operations, as the official documents have them; a test holds them against these wherever they
//! are at hand.

use super::shape::{Field, Kind, Shape};

const CHANNELS: &[&str] = &["Call", "Email", "SMS", "WhatsApp", "GMB", "FB"];
const STATES: &[&str] = &["active", "inactive", "permanent"];
const INBOUND: Kind = Kind::Disturbance(&["all"], &["active", "inactive"]);

/// The fields that create, upsert and update have in common, and the others after them.
macro_rules! contact_fields {
    ($($more:expr),* $(,)?) => {
        &[
            Field::text("firstName").nullable(),
            Field::text("lastName").nullable(),
            Field::text("name").nullable(),
            Field::new("email", Kind::Email).nullable(),
            Field::new("phone", Kind::Phone).nullable(),
            Field::text("address1").nullable(),
            Field::text("city").nullable(),
            Field::text("state").nullable(),
            Field::text("postalCode"),
            Field::text("website").nullable(),
            Field::text("timezone").nullable(),
            Field::new("dnd", Kind::Flag),
            Field::new("dndSettings", Kind::Disturbance(CHANNELS, STATES)),
            Field::new("inboundDndSettings", INBOUND),
            Field::new("tags", Kind::Strings),
            Field::new("customFields", Kind::CustomFields),
            Field::new("dateOfBirth", Kind::BirthDate).nullable(),
            Field::text("country"),
            $($more),*
        ]
    };
}

pub(super) const CREATE_CONTACT: Shape = contact_fields![
    Field::text("locationId").required(),
    Field::text("gender"),
    Field::text("source"),
    Field::text("companyName").nullable(),
    Field::text("assignedTo"),
];

pub(super) const UPSERT_CONTACT: Shape = contact_fields![
    Field::text("locationId").required(),
    Field::text("gender"),
    Field::text("source"),
    Field::text("companyName").nullable(),
    Field::text("assignedTo"),
    Field::new("createNewIfDuplicateAllowed", Kind::Flag),
];

/// What a test may seed: a contact as it is created, with an id of the test's choice.
pub(super) const SEED_CONTACT: Shape = contact_fields![
    Field::text("id"),
    Field::text("locationId").required(),
    Field::text("gender"),
    Field::text("source"),
    Field::text("companyName").nullable(),
    Field::text("assignedTo"),
];

/// What a test may seed of the businesses, campaigns and workflows of a location.
pub(super) const SEED_ASSET: Shape = &[
    Field::text("id"),
    Field::text("locationId").required(),
    Field::text("name"),
];

/// What a test may seed as an appointment: what the API shows of one, but for its location, which is its contact's.
pub(super) const SEED_APPOINTMENT: Shape = &[
    Field::text("id"),
    Field::text("contactId").required(),
    Field::text("calendarId"),
    Field::text("status"),
    Field::text("title"),
    Field::text("assignedUserId"),
    Field::text("notes"),
    Field::text("startTime"),
    Field::text("endTime"),
    Field::text("address"),
    Field::text("groupId"),
    Field::text("appointmentStatus"),
    Field::new("users", Kind::Strings),
    Field::text("dateAdded"),
    Field::text("dateUpdated"),
    Field::new("assignedResources", Kind::Strings),
];

pub(super) const UPDATE_CONTACT: Shape = contact_fields![
    Field::text("source").nullable(),
    Field::text("assignedTo").nullable()
];

pub(super) const TAGS: Shape = &[Field::new("tags", Kind::Strings).required()];

pub(super) const BULK_TAGS: Shape = &[
    Field::new("contacts", Kind::Strings).required(),
    Field::new("tags", Kind::Strings).required(),
    Field::text("locationId").required(),
    Field::new("removeAllTags", Kind::Flag),
];

pub(super) const FOLLOWERS: Shape = &[Field::new("followers", Kind::Strings).required()];

/// The document bounds the length of an id by 50 where, by the operation's limit, it means their number.
pub(super) const BULK_BUSINESS: Shape = &[
    Field::text("locationId").required(),
    Field::new("ids", Kind::FewStrings(50)).required(),
    Field::text("businessId").required().nullable(),
];

pub(super) const CAMPAIGN: Shape = &[];

pub(super) const WORKFLOW: Shape = &[Field::new("eventStartTime", Kind::Instant)];

/// The document leaves the body open; these are the fields that the vendor's page on searching names.
pub(super) const SEARCH: Shape = &[
    Field::text("locationId").required(),
    Field::new("pageLimit", Kind::Number(1, 500)).required(),
    Field::new("page", Kind::Number(1, 10_000)),
    Field::new("searchAfter", Kind::List),
    Field::text("query"),
    Field::new("filters", Kind::List),
    Field::new("sort", Kind::List),
];

pub(super) const CREATE_NOTE: Shape = &[
    Field::text("body").required(),
    Field::text("userId"),
    Field::text("title"),
    Field::text("color"),
    Field::new("pinned", Kind::Flag),
];

pub(super) const UPDATE_NOTE: Shape = &[
    Field::text("body"),
    Field::text("userId"),
    Field::text("title"),
    Field::text("color"),
    Field::new("pinned", Kind::Flag),
];

pub(super) const CREATE_TASK: Shape = &[
    Field::text("title").required(),
    Field::text("body"),
    Field::new("dueDate", Kind::Instant).required(),
    Field::new("completed", Kind::Flag).required(),
    Field::text("assignedTo"),
];

pub(super) const UPDATE_TASK: Shape = &[
    Field::text("title"),
    Field::text("body"),
    Field::new("dueDate", Kind::Instant),
    Field::new("completed", Kind::Flag),
    Field::text("assignedTo"),
];

pub(super) const COMPLETE_TASK: Shape = &[Field::new("completed", Kind::Flag).required()];

pub(super) const DUPLICATE_QUERY: Shape = &[
    Field::text("locationId").required(),
    Field::text("number"),
    Field::text("email"),
];

pub(super) const LIST_QUERY: Shape = &[
    Field::text("locationId").required(),
    Field::text("startAfterId"),
    Field::text("startAfter"),
    Field::text("query"),
    Field::text("limit"),
];

pub(super) const BUSINESS_QUERY: Shape = &[
    Field::text("limit"),
    Field::text("locationId").required(),
    Field::text("skip"),
    Field::text("query"),
];

pub(super) const TOKEN: Shape = &[
    Field::text("client_id").required(),
    Field::text("client_secret").required(),
    Field::new(
        "grant_type",
        Kind::OneOf(&["authorization_code", "refresh_token", "client_credentials"]),
    )
    .required(),
    Field::text("code"),
    Field::text("refresh_token"),
    Field::new("user_type", Kind::OneOf(&["Company", "Location"])),
    Field::text("redirect_uri"),
];

pub(super) const LOCATION_TOKEN: Shape = &[
    Field::text("companyId").required(),
    Field::text("locationId").required(),
];

const YES_OR_NO: Kind = Kind::OneOf(&["true", "false"]);

pub(super) const INSTALLED_QUERY: Shape = &[
    Field::text("skip"),
    Field::text("limit"),
    Field::text("query"),
    Field::new("isInstalled", YES_OR_NO),
    Field::text("companyId").required(),
    Field::text("appId").required(),
    Field::text("versionId"),
    Field::new("onTrial", YES_OR_NO),
    Field::text("planId"),
    Field::text("locationId"),
];

/// What the page of the marketplace is called with; `locationId` is for the stand-in alone.
pub(super) const AUTHORISATION: Shape = &[
    Field::new("response_type", Kind::OneOf(&["code"])).required(),
    Field::text("redirect_uri").required(),
    Field::text("client_id").required(),
    Field::text("scope"),
    Field::text("state"),
    Field::text("version_id"),
    Field::text("loginWindowOpenMode"),
    Field::text("locationId"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The schemas of the official documents, where `PENSTOCK_GHL_SPEC` names the folder that has `apps/contacts.json`.
    fn official() -> Option<Vec<Value>> {
        let folder = std::env::var_os("PENSTOCK_GHL_SPEC").map(std::path::PathBuf::from)?;
        let read = |path: &str| -> Value {
            let text = std::fs::read(folder.join(path)).unwrap();
            serde_json::from_slice(&text).unwrap()
        };
        let documents = ["apps/contacts.json", "apps/oauth.json"].map(read);
        Some(
            documents
                .map(|document| document["components"]["schemas"].clone())
                .into(),
        )
    }

    fn described(shape: Shape) -> Vec<(String, bool, bool)> {
        let mut fields: Vec<_> = shape
            .iter()
            .map(|field| (field.name.to_owned(), field.required, field.nullable))
            .collect();
        fields.sort();
        fields
    }

    #[test]
    fn the_shapes_are_those_of_the_official_document() {
        let Some(documents) = official() else {
            eprintln!("skipped: PENSTOCK_GHL_SPEC does not name a folder with apps/contacts.json");
            return;
        };
        for (name, shape) in [
            ("CreateContactDto", CREATE_CONTACT),
            ("UpsertContactDto", UPSERT_CONTACT),
            ("UpdateContactDto", UPDATE_CONTACT),
            ("TagsDTO", TAGS),
            ("UpdateTagsDTO", BULK_TAGS),
            ("FollowersDTO", FOLLOWERS),
            ("ContactsBusinessUpdate", BULK_BUSINESS),
            ("AddContactToCampaignDto", CAMPAIGN),
            ("CreateWorkflowDto", WORKFLOW),
            ("NotesDTO", CREATE_NOTE),
            ("UpdateNoteDTO", UPDATE_NOTE),
            ("CreateTaskParams", CREATE_TASK),
            ("UpdateTaskBody", UPDATE_TASK),
            ("UpdateTaskStatusParams", COMPLETE_TASK),
            ("GetAccessCodebodyDto", TOKEN),
            ("GetLocationAccessCodeBodyDto", LOCATION_TOKEN),
        ] {
            let schema = documents
                .iter()
                .find_map(|schemas| schemas.get(name))
                .unwrap();
            let required = |field: &str| {
                schema["required"]
                    .as_array()
                    .is_some_and(|names| names.iter().any(|name| name == field))
            };
            let mut fields: Vec<_> = schema["properties"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(field, of)| (field.clone(), required(field), of["nullable"] == true))
                .collect();
            fields.sort();
            assert_eq!(described(shape), fields, "{name}");
        }
    }
}
