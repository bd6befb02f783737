//! Replies, and what the account has left.

use serde_json::{Value, json};

use super::account::{Account, ID};
use super::answer::{DATA, not_found, ok, refused};
use super::body::Infos;
use super::{lists, paris};
use crate::sandbox::Moment;
use crate::stand::{Answer, Input, Refusal};

/// What a number replied.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) from: String,
    pub(super) message: String,
    /// The id of the newest SMS to that number.
    pub(super) message_id: Option<String>,
    pub(super) ticket: Option<String>,
    pub(super) infos: Infos,
    pub(super) at: Moment,
}

impl Reply {
    fn shown(&self) -> Value {
        json!({
            "message_id": self.message_id, "campaign_id": self.ticket, "destination": self.from, "message": self.message,
            "info1": self.infos.info1, "info2": self.infos.info2, "date": paris::stamp(self.at),
        })
    }
}

/// Replies between `date_start` and `date_end`, both included, oldest first.
pub(super) fn replies(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    listed(account, input, |_| true)
}

/// Replies to one campaign.
pub(super) fn campaign_replies(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    let ticket = input.param("ticket");
    let known = account.messages.iter().any(|sms| sms.ticket == ticket);
    if !known {
        return Err(not_found("campaign"));
    }
    listed(account, input, |reply| {
        reply.ticket.as_deref() == Some(ticket)
    })
}

fn listed(
    account: &Account,
    input: &Input<'_>,
    wanted: impl Fn(&Reply) -> bool,
) -> Result<Answer, Refusal> {
    let start = bound(input, "date_start", "00:00:00")?;
    let end = bound(input, "date_end", "23:59:59")?;
    let (skipped, length) = lists::page(input)?;
    // To the second, as dates are told.
    let second = |moment: Moment| moment.millis() / 1_000;
    let within = |reply: &&Reply| {
        start.is_none_or(|start| second(reply.at) >= second(start))
            && end.is_none_or(|end| second(reply.at) <= second(end))
    };
    let found = account.replies.iter().filter(within);
    let found: Vec<_> = found.filter(|reply| wanted(reply)).collect();
    let rows = found.iter().skip(skipped).take(length);
    let rows: Vec<_> = rows.map(|reply| reply.shown()).collect();
    Ok(ok(json!({"totalRecords": found.len(), "replies": rows})))
}

/// A day, or a time of one.
fn bound(input: &Input<'_>, name: &str, time: &str) -> Result<Option<Moment>, Refusal> {
    let read = |text: &str| {
        let moment = paris::read(text).or_else(|| paris::read(&format!("{text} {time}")));
        let why = format!("{name} must be Y-m-d or Y-m-d H:i:s");
        moment.ok_or_else(|| refused(DATA, &why))
    };
    input.request.query(name).map(read).transpose()
}

pub(super) fn account(account: &Account) -> Answer {
    let shown = json!({
        "client_id": ID, "email": "account@smsfactor.example", "type": "company", "company": "Stand-in",
        "credits": account.credits.to_string(), "unlimited": "0", "status": "1",
    });
    ok(json!({"account": shown}))
}

pub(super) fn credits(account: &Account) -> Answer {
    ok(json!({
        "credits": account.credits.to_string(), "postpaid": "0", "postpaid_limit": false, "unlimited": false,
    }))
}
