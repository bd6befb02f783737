//! A job for several contacts, which is spread over jobs for one each: it waits until these have ended, and tells what they came to. They were stored
//! with it.

use std::time::Duration;

use penstock_shared::{
    job::{ContactIds, JobId},
    outcome::{Cause, Fault, Outcome},
    queue::{parent::Standing, run::field, spread::part_id},
    retry::Backoff,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
};

/// When it is looked whether they have ended, ever less often.
const LOOK: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(60),
};

/// Waits for their ends.
pub async fn conclude(
    courier: &Courier,
    job: &Assignment,
    contacts: &ContactIds,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let id: Result<JobId, _> = job.reference().id().parse();
    let id = id.map_err(|error| Outcome::Rejected {
        cause: Cause::Undecodable,
        fault: Fault::new(error.to_string()),
        permit: calls.permit(),
    })?;
    let seen = job.claimed.run.text(field::PARTS).unwrap_or_default();
    let mut ends = Ends::read(seen, contacts.iter().count());
    let asked = ends.unsettled();
    let ids: Vec<JobId> = asked.iter().map(|at| part_id(&id, at + 1)).collect();
    let tenant = job.reference().tenant();
    let standings = courier.queue.standings(tenant, &ids).await;
    let standings = standings.map_err(|_| calls.postponed(LOOK.first, "waits for Redis"))?;
    for (at, standing) in asked.into_iter().zip(standings) {
        ends.see(at, &standing);
    }
    if ends.0.contains(&End::Open) {
        let looks = job.claimed.run.number(field::LOOKS).unwrap_or(0) + 1;
        job.note(field::LOOKS, looks.to_string());
        job.note(field::PARTS, ends.to_text());
        let wait = LOOK.delay(u32::try_from(looks).unwrap_or(u32::MAX), 1.0);
        return Err(calls.postponed(wait, "waits for the jobs of its contacts"));
    }
    Ok(Outcome::Delivered {
        result: ends.tally(&id, contacts),
        effect: None,
        permit: calls.permit(),
    })
}

/// What one of them has come to, as far as that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has not ended.
    Open,
    /// It was done once, whatever its id stands for since.
    Done,
    /// It is dead, or was when it was there last: somebody has deleted it since.
    Dead,
    /// It is not there, and nobody has seen its end: it was done and forgotten, or dead and deleted.
    Unknown,
}

/// What each of them has come to, in their order.
struct Ends(Vec<End>);

impl Ends {
    const LETTERS: [(End, char); 4] = [
        (End::Open, '.'),
        (End::Done, 'd'),
        (End::Dead, 'x'),
        (End::Unknown, '?'),
    ];

    /// As they were seen last.
    fn read(text: &str, count: usize) -> Self {
        let end = |letter| {
            let known = Self::LETTERS.iter().find(|known| known.1 == letter);
            known.map_or(End::Open, |known| known.0)
        };
        let ends = text.chars().map(end).chain(std::iter::repeat(End::Open));
        Self(ends.take(count).collect())
    }

    fn to_text(&self) -> String {
        let letter = |end: &End| Self::LETTERS.iter().find(|known| known.0 == *end);
        let letters = self.0.iter().filter_map(letter);
        letters.map(|known| known.1).collect()
    }

    /// Which of them are looked at: a dead one may have been retried.
    fn unsettled(&self) -> Vec<usize> {
        let ends = self.0.iter().enumerate();
        ends.filter(|(_, end)| **end != End::Done)
            .map(|(at, _)| at)
            .collect()
    }

    fn see(&mut self, at: usize, standing: &Standing) {
        self.0[at] = match (standing, self.0[at]) {
            (Standing::Open, _) => End::Open,
            // Whoever may read what it came to.
            (Standing::Done(_) | Standing::Locked(_) | Standing::Unreadable, _) => End::Done,
            (Standing::Dead, _) | (Standing::Unknown, End::Dead) => End::Dead,
            (Standing::Unknown, _) => End::Unknown,
        };
    }

    /// How many are done, and which are not; and of which that is not known, if there are any.
    fn tally(&self, id: &JobId, contacts: &ContactIds) -> Value {
        let all = || self.0.iter().zip(contacts.iter()).zip(1..);
        let those = |wanted: End| -> Vec<Value> {
            let those = all().filter(|((end, _), _)| **end == wanted);
            those
                .map(|((_, contact), number)| {
                    json!({ "contactId": contact, "id": part_id(id, number) })
                })
                .collect()
        };
        let done = self.0.iter().filter(|end| **end == End::Done).count();
        let mut tally = json!({ "done": done, "failed": those(End::Dead) });
        let unknown = those(End::Unknown);
        if !unknown.is_empty() {
            tally["unknown"] = unknown.into();
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use penstock_shared::job::{JobType, Payload};

    use super::*;

    fn see(ends: &str, standings: &[Standing]) -> Ends {
        let mut ends = Ends::read(ends, standings.len());
        for (at, standing) in standings.iter().enumerate() {
            ends.see(at, standing);
        }
        ends
    }

    #[test]
    fn what_was_seen_to_end_is_not_taken_for_what_is_forgotten() {
        let standings = || {
            [
                Standing::Open,
                Standing::Done(json!({})),
                Standing::Dead,
                Standing::Unknown,
            ]
        };
        assert_eq!(see("", &standings()).to_text(), ".dx?");
        let unknown = [const { Standing::Unknown }; 4];
        assert_eq!(see("", &unknown).to_text(), "????");
        // A dead one that is not there any more was deleted.
        assert_eq!(see("..x.", &unknown).to_text(), "??x?");
        assert_eq!(Ends::read(".dx?", 4).unsettled(), [0, 2, 3]);
        assert_eq!(Ends::read(".dx?", 4).to_text(), ".dx?");
    }

    #[test]
    fn a_dead_one_that_is_retried_is_waited_for() {
        assert_eq!(see("x", &[Standing::Open]).to_text(), ".");
    }

    #[test]
    fn what_is_not_known_is_told_apart() {
        let contacts = json!([{ "id": "a" }, { "id": "b" }, { "id": "c" }]);
        let payload = json!({ "contacts": contacts, "businessId": null }).to_string();
        let payload = Payload::parse(JobType::SetBusiness, payload.as_bytes()).unwrap();
        let contacts = payload.several().unwrap();
        let id: JobId = "many".parse().unwrap();
        assert_eq!(
            Ends::read("dx?", 3).tally(&id, contacts),
            json!({
                "done": 1,
                "failed": [{ "contactId": "b", "id": "many/2" }],
                "unknown": [{ "contactId": "c", "id": "many/3" }],
            })
        );
        assert_eq!(
            Ends::read("ddd", 3).tally(&id, contacts),
            json!({ "done": 3, "failed": [] })
        );
    }
}
