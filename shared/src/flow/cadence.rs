//! Flows on a cadence: when one is due, and the event that it begins with then.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Flow;
use crate::{
    event::{Data, Event, Kind, Person, Source},
    job::{JobId, Tenant},
    span::{self, millis},
};

/// The trigger of flows on a cadence, and the source of their events.
pub(super) const SCHEDULE: &str = "schedule";
/// What its event calls the flow.
pub(super) const FLOW: &str = "flow";

impl Flow {
    /// The moment (ms) that it is due for now, if it was not made yet: `last` is the last that was. Moments are multiples of the cadence since
    /// 1970, so that all workers mean the same; of those that were missed only the last one counts.
    pub fn due(&self, now: u64, last: Option<u64>) -> Option<u64> {
        let every = millis(self.every?).max(1);
        let moment = now - now % every;
        // A last one that is further ahead than the next was made before the clock was set back.
        let is_due = last.is_none_or(|last| moment > last || last > now + every);
        is_due.then_some(moment)
    }

    /// The event that it begins with at this moment: whoever makes it, it has the same id.
    pub fn moment(&self, tenant: &Tenant, at: u64, last: Option<u64>) -> Event {
        let every = millis(self.every.unwrap_or(Duration::ZERO));
        let previous = last.filter(|last| *last < at);
        let previous = previous.unwrap_or(at.saturating_sub(every));
        let members = [
            (FLOW, self.name.clone()),
            ("at", written(at)),
            ("previous", written(previous)),
        ];
        let members = members.map(|(name, text)| (name.to_owned(), Value::String(text)));
        Event {
            source: source(),
            kind: Kind::named(SCHEDULE),
            tenant: tenant.clone(),
            id: self.moment_id(at),
            occurred_at: Some(span::moment(at)),
            contact: Person::default(),
            truncated: false,
            data: Data::bounded(Map::from_iter(members)).0,
        }
    }

    /// The id of the event of this moment. It names the moment and not its number, which is another's once the cadence has changed.
    pub fn moment_id(&self, at: u64) -> JobId {
        let id = format!("{SCHEDULE}:{}:{}", self.name, at / 1000);
        // A name of a flow's and digits: an id in any case.
        id.parse().unwrap_or_else(|_| JobId::generate())
    }

    /// Whether an event on a cadence is this flow's own.
    pub(super) fn keeps_time_of(&self, event: &Event) -> bool {
        let named = event.data.members().get(FLOW).and_then(Value::as_str);
        self.every.is_none() || named == Some(self.name.as_str())
    }
}

/// Who tells of them: Penstock itself.
pub(super) fn source() -> Source {
    Source::Named(SCHEDULE.to_owned())
}

fn written(ms: u64) -> String {
    span::moment(ms).to_string()
}

#[cfg(test)]
mod tests {
    use crate::flow::Flows;

    fn flow(every: &str) -> crate::flow::Flow {
        let text = format!(
            "[[flow]]\nname = 'tick'\non = 'schedule'\nevery = '{every}'\ntenant = 'acme'\n\
             do = [{{ job = 'SmsBlacklist', payload = {{ phone = '+33612345678' }} }}]\n"
        );
        Flows::load(&text).unwrap().named("tick").unwrap().clone()
    }

    #[test]
    fn only_the_last_moment_counts_and_that_once() {
        let flow = flow("10s");
        assert_eq!(flow.due(25_000, None), Some(20_000));
        assert_eq!(flow.due(25_000, Some(10_000)), Some(20_000));
        assert_eq!(flow.due(25_000, Some(20_000)), None);
        assert_eq!(flow.due(95_000, Some(20_000)), Some(90_000));
        // Another clock is a little behind; or it was set back by far.
        assert_eq!(flow.due(19_000, Some(20_000)), None);
        assert_eq!(flow.due(19_000, Some(500_000)), Some(10_000));
    }

    #[test]
    fn another_cadence_makes_no_moment_twice() {
        // What was made of the shorter one is later than the longer one's.
        assert_eq!(flow("1m").due(50_000, Some(50_000)), None);
        assert_eq!(flow("1m").due(61_000, Some(50_000)), Some(60_000));
        assert_eq!(flow("10s").moment_id(60_000), flow("1m").moment_id(60_000));
    }

    #[test]
    fn its_event_tells_the_moments() {
        let (flow, tenant) = (flow("10s"), "acme".parse().unwrap());
        let event = flow.moment(&tenant, 90_000, Some(20_000));
        assert_eq!(event.id.as_str(), "schedule:tick:90");
        let data = event.data.members();
        assert_eq!(data["at"], "1970-01-01T00:01:30Z");
        assert_eq!(data["previous"], "1970-01-01T00:00:20Z");
        assert!(flow.begins_with(&event));
        let other = flow.moment(&tenant, 90_000, None);
        assert_eq!(other.data.members()["previous"], "1970-01-01T00:01:20Z");
    }
}
