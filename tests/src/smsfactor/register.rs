//! The blacklist and the unassigned numbers: numbers that nothing is sent to.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::answer::{not_found, ok};
use super::body::{Contact, Contacts, read};
use super::lists::Listed;
use super::{number, paris};
use crate::sandbox::Moment;
use crate::stand::draw::Draw;
use crate::stand::{Answer, Change, Input, Refusal};

/// Numbers, in the order in which they came.
#[derive(Debug)]
pub(super) struct Register {
    kind: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    listed: Listed,
    since: Moment,
    campaign: Option<String>,
}

impl Register {
    pub(super) const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            rows: Vec::new(),
        }
    }

    pub(super) fn holds(&self, value: &str) -> bool {
        self.rows.iter().any(|row| row.listed.number == value)
    }

    pub(super) fn numbers(&self) -> HashSet<String> {
        let numbers = self.rows.iter().map(|row| row.listed.number.clone());
        numbers.collect()
    }

    /// Adds a number that is valid and not there yet.
    pub(super) fn add(
        &mut self,
        draw: &mut Draw,
        contact: Contact,
        campaign: Option<String>,
        since: Moment,
    ) -> Option<Change> {
        if !number::is_valid(&contact.value) || self.holds(&contact.value) {
            return None;
        }
        let (number, infos) = contact.into_parts();
        let listed = Listed {
            id: draw.hex(24),
            number,
            infos,
        };
        let change = Change::write(
            self.kind,
            &listed.id,
            Some(&listed.number),
            json!({"destination": listed.number}),
        );
        self.rows.push(Row {
            listed,
            since,
            campaign,
        });
        Some(change)
    }

    pub(super) fn shown(&self) -> Answer {
        let rows = self.rows.iter().map(|row| {
            let mut shown = row.listed.shown();
            shown["date"] = paris::stamp(row.since).into();
            shown["user_information"] = json!([]);
            shown["campaign_id"] = json!(row.campaign);
            shown["batch_id"] = Value::Null;
            shown
        });
        let rows: Vec<_> = rows.collect();
        ok(json!({"totalRecords": rows.len(), "totalDisplayRecords": rows.len(), "list": rows}))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Blacklist {
    blacklist: Group,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Npai {
    npai: Group,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    contacts: Contacts,
}

pub(super) fn add_to_blacklist(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    let Blacklist { blacklist } = read(input)?;
    let Account {
        blacklist: register,
        draw,
        ..
    } = account;
    Ok(added(register, draw, blacklist, input.now))
}

pub(super) fn add_to_npai(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let Npai { npai } = read(input)?;
    let Account {
        npai: register,
        draw,
        ..
    } = account;
    Ok(added(register, draw, npai, input.now))
}

fn added(register: &mut Register, draw: &mut Draw, group: Group, now: Moment) -> Answer {
    let contacts = group.contacts.gsm.into_iter();
    let changes = contacts.filter_map(|contact| register.add(draw, contact, None, now));
    let changes: Vec<_> = changes.collect();
    ok(json!({"added_contacts": changes.len()})).changed(changes)
}

pub(super) fn remove_from_blacklist(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    let rows = &mut account.blacklist.rows;
    let id = input.param("id");
    let at = rows.iter().position(|row| row.listed.id == id);
    let row = rows.remove(at.ok_or_else(|| not_found("contact"))?);
    let number = row.listed.number;
    let content = json!({"destination": number});
    let change = Change::write("blacklist-delete", id, Some(&number), content);
    Ok(ok(Value::Null).changed([change]))
}
