//! A message of which nobody knows whether it was sent: it is never sent again for that. A delivery report or a reply settles it; where none
//! comes in time, a person decides.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use penstock_shared::{
    job::{DueDate, SendSms},
    outcome::{Fault, Outcome},
    queue::sms_report::SmsReport,
    smsfactor::{MessageReply, Request},
    span::{millis, moment},
    wire::CallError,
};
use serde_json::json;

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

/// A message that may have been sent.
#[derive(Clone, Copy)]
pub(super) struct Unknown<'a> {
    pub(super) sms: &'a SendSms,
    /// The call of which nobody knows what it came to.
    pub(super) earlier: Earlier,
    /// What reports and replies name it by.
    pub(super) word: &'a str,
}

impl Unknown<'_> {
    /// What was told of it, or that it is still waited for, or that nobody will tell any more.
    pub(super) async fn settle(
        self,
        courier: &Courier,
        job: &Assignment,
        way: Way<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<Outcome, Stop> {
        let (tenant, id) = (job.reference().tenant(), job.reference().id());
        let report = courier.queue.report_of(tenant, id).await;
        let report = report.map_err(|_| turn.postponed(ASK_AGAIN, "waits for Redis"))?;
        if let Some(report) = report {
            return Ok(settled(&report, turn));
        }
        let wait = Wait::of(
            job.steady.earliest_ms().saturating_sub(self.earlier.ended),
            self.send_at(),
            job.clock.now_ms(),
            millis(courier.elsewhere.ways.report_wait),
        );
        let replied = if wait.is_to_be_sent {
            // Nobody can have replied.
            Ok(false)
        } else {
            self.is_replied(job, way, turn).await
        };
        if let Ok(true) = replied {
            let reply = SmsReport {
                by: "reply".to_owned(),
                status: None,
            };
            return Ok(settled(&reply, turn));
        }
        if wait.left == 0 {
            return Ok(self.given_up(wait, turn));
        }
        let wait = wait.next_look();
        match replied {
            Ok(_) => Err(turn.postponed(wait, "waits for a delivery report or a reply")),
            Err(stop) => Err(unread(stop, wait, turn)),
        }
    }

    fn given_up(self, wait: Wait, turn: &Turn<'_>) -> Outcome {
        Outcome::Ambiguous {
            fault: Fault::new(
                "nobody knows whether it was sent: no delivery report and no reply came in time",
            ),
            evidence: json!({ "sentNotBefore": self.earlier.sent_at, "waitedMs": wait.waited }),
            permit: turn.permit(),
        }
    }

    /// When it was to be sent (ms), if not as it arrived.
    fn send_at(self) -> Option<u64> {
        let send_at = self.sms.send_at.map(DueDate::timestamp);
        send_at.map(ms)
    }

    /// Whether somebody has answered it.
    async fn is_replied(
        self,
        job: &Assignment,
        way: Way<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, Stop> {
        let sent_at = self.earlier.sent_at.max(self.send_at().unwrap_or(0));
        let from = moment(sent_at).saturating_sub(CLOCKS);
        let to = moment(job.clock.now_ms()).saturating_add(CLOCKS);
        let (Ok(from), Ok(to)) = (from, to) else {
            return Ok(false);
        };
        let mut start = 0;
        for _ in 0..PAGES {
            let request = Request::replies(from, to, start);
            let page = way.send(turn, &request).await?.replies();
            let answers = |reply: &MessageReply| {
                reply.message_id == self.word && reply.may_be_from(&self.sms.to)
            };
            if page.rows.iter().any(answers) {
                return Ok(true);
            }
            if page.is_last(start) {
                break;
            }
            start += page.count;
        }
        Ok(false)
    }
}

/// How long word of a message has been waited for. All in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait {
    /// Since the call.
    since_call: u64,
    /// Since the message can have been sent.
    waited: u64,
    /// How long yet.
    left: u64,
    /// Whether the API has it, if it has, until a moment that has not come.
    is_to_be_sent: bool,
}

impl Wait {
    /// A message that was to be sent later is waited for from then on.
    fn of(since_call: u64, send_at: Option<u64>, now: u64, longest: u64) -> Self {
        let until_sent = send_at.map_or(0, |at| at.saturating_sub(now));
        let since_sent = send_at.map_or(since_call, |at| now.saturating_sub(at));
        let waited = since_call.min(since_sent);
        Self {
            since_call,
            waited,
            left: until_sent.saturating_add(longest.saturating_sub(waited)),
            is_to_be_sent: until_sent > 0,
        }
    }

    /// Ever more seldom, the last time when its time is over.
    fn next_look(self) -> Duration {
        let (first, longest) = LOOKS;
        let wait = Duration::from_millis(self.since_call / 2).clamp(first, longest);
        wait.min(Duration::from_millis(self.left))
    }
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

/// A moment in ms; what was before 1970 is then.
pub(super) fn ms(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_millisecond()).unwrap_or(0)
}

fn settled(report: &SmsReport, turn: &Turn<'_>) -> Outcome {
    Outcome::Delivered {
        result: report.result(),
        effect: None,
        permit: turn.permit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn looks_become_seldom_and_the_last_is_in_time() {
        let look = |since_call| {
            let wait = Wait::of(since_call, None, 10 * HOUR, HOUR);
            wait.next_look().as_millis()
        };
        assert_eq!(look(0), 2_000);
        assert_eq!(look(60_000), 30_000);
        assert_eq!(look(3_000_000), 300_000);
        assert_eq!(look(3_599_000), 1_000);
    }

    #[test]
    fn a_message_for_later_is_waited_for_from_then_on() {
        let now = 100 * HOUR;
        let wait = |since_call, send_at| {
            let wait = Wait::of(since_call, Some(send_at), now, HOUR);
            (wait.waited, wait.left, wait.is_to_be_sent)
        };
        assert_eq!(wait(2 * HOUR, now + HOUR), (0, 2 * HOUR, true));
        assert_eq!(wait(2 * HOUR, now - HOUR / 2), (HOUR / 2, HOUR / 2, false));
        assert_eq!(wait(3 * HOUR, now - HOUR), (HOUR, 0, false));
        // It was sent as it arrived, its moment having passed.
        assert_eq!(
            wait(HOUR / 4, now - 9 * HOUR),
            (HOUR / 4, HOUR * 3 / 4, false)
        );
        let later = Wait::of(HOUR, Some(now + 9 * HOUR), now, HOUR);
        assert_eq!(later.next_look(), LOOKS.1, "it is looked for seldom");
    }
}
