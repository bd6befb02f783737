//! Jobs of one contact that follow on each other and become one call: what they come to together.

use serde_json::{Map, Value};

use super::{add_tags::AddTags, list::List, payload::Payload};

type Fields = Map<String, Value>;

const NAME: &[&str] = &["name"];
const PARTS_OF_NAME: &[&str] = &["firstName", "lastName"];
const DISTURBING: &[&str] = &["dnd", "dndSettings", "inboundDndSettings"];

impl Payload {
    /// This job and the next one of the same contact as one: what is left behind when one follows the other. `None` where that cannot be said
    /// for certain.
    #[must_use]
    pub fn followed_by(&self, next: &Self) -> Option<Self> {
        match (self, next) {
            (Self::AddTags(tags), Self::AddTags(next)) => tags.and(next),
            (Self::UpsertContact(contact), Self::UpsertContact(later)) => {
                // One that may make a second contact is a call of its own.
                let makes = contact.create_new_if_duplicate_allowed
                    || later.create_new_if_duplicate_allowed;
                let fields = overlaid(object(self)?, object(next)?).filter(|_| !makes)?;
                Self::from_value(self.job_type(), Value::Object(fields)).ok()
            }
            _ => None,
        }
    }
}

fn object(payload: &Payload) -> Option<Fields> {
    match payload.to_value() {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

impl AddTags {
    /// The tags of both; `None` if they are more than one call takes, or name the contact in two ways: that a sequence has taken two names for one
    /// contact does not say that the API does.
    fn and(&self, next: &Self) -> Option<Payload> {
        if self.contact != next.contact {
            return None;
        }
        let more = next.tags.iter().filter(|tag| !self.tags.contains(tag));
        let tags: Vec<_> = self.tags.iter().chain(more).cloned().collect();
        let both = Self {
            contact: self.contact.clone(),
            tags: List::try_from(tags).ok()?,
        };
        Some(Payload::AddTags(Box::new(both)))
    }

    /// Whether both add the same tags.
    pub fn same_tags(&self, other: &Self) -> bool {
        let within = |a: &Self, b: &Self| a.tags.iter().all(|tag| b.tags.contains(tag));
        within(self, other) && within(other, self)
    }
}

/// One update of a contact and the next: later fields win, and what the later one does not say stays.
fn overlaid(mut fields: Fields, next: Fields) -> Option<Fields> {
    if !is_one_contact(&fields, &next) || may_clash(&fields, &next) {
        return None;
    }
    for (name, value) in next {
        let value = match (name.as_str(), fields.remove(&name)) {
            ("customFields", Some(before)) => Value::Array(united(before, value)?),
            _ => value,
        };
        fields.insert(name, value);
    }
    Some(fields)
}

/// What the API makes of a name and its parts together is not known; nor whether settings by channel replace those before or complete them.
fn may_clash(one: &Fields, next: &Fields) -> bool {
    let says =
        |fields: &Fields, names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
    let across = |a, b| (says(one, a) && says(next, b)) || (says(one, b) && says(next, a));
    // Nor what it makes of no name after one.
    let unnamed = next.get("name").is_some_and(Value::is_null) && one.contains_key("name");
    unnamed || across(NAME, PARTS_OF_NAME) || across(DISTURBING, DISTURBING)
}

/// Whether the API takes both for the same contact: they give the same email and the same phone, or the same one of them alone. By one that only one
/// of them gives, it may find another contact.
fn is_one_contact(fields: &Fields, next: &Fields) -> bool {
    let names = ["email", "phone"];
    names
        .iter()
        .all(|name| fields.get(*name) == next.get(*name))
        && names
            .iter()
            .any(|name| fields.get(*name).is_some_and(|value| !value.is_null()))
}

/// The custom fields of both, which an update merges one by one: of those of one name the later.
fn united(before: Value, after: Value) -> Option<Vec<Value>> {
    let (Value::Array(before), Value::Array(after)) = (before, after) else {
        return None;
    };
    // An id and a key may name the same field.
    let name = ["id", "key"].into_iter().find(|name| {
        let named = |field: &Value| {
            field.get(name).is_some() && field.as_object().is_some_and(|field| field.len() == 2)
        };
        before.iter().chain(&after).all(named)
    })?;
    let replaced = |field: &Value| after.iter().any(|later| later[name] == field[name]);
    let mut fields: Vec<_> = before
        .into_iter()
        .filter(|field| !replaced(field))
        .collect();
    fields.extend(after);
    Some(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::Job;

    fn payload(job_type: &str, payload: &Value) -> Payload {
        let job = json!({ "type": job_type, "tenant": "t", "payload": payload });
        Job::from_value(job).unwrap().payload
    }

    fn upserts(one: &Value, next: &Value) -> Option<Value> {
        let (one, next) = (
            payload("UpsertContact", one),
            payload("UpsertContact", next),
        );
        one.followed_by(&next).map(|both| both.to_value())
    }

    #[test]
    fn later_fields_win_and_what_is_not_said_stays() {
        let both = upserts(
            &json!({ "email": "a@b.io", "firstName": "Ann", "city": "Bern", "tags": ["x"], "phone": "+14155550100" }),
            &json!({ "email": "a@b.io", "firstName": "Anna", "city": null, "phone": "+14155550100" }),
        );
        let expected = json!({
            "email": "a@b.io", "firstName": "Anna", "city": null, "phone": "+14155550100", "tags": ["x"],
        });
        assert_eq!(both, Some(expected));
    }

    #[test]
    fn custom_fields_are_merged_by_their_names() {
        let of = |fields: Value| json!({ "email": "a@b.io", "customFields": fields });
        let both = upserts(
            &of(json!([{ "id": "1", "field_value": "a" }, { "id": "2", "field_value": "b" }])),
            &of(json!([{ "id": "2", "field_value": "c" }])),
        );
        let fields = json!([{ "id": "1", "field_value": "a" }, { "id": "2", "field_value": "c" }]);
        assert_eq!(both.unwrap()["customFields"], fields);
        let mixed = upserts(
            &of(json!([{ "id": "1", "field_value": "a" }])),
            &of(json!([{ "key": "one", "field_value": "b" }])),
        );
        assert_eq!(mixed, None);
    }

    #[test]
    fn what_may_mean_something_else_together_stays_apart() {
        for (one, next) in [
            // Two contacts, or one that changes its name.
            (
                json!({ "email": "a@b.io" }),
                json!({ "phone": "+14155550100" }),
            ),
            (json!({ "email": "a@b.io" }), json!({ "email": "c@d.io" })),
            (
                json!({ "email": "a@b.io", "phone": "+14155550100" }),
                json!({ "email": "a@b.io", "phone": "+14155550101" }),
            ),
            (
                json!({ "email": "a@b.io", "phone": "+14155550100" }),
                json!({ "email": "a@b.io", "phone": null }),
            ),
            // The phone may be another contact's.
            (
                json!({ "email": "a@b.io" }),
                json!({ "email": "a@b.io", "phone": "+14155550100" }),
            ),
            (
                json!({ "phone": "+14155550100" }),
                json!({ "email": "a@b.io", "phone": "+14155550100" }),
            ),
            // A name and its parts.
            (
                json!({ "email": "a@b.io", "firstName": "Ann" }),
                json!({ "email": "a@b.io", "name": "Bo Li" }),
            ),
            // No name after one.
            (
                json!({ "email": "a@b.io", "name": "Bo Li" }),
                json!({ "email": "a@b.io", "name": null }),
            ),
            // Settings of which nobody says whether they replace others.
            (
                json!({ "email": "a@b.io", "dnd": true }),
                json!({ "email": "a@b.io", "dndSettings": {} }),
            ),
            // May make a second contact.
            (
                json!({ "email": "a@b.io" }),
                json!({ "email": "a@b.io", "createNewIfDuplicateAllowed": true }),
            ),
        ] {
            assert_eq!(upserts(&one, &next), None, "{one} {next}");
        }
    }

    #[test]
    fn tags_add_up_as_far_as_one_call_takes_them() {
        let tags = |from: usize, to: usize| {
            let tags: Vec<_> = (from..to).map(|number| format!("tag-{number}")).collect();
            payload(
                "AddTags",
                &json!({ "contact": { "id": "c" }, "tags": tags }),
            )
        };
        let both = tags(0, 60).followed_by(&tags(50, 100)).unwrap();
        assert_eq!(both.to_value()["tags"].as_array().unwrap().len(), 100);
        assert_eq!(tags(0, 60).followed_by(&tags(60, 101)), None);
        let by_email = json!({ "contact": { "email": "a@b.io" }, "tags": ["t"] });
        assert_eq!(tags(0, 1).followed_by(&payload("AddTags", &by_email)), None);
    }

    #[test]
    fn what_is_not_of_one_kind_stays_apart() {
        let note = payload(
            "AttachNote",
            &json!({ "contact": { "id": "c" }, "body": "b" }),
        );
        let tags = payload(
            "AddTags",
            &json!({ "contact": { "id": "c" }, "tags": ["t"] }),
        );
        for (one, next) in [(&note, &note), (&note, &tags), (&tags, &note)] {
            assert_eq!(one.followed_by(next), None);
        }
    }
}
