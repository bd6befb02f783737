//! Profiles.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::entries::Entry;
use super::{Crm, Done, Origin, letter, missing};
use crate::sandbox::Moment;
use crate::smore::account::Account;
use crate::smore::answer::{error, read};
use crate::stand::{Answer, Change, Content, Input, Refusal, Steered};

/// Somebody that the CRM knows.
#[derive(Debug)]
pub(in crate::smore) struct Profile {
    pub(super) id: String,
    fields: Fields,
    pub(super) tags: Vec<String>,
    pub(super) entries: Vec<Entry>,
    created: Moment,
    updated: Moment,
}

/// What is written about them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::smore) struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Map<String, Value>>,
}

impl Fields {
    fn write(&mut self, given: Self) {
        for (old, new) in [
            (&mut self.first_name, given.first_name),
            (&mut self.last_name, given.last_name),
            (&mut self.email, given.email),
            (&mut self.phone, given.phone),
            (&mut self.status, given.status),
            (&mut self.external_id, given.external_id),
        ] {
            *old = new.or(old.take());
        }
        let given = given.attributes.unwrap_or_default();
        if !given.is_empty() {
            self.attributes.get_or_insert_default().extend(given);
        }
    }
}

impl Profile {
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!(self.fields);
        shown["id"] = self.id.as_str().into();
        shown["tags"] = json!(self.tags);
        shown["createdAt"] = self.created.rfc3339().into();
        shown["updatedAt"] = self.updated.rfc3339().into();
        shown
    }

    pub(super) const fn touch(&mut self, now: Moment) {
        self.updated = now;
    }
}

pub(in crate::smore) fn post(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let fields: Fields = read(input)?;
    if fields.email.is_none() && fields.phone.is_none() && fields.external_id.is_none() {
        let message = "an email, a phone or an externalId is needed";
        return Err(error(422, Some(message)));
    }
    if let Some(taken) = taken(&account.crm, &fields) {
        let body = json!({"error": "conflict", "message": "there is such a profile", "id": taken});
        return Err(Refusal {
            status: 409,
            body,
            code: None,
        });
    }
    Ok(create(account, None, fields, Origin::Api(input.now)).answer(201))
}

/// The id of the profile that has this email already.
fn taken(crm: &Crm, fields: &Fields) -> Option<String> {
    let email = fields.email.as_ref()?;
    let same = |profile: &&Profile| {
        let known = profile.fields.email.as_ref();
        known.is_some_and(|known| known.eq_ignore_ascii_case(email))
    };
    let found = crm.profiles.iter().find(same);
    found.map(|profile| profile.id.clone())
}

fn create(account: &mut Account, id: Option<String>, fields: Fields, origin: Origin) -> Done {
    let profile = Profile {
        id: id.unwrap_or_else(|| account.draw.word(16)),
        fields,
        tags: Vec::new(),
        entries: Vec::new(),
        created: origin.at(),
        updated: origin.at(),
    };
    let shown = profile.shown();
    let change = Change::creation("profile", &profile.id, None, json!(profile.fields));
    account.crm.profiles.push(profile);
    let letters = letter(
        account,
        "profile.created",
        origin,
        &shown,
        ("", Value::Null),
    );
    Done {
        shown,
        change,
        letters,
    }
}

/// Those that have all of what the query names.
pub(in crate::smore) fn find(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    const NAMES: [&str; 3] = ["email", "phone", "externalId"];
    if let Some(name) = input
        .request
        .query_names()
        .find(|name| !NAMES.contains(name))
    {
        let message = format!("`{name}` means nothing here; there are email, phone and externalId");
        return Err(error(422, Some(&message)));
    }
    let has = |shown: &Value| {
        NAMES.iter().all(|name| {
            let wanted = input.request.query(name);
            wanted.is_none_or(|wanted| shown[name].as_str() == Some(wanted))
        })
    };
    let profiles = account.crm.profiles.iter().map(Profile::shown);
    let found: Vec<_> = profiles.filter(has).collect();
    Ok(Answer::json(200, json!({"profiles": found})))
}

pub(in crate::smore) fn get(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let profile = account.crm.get(input.param("id"))?;
    Ok(Answer::json(200, profile.shown()))
}

pub(in crate::smore) fn patch(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let fields: Fields = read(input)?;
    let done = update(account, input.param("id"), fields, Origin::Api(input.now));
    done.map(|done| done.answer(200))
        .map_err(|error| missing(&error))
}

fn update(account: &mut Account, id: &str, fields: Fields, origin: Origin) -> Result<Done, String> {
    let profile = account.crm.get_mut(id)?;
    let content = json!(fields);
    profile.fields.write(fields);
    profile.touch(origin.at());
    let shown = profile.shown();
    let told = ("changes", content.clone());
    let letters = letter(account, "profile.updated", origin, &shown, told);
    Ok(Done {
        shown,
        change: Change::write("profile-update", id, Some(id), content),
        letters,
    })
}

pub(in crate::smore) fn delete(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    let id = input.param("id");
    let shown = account.crm.get(id)?.shown();
    account.crm.profiles.retain(|profile| profile.id != id);
    let origin = Origin::Api(input.now);
    let letters = letter(
        account,
        "profile.deleted",
        origin,
        &shown,
        ("", Value::Null),
    );
    let change = Change::write("profile-delete", id, Some(id), Value::Null);
    Ok(Answer::new(204, Content::Empty)
        .changed([change])
        .telling(letters))
}

/// Somebody makes a profile, or with an id that is known changes it.
pub(in crate::smore) fn order(
    account: &mut Account,
    mut fields: Map<String, Value>,
    now: Moment,
) -> Result<Steered, String> {
    let id = fields.remove("id");
    let id = id.and_then(|id| id.as_str().map(str::to_owned));
    let fields = Fields::deserialize(Value::Object(fields)).map_err(|error| error.to_string())?;
    let origin = Origin::User(now);
    let done = match id {
        Some(id) if account.crm.get_mut(&id).is_ok() => update(account, &id, fields, origin)?,
        id => create(account, id, fields, origin),
    };
    Ok(Steered {
        shown: done.shown,
        letters: done.letters,
    })
}
