//! Lists of contacts.

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::answer::{DATA, not_found, ok, refused};
use super::body::{Contact, Contacts, Infos, read};
use super::{number, paris};
use crate::stand::{Answer, Change, Input, Refusal};

/// The most contacts that one answer lists.
const PAGE: usize = 1_000;

/// A list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) contacts: Vec<Listed>,
}

/// A contact in a list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) number: String,
    pub(super) infos: Infos,
}

impl List {
    pub(super) fn shown(&self) -> Value {
        let contacts: Vec<_> = self.contacts.iter().map(Listed::shown).collect();
        json!({"id": self.id, "name": self.name, "contacts": contacts})
    }
}

impl Listed {
    pub(super) fn shown(&self) -> Value {
        let mut row = json!({"id": self.id, "destination": self.number});
        for (name, value) in self.infos.all() {
            if let Some(value) = value {
                row[name] = value.into();
            }
        }
        row
    }

    fn change(&self, kind: &'static str, list: &str) -> Change {
        let mut content = self.shown();
        content["listId"] = list.into();
        Change::write(kind, &self.id, Some(&self.number), content)
    }

    fn mentions(&self, search: &str) -> bool {
        let infos = self.infos.all();
        let mut infos = infos.iter().filter_map(|(_, value)| *value);
        self.number.contains(search) || infos.any(|value| value.contains(search))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    list: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted {
    name: Option<String>,
    list_id: Option<String>,
    contacts: Contacts,
}

/// Makes a list, or adds to one.
pub(super) fn post(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let Body { list: wanted } = read(input)?;
    let mut changes = Vec::new();
    let id = wanted.list_id.unwrap_or_else(|| {
        let name = wanted.name.unwrap_or_else(|| paris::stamp(input.now));
        let content = json!({"name": name});
        let id = create(account, None, name);
        changes.push(Change::creation("list", &id, None, content));
        id
    });
    let given = wanted.contacts.gsm.len();
    let (added, invalid) = add(account, &id, wanted.contacts.gsm)?;
    changes.extend(added.iter().map(|one| one.change("list-contact", &id)));
    Ok(ok(json!({
        "contacts": added.len(), "invalid": invalid, "duplicates": given - added.len() - invalid, "id": id,
    }))
    .changed(changes))
}

pub(super) fn create(account: &mut Account, id: Option<String>, name: String) -> String {
    let id = id.unwrap_or_else(|| account.draw.hex(24));
    account.lists.push(List {
        id: id.clone(),
        name,
        contacts: Vec::new(),
    });
    id
}

/// Adds those that are valid and not there yet; and how many are not valid.
pub(super) fn add(
    account: &mut Account,
    id: &str,
    contacts: Vec<Contact>,
) -> Result<(Vec<Listed>, usize), Refusal> {
    let Account { lists, draw, .. } = account;
    let list = lists.iter_mut().find(|list| list.id == id);
    let list = list.ok_or_else(|| not_found("list"))?;
    let (mut added, mut invalid) = (Vec::new(), 0);
    for contact in contacts {
        let (value, infos) = contact.into_parts();
        if !number::is_valid(&value) {
            invalid += 1;
        } else if !list.contacts.iter().any(|known| known.number == value) {
            let listed = Listed {
                id: draw.hex(24),
                number: value,
                infos,
            };
            list.contacts.push(listed.clone());
            added.push(listed);
        }
    }
    Ok((added, invalid))
}

pub(super) fn all(account: &Account) -> Answer {
    let rows = account.lists.iter().map(|list| {
        json!({"id": list.id, "name": list.name, "contacts": list.contacts.len().to_string()})
    });
    ok(json!({"lists": rows.collect::<Vec<_>>()}))
}

pub(super) fn get(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let list = find(account, input.param("id"))?;
    let search = input.request.query("search").unwrap_or_default();
    let found = list.contacts.iter().filter(|one| one.mentions(search));
    let found: Vec<_> = found.map(Listed::shown).collect();
    let (start, length) = page(input)?;
    let rows: Vec<_> = found.iter().skip(start).take(length).collect();
    Ok(ok(json!({
        "list": rows, "name": list.name, "contacts": list.contacts.len().to_string(),
        "totalRecords": list.contacts.len(), "totalDisplayRecords": found.len(),
    })))
}

/// `start` and `length` of a query.
pub(super) fn page(input: &Input<'_>) -> Result<(usize, usize), Refusal> {
    let number = |name, default| match input.request.query(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| refused(DATA, &format!("{name} must be a number"))),
    };
    Ok((number("start", 0)?, number("length", 100)?.min(PAGE)))
}

pub(super) fn delete(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let id = input.param("id");
    find(account, id)?;
    account.lists.retain(|list| list.id != id);
    let change = Change::write("list-delete", id, None, Value::Null);
    Ok(ok(Value::Null).changed([change]))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    value: Option<String>,
    info1: Option<String>,
    info2: Option<String>,
    info3: Option<String>,
    info4: Option<String>,
}

/// Writes a contact's number or what is known of it. How the body is wrapped is not described: it is taken bare.
pub(super) fn put_contact(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let edit: Edit = read(input)?;
    if edit
        .value
        .as_deref()
        .is_some_and(|value| !number::is_valid(value))
    {
        return Err(refused(DATA, "value is no number"));
    }
    let (list, at) = locate(account, input.param("id"))?;
    let contact = &mut list.contacts[at];
    contact.number = edit.value.unwrap_or_else(|| contact.number.clone());
    contact.infos.write(Infos {
        info1: edit.info1,
        info2: edit.info2,
        info3: edit.info3,
        info4: edit.info4,
    });
    let change = contact.change("list-contact-update", &list.id);
    Ok(ok(Value::Null).changed([change]))
}

pub(super) fn delete_contact(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let (list, at) = locate(account, input.param("id"))?;
    let contact = list.contacts.remove(at);
    let change = contact.change("list-contact-delete", &list.id);
    Ok(ok(Value::Null).changed([change]))
}

/// Removes all but the first of each number.
pub(super) fn deduplicate(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let mut seen = std::collections::HashSet::new();
    sift(account, input.param("id"), |one| {
        seen.insert(one.number.clone())
    })
}

/// Removes the unassigned numbers.
pub(super) fn clear_npai(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let numbers = account.npai.numbers();
    sift(account, input.param("id"), |one| {
        !numbers.contains(&one.number)
    })
}

fn sift(
    account: &mut Account,
    id: &str,
    mut keeps: impl FnMut(&Listed) -> bool,
) -> Result<Answer, Refusal> {
    let list = find(account, id)?;
    let (kept, gone): (Vec<_>, Vec<_>) = list.contacts.drain(..).partition(|one| keeps(one));
    list.contacts = kept;
    let changes = gone
        .iter()
        .map(|one| one.change("list-contact-delete", id))
        .collect::<Vec<_>>();
    Ok(ok(json!({"removed": gone.len()})).changed(changes))
}

fn find<'a>(account: &'a mut Account, id: &str) -> Result<&'a mut List, Refusal> {
    let list = account.lists.iter_mut().find(|list| list.id == id);
    list.ok_or_else(|| not_found("list"))
}

fn locate<'a>(account: &'a mut Account, id: &str) -> Result<(&'a mut List, usize), Refusal> {
    let found = account.lists.iter_mut().find_map(|list| {
        let at = list.contacts.iter().position(|one| one.id == id)?;
        Some((list, at))
    });
    found.ok_or_else(|| not_found("contact"))
}
