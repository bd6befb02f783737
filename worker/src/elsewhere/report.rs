//! Word of a message that a webhook brings: it settles the job that has sent it, if nobody knows yet whether it has.

use std::time::Duration;

use penstock_shared::{
    event::{Event, Source},
    job::{Payload, SendSms},
    queue::{error::QueueError, run::field, sms_report::SmsReport, status::JobStatus},
};

use super::word;
use crate::{
    deliver::{Courier, FOR_ANOTHER},
    gate::{Stop, Turn},
};

/// The most characters of a status that is kept.
const LONGEST: usize = 64;
/// When a queue that cannot be asked now is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// When a job that is under way is looked at again: by then it has ended, or will look at what is kept for it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Hears what an event tells of a message, before flows follow it.
pub(crate) async fn hear(
    courier: &Courier,
    event: &Event,
    turn: &mut Turn<'_>,
) -> Result<(), Stop> {
    let Some(told) = Told::of(event) else {
        return Ok(());
    };
    let heard = told.settle(courier).await.map_err(|error| {
        tracing::warn!(%error, "what is told of a message cannot be kept yet");
        turn.postponed(ASK_AGAIN, "waits until what it tells can be kept")
    })?;
    match heard {
        Heard::All => Ok(()),
        Heard::UnderWay => {
            Err(turn.postponed(LOOK_AGAIN, "the message that it tells of is under way"))
        }
        Heard::NotByUs => Err(turn.postponed(
            FOR_ANOTHER,
            "it tells of another tenant's message, and this worker does not know whose account it is",
        )),
    }
}

/// What became of what was told.
enum Heard {
    /// There is nothing more to do.
    All,
    /// The job may be about to end without it.
    UnderWay,
    /// Whether it may be believed, only a worker knows that has the tokens.
    NotByUs,
}

/// What an event tells of a message.
struct Told<'a> {
    event: &'a Event,
    /// What it calls the message.
    word: &'a str,
    report: SmsReport,
}

impl<'a> Told<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        if event.source != Source::Smsfactor {
            return None;
        }
        let by = match event.kind.as_str() {
            "sms.delivery" => "delivery-report",
            "sms.reply" | "sms.stop" => "reply",
            _ => return None,
        };
        let data = event.data.members();
        let word = data.get("messageId")?.as_str()?;
        let status = data.get("statusName").and_then(|name| name.as_str());
        let report = SmsReport {
            by: by.to_owned(),
            status: status.map(|status| status.chars().take(LONGEST).collect()),
        };
        Some(Self {
            event,
            word,
            report,
        })
    }

    /// Tells the job that has sent it.
    async fn settle(&self, courier: &Courier) -> Result<Heard, QueueError> {
        let told = self.event.tenant.as_str();
        for (tenant, id) in word::meant(told, self.word) {
            let Some(message) = self.message(courier, tenant, id).await? else {
                continue;
            };
            match courier.elsewhere.hears_for(told, tenant) {
                Some(true) => {
                    let is_under_way = courier.queue.tell_report(&message, &self.report).await?;
                    return Ok(if is_under_way {
                        Heard::UnderWay
                    } else {
                        Heard::All
                    });
                }
                Some(false) => {}
                None => return Ok(Heard::NotByUs),
            }
        }
        Ok(Heard::All)
    }

    /// The job of this id, if it has sent this message and is not done.
    async fn message(
        &self,
        courier: &Courier,
        tenant: &str,
        id: &str,
    ) -> Result<Option<JobStatus>, QueueError> {
        let found = courier.queue.find(id, Some(tenant)).await?.pop();
        Ok(found.filter(|status| {
            let job = status.job.as_ref();
            job.is_some_and(|job| match &job.payload {
                Payload::SendSms(sms) => self.is_about(sms) && self.names(courier, status),
                _ => false,
            })
        }))
    }

    /// Whether it tells of no other number than that which the message is for.
    fn is_about(&self, sms: &SendSms) -> bool {
        let phone = self.event.contact.phone.as_ref();
        phone.is_none_or(|phone| *phone == sms.to)
    }

    /// Whether the message was given this word. Redis may have forgotten that it was given any.
    fn names(&self, courier: &Courier, message: &JobStatus) -> bool {
        match message.run.text(field::WORD) {
            Some(given) => given == self.word,
            None => courier.elsewhere.word(&message.tenant, &message.id) == self.word,
        }
    }
}
