//! A running stand-in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::api::Api;
use super::call::{self, House};
use super::control;
use super::courier::Courier;
use super::deliveries::Delivery;
use super::desk::Desk;
use super::ledger::{Call, Effect};
use super::options::Options;
use super::program::fault;
use super::summary::Summary;
use crate::sandbox::Quota;
use crate::sandbox::fault::Faults;
use crate::sandbox::server::{Door, accept};

/// A stand-in could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its address is not to be had.
    #[error("cannot listen on {address} (name another with --listen; port 0 takes a free one)")]
    Listen {
        /// Where it should have listened.
        address: SocketAddr,
        /// Why it cannot.
        source: io::Error,
    },
    /// There is nothing to send webhooks with.
    #[error("cannot make a client for webhooks")]
    Client(#[source] reqwest::Error),
}

/// Starts a stand-in for this API in this process, on the current runtime.
pub(crate) async fn start<A: Api>(
    api: A,
    quotas: &[(&'static str, Quota)],
    options: Options,
) -> Result<Running<A>, StartError> {
    let address = options.listen;
    let refused = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;
    let house = House {
        desk: Arc::new(Desk::new(api, quotas, options)),
        courier: Courier::new().map_err(StartError::Client)?,
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let door = Door {
        stop: house.stop.clone(),
        tasks: house.tasks.clone(),
    };
    let answering = house.clone();
    let answer = move |request| call::answer(answering.clone(), request);
    house.tasks.spawn(accept(listener, door, answer));
    Ok(Running {
        addr,
        stop: house.stop.clone().drop_guard(),
        house,
    })
}

/// A running stand-in; it stops when this is dropped.
#[derive(Debug)]
pub struct Running<A: Api> {
    addr: SocketAddr,
    house: House<A>,
    stop: DropGuard,
}

impl<A: Api> Running<A> {
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
        self.house.desk.state().ledger.after(seq, None)
    }

    /// Everything that calls changed, in order, as far as the ledger still has it.
    pub fn effects(&self) -> Vec<Effect> {
        let calls = self.calls_after(0).into_iter();
        let mut effects: Vec<Effect> = calls.flat_map(|call| call.effects).collect();
        effects.sort_unstable_by_key(|effect| effect.order);
        effects
    }

    /// What all calls came to.
    pub fn summary(&self) -> Summary {
        self.house.desk.state().ledger.summary().clone()
    }

    /// The messages that were sent to webhooks, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.house.desk.state().deliveries.after(0)
    }

    /// Waits until the summary is as wanted; it is looked at after every change.
    pub async fn until(&self, mut wanted: impl FnMut(&Summary) -> bool) {
        let mut changes = self.house.desk.changes();
        while !wanted(self.house.desk.state().ledger.summary()) && changes.changed().await.is_ok() {
        }
    }

    /// Waits until the deliveries are as wanted; they are looked at after every change.
    pub async fn until_delivered(&self, mut wanted: impl FnMut(&[&Delivery]) -> bool) {
        let mut changes = self.house.desk.changes();
        loop {
            let met = {
                let state = self.house.desk.state();
                wanted(&state.deliveries.all().collect::<Vec<_>>())
            };
            if met || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Puts these faults in force in place of all others, or says which of them is none.
    pub fn set_faults<'a>(&self, specs: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
        let faults = specs.into_iter().map(fault::<A>);
        let faults = faults.collect::<Result<Vec<_>, _>>()?;
        self.house.desk.state().faults = Faults::new(faults);
        Ok(())
    }

    /// Puts another quota of that name in force; whether there is one. What was counted stays counted.
    pub fn set_quota(&self, name: &str, quota: Quota) -> bool {
        self.house.desk.state().set_quota(name, quota)
    }

    /// What a POST to `/_sandbox/{what}` with this body does, without the connection: its answer, or why it was not done.
    pub fn steer(&self, what: &str, body: &Value) -> Result<Value, String> {
        control::order(&self.house, &Method::POST, what, body).map_err(|refusal| refusal.1)
    }

    /// What a GET of `/_sandbox/{what}` shows that this stand-in alone has, without the connection.
    pub fn look(&self, what: &str) -> Result<Value, String> {
        control::order(&self.house, &Method::GET, what, &Value::Null).map_err(|refusal| refusal.1)
    }

    /// Stops: calls in flight are answered within two seconds or cut, hanging ones are cut at once.
    pub async fn stop(self) {
        drop(self.stop);
        self.house.tasks.close();
        self.house.tasks.wait().await;
    }
}
