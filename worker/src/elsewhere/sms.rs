//! `SendSms`: a message is sent once. Of one that had no answer only word of it tells whether it was sent.

use penstock_shared::{
    job::{DueDate, PushType, SendSms, Text},
    outcome::{Outcome, Permit},
    queue::record::StoredJob,
    smsfactor::{Message, Receipt, Request},
    wire::CallError,
};
use serde_json::{Map, Value};

use super::{failed, smsfactor, unknown, way::Way};
use crate::{
    assignment::Assignment,
    deliver::{self, Courier},
    failpoint,
    gate::{Stop, Turn},
    journal,
};

/// Sends it, or finds out what became of it.
pub(super) async fn send(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    sms: &SendSms,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let way = smsfactor(courier, job, turn)?;
    if sms.simulate {
        let answer = way
            .send(turn, &Request::simulate(&message(job, sms)))
            .await?;
        let receipt = answer.receipt().map_err(Stop::Call)?;
        return Ok(delivered(&receipt, true, turn.permit()));
    }
    if let Some(earlier) = journal::earlier(courier, job, stored) {
        return unknown::settle(courier, job, earlier, way, turn).await;
    }
    if job.claimed.probe {
        // What an open breaker lets through must be harmless.
        way.send(turn, &Request::credits()).await?;
    }
    failpoint::pass("before-intent");
    let intent = journal::intent(job, stored, way.client.timeout());
    let now = job.clock.now_ms().to_string();
    turn.advance(intent, Some(now)).await?;
    failpoint::pass("after-intent");
    sent(courier, job, sms, way, turn).await
}

/// Sends it, and says what became of it.
async fn sent(
    courier: &Courier,
    job: &Assignment,
    sms: &SendSms,
    way: Way<'_>,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let answer = way.send(turn, &Request::send(&message(job, sms))).await;
    let receipt = match answer {
        Ok(answer) => answer.receipt(),
        Err(Stop::Call(error)) => Err(error),
        Err(stop) => {
            // It was not sent after all.
            journal::clear(job);
            return Err(stop);
        }
    };
    Ok(match receipt {
        Ok(receipt) => delivered(&receipt, false, turn.permit()),
        Err(error) => not_sent(courier, job, error, turn.permit()),
    })
}

fn not_sent(courier: &Courier, job: &Assignment, error: CallError, permit: Permit) -> Outcome {
    if error.may_have_taken_effect() {
        return Outcome::Unknown {
            fault: deliver::fault(&error),
            permit,
        };
    }
    journal::clear(job);
    failed(courier, job, error, permit)
}

fn delivered(receipt: &Receipt, simulated: bool, permit: Permit) -> Outcome {
    let mut result = Map::new();
    if let Some(ticket) = &receipt.ticket {
        result.insert("ticket".to_owned(), ticket.as_str().into());
    }
    for (name, count) in [("cost", receipt.cost), ("credits", receipt.credits)] {
        if let Some(count) = count {
            result.insert(name.to_owned(), count.into());
        }
    }
    for (name, is_so) in [("simulated", simulated), ("moderated", receipt.moderated)] {
        if is_so {
            result.insert(name.to_owned(), true.into());
        }
    }
    Outcome::Delivered {
        result: Value::Object(result),
        effect: None,
        permit,
    }
}

/// Reports and replies name it by the job's id.
fn message<'a>(job: &'a Assignment, sms: &'a SendSms) -> Message<'a> {
    Message {
        to: &sms.to,
        text: sms.text.as_str(),
        sender: sms.sender.as_ref().map(Text::as_str),
        push_type: sms.push_type.map(PushType::as_str),
        send_at: sms.send_at.map(DueDate::timestamp),
        unicode: sms.unicode,
        id: job.reference().id(),
    }
}
