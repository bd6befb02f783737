//! The one place where calls come in: quota, faults, world and ledger behind one lock, held only while nothing waits.
//!
//! One lock, so that the ledger's order is the order in which calls were counted and took effect.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use uuid::Uuid;

use super::api::World;
use super::api::answer::Answer;
use super::api::oauth::gate;
use super::api::operation::{Done, Input};
use super::clock::{Clock, Moment};
use super::fault::{Faults, Plan, Subject};
use super::ledger::{Arrival, Ledger};
use super::options::{Latency, Options};
use super::quota::{Meter, Quotas};
use super::request::Request;

/// The longest name of a tenant, in bytes; a longer one counts as none.
const TENANT_CAP: usize = 128;
/// How much of a path the ledger keeps, in characters.
const PATH_CAP: usize = 512;

/// The tenant of the calls about access, in the ledger.
const ACCESS: &str = "oauth";

#[derive(Debug)]
pub(super) struct Desk {
    clock: Clock,
    tokens: Vec<SecretString>,
    latency: Latency,
    seed: u64,
    state: Mutex<State>,
    /// Grows with every change of the ledger, for those who wait for one.
    revision: watch::Sender<u64>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) quotas: Quotas,
    pub(super) faults: Faults,
    pub(super) ledger: Ledger,
    dice: StdRng,
}

/// What was decided about a call as it arrived.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) seq: u64,
    pub(super) at: Moment,
    pub(super) tenant: Arc<str>,
    /// None for what no quota counts.
    pub(super) meter: Option<Meter>,
    pub(super) plan: Plan,
    /// How long it takes to its effect, and from there to its answer.
    pub(super) halves: (Duration, Duration),
    pub(super) trace_id: Uuid,
}

impl Ticket {
    /// How long until a call would be let in, where this one was not.
    pub(super) fn refused_for(&self) -> Option<Duration> {
        self.meter.and_then(|meter| meter.refused_for)
    }
}

impl Desk {
    pub(super) fn new(options: Options) -> Self {
        let world = World::new(&options);
        Self {
            clock: Clock::start(options.clock),
            tokens: options.tokens,
            latency: options.latency,
            seed: options.seed,
            state: Mutex::new(State {
                world,
                quotas: Quotas::new(options.quota),
                faults: Faults::new(options.faults),
                ledger: Ledger::new(options.ledger_cap, options.keep_contents),
                // Another stream than the ids', which faults must not change.
                dice: StdRng::seed_from_u64(!options.seed),
            }),
            revision: watch::Sender::new(0),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Counts a call, enters it in the ledger, and decides what it will meet.
    pub(super) fn admit(&self, request: &Request) -> Ticket {
        let mut state = self.state();
        let at = self.clock.now();
        let tenant = tenant(&state.world, request);
        let meter = (!request.is_access()).then(|| state.quotas.take(&tenant, at));
        let over_quota = meter.is_some_and(|meter| meter.refused_for.is_some());
        let plan = if over_quota {
            Plan::default()
        } else {
            state.plan(request, &tenant)
        };
        let fault = plan.label.clone();
        let seq = state
            .ledger
            .enter(arrival(request, at, &tenant, over_quota, fault));
        let halves = halves(self.latency, &mut state.dice);
        drop(state);
        self.announce();
        let trace_id = Uuid::from_u64_pair(self.seed, seq);
        Ticket {
            seq,
            at,
            tenant,
            meter,
            plan,
            halves,
            trace_id,
        }
    }

    /// Does what a call asks for, if it may.
    pub(super) fn perform(&self, request: &Request, ticket: &Ticket) -> Answer {
        let mut state = self.state();
        let now = self.clock.now();
        let answer = match self.run(&mut state.world, request, ticket, now) {
            Ok((status, done)) => {
                if let Some(change) = done.change {
                    state.ledger.effect(ticket.seq, &ticket.tenant, now, change);
                }
                Answer {
                    redirect: done.redirect,
                    ..Answer::new(status, done.body)
                }
            }
            Err(refusal) => refusal,
        };
        drop(state);
        self.announce();
        answer
    }

    fn run(
        &self,
        world: &mut World,
        request: &Request,
        ticket: &Ticket,
        now: Moment,
    ) -> Result<(u16, Done), Answer> {
        let (operation, params) = request.operation()?;
        let visit = request.visit(world, now);
        let caller = gate::admit(world, &self.tokens, operation, visit)?;
        let body = request.valid_body(operation)?;
        let list_horizon = now.minus(ticket.plan.list_lag);
        let search_horizon = now.minus(ticket.plan.search_lag);
        let input = Input {
            caller: caller.as_ref(),
            params,
            query: &request.query,
            body: &body,
            now,
            list_horizon,
            search_horizon,
        };
        operation
            .run(world, &input)
            .map(|done| (operation.ok, done))
    }

    /// Enters how a call ended.
    pub(super) fn close(&self, ticket: &Ticket, status: Option<u16>) {
        self.state()
            .ledger
            .close(ticket.seq, self.clock.now(), status);
        self.announce();
    }

    fn announce(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }
}

impl State {
    fn plan(&mut self, request: &Request, tenant: &str) -> Plan {
        let contacts = [
            request.contact_id(),
            request.field("email"),
            request.field("phone"),
        ];
        let subject = Subject {
            op: request.operation_id(),
            tenant: whose_access(&self.world, request).unwrap_or(tenant),
            contacts: &contacts,
        };
        self.faults.plan(&subject, &mut self.dice)
    }
}

fn arrival(
    request: &Request,
    at: Moment,
    tenant: &Arc<str>,
    over_quota: bool,
    fault: Option<Arc<str>>,
) -> Arrival {
    Arrival {
        at,
        tenant: Arc::clone(tenant),
        operation: request.operation_id(),
        method: request.method.clone(),
        path: request.path.chars().take(PATH_CAP).collect(),
        over_quota,
        fault,
    }
}

/// The location or company that a call about access is for, as far as it can be told: faults may be meant for one alone.
fn whose_access<'a>(world: &'a World, request: &'a Request) -> Option<&'a str> {
    let oauth = world.oauth.as_ref().filter(|_| request.is_access())?;
    let by_token = request
        .field("refresh_token")
        .and_then(|token| oauth.refreshed_by(token));
    by_token.or_else(|| request.location())
}

/// Whose quota a call uses: its token's location, else the location that it names, else that of its contact, else one for its
/// token. Calls about access have one name in common, since they use none.
fn tenant(world: &World, request: &Request) -> Arc<str> {
    if request.is_access() {
        return ACCESS.into();
    }
    let oauth = world.oauth.as_ref();
    let of_token = oauth
        .zip(request.bearer())
        .and_then(|(oauth, bearer)| oauth.location_of(bearer));
    let location = of_token
        .or_else(|| request.location_in(world))
        .filter(|location| !location.is_empty() && location.len() <= TENANT_CAP);
    match (location, request.bearer()) {
        (Some(location), _) => location.into(),
        // A part of its hash tells tokens apart without giving them away.
        (None, Some(bearer)) => format!("token-{:08x}", short_hash(bearer)).into(),
        (None, None) => "unknown".into(),
    }
}

fn short_hash(text: &str) -> u32 {
    Sha256::digest(text)
        .iter()
        .take(4)
        .fold(0, |hash, byte| hash << 8 | u32::from(*byte))
}

fn halves(latency: Latency, dice: &mut StdRng) -> (Duration, Duration) {
    let whole = dice.random_range(latency.least..=latency.most);
    (whole / 2, whole.saturating_sub(whole / 2))
}
