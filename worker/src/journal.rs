//! The journal of law 2: what is not idempotent is written down before it is sent, and read back before it is sent again.

use std::time::Duration;

use penstock_shared::{
    job::{
        Payload,
        state::{self, Decided},
    },
    outcome::{AmbiguousPolicy, Cause, Fault, Outcome},
    queue::{
        Terms,
        lapse::Lapse,
        record::StoredJob,
        run::{Run, field},
        settle::Fields,
    },
    span::millis,
};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact::Found,
    deliver::{self, Courier},
    failpoint, look,
    marker::{self, Maker},
    readback::CLOCKS,
    sweep,
};

/// A call of which nobody knows what it came to. Both in ms of the steady time.
#[derive(Debug, Clone, Copy)]
pub struct Earlier {
    /// Not before then it was sent.
    pub sent_at: u64,
    /// By then it had ended: from then on its quarantine is measured.
    pub ended: u64,
}

impl Earlier {
    /// The one on record, and one that Redis may have forgotten, which was sent by `sent_by` (ms of the steady time) at the latest; a call takes
    /// `timeout` ms at the most.
    pub fn of(run: &Run, forgotten: Option<Lapse>, sent_by: u64, timeout: u64) -> Option<Self> {
        let forgotten = forgotten.map(|lapse| Self {
            sent_at: lapse.since_ms,
            ended: sent_by + timeout,
        });
        match (Self::recorded(run, timeout), forgotten) {
            // The record may be of a call before the one that was forgotten: both are looked for.
            (Some(recorded), Some(forgotten)) => Some(Self {
                sent_at: recorded.sent_at.min(forgotten.sent_at),
                ended: recorded.ended.max(forgotten.ended),
            }),
            (recorded, forgotten) => recorded.or(forgotten),
        }
    }

    fn recorded(run: &Run, timeout: u64) -> Option<Self> {
        let intent = run.number(field::INTENT)?;
        let ends = run.number(field::INTENT_ENDS);
        let takes = longest_call(run, timeout);
        let own = run.number(field::INTENT_TAKES).unwrap_or(timeout);
        let sent_at = ends.map_or(intent, |ends| ends.saturating_sub(own));
        let lost = run.number(field::LOST_AT).map(|at| at + takes);
        let ended = run.number(field::UNANSWERED).max(lost);
        // Of one that never left, nobody says that it has ended.
        let ended = ended.or(ends);
        Some(Self {
            sent_at,
            ended: ended.unwrap_or(sent_at + takes),
        })
    }

    /// Which look it is, if it may be taken now: the first a quarantine after the call's end, the other a quarantine after the first. All in
    /// ms of the steady time; what passed before `since` is not counted.
    pub fn look(&self, run: &Run, quarantine: u64, now: u64, since: u64) -> Look {
        let heard_out = self.ended.max(since) + quarantine + aside(quarantine);
        let not_before = self.over(run, quarantine, since).max(heard_out);
        match self.first_look(run) {
            _ if now < not_before => Look::Wait(Duration::from_millis(not_before - now)),
            None => Look::First,
            Some(_) => Look::Last,
        }
    }

    /// By when it has had its effect: what was made later is not the call's, as long as the API keeps to the quarantine.
    pub fn over(&self, run: &Run, quarantine: u64, since: u64) -> u64 {
        let first = self.first_look(run).unwrap_or(0);
        self.ended.max(first).max(since) + quarantine
    }

    /// A look before its end was at another.
    fn first_look(&self, run: &Run) -> Option<u64> {
        run.number(field::ABSENT).filter(|at| *at >= self.ended)
    }
}

/// How much longer (ms) than its quarantine a call is waited for: a note dated so long before a job's own call may be the job's, since clocks differ.
/// With the end of this job the contact's next one may be sent, and what this one has made must not be taken for that one's effect. Of short
/// quarantines it is a share.
pub fn aside(quarantine: u64) -> u64 {
    (millis(CLOCKS) + 2_000).min(quarantine * 2 / 5)
}

/// How long (ms) the call on record may take, or any of this worker's, whichever is longer: other workers may have other settings.
pub fn longest_call(run: &Run, timeout: u64) -> u64 {
    run.number(field::INTENT_TAKES).unwrap_or(0).max(timeout)
}

/// What is to be done about an earlier call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing, for so long.
    Wait(Duration),
    /// It is looked for; if it is not there, once more.
    First,
    /// It is looked for; if it is not there, it never will be.
    Last,
}

/// The call that is to be read back before another is sent: the one on record, or one of which Redis may have forgotten the record.
pub fn earlier(courier: &Courier, job: &Assignment, stored: &StoredJob) -> Option<Earlier> {
    let timeout = millis(courier.http_timeout);
    let forgotten = forgotten(job, stored);
    let granted_until = granted_until(job, courier.queue.terms());
    Earlier::of(&job.claimed.run, forgotten, granted_until, timeout)
}

/// Until when (ms, steady) a call may be sent that Redis has forgotten: whoever was granted it has its lease, by its own clock.
fn granted_until(job: &Assignment, terms: &Terms) -> u64 {
    job.steady.lapse_ms + millis(terms.lease)
}

/// By when a call has ended (ms, steady) that Redis may have forgotten, of one that is simply repeated: it may be applied after the repeated one. It
/// is of the job itself, or of one that rides along with it.
pub fn forgotten_call(
    job: &Assignment,
    terms: &Terms,
    run: &Run,
    stored: &StoredJob,
) -> Option<u64> {
    if !stored.payload.is_idempotent() {
        return None;
    }
    run.forgotten(&job.claimed.lapses, stored.due_ms)?;
    Some(granted_until(job, terms) + longest_call(run, millis(terms.http_timeout)))
}

/// Whether such a call may still have its effect.
pub fn may_still_come(courier: &Courier, job: &Assignment, stored: &StoredJob) -> bool {
    let ended = forgotten_call(job, courier.queue.terms(), &job.claimed.run, stored);
    let ended = ended.map(|ended| ended.max(job.steady.since_ms));
    let quarantine = courier.quarantine.of(stored.payload.job_type());
    !state::still_coming(ended, quarantine, job.steady.earliest_ms()).is_zero()
}

fn forgotten(job: &Assignment, stored: &StoredJob) -> Option<Lapse> {
    if stored.payload.is_idempotent() {
        return None;
    }
    let run = &job.claimed.run;
    run.forgotten(&job.claimed.lapses, stored.due_ms)
}

/// Whether a call is on record of which nobody knows what it came to.
pub fn is_open(run: &Run) -> bool {
    run.text(field::INTENT).is_some()
}

/// The call provably had no effect: its intent goes out of the journal when the delivery is settled.
pub fn clear(job: &Assignment) {
    job.note(field::INTENT, "");
    job.note(field::ABSENT, "");
}

/// What the journal keeps of a decision about a call of which cannot be told whether it took effect.
pub fn decided(job: &Assignment, decided: &Decided) -> Fields {
    if decided.policy != AmbiguousPolicy::PreferDuplicate {
        return Fields::new();
    }
    // What Redis may have forgotten is decided with it.
    let lapse = job.claimed.lapses.last();
    let lapse = lapse.map(|lapse| lapse.noticed_ms.to_string());
    Fields::from([
        (field::LAPSE, lapse.unwrap_or_default()),
        (field::INTENT, String::new()),
        (field::ABSENT, String::new()),
        (field::SENT_AGAIN, decided.policy.as_str().to_owned()),
        (field::SWEEP, String::new()),
        (field::EVIDENCE, decided.evidence.to_string()),
    ])
}

/// A job that was sent again though nobody could tell whether it had taken effect says so when it is done.
pub fn tell(run: &Run, outcome: Outcome) -> Outcome {
    let policy = AmbiguousPolicy::PreferDuplicate;
    if run.text(field::SENT_AGAIN) != Some(policy.as_str()) {
        return outcome;
    }
    match outcome {
        Outcome::Delivered {
            mut result,
            effect,
            permit,
        } => {
            let evidence = run.text(field::EVIDENCE).unwrap_or("null");
            let evidence = serde_json::from_str(evidence).unwrap_or_default();
            Decided { policy, evidence }.tell(&mut result);
            Outcome::Delivered {
                result,
                effect,
                permit,
            }
        }
        other => other,
    }
}

/// Makes sure that a call that is not idempotent is sent at most once: reads back what an earlier one came to, then records the new intent.
/// Returns what is sent instead of the stored payload, if it is to carry a marker.
pub async fn before(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    contact: Option<&Found>,
    calls: &mut Calls<'_>,
) -> Result<Option<Payload>, Stop> {
    if stored.payload.is_idempotent() || failpoint::is_broken("no-intent") {
        return Ok(None);
    }
    let run = &job.claimed.run;
    let (mut again, mut late_ms) = (run.text(field::SENT_AGAIN), None);
    let mut to_be_swept = again.is_some();
    if let Some(earlier) = earlier(courier, job, stored) {
        look::read_back(courier, job, stored, contact, calls, earlier).await?;
        // Of a call that Redis may have forgotten nobody knows that it was sent.
        if is_open(run) {
            again = again.or(Some("absent"));
            late_ms = Some(job.steady.latest_ms().saturating_sub(earlier.ended));
        }
        if let Some((cause, why)) = dead_end(courier, job, stored) {
            // It may still turn out to have had an effect; and a retry would make another.
            let sent = (next_intent(run) - 1, late_ms);
            for (name, value) in sweep::plan(courier, job, stored, contact, sent, calls).await? {
                job.note(name, value);
            }
            if let Some(why) = again {
                job.note(field::SENT_AGAIN, why);
            }
            return Err(given_up(job, calls, cause, why));
        }
        to_be_swept = true;
    }
    // With the intent goes where it went, and that an earlier one had no effect: nobody has to find that out again.
    let mut fields = intent(job, stored, courier.http_timeout);
    if let Some(contact) = contact {
        fields.insert(field::CONTACT, contact.id.as_str().to_owned());
    }
    if let Some(why) = again {
        fields.insert(field::SENT_AGAIN, why.to_owned());
    }
    if to_be_swept {
        let sent = (next_intent(run), late_ms);
        let planned = sweep::plan(courier, job, stored, contact, sent, calls).await?;
        fields.extend(planned);
    }
    let marked = marked(courier, job, &stored.payload, &mut fields);
    let now = job.clock.now_ms();
    let there = calls.there();
    let there = there.map_or_else(String::new, |there| there.to_string());
    fields.insert(field::INTENT_THERE, there);
    calls.advance(fields, Some(now.to_string())).await?;
    Ok(marked)
}

/// What the journal keeps of a call that is about to be sent, and may take so long.
pub fn intent(job: &Assignment, stored: &StoredJob, takes: Duration) -> Fields {
    let takes = millis(takes);
    let ends = job.steady.latest_ms() + takes;
    let mut fields = Fields::from([
        (field::INTENT, String::new()),
        (field::ABSENT, String::new()),
        (field::INTENT_ENDS, ends.to_string()),
        (field::INTENT_TAKES, takes.to_string()),
    ]);
    if let Some(lapse) = forgotten(job, stored) {
        fields.insert(field::LAPSE, lapse.noticed_ms.to_string());
    }
    fields
}

/// What is sent, with its marker. The journal says how many there are, and whether any call went without.
fn marked(
    courier: &Courier,
    job: &Assignment,
    payload: &Payload,
    fields: &mut Fields,
) -> Option<Payload> {
    let run = &job.claimed.run;
    let number = next_intent(run);
    let Some(own) = courier.marker.make(Maker::of(job), number) else {
        if number > 1 {
            fields.insert(field::UNMARKED, "it is off now".to_owned());
        }
        return None;
    };
    fields.insert(field::INTENTS, number.to_string());
    let payload = marker::marked(payload, &own);
    if payload.is_none() {
        fields.insert(field::UNMARKED, "it does not fit".to_owned());
    } else if number == 1 && is_open(run) {
        fields.insert(field::UNMARKED, "it was off before".to_owned());
    }
    payload
}

/// The number of the next intent, of those that count: with the marker on.
pub fn next_intent(run: &Run) -> u32 {
    let number = run.number(field::INTENTS).unwrap_or(0) + 1;
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Why there is to be no further call, if there is to be none.
fn dead_end<'a>(
    courier: &Courier,
    job: &'a Assignment,
    stored: &StoredJob,
) -> Option<(Cause, &'a str)> {
    let run = &job.claimed.run;
    if run.attempts() >= courier.max_attempts_of(stored) {
        let error = run.text(field::ERROR);
        return Some((Cause::Exhausted, error.unwrap_or("no attempts are left")));
    }
    let is_expired = courier.is_expired(job, stored);
    is_expired.then_some((Cause::Expired, deliver::TOO_OLD))
}

/// The earlier call had no effect, and there is to be no other.
fn given_up(job: &Assignment, calls: &Calls<'_>, cause: Cause, why: &str) -> Stop {
    clear(job);
    Outcome::Rejected {
        cause,
        fault: Fault::new(why),
        permit: calls.permit(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        likeness::Likeness,
        readback::{Seen, Sought, Verdict},
    };

    const QUARANTINE: u64 = 30_000;

    fn run(fields: &[(&str, u64)]) -> Run {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()));
        Run::new(fields.collect())
    }

    /// What is done at `now`, if this worker has watched `since` then.
    fn look(run: &Run, now: u64, since: u64) -> Look {
        let earlier = Earlier::of(run, None, 0, 10_000).unwrap();
        earlier.look(run, QUARANTINE, now, since)
    }

    #[test]
    fn the_end_of_a_call_is_known_by_the_steady_time_alone() {
        // By Redis' clock it was sent an hour later than it ended.
        let intent = (field::INTENT, 3_700_000);
        let ended = |more: &[(&str, u64)]| {
            let run = run(&[&[intent], more].concat());
            Earlier::of(&run, None, 0, 10_000).unwrap().ended
        };
        let unanswered = (field::UNANSWERED, 100_000);
        assert_eq!(ended(&[unanswered]), 100_000);
        assert_eq!(ended(&[unanswered, (field::LOST_AT, 105_000)]), 115_000);
        assert_eq!(ended(&[(field::INTENT_ENDS, 110_000)]), 110_000);
    }

    #[test]
    fn the_call_of_a_worker_with_a_longer_timeout_may_take_as_long() {
        let run = run(&[
            (field::INTENT, 100_000),
            (field::INTENT_ENDS, 160_000),
            (field::INTENT_TAKES, 60_000),
            (field::LOST_AT, 105_000),
        ]);
        let of = |timeout| {
            let earlier = Earlier::of(&run, None, 0, timeout).unwrap();
            (earlier.sent_at, earlier.ended)
        };
        assert_eq!(of(10_000), (100_000, 165_000));
        assert_eq!(of(90_000), (100_000, 195_000));
    }

    #[test]
    fn what_was_forgotten_ended_before_that_was_told() {
        let lapse = Lapse {
            since_ms: 3_700_000,
            noticed_ms: 3_800_000,
            lost_ms: 0,
            until_ms: 0,
        };
        let earlier = Earlier::of(&run(&[]), Some(lapse), 200_000, 10_000).unwrap();
        assert_eq!((earlier.sent_at, earlier.ended), (3_700_000, 210_000));
    }

    /// What one job made within its quarantine lies further back than what the next may take for its own.
    #[test]
    fn what_a_job_has_made_late_is_not_the_next_ones() {
        let first = run(&[(field::INTENT, 90_000), (field::UNANSWERED, 100_000)]);
        let made_ms = 100_000 + QUARANTINE;
        let mut looks_at = made_ms;
        while let Look::Wait(wait) = look(&first, looks_at, 0) {
            looks_at += millis(wait);
        }
        let next = Sought {
            since_ms: Some(looks_at),
            ..Sought::default()
        };
        let there = Seen {
            id: "late".to_owned(),
            added: jiff::Timestamp::from_millisecond(i64::try_from(made_ms).unwrap()).ok(),
            likeness: Likeness::Equal,
            markers: Vec::new(),
        };
        let verdict = next.judge(&[there]);
        assert_eq!(verdict, Verdict::Unclear(vec!["late".to_owned()]));
        assert_eq!(aside(3_000), 1_200, "of a short one a share");
    }

    #[test]
    fn each_look_is_a_quarantine_after_what_was_before() {
        let first = run(&[(field::INTENT, 90_000), (field::UNANSWERED, 100_000)]);
        let wait = |ms| Look::Wait(Duration::from_millis(ms));
        assert_eq!(look(&first, 141_999, 0), wait(1));
        assert_eq!(look(&first, 142_000, 0), Look::First);
        let last = run(&[
            (field::INTENT, 90_000),
            (field::UNANSWERED, 100_000),
            (field::ABSENT, 142_000),
        ]);
        assert_eq!(look(&last, 171_999, 0), wait(1));
        assert_eq!(look(&last, 172_000, 0), Look::Last);
        // Just started, this worker knows only that it was before.
        assert_eq!(look(&last, 172_000, 160_000), wait(30_000));
        assert_eq!(look(&last, 202_000, 160_000), Look::Last);
    }
}
