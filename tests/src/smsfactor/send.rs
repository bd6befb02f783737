//! Sending, simulating and cancelling.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::account::{Account, Reach};
use super::answer::{CREDITS, DATA, not_found, ok, refused};
use super::body::{Infos, read};
use super::paris;
use super::sms::{ListRef, Message, ToLists, ToNumbers, Wanted};
use crate::sandbox::Moment;
use crate::stand::{Answer, Change, Input, Refusal};

/// An SMS that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Sms {
    pub(super) ticket: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) gsmsmsid: Option<String>,
    pub(super) infos: Infos,
    /// When it is sent.
    due: Moment,
    cancelled: bool,
}

impl Sms {
    /// The id that reports tell: the caller's own, or the ticket.
    pub(super) fn message_id(&self) -> &str {
        self.gsmsmsid.as_deref().unwrap_or(&self.ticket)
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "ticket": self.ticket, "to": self.to, "text": self.text, "gsmsmsid": self.gsmsmsid,
            "due": paris::stamp(self.due), "cancelled": self.cancelled,
        })
    }
}

/// One number that a message is meant for.
#[derive(Debug)]
struct Target {
    to: String,
    text: String,
    gsmsmsid: Option<String>,
    infos: Infos,
}

/// What became of the numbers.
#[derive(Debug, Default, Serialize)]
struct Tally {
    total: usize,
    sent: usize,
    blacklisted: usize,
    duplicated: usize,
    invalid: usize,
    npai: usize,
}

pub(super) fn send(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    to_numbers(account, input, false)
}

pub(super) fn simulate(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    to_numbers(account, input, true)
}

pub(super) fn send_lists(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    to_lists(account, input, false)
}

pub(super) fn simulate_lists(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    to_lists(account, input, true)
}

fn to_numbers(
    account: &mut Account,
    input: &Input<'_>,
    simulated: bool,
) -> Result<Answer, Refusal> {
    let Wanted {
        sms: ToNumbers {
            message,
            recipients,
        },
    } = read(input)?;
    let targets = recipients.gsm.into_iter().map(|recipient| Target {
        to: recipient.value,
        text: message.text.clone(),
        gsmsmsid: recipient.gsmsmsid,
        infos: Infos::default(),
    });
    let targets = targets.collect();
    campaign(account, &message, targets, simulated, input.now)
}

fn to_lists(account: &mut Account, input: &Input<'_>, simulated: bool) -> Result<Answer, Refusal> {
    let Wanted {
        sms: ToLists { message, lists },
    } = read(input)?;
    let mut targets = Vec::new();
    for ListRef { value } in lists {
        let list = account.lists.iter().find(|list| list.id == value);
        let list = list.ok_or_else(|| not_found("list"))?;
        targets.extend(list.contacts.iter().map(|contact| Target {
            to: contact.number.clone(),
            text: filled(&message.text, &contact.infos),
            gsmsmsid: None,
            infos: contact.infos.clone(),
        }));
    }
    campaign(account, &message, targets, simulated, input.now)
}

/// The text with what is known of the contact in place of `[info1]` to `[info4]`.
fn filled(text: &str, infos: &Infos) -> String {
    let fill = |text: String, (name, value): (&str, Option<&str>)| {
        text.replace(&format!("[{name}]"), value.unwrap_or_default())
    };
    infos.all().into_iter().fold(text.to_owned(), fill)
}

fn campaign(
    account: &mut Account,
    message: &Message,
    targets: Vec<Target>,
    simulated: bool,
    now: Moment,
) -> Result<Answer, Refusal> {
    let due = message.due(now)?;
    if targets.is_empty() {
        return Err(refused(DATA, "there is nobody to send to"));
    }
    let (tally, reached) = sieve(account, targets);
    let cost = reached.iter().map(|target| message.parts(&target.text));
    let cost: u64 = cost.sum();
    if cost > account.credits {
        return Err(refused(CREDITS, "there are fewer credits than it costs"));
    }
    let told = |ticket: Option<&str>, credits: u64| {
        let mut fields = json!(tally);
        fields["cost"] = cost.into();
        fields["credits"] = credits.into();
        if let Some(ticket) = ticket {
            fields["ticket"] = ticket.into();
        }
        ok(fields)
    };
    if simulated {
        let changes = reached.iter().map(|target| {
            let content = content(message, target, true);
            Change::write("sms-simulated", "simulated", Some(&target.to), content)
        });
        return Ok(told(None, account.credits).changed(changes.collect::<Vec<_>>()));
    }
    account.credits -= cost;
    let ticket = account.number().to_string();
    let due = due.unwrap_or(now);
    let changes = accept(account, message, reached, &ticket, due);
    Ok(told(Some(&ticket), account.credits).changed(changes))
}

/// The targets that can be reached, each number once, and what became of all.
fn sieve(account: &Account, targets: Vec<Target>) -> (Tally, Vec<Target>) {
    let mut tally = Tally {
        total: targets.len(),
        ..Tally::default()
    };
    let mut seen = HashSet::new();
    let mut reached = Vec::new();
    for target in targets {
        match account.reach(&target.to) {
            Reach::Invalid => tally.invalid += 1,
            Reach::Blacklisted => tally.blacklisted += 1,
            Reach::Unassigned => tally.npai += 1,
            Reach::Open if !seen.insert(target.to.clone()) => tally.duplicated += 1,
            Reach::Open => reached.push(target),
        }
    }
    tally.sent = reached.len();
    (tally, reached)
}

fn accept(
    account: &mut Account,
    message: &Message,
    reached: Vec<Target>,
    ticket: &str,
    due: Moment,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (at, target) in reached.into_iter().enumerate() {
        let id = format!("{ticket}/{}", at + 1);
        let content = content(message, &target, false);
        changes.push(Change::creation("sms", &id, Some(&target.to), content));
        account.messages.push(Sms {
            ticket: ticket.to_owned(),
            to: target.to,
            text: target.text,
            gsmsmsid: target.gsmsmsid,
            infos: target.infos,
            due,
            cancelled: false,
        });
    }
    changes
}

fn content(message: &Message, target: &Target, simulated: bool) -> Value {
    json!({
        "to": target.to, "text": target.text, "gsmsmsid": target.gsmsmsid, "simulated": simulated,
        "sender": message.sender, "pushtype": message.pushtype, "delay": message.delay,
    })
}

/// Cancels a campaign that is not due yet.
pub(super) fn cancel(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let ticket = input.param("ticket");
    let mut sent = account
        .messages
        .iter_mut()
        .filter(|sms| sms.ticket == ticket && !sms.cancelled)
        .peekable();
    let first = sent.peek().ok_or_else(|| not_found("campaign"))?;
    if first.due <= input.now {
        return Err(refused(DATA, "the campaign was sent already"));
    }
    for sms in sent {
        sms.cancelled = true;
    }
    let change = Change::write("sms-cancel", ticket, None, Value::Null);
    Ok(ok(Value::Null).changed([change]))
}
