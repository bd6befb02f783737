//! Every call that was seen, in order, and what each came to.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::api::effect::Change;
use super::clock::Moment;
use super::summary::Summary;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its place in the order of arrival, from 1.
    pub seq: u64,
    /// When it arrived: the moment at which its tenant's quota counted it.
    pub at: Moment,
    /// The location whose quota it used.
    pub tenant: Arc<str>,
    /// The official operationId, or `unknown`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: http::Method,
    /// The path, without the query: that may carry personal data.
    pub path: Box<str>,
    /// The status of the answer; none if there was none, or not yet.
    pub status: Option<u16>,
    /// The fault that it met.
    pub fault: Option<Arc<str>>,
    /// What it changed.
    pub effect: Option<Effect>,
    /// When it was answered, or its connection cut.
    pub done_at: Option<Moment>,
}

/// What a call changed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its place in the order of all effects, from 1.
    pub order: u64,
    /// When it happened.
    pub at: Moment,
    /// What it was.
    pub change: Change,
}

impl Serialize for Call {
    /// `seq, at (RFC 3339), atMs, tenant, operation, method, path, status, fault?, effect?, doneAtMs`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut call = serializer.serialize_struct("Call", 11)?;
        call.serialize_field("seq", &self.seq)?;
        call.serialize_field("at", &self.at)?;
        call.serialize_field("atMs", &self.at.millis())?;
        call.serialize_field("tenant", &*self.tenant)?;
        call.serialize_field("operation", self.operation)?;
        call.serialize_field("method", self.method.as_str())?;
        call.serialize_field("path", &self.path)?;
        call.serialize_field("status", &self.status)?;
        match &self.fault {
            Some(fault) => call.serialize_field("fault", &**fault)?,
            None => call.skip_field("fault")?,
        }
        match &self.effect {
            Some(effect) => call.serialize_field("effect", effect)?,
            None => call.skip_field("effect")?,
        }
        call.serialize_field("doneAtMs", &self.done_at.map(Moment::millis))?;
        call.end()
    }
}

impl Serialize for Effect {
    /// `order, atMs, kind, id, contactId, contacts?, fingerprint`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Flat<'a> {
            order: u64,
            at_ms: u64,
            #[serde(flatten)]
            change: &'a Change,
        }
        Flat {
            order: self.order,
            at_ms: self.at.millis(),
            change: &self.change,
        }
        .serialize(serializer)
    }
}

/// What is known of a call as it arrives.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) at: Moment,
    pub(super) tenant: Arc<str>,
    pub(super) operation: &'static str,
    pub(super) method: http::Method,
    pub(super) path: Box<str>,
    pub(super) over_quota: bool,
    pub(super) fault: Option<Arc<str>>,
}

/// The calls, the newest of them in full and all of them in sum.
#[derive(Debug)]
pub(super) struct Ledger {
    calls: VecDeque<Call>,
    cap: usize,
    contents: bool,
    last: u64,
    summary: Summary,
}

impl Ledger {
    /// It lists the newest `cap` calls, and of what they wrote the contents too if it shall.
    pub(super) fn new(cap: usize, contents: bool) -> Self {
        Self {
            calls: VecDeque::new(),
            cap: cap.max(1),
            contents,
            last: 0,
            summary: Summary::default(),
        }
    }

    /// The number of the newest call.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    pub(super) const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Enters a call and gives it its number.
    pub(super) fn enter(&mut self, arrival: Arrival) -> u64 {
        self.last += 1;
        self.summary.count_call(
            &arrival.tenant,
            arrival.operation,
            arrival.over_quota,
            arrival.fault.is_some(),
        );
        let Arrival {
            at,
            tenant,
            operation,
            method,
            path,
            fault,
            ..
        } = arrival;
        self.calls.push_back(Call {
            seq: self.last,
            at,
            tenant,
            operation,
            method,
            path,
            status: None,
            fault,
            effect: None,
            done_at: None,
        });
        if self.calls.len() > self.cap {
            self.calls.pop_front();
            self.note_trimmed();
        }
        self.last
    }

    fn note_trimmed(&mut self) {
        if self.summary.trimmed == 0 {
            tracing::warn!(
                cap = self.cap,
                "the ledger is full: from now on its oldest calls are dropped (the summary still counts them; --ledger-cap raises the bound)"
            );
        }
        self.summary.trimmed += 1;
    }

    /// Enters what a call changed.
    pub(super) fn effect(&mut self, seq: u64, tenant: &Arc<str>, at: Moment, change: Change) {
        let order = self.summary.count_effect(tenant, &change);
        let content = change.content.filter(|_| self.contents);
        let change = Change { content, ..change };
        if let Some(call) = self.call(seq) {
            call.effect = Some(Effect { order, at, change });
        }
    }

    /// Enters how a call ended: its answer's status, or none.
    pub(super) fn close(&mut self, seq: u64, at: Moment, status: Option<u16>) {
        self.summary.count_end(status);
        if let Some(call) = self.call(seq) {
            call.status = status;
            call.done_at = Some(at);
        }
    }

    /// At most `limit` calls after that number, all of them or one tenant's, and the number up to which was looked.
    pub(super) fn after(&self, seq: u64, tenant: Option<&str>, limit: usize) -> (Vec<Call>, u64) {
        let start = self.calls.partition_point(|call| call.seq <= seq);
        let looked = self.calls.range(start..).take(limit);
        let end = looked
            .clone()
            .next_back()
            .map_or(self.last, |call| call.seq);
        (
            looked
                .filter(|call| tenant.is_none_or(|tenant| tenant == &*call.tenant))
                .cloned()
                .collect(),
            end,
        )
    }

    fn call(&mut self, seq: u64) -> Option<&mut Call> {
        let first = self.calls.front()?.seq;
        let at = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.calls.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::sandbox::api::effect::Kind;

    fn arrival(tenant: &str) -> Arrival {
        Arrival {
            at: Moment::from_micros(1_700_000_000_000_000),
            tenant: tenant.into(),
            operation: "create-note",
            method: http::Method::POST,
            path: "/contacts/c/notes".into(),
            over_quota: false,
            fault: None,
        }
    }

    fn note(id: &str) -> Change {
        Change::of(Kind::Note, id, "c", "c", &Map::new())
    }

    #[test]
    fn a_call_reads_as_documented() {
        let mut ledger = Ledger::new(10, false);
        let seq = ledger.enter(Arrival {
            fault: Some("cut-after".into()),
            ..arrival("t")
        });
        ledger.effect(
            seq,
            &"t".into(),
            Moment::from_micros(1_700_000_000_001_999),
            note("n"),
        );
        ledger.close(seq, Moment::from_micros(1_700_000_000_002_000), None);
        let (calls, _) = ledger.after(0, None, 10);
        let mut shown = serde_json::to_value(&calls[0]).unwrap();
        shown["effect"]["fingerprint"].take();
        assert_eq!(
            shown,
            json!({
                "seq": 1, "at": "2023-11-14T22:13:20.000Z", "atMs": 1_700_000_000_000_u64, "tenant": "t", "operation": "create-note",
                "method": "POST", "path": "/contacts/c/notes", "status": null, "fault": "cut-after", "doneAtMs": 1_700_000_000_002_u64,
                "effect": {"order": 1, "atMs": 1_700_000_000_001_u64, "kind": "note", "id": "n", "contactId": "c", "fingerprint": null}
            })
        );
    }

    #[test]
    fn a_full_ledger_drops_the_oldest_and_still_counts_them() {
        let mut ledger = Ledger::new(2, false);
        for _ in 0..5 {
            ledger.enter(arrival("t"));
        }
        ledger.close(1, Moment::from_micros(0), Some(201));
        let kept: Vec<u64> = ledger
            .after(0, None, 10)
            .0
            .iter()
            .map(|call| call.seq)
            .collect();
        assert_eq!(kept, [4, 5]);
        assert_eq!((ledger.summary().calls, ledger.summary().trimmed), (5, 3));
    }

    #[test]
    fn pages_follow_one_another() {
        let mut ledger = Ledger::new(10, false);
        for tenant in ["a", "b", "a"] {
            ledger.enter(arrival(tenant));
        }
        let numbers = |after, tenant, limit| {
            let (calls, end) = ledger.after(after, tenant, limit);
            (calls.iter().map(|call| call.seq).collect::<Vec<_>>(), end)
        };
        assert_eq!(numbers(0, None, 2), (vec![1, 2], 2));
        assert_eq!(numbers(2, None, 2), (vec![3], 3));
        assert_eq!(numbers(0, Some("a"), 2), (vec![1], 2));
        assert_eq!(numbers(3, None, 2), (vec![], 3));
    }

    #[test]
    fn identical_creations_of_one_contact_are_duplicates() {
        let mut ledger = Ledger::new(10, false);
        for (seq, id) in [(1, "n1"), (2, "n2"), (3, "n3")] {
            ledger.enter(arrival("t"));
            ledger.effect(seq, &"t".into(), Moment::from_micros(0), note(id));
        }
        let summary = ledger.summary();
        assert_eq!((summary.effects, summary.duplicates), (3, 2));
        assert_eq!(summary.duplicated().next().unwrap().ids, ["n1", "n2", "n3"]);
    }
}
