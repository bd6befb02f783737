//! Which faults meet which call.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;

use super::{Fault, FaultKind};

/// The operations that search contacts or list them.
const SEARCHES: [&str; 4] = [
    "get-duplicate-contact",
    "get-contacts",
    "get-contacts-by-businessId",
    "search-contacts-advanced",
];

/// The faults in force, in their order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
}

/// One fault in force.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Armed {
    #[serde(rename = "spec")]
    label: Arc<str>,
    #[serde(skip)]
    fault: Fault,
    matched: u64,
    struck: u64,
}

/// What a fault's selectors look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) op: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) contacts: &'a [Option<&'a str>],
}

/// What one call will meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) list_lag: Duration,
    pub(crate) search_lag: Duration,
    /// The one fault of the other kinds.
    pub(crate) strike: Option<FaultKind>,
    /// What the ledger calls it: the fault that strikes, else the one that delays or lags.
    pub(crate) label: Option<Arc<str>>,
}

impl Plan {
    /// Whether the call takes effect before its answer.
    pub(crate) fn takes_effect(&self) -> bool {
        self.strike.as_ref().is_none_or(FaultKind::takes_effect)
    }

    fn meets(&mut self, armed: &Armed) {
        match &armed.fault.kind {
            FaultKind::Delay(span) => self.delay = self.delay.saturating_add(*span),
            FaultKind::ListLag(span) => self.list_lag = self.list_lag.max(*span),
            FaultKind::SearchLag(span) => self.search_lag = self.search_lag.max(*span),
            kind => {
                self.strike = Some(kind.clone());
                self.label = Some(Arc::clone(&armed.label));
            }
        }
        self.label.get_or_insert_with(|| Arc::clone(&armed.label));
    }
}

impl Faults {
    pub(crate) fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        let arm = |fault: Fault| Armed {
            label: fault.to_string().into(),
            fault,
            matched: 0,
            struck: 0,
        };
        Self {
            armed: faults.into_iter().map(arm).collect(),
        }
    }

    pub(crate) fn in_force(&self) -> &[Armed] {
        &self.armed
    }

    /// Decides what this call meets.
    pub(crate) fn plan(&mut self, subject: &Subject<'_>, dice: &mut StdRng) -> Plan {
        let mut plan = Plan::default();
        for armed in &mut self.armed {
            let free = armed.fault.kind.joins() || plan.strike.is_none();
            if free && armed.strikes(subject, dice) {
                plan.meets(armed);
            }
        }
        plan
    }
}

impl Armed {
    fn strikes(&mut self, subject: &Subject<'_>, dice: &mut StdRng) -> bool {
        if !self.fault.matches(subject) {
            return false;
        }
        self.matched += 1;
        let spared = self.matched <= self.fault.after
            || self.fault.count.is_some_and(|count| self.struck >= count);
        let strikes = !spared && dice.random_bool(self.fault.chance);
        self.struck += u64::from(strikes);
        strikes
    }
}

impl Fault {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        self.kind.concerns(subject.op)
            && is(&self.op, subject.op)
            && is(&self.tenant, subject.tenant)
            && (self.contact.is_none()
                || subject
                    .contacts
                    .iter()
                    .flatten()
                    .any(|found| is(&self.contact, found)))
    }
}

impl FaultKind {
    /// Whether an operation can show it at all.
    fn concerns(&self, op: &str) -> bool {
        match self {
            Self::ListLag(_) => ["get-all-notes", "get-all-tasks"].contains(&op),
            Self::SearchLag(_) => SEARCHES.contains(&op),
            _ => true,
        }
    }

    /// Whether it goes together with other faults.
    const fn joins(&self) -> bool {
        matches!(self, Self::Delay(_) | Self::ListLag(_) | Self::SearchLag(_))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const NOTE: Subject<'_> = Subject {
        op: "create-note",
        tenant: "loc1",
        contacts: &[Some("abc"), None],
    };

    fn faults(specs: &[&str]) -> Faults {
        Faults::new(specs.iter().map(|spec| spec.parse().unwrap()))
    }

    fn strikes(faults: &mut Faults, calls: usize) -> Vec<Option<String>> {
        let mut dice = StdRng::seed_from_u64(7);
        (0..calls)
            .map(|_| {
                faults
                    .plan(&NOTE, &mut dice)
                    .label
                    .map(|label| label.to_string())
            })
            .collect()
    }

    #[test]
    fn after_spares_the_first_and_count_ends_it() {
        let struck = strikes(&mut faults(&["hang:after=1:count=2"]), 5);
        let at: Vec<bool> = struck.iter().map(Option::is_some).collect();
        assert_eq!(at, [false, true, true, false, false]);
    }

    #[test]
    fn only_what_matches_is_struck() {
        for (spec, met) in [
            ("hang:op=create-note:tenant=loc1:contact=abc", true),
            ("hang:op=*", true),
            ("hang:op=create-task", false),
            ("hang:tenant=loc2", false),
            ("hang:contact=abcd", false),
            ("list-lag=2s", false),
            ("search-lag=2s", false),
        ] {
            assert_eq!(strikes(&mut faults(&[spec]), 1)[0].is_some(), met, "{spec}");
        }
    }

    #[test]
    fn the_first_that_strikes_is_the_only_one_and_delays_join() {
        let mut both = faults(&["503:count=1", "delay=3s", "delay=2s", "hang:count=1"]);
        let mut dice = StdRng::seed_from_u64(7);
        let first = both.plan(&NOTE, &mut dice);
        assert!(matches!(
            first.strike,
            Some(FaultKind::Status { status: 503, .. })
        ));
        assert_eq!(first.delay, Duration::from_secs(5));
        assert_eq!(
            both.plan(&NOTE, &mut dice).strike,
            Some(FaultKind::Hang),
            "a fault that was not asked has used nothing up"
        );
        let third = both.plan(&NOTE, &mut dice);
        assert_eq!(
            (third.strike, third.label.as_deref()),
            (None, Some("delay=3s"))
        );
    }

    #[test]
    fn chance_is_drawn_from_the_seed() {
        let first = strikes(&mut faults(&["503:p=0.3"]), 1_000);
        assert_eq!(first, strikes(&mut faults(&["503:p=0.3"]), 1_000));
        let struck = first.iter().flatten().count();
        assert!((200..400).contains(&struck), "{struck} of 1000");
    }
}
