//! A stand-in for the `GoHighLevel` contacts API.
//!
//! It holds contacts and all that they have, answers and refuses as the official document describes, enforces its quota at the
//! moment of arrival, can be told to fail ([`fault`]), and keeps a ledger of every call and every effect. It is for tests and
//! demonstrations: it keeps all in memory, and whoever reaches its port may steer it.
//!
//! A call is counted once its body was read, since the body may say whose call it is; then it waits half of its latency, takes
//! effect, waits the other half and is answered. Once counted it takes effect even if its client goes away.

mod api;
mod call;
pub(crate) mod clock;
mod control;
mod desk;
pub mod fault;
pub mod ledger;
mod marketplace;
pub mod options;
pub(crate) mod quota;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod span;
pub mod summary;

pub(crate) use api::effect::fingerprint;
pub use api::effect::{Change, Kind};
pub use api::oauth::grant::{Grant, Subject};
pub use api::operation::operations;
pub(crate) use api::operation::{Params, matched};
pub use api::seed::Seed;
pub use clock::Moment;
pub use fault::Fault;
pub use ledger::{Call, Effect};
pub use marketplace::Marketplace;
pub use options::{Latency, OAuthTerms, Options, Pick, Quota, Terms, Unknown, Window};
pub use span::parse as parse_span;
pub use summary::Summary;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use call::House;
use desk::Desk;
use fault::Faults;

/// Starts sandboxes.
#[derive(Debug)]
pub struct Sandbox;

/// The sandbox could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (name another with --listen; port 0 takes a free one)")]
pub struct StartError {
    address: SocketAddr,
    source: io::Error,
}

impl Sandbox {
    /// Starts one in this process, on the current runtime.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let address = options.listen;
        let refused = |source| StartError { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let house = House {
            desk: Arc::new(Desk::new(options)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let door = server::Door {
            stop: house.stop.clone(),
            tasks: house.tasks.clone(),
        };
        let answering = house.clone();
        let answer = move |request| server::answer(answering.clone(), request);
        house.tasks.spawn(server::accept(listener, door, answer));
        Ok(Running {
            addr,
            desk: Arc::clone(&house.desk),
            tasks: house.tasks.clone(),
            stop: house.stop.drop_guard(),
        })
    }
}

/// A running sandbox; it stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    desk: Arc<Desk>,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl Running {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The calls after that number, in order; after 0 all that the ledger still has.
    pub fn calls_after(&self, seq: u64) -> Vec<Call> {
        self.desk.state().ledger.after(seq, None, usize::MAX).0
    }

    /// What all calls came to.
    pub fn summary(&self) -> Summary {
        self.desk.state().ledger.summary().snapshot()
    }

    /// Waits until the summary is as wanted; it is looked at after every change. The clones that hold `desk` never end the
    /// channel while this is borrowed, so waiting cannot fail.
    pub async fn until(&self, mut wanted: impl FnMut(&Summary) -> bool) {
        let mut changes = self.desk.changes();
        while !wanted(self.desk.state().ledger.summary()) && changes.changed().await.is_ok() {}
    }

    /// Puts these faults in force in place of all others.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.desk.state().faults = Faults::new(faults);
    }

    /// Puts other quotas in force; what was counted stays counted.
    pub fn set_quota(&self, terms: Terms) {
        self.desk.state().quotas.set_terms(terms);
    }

    /// Puts a contact into the world without a call: the body of a create, with an `id` if it shall have that one. Answers the
    /// contact as the API shows it, or what is wrong with the body.
    pub fn seed_contact(&self, fields: &Value) -> Result<Value, Vec<String>> {
        self.seed(Seed::Contact, fields)
    }

    /// Puts something into the world without a call; answers it as it is shown, or what is wrong with its fields.
    pub fn seed(&self, what: Seed, fields: &Value) -> Result<Value, Vec<String>> {
        let Value::Object(fields) = fields else {
            return Err(vec![format!("a {} must be an object", what.name())]);
        };
        what.plant(&mut self.desk.state().world, fields, self.desk.now())
    }

    /// A contact as the API shows it, without a call; none if there is none of that id.
    pub fn contact(&self, id: &str) -> Option<Value> {
        self.desk.state().world.shown(id)
    }

    /// Who has the app, and their tokens; none while OAuth is off.
    pub fn marketplace(&self) -> Option<Marketplace<'_>> {
        Marketplace::of(&self.desk)
    }

    /// Stops: calls in flight are answered within two seconds or cut, hanging ones are cut at once.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}
