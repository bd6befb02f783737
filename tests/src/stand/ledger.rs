//! Every call that was seen, in order, and what each came to.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::summary::Summary;
use crate::sandbox::{Moment, fingerprint};

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its place in the order of arrival, from 1.
    pub seq: u64,
    /// When it arrived: the moment at which the quota counted it.
    pub at: Moment,
    /// Whose quota it used.
    pub tenant: Arc<str>,
    /// The operation's name, or `unknown`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: http::Method,
    /// The path, without the query: that may carry personal data.
    pub path: Box<str>,
    /// The status of the answer; none if there was none, or not yet.
    pub status: Option<u16>,
    /// The status that the answer's body told, where it tells one.
    pub code: Option<i64>,
    /// The fault that it met.
    pub fault: Option<Arc<str>>,
    /// What it changed.
    pub effects: Vec<Effect>,
    /// When it was answered, or its connection cut.
    pub done_at: Option<Moment>,
}

/// One thing that a call changed, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Its place in the order of all effects, from 1.
    pub order: u64,
    /// When it happened.
    pub at: Moment,
    /// What it was.
    pub change: Change,
}

/// A change of the API's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What was changed and how.
    pub kind: &'static str,
    /// The id of what was changed.
    pub id: String,
    /// The contact that it concerns: its number or its id.
    pub contact_id: Option<String>,
    /// What was written.
    pub content: Map<String, Value>,
    /// Whether doing it twice leaves two of them.
    pub creation: bool,
}

impl Change {
    /// A change that is none if it was done before.
    pub fn write(kind: &'static str, id: &str, contact_id: Option<&str>, content: Value) -> Self {
        let content = match content {
            Value::Object(content) => content,
            _ => Map::new(),
        };
        Self {
            kind,
            id: id.to_owned(),
            contact_id: contact_id.map(str::to_owned),
            content,
            creation: false,
        }
    }

    /// A change that leaves two if it is done twice.
    pub fn creation(
        kind: &'static str,
        id: &str,
        contact_id: Option<&str>,
        content: Value,
    ) -> Self {
        Self {
            creation: true,
            ..Self::write(kind, id, contact_id, content)
        }
    }

    /// Equal for changes that nobody could tell apart.
    pub fn fingerprint(&self) -> String {
        let scope = self.contact_id.as_deref().unwrap_or_default();
        fingerprint(self.kind, scope, &self.content)
    }
}

impl Serialize for Call {
    /// `seq, at (RFC 3339), atMs, tenant, operation, method, path, status, code?, fault?, effects?, doneAtMs`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut call = serializer.serialize_struct("Call", 12)?;
        call.serialize_field("seq", &self.seq)?;
        call.serialize_field("at", &self.at)?;
        call.serialize_field("atMs", &self.at.millis())?;
        call.serialize_field("tenant", &*self.tenant)?;
        call.serialize_field("operation", self.operation)?;
        call.serialize_field("method", self.method.as_str())?;
        call.serialize_field("path", &self.path)?;
        call.serialize_field("status", &self.status)?;
        match self.code {
            Some(code) => call.serialize_field("code", &code)?,
            None => call.skip_field("code")?,
        }
        match &self.fault {
            Some(fault) => call.serialize_field("fault", &**fault)?,
            None => call.skip_field("fault")?,
        }
        if self.effects.is_empty() {
            call.skip_field("effects")?;
        } else {
            call.serialize_field("effects", &self.effects)?;
        }
        call.serialize_field("doneAtMs", &self.done_at.map(Moment::millis))?;
        call.end()
    }
}

impl Serialize for Effect {
    /// `order, atMs, kind, id, contactId?, fingerprint`, and what was written
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Flat<'a> {
            order: u64,
            at_ms: u64,
            kind: &'a str,
            id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            contact_id: Option<&'a str>,
            fingerprint: String,
            content: &'a Map<String, Value>,
        }
        Flat {
            order: self.order,
            at_ms: self.at.millis(),
            kind: self.change.kind,
            id: &self.change.id,
            contact_id: self.change.contact_id.as_deref(),
            fingerprint: self.change.fingerprint(),
            content: &self.change.content,
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
    last: u64,
    summary: Summary,
    /// How often each creation was seen, by fingerprint.
    creations: HashMap<String, u64>,
}

impl Ledger {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            calls: VecDeque::new(),
            cap: cap.max(1),
            last: 0,
            summary: Summary::default(),
            creations: HashMap::new(),
        }
    }

    pub(super) const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Enters a call and gives it its number.
    pub(super) fn enter(&mut self, arrival: Arrival) -> u64 {
        self.last += 1;
        self.summary.count_call(&arrival);
        self.calls.push_back(Call {
            seq: self.last,
            at: arrival.at,
            tenant: arrival.tenant,
            operation: arrival.operation,
            method: arrival.method,
            path: arrival.path,
            status: None,
            code: None,
            fault: arrival.fault,
            effects: Vec::new(),
            done_at: None,
        });
        if self.calls.len() > self.cap {
            self.calls.pop_front();
            self.summary.trimmed += 1;
        }
        self.last
    }

    /// Enters what a call changed.
    pub(super) fn effect(&mut self, seq: u64, at: Moment, change: Change) {
        let order = self.summary.count_effect(change.kind);
        if change.creation {
            let seen = self.creations.entry(change.fingerprint()).or_default();
            self.summary.duplicates += u64::from(*seen > 0);
            *seen += 1;
        }
        if let Some(call) = self.call(seq) {
            call.effects.push(Effect { order, at, change });
        }
    }

    /// Enters how a call ended: its answer's status, or none, and the status in its body.
    pub(super) fn close(&mut self, seq: u64, at: Moment, status: Option<u16>, code: Option<i64>) {
        self.summary.count_end(status, code);
        if let Some(call) = self.call(seq) {
            call.status = status;
            call.code = code;
            call.done_at = Some(at);
        }
    }

    /// The calls after that number, all of them or one tenant's.
    pub(super) fn after(&self, seq: u64, tenant: Option<&str>) -> Vec<Call> {
        let start = self.calls.partition_point(|call| call.seq <= seq);
        self.calls
            .range(start..)
            .filter(|call| tenant.is_none_or(|tenant| tenant == &*call.tenant))
            .cloned()
            .collect()
    }

    fn call(&mut self, seq: u64) -> Option<&mut Call> {
        let first = self.calls.front()?.seq;
        let at = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.calls.get_mut(at)
    }
}
