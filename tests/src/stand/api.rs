//! What a stand-in stands in for.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use http::Method;
use serde_json::Value;

use super::hook::{Hooks, Letter};
use super::ledger::Change;
use super::request::Request;
use crate::sandbox::{Moment, Params, matched};

/// A system's API: its world, its operations, and how it refuses. It knows nothing of connections, quotas or faults.
pub trait Api: Debug + Send + Sized + 'static {
    /// What the stand-in's steering offers beside what all have, for its refusals.
    const STEERING: &'static str;
    /// Whether answers carry a status in their bodies, which a fault can set.
    const CODED: bool;

    /// All operations; where two paths match, the first wins.
    fn operations() -> &'static [Operation<Self>];

    /// The path as the table of operations has it, where settings name another.
    fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(path)
    }

    /// Whose call it is, and what it is about.
    fn visit(&self, operation: &'static str, request: &Request) -> Visit;

    /// Whether the caller may call this operation at all.
    fn admit(&self, operation: &'static str, input: &Input<'_>) -> Result<(), Refusal>;

    /// How a path without an operation is answered.
    fn no_route(request: &Request) -> Refusal;

    /// How the API words an error that was not its own decision.
    fn trouble(trouble: &Trouble) -> Refusal;

    /// The answer as this caller wants it written.
    fn written(&self, request: &Request, answer: Answer) -> Answer {
        let _ = request;
        answer
    }

    /// The webhooks that were registered.
    fn hooks(&mut self) -> &mut Hooks;

    /// Does what a test or a demonstration orders or asks under `/_sandbox`, outside of the API; none if it knows no such order.
    fn steer(&mut self, order: &Order<'_>) -> Option<Result<Steered, String>>;
}

/// One operation of an API.
#[derive(Debug)]
pub struct Operation<A: Api> {
    /// Its name, for the ledger and for faults.
    pub id: &'static str,
    method: Method,
    path: &'static str,
    pub(super) run: fn(&mut A, &Input<'_>) -> Result<Answer, Refusal>,
}

impl<A: Api> Operation<A> {
    /// The operation that is called by this method at this path; `{name}` is a parameter.
    pub const fn new(
        id: &'static str,
        method: Method,
        path: &'static str,
        run: fn(&mut A, &Input<'_>) -> Result<Answer, Refusal>,
    ) -> Self {
        Self {
            id,
            method,
            path,
            run,
        }
    }

    /// The parameters of a request that is for this operation.
    pub(super) fn params(&self, method: &Method, path: &str) -> Option<Params> {
        (self.method == *method)
            .then(|| matched(self.path, path))
            .flatten()
    }
}

/// What a call brings.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The request.
    pub request: &'a Request,
    pub(super) params: &'a Params,
    /// The moment of its effect.
    pub now: Moment,
}

impl Input<'_> {
    /// A parameter of the path; the table guarantees those that it names.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }
}

/// Whose call it is.
#[derive(Debug)]
pub struct Visit {
    /// Whose quota it uses.
    pub tenant: Arc<str>,
    /// The name of that quota; none if it is not counted.
    pub quota: Option<&'static str>,
    /// The contacts that it is about, for faults.
    pub contacts: Vec<String>,
}

/// An order from outside of the API.
#[derive(Debug)]
pub struct Order<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path below `/_sandbox`.
    pub what: &'a str,
    /// The body; null if there was none.
    pub body: &'a Value,
    /// The moment at which it takes effect.
    pub now: Moment,
}

/// What came of an order.
#[derive(Debug)]
pub struct Steered {
    /// What is answered.
    pub shown: Value,
    /// The webhooks that are sent for it.
    pub letters: Vec<Letter>,
}

impl Steered {
    /// An answer, and no webhook.
    pub const fn quiet(shown: Value) -> Self {
        Self {
            shown,
            letters: Vec::new(),
        }
    }
}

/// An error that the API did not decide on: a fault's, or the quota's.
#[derive(Debug)]
pub enum Trouble {
    /// An HTTP status, and the message for it.
    Status(u16, Option<String>),
    /// A status in the body.
    Code(i64),
}

/// What is answered, and what it changed.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Content,
    /// The status that the body tells.
    pub code: Option<i64>,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// What was changed.
    pub changes: Vec<Change>,
    /// The webhooks that are sent for it.
    pub letters: Vec<Letter>,
}

/// An answer that refuses, and so changed nothing.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// The status that the body tells.
    pub code: Option<i64>,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = Self::json(refusal.status, refusal.body);
        answer.code = refusal.code;
        answer
    }
}

/// A body.
#[derive(Debug)]
pub enum Content {
    /// JSON.
    Json(Value),
    /// Another type, and its text.
    Text(&'static str, String),
    /// No body at all.
    Empty,
}

impl Answer {
    /// An answer that changed nothing.
    pub const fn new(status: u16, body: Content) -> Self {
        Self {
            status,
            body,
            code: None,
            location: None,
            changes: Vec::new(),
            letters: Vec::new(),
        }
    }

    /// JSON, and nothing changed.
    pub const fn json(status: u16, body: Value) -> Self {
        Self::new(status, Content::Json(body))
    }

    /// The same, and this was changed.
    #[must_use]
    pub fn changed(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes.extend(changes);
        self
    }

    /// The same, and these webhooks are sent.
    #[must_use]
    pub fn telling(mut self, letters: impl IntoIterator<Item = Letter>) -> Self {
        self.letters.extend(letters);
        self
    }
}
