//! Replies: all that came since the last time, and a little before, since the API may list them late.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    event::Event,
    job::PollSms,
    outcome::Outcome,
    smsfactor::Request,
    span::{millis, moment},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{NOT_UNDERSTOOD, PAGES, away, go_on, progress, refused, tell};
use crate::{
    assignment::Assignment,
    deliver::{self, Courier},
    elsewhere::way::Way,
    gate::{Stop, Turn},
};

/// How far back before the last time: in autumn an hour comes twice, and the API is asked in the time of Paris.
const OVERLAP: Duration = Duration::from_secs(75 * 60);
/// How far the API's clock may be from ours.
const CLOCKS: Duration = Duration::from_secs(5 * 60);

/// What is asked for, and how far that has come.
#[derive(Serialize, Deserialize)]
struct Progress {
    /// Since when (ms).
    from: u64,
    /// Until when (ms): the next time begins there.
    until: u64,
    /// From which row on.
    start: usize,
    /// How many events were new.
    told: usize,
    /// The page before.
    last: String,
}

/// Makes an event of each reply; those that a webhook has told of are known by their ids.
pub(super) async fn poll(
    courier: &Courier,
    job: &Assignment,
    wanted: &PollSms,
    way: Way<'_>,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    let reach = Reach::of(courier.queue.terms().retention);
    let now = job.clock.now_ms();
    // One that was asked for since then is asked for whatever is forgotten by now.
    let goes_on = |known: &Progress| wanted.since.is_some() || !reach.is_over(now, known.from);
    let mut progress = match progress(job).filter(goes_on) {
        Some(progress) => progress,
        None => begin(courier, job, wanted, (&reach, now), turn).await?,
    };
    let tenant = deliver::tenant(job)?;
    for _ in 0..PAGES {
        let answer = way.send(turn, &request(&progress)).await?;
        let page = answer.polled_replies();
        if !page.is_understood {
            // The next poll begins where this one did.
            return Err(refused(NOT_UNDERSTOOD, turn));
        }
        let is_last = page.is_last(progress.start);
        // An API that does not heed where a page begins says the same again.
        let is_repeated = progress.last == page.fingerprint;
        if !is_repeated {
            let events = page.rows.into_iter();
            let events = events.map(|reply| Event::from_smsfactor_reply(reply, &tenant));
            let mut events: Vec<_> = events.collect();
            // A person's replies are followed in their order.
            events.sort_by_key(|event| event.occurred_at);
            progress.told += tell(courier, events, turn).await?;
        }
        if is_last || is_repeated {
            return end(courier, job, &progress, turn).await;
        }
        progress.start += page.count;
        progress.last = page.fingerprint;
        go_on(turn, &progress).await?;
    }
    Err(turn.postponed(Duration::ZERO, "reads more pages of replies"))
}

async fn begin(
    courier: &Courier,
    job: &Assignment,
    wanted: &PollSms,
    (reach, now): (&Reach, u64),
    turn: &Turn<'_>,
) -> Result<Progress, Stop> {
    let tenant = job.reference().tenant();
    let known = courier.queue.replies_until(tenant).await;
    let known = known.map_err(|_| away(turn))?;
    let since = wanted.since.map(Timestamp::as_millisecond);
    let since = since.map(|since| u64::try_from(since).unwrap_or(0));
    let (from, skipped) = reach.from(now, known, since);
    if skipped {
        tracing::warn!(
            tenant,
            job = job.reference().id(),
            "replies were not polled for longer than ids are kept (PENSTOCK_RETENTION): those before are left out, since webhooks have told of \
             them; `since` polls them all the same"
        );
    }
    Ok(Progress {
        from,
        until: now,
        start: 0,
        told: 0,
        last: String::new(),
    })
}

/// How far back replies may be asked for.
struct Reach {
    overlap: u64,
    /// Of what is older, the ids may be forgotten that webhooks have told it by: it would be followed twice.
    longest: u64,
    /// The same for a poll that goes on, with some time for it to have begun and to end.
    stalled: u64,
}

impl Reach {
    fn of(retention: Duration) -> Self {
        let overlap = OVERLAP.min(retention / 2);
        Self {
            overlap: millis(overlap),
            longest: millis(retention.saturating_sub(overlap / 2)),
            stalled: millis(retention.saturating_sub(overlap / 4)),
        }
    }

    /// Since when, and whether something between the last time and then is left out.
    fn from(&self, now: u64, known: Option<u64>, since: Option<u64>) -> (u64, bool) {
        let begin = known.unwrap_or(now).saturating_sub(self.overlap);
        if let Some(since) = since {
            return (since.min(begin), false);
        }
        let earliest = now.saturating_sub(self.longest);
        (begin.max(earliest), begin < earliest)
    }

    /// Whether a poll that asks since then has been held up for so long that it must begin anew.
    fn is_over(&self, now: u64, from: u64) -> bool {
        from < now.saturating_sub(self.stalled)
    }
}

fn request(progress: &Progress) -> Request {
    let until = moment(progress.until).saturating_add(CLOCKS);
    let until = until.unwrap_or(Timestamp::MAX);
    Request::replies(moment(progress.from), until, progress.start)
}

async fn end(
    courier: &Courier,
    job: &Assignment,
    progress: &Progress,
    turn: &Turn<'_>,
) -> Result<Outcome, Stop> {
    let tenant = job.reference().tenant();
    let kept = courier.queue.keep_replies_until(tenant, progress.until);
    kept.await.map_err(|_| away(turn))?;
    Ok(Outcome::Delivered {
        result: json!({
            "events": progress.told,
            "from": moment(progress.from),
            "until": moment(progress.until),
        }),
        effect: None,
        permit: turn.permit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn it_begins_a_little_before_the_last_time() {
        let reach = Reach::of(Duration::from_secs(86_400));
        let overlap = HOUR * 5 / 4;
        let now = 100 * HOUR;
        assert_eq!(reach.from(now, None, None), (now - overlap, false));
        let last = now - HOUR;
        assert_eq!(reach.from(now, Some(last), None), (last - overlap, false));
        // What was asked for lately is not asked for again, what was not is.
        let since = Some(now - 50 * HOUR);
        assert_eq!(reach.from(now, Some(last), since), (now - 50 * HOUR, false));
        assert_eq!(
            reach.from(now, Some(last), Some(now)),
            (last - overlap, false)
        );
    }

    #[test]
    fn what_may_be_forgotten_is_left_out() {
        let reach = Reach::of(Duration::from_secs(86_400));
        let now = 100 * HOUR;
        let (from, skipped) = reach.from(now, Some(now - 30 * HOUR), None);
        assert!(skipped && from > now - 24 * HOUR, "{from}");
        // Where it was just begun like that it goes on; where it was held up since, it does not.
        assert!(!reach.is_over(now + HOUR / 4, from));
        assert!(reach.is_over(now + HOUR / 2, from));
        let short = Reach::of(Duration::from_secs(60));
        let (from, skipped) = short.from(now, Some(now), None);
        assert_eq!((from, skipped), (now - 30_000, false));
    }
}
