//! `SendSms`: a message is sent once. Of one that had no answer only word of it tells whether it was sent.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    job::{DueDate, PushType, SendSms, Text},
    outcome::{Outcome, Permit},
    queue::{record::StoredJob, run::field},
    smsfactor::{Message, Receipt, Request},
    span::millis,
    wire::CallError,
};
use serde_json::{Map, Value};

use super::{
    failed, smsfactor,
    unknown::{self, Unknown},
    way::Way,
};
use crate::{
    assignment::Assignment,
    deliver::{self, Courier},
    failpoint,
    gate::{Stop, Turn},
    journal,
};

/// A moment so near may have passed by the API's clock, or by the time that the call arrives: the API refuses it then.
const NEAR: Duration = Duration::from_secs(60);

/// When a message leaves the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// As it arrives: also if the moment that it was to be sent at has passed while it waited here.
    AtOnce,
    /// As it arrives, but it waits here for so long first.
    Soon(Duration),
    /// The API keeps it until then.
    Later(Timestamp),
}

impl Leaves {
    fn of(send_at: Option<DueDate>, now_ms: u64) -> Self {
        let send_at = send_at.map(DueDate::timestamp);
        let wait = send_at.map_or(0, |at| unknown::ms(at).saturating_sub(now_ms));
        match send_at {
            Some(at) if wait > millis(NEAR) => Self::Later(at),
            _ if wait > 0 => Self::Soon(Duration::from_millis(wait)),
            _ => Self::AtOnce,
        }
    }

    fn delay(self) -> Option<Timestamp> {
        match self {
            Self::AtOnce | Self::Soon(_) => None,
            Self::Later(at) => Some(at),
        }
    }
}

/// Sends it, or finds out what became of it.
pub(super) async fn send(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    sms: &SendSms,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let way = smsfactor(courier, job, turn)?;
    let (tenant, id) = (job.reference().tenant(), job.reference().id());
    let word = courier.elsewhere.word(tenant, id);
    let leaves = Leaves::of(sms.send_at, job.clock.now_ms());
    let message = message(sms, &word, leaves);
    if sms.simulate {
        let answer = way.send(turn, &Request::simulate(&message)).await?;
        let receipt = answer.receipt().map_err(Stop::Call)?;
        return Ok(delivered(&receipt, true, turn.permit()));
    }
    if let Some(earlier) = journal::earlier(courier, job, stored) {
        let unknown = Unknown {
            sms,
            earlier,
            word: job.claimed.run.text(field::WORD).unwrap_or(&word),
        };
        return unknown.settle(courier, job, way, turn).await;
    }
    if let Leaves::Soon(wait) = leaves {
        return Err(turn.postponed(wait, "waits for the moment that it is to be sent at"));
    }
    if job.claimed.probe {
        // What an open breaker lets through must be harmless.
        way.send(turn, &Request::credits()).await?;
    }
    failpoint::pass("before-intent");
    let mut intent = journal::intent(job, stored, way.client.timeout());
    intent.insert(field::WORD, word.clone());
    let now = job.clock.now_ms().to_string();
    turn.advance(intent, Some(now)).await?;
    failpoint::pass("after-intent");
    sent(courier, job, &message, way, turn).await
}

/// Sends it, and says what became of it.
async fn sent(
    courier: &Courier,
    job: &Assignment,
    message: &Message<'_>,
    way: Way<'_>,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let answer = way.send(turn, &Request::send(message)).await;
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

/// Reports and replies name it by this word.
fn message<'a>(sms: &'a SendSms, word: &'a str, leaves: Leaves) -> Message<'a> {
    Message {
        to: &sms.to,
        text: sms.text.as_str(),
        sender: sms.sender.as_ref().map(Text::as_str),
        push_type: sms.push_type.map(PushType::as_str),
        send_at: leaves.delay(),
        unicode: sms.unicode,
        id: word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_given_a_moment_that_has_passed() {
        const AT: u64 = 2_000_000;
        let send_at: DueDate = "1970-01-01T00:33:20Z".parse().unwrap();
        let leaves = |now| Leaves::of(Some(send_at), now);
        assert_eq!(leaves(AT - 60_001).delay(), Some(send_at.timestamp()));
        assert_eq!(leaves(AT - 60_000), Leaves::Soon(NEAR));
        assert_eq!(leaves(AT - 1), Leaves::Soon(Duration::from_millis(1)));
        for now in [AT, AT + 86_400_000] {
            assert_eq!(leaves(now), Leaves::AtOnce);
        }
        assert_eq!(Leaves::of(None, AT), Leaves::AtOnce);
        assert_eq!(
            (Leaves::AtOnce.delay(), Leaves::Soon(NEAR).delay()),
            (None, None)
        );
    }
}
