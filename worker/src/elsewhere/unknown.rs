//! A message of which nobody knows whether it was sent: it is never sent again for that. A delivery report or a reply settles it; where none
//! comes in time, a person decides.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use penstock_shared::{
    outcome::{Fault, Outcome},
    queue::sms_report::SmsReport,
    smsfactor::Request,
    span::millis,
    wire::CallError,
};
use serde_json::{Value, json};

use super::way::Way;
use crate::{
    assignment::Assignment,
    deliver::Courier,
    gate::{Stop, Turn},
    journal::Earlier,
};

/// The first and the longest time between two looks.
const LOOKS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// How far the API's clock may be from ours.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);
/// How many pages of replies one look reads.
const PAGES: usize = 3;
/// When Redis is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What was told of it, or that it is still waited for, or that nobody will tell any more.
pub(super) async fn settle(
    courier: &Courier,
    job: &Assignment,
    earlier: Earlier,
    way: Way<'_>,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let (tenant, id) = (job.reference().tenant(), job.reference().id());
    let report = courier.queue.report_of(tenant, id).await;
    let report = report.map_err(|_| turn.postponed(ASK_AGAIN, "waits for Redis"))?;
    if let Some(report) = report {
        return Ok(settled(&report, turn));
    }
    let replied = is_replied(job, earlier, way, turn).await;
    if let Ok(true) = replied {
        let reply = SmsReport {
            by: "reply".to_owned(),
            status: None,
        };
        return Ok(settled(&reply, turn));
    }
    let waited = job.steady.earliest_ms().saturating_sub(earlier.ended);
    let left = millis(courier.elsewhere.ways.report_wait).saturating_sub(waited);
    if left == 0 {
        return Ok(Outcome::Ambiguous {
            fault: Fault::new(
                "nobody knows whether it was sent: no delivery report and no reply came in time",
            ),
            evidence: json!({ "sentNotBefore": earlier.sent_at, "waitedMs": waited }),
            permit: turn.permit(),
        });
    }
    let wait = next_look(waited, left);
    match replied {
        Ok(_) => Err(turn.postponed(wait, "waits for a delivery report or a reply")),
        Err(stop) => Err(unread(stop, wait, turn)),
    }
}

/// Ever more seldom, the last time when its time is over.
fn next_look(waited: u64, left: u64) -> Duration {
    let (first, longest) = LOOKS;
    let wait = Duration::from_millis(waited / 2).clamp(first, longest);
    wait.min(Duration::from_millis(left))
}

/// The replies are only a second way to hear of it: that they cannot be read is no reason to give it up sooner.
fn unread(stop: Stop, wait: Duration, turn: &Turn<'_>) -> Stop {
    match stop {
        Stop::Call(CallError::Throttled { .. } | CallError::Unauthorized { .. })
        | Stop::Outcome(_) => stop,
        Stop::Call(_) => Outcome::Unread {
            wait,
            permit: turn.permit(),
        }
        .into(),
    }
}

/// Whether somebody has answered it.
async fn is_replied(
    job: &Assignment,
    earlier: Earlier,
    way: Way<'_>,
    turn: &mut Turn<'_>,
) -> Result<bool, Stop> {
    let moment = |ms: u64| {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    };
    let from = moment(earlier.sent_at).saturating_sub(CLOCKS);
    let to = moment(job.clock.now_ms()).saturating_add(CLOCKS);
    let (Ok(from), Ok(to)) = (from, to) else {
        return Ok(false);
    };
    let mut start = 0;
    for _ in 0..PAGES {
        let request = Request::replies(from, to, start);
        let page = way.send(turn, &request).await?.replies();
        let mut ids = page.rows.iter().map(|reply| reply.message_id.as_str());
        if ids.any(|id| id == job.reference().id()) {
            return Ok(true);
        }
        if page.is_last(start) {
            break;
        }
        start += page.count;
    }
    Ok(false)
}

fn settled(report: &SmsReport, turn: &Turn<'_>) -> Outcome {
    Outcome::Delivered {
        result: result(report),
        effect: None,
        permit: turn.permit(),
    }
}

/// What the callers of a job read of which somebody else has told that it was done.
pub(super) fn result(report: &SmsReport) -> Value {
    let mut result = json!({ "settledBy": report.by });
    if let Some(status) = &report.status {
        result["deliveryStatus"] = status.as_str().into();
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_seldom_and_the_last_is_in_time() {
        let wait = |waited, left| next_look(waited, left).as_millis();
        assert_eq!(wait(0, 3_600_000), 2_000);
        assert_eq!(wait(60_000, 3_540_000), 30_000);
        assert_eq!(wait(3_000_000, 600_000), 300_000);
        assert_eq!(wait(3_599_000, 1_000), 1_000);
    }
}
