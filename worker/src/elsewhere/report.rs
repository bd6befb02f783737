//! Word of a message that a webhook brings: it settles the job that has sent it, if nobody knows yet whether it has.

use std::time::Duration;

use penstock_shared::{
    event::{Event, Source},
    job::{Payload, state::State},
    outcome::Cause,
    queue::{error::QueueError, run::field, sms_report::SmsReport, status::JobStatus},
};

use super::unknown;
use crate::{
    deliver::Courier,
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
    let Some((id, report)) = told(event) else {
        return Ok(());
    };
    let heard = settle(courier, event.tenant.as_str(), id, &report).await;
    let under_way = heard.map_err(|error| {
        tracing::warn!(%error, "what is told of a message cannot be kept yet");
        turn.postponed(ASK_AGAIN, "waits until what it tells can be kept")
    })?;
    if under_way {
        return Err(turn.postponed(LOOK_AGAIN, "the message that it tells of is under way"));
    }
    Ok(())
}

/// Which message it tells of, if any, and what.
fn told(event: &Event) -> Option<(&str, SmsReport)> {
    if event.source != Source::Smsfactor {
        return None;
    }
    let by = match event.kind.as_str() {
        "sms.delivery" => "delivery-report",
        "sms.reply" | "sms.stop" => "reply",
        _ => return None,
    };
    let data = event.data.members();
    let id = data.get("messageId")?.as_str()?;
    let status = data.get("statusName").and_then(|name| name.as_str());
    let report = SmsReport {
        by: by.to_owned(),
        status: status.map(|status| status.chars().take(LONGEST).collect()),
    };
    Some((id, report))
}

/// Keeps it for a job that is not done, and decides one that is dead for want of it. Whether the job is under way: it may have looked
/// already, and may be about to end.
async fn settle(
    courier: &Courier,
    tenant: &str,
    id: &str,
    report: &SmsReport,
) -> Result<bool, QueueError> {
    let Some(status) = message(courier, tenant, id).await? else {
        return Ok(false);
    };
    if status.state == State::Done {
        return Ok(false);
    }
    if status.state != State::Dead {
        courier.queue.keep_report(tenant, id, report).await?;
        return Ok(status.state == State::Running);
    }
    if status.run.text(field::CAUSE) == Some(Cause::Ambiguous.as_str())
        && let Some(letter) = courier.queue.dead_by_id(id, Some(tenant)).await?.pop()
    {
        let result = unknown::result(report);
        let changed = courier.queue.resolve_told(&letter, result).await?;
        tracing::info!(tenant, job = id, by = %report.by, ?changed, "word of a message has come: it was sent");
    }
    Ok(false)
}

/// The job that has sent it.
async fn message(
    courier: &Courier,
    tenant: &str,
    id: &str,
) -> Result<Option<JobStatus>, QueueError> {
    let found = courier.queue.find(id, Some(tenant)).await?.pop();
    Ok(found.filter(|status| {
        let job = status.job.as_ref();
        job.is_some_and(|job| matches!(job.payload, Payload::SendSms(_)))
    }))
}
