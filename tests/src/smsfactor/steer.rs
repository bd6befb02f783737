//! What happens outside of the API: people reply, networks report, somebody buys credits or fills a list.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::{Account, ID};
use super::body::Contact;
use super::lists::List;
use super::reports::Reply;
use super::send::Sms;
use super::{lists, number, paris};
use crate::sandbox::Moment;
use crate::stand::{Letter, Order, Steered};

pub(super) fn order(account: &mut Account, order: &Order<'_>) -> Option<Result<Steered, String>> {
    let done = match (order.method, order.what) {
        (&Method::POST, "replies") => {
            read(order.body).and_then(|reply| replied(account, reply, order.now))
        }
        (&Method::POST, "reports") => {
            read(order.body).and_then(|report| reported(account, &report, order.now))
        }
        (&Method::POST, "lists") => read(order.body).map(|list| filled(account, list)),
        (&Method::POST, "account") => read(order.body).map(|Credits { credits }| {
            account.credits = credits;
            Steered::quiet(json!({"credits": credits}))
        }),
        (&Method::GET, "messages") => {
            let messages = account.messages.iter().map(Sms::shown);
            let messages: Vec<_> = messages.collect();
            Ok(Steered::quiet(json!({"messages": messages})))
        }
        (&Method::GET, "lists") => {
            let lists = account.lists.iter().map(List::shown);
            Ok(Steered::quiet(json!({"lists": lists.collect::<Vec<_>>()})))
        }
        (&Method::GET, "blacklist") => {
            let numbers = account.blacklist.numbers();
            Ok(Steered::quiet(json!({"numbers": numbers})))
        }
        _ => return None,
    };
    Some(done)
}

fn read<T: for<'a> Deserialize<'a>>(body: &Value) -> Result<T, String> {
    T::deserialize(body).map_err(|error| format!("the body cannot be read: {error}"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credits {
    credits: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replied {
    from: String,
    message: String,
}

/// A number replies. STOP takes it to the blacklist, and is told as such instead of as a reply.
fn replied(account: &mut Account, reply: Replied, now: Moment) -> Result<Steered, String> {
    let Replied { from, message } = reply;
    if !number::is_valid(&from) {
        return Err("from: must be a number without a plus".to_owned());
    }
    let newest = account.messages.iter().rev().find(|sms| sms.to == from);
    let newest = newest.cloned();
    let message_id = newest.as_ref().map(|sms| sms.message_id().to_owned());
    let ticket = newest.as_ref().map(|sms| sms.ticket.clone());
    let stops = message.trim().to_uppercase().starts_with("STOP");
    if stops {
        let Account {
            blacklist, draw, ..
        } = account;
        blacklist.add(draw, Contact::bare(&from), ticket.clone(), now);
    }
    let body = json!({
        "date": paris::offset(now), "message": message, "from": from, "account_id": ID, "last_message_id": message_id,
    });
    account.replies.push(Reply {
        from,
        message,
        message_id,
        ticket,
        infos: newest.map(|sms| sms.infos).unwrap_or_default(),
        at: now,
    });
    Ok(told(if stops { "STOP" } else { "MO" }, body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reported {
    to: Option<String>,
    gsmsmsid: Option<String>,
    status: u8,
}

/// The statuses that a delivery report can have.
const STATUSES: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12];

/// A network reports what became of an SMS.
fn reported(account: &Account, report: &Reported, now: Moment) -> Result<Steered, String> {
    if !STATUSES.contains(&report.status) {
        return Err(format!("status: must be one of {STATUSES:?}"));
    }
    let meant = |sms: &&Sms| match (&report.gsmsmsid, &report.to) {
        (Some(id), _) => sms.gsmsmsid.as_ref() == Some(id),
        (None, Some(to)) => sms.to == *to,
        (None, None) => false,
    };
    let sms = account.messages.iter().rev().find(meant);
    let sms = sms.ok_or("no SMS with this gsmsmsid, or to this number, was sent")?;
    let body = json!({
        "date": paris::offset(now), "status": report.status, "destination": sms.to, "message_id": sms.message_id(),
        "campaign_id": sms.ticket, "country_code": country(&sms.to),
    });
    Ok(told("DLR", body))
}

/// The country of a number, of those that tests use.
fn country(number: &str) -> &'static str {
    let known = [
        ("33", "FR"),
        ("32", "BE"),
        ("41", "CH"),
        ("49", "DE"),
        ("1", "US"),
    ];
    let found = known.iter().find(|(code, _)| number.starts_with(code));
    found.map_or("ZZ", |(_, country)| country)
}

fn told(kind: &'static str, body: Value) -> Steered {
    let letter = Letter {
        kind,
        scope: None,
        body: body.clone(),
    };
    Steered {
        shown: body,
        letters: vec![letter],
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filled {
    id: Option<String>,
    name: String,
    contacts: Vec<Contact>,
}

/// Somebody fills a list by hand.
fn filled(account: &mut Account, list: Filled) -> Steered {
    let id = lists::create(account, list.id, list.name);
    let added = lists::add(account, &id, list.contacts);
    let added = added.map(|(added, _)| added).unwrap_or_default();
    let contacts: Vec<_> = added.iter().map(lists::Listed::shown).collect();
    Steered::quiet(json!({"id": id, "contacts": contacts}))
}
