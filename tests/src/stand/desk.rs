//! The one place where calls come in: quotas, faults, the API, ledger and deliveries behind one lock, held only while nothing
//! waits.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use parking_lot::{Mutex, MutexGuard};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use super::api::{Answer, Api, Input, Operation, Visit};
use super::deliveries::{Attempt, Deliveries, Fate};
use super::hook::{Hook, Letter, Posting};
use super::ledger::{Arrival, Ledger};
use super::options::{Options, terms};
use super::request::Request;
use crate::sandbox::clock::Clock;
use crate::sandbox::fault::{Faults, Plan, Subject};
use crate::sandbox::quota::Quotas;
use crate::sandbox::{Latency, Moment, Params, Quota};

/// How much of a path the ledger keeps, in characters.
const PATH_CAP: usize = 512;

#[derive(Debug)]
pub(super) struct Desk<A> {
    clock: Clock,
    latency: Latency,
    state: Mutex<State<A>>,
    /// Grows with every change of the ledger and of the deliveries, for those who wait for one.
    revision: watch::Sender<u64>,
}

#[derive(Debug)]
pub(super) struct State<A> {
    pub(super) api: A,
    pub(super) quotas: BTreeMap<&'static str, Quotas>,
    pub(super) faults: Faults,
    pub(super) ledger: Ledger,
    pub(super) deliveries: Deliveries,
    dice: StdRng,
}

/// What was decided about a call as it arrived.
#[derive(Debug)]
pub(super) struct Ticket<A: Api> {
    seq: u64,
    route: Option<(&'static Operation<A>, Params)>,
    /// How long until a call would be let in, where this one was not.
    pub(super) refused_for: Option<Duration>,
    pub(super) plan: Plan,
    /// How long it takes to its effect, and from there to its answer.
    pub(super) halves: (Duration, Duration),
}

/// A message as it goes out.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) hook: Hook,
    pub(super) body: Bytes,
}

impl<A: Api> Desk<A> {
    pub(super) fn new(api: A, quotas: &[(&'static str, Quota)], options: Options) -> Self {
        let quotas = quotas
            .iter()
            .map(|(name, quota)| (*name, Quotas::new(terms(*quota, options.window))));
        Self {
            clock: Clock::start(SignedDuration::ZERO),
            latency: options.latency,
            state: Mutex::new(State {
                api,
                quotas: quotas.collect(),
                faults: Faults::new(options.faults),
                ledger: Ledger::new(options.ledger_cap),
                deliveries: Deliveries::default(),
                // Another stream than the ids', which faults must not change.
                dice: StdRng::seed_from_u64(!options.seed),
            }),
            revision: watch::Sender::new(0),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock()
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Counts a call, enters it in the ledger, and decides what it will meet.
    pub(super) fn admit(&self, request: &Request) -> Ticket<A> {
        let mut state = self.state();
        let at = self.now();
        let route = state.route(request);
        let operation = route.as_ref().map_or("unknown", |(known, _)| known.id);
        let visit = state.api.visit(operation, request);
        let quota = visit.quota.and_then(|name| state.quotas.get_mut(name));
        let refused_for = quota.and_then(|quota| quota.take(&visit.tenant, at).refused_for);
        let plan = match refused_for {
            Some(_) => Plan::default(),
            None => state.plan(operation, &visit),
        };
        let seq = state.ledger.enter(Arrival {
            at,
            tenant: visit.tenant,
            operation,
            method: request.method().clone(),
            path: request.path().chars().take(PATH_CAP).collect(),
            over_quota: refused_for.is_some(),
            fault: plan.label.clone(),
        });
        let whole = state
            .dice
            .random_range(self.latency.least..=self.latency.most);
        drop(state);
        self.announce();
        Ticket {
            seq,
            route,
            refused_for,
            plan,
            halves: (whole / 2, whole.saturating_sub(whole / 2)),
        }
    }

    /// Does what a call asks for, if it may; and the numbers of the messages that are to be sent for it.
    pub(super) fn perform(&self, request: &Request, ticket: &Ticket<A>) -> (Answer, Vec<u64>) {
        let mut state = self.state();
        let now = self.now();
        let mut answer = state.run(request, ticket.route.as_ref(), now);
        for change in answer.changes.drain(..) {
            state.ledger.effect(ticket.seq, now, change);
        }
        let letters = std::mem::take(&mut answer.letters);
        let posts = state.enter(&letters);
        drop(state);
        self.announce();
        (answer, posts)
    }

    /// Enters how a call ended.
    pub(super) fn close(&self, ticket: &Ticket<A>, status: Option<u16>, code: Option<i64>) {
        let now = self.now();
        self.state().ledger.close(ticket.seq, now, status, code);
        self.announce();
    }

    /// A message to be sent; none if its webhook is gone or disabled.
    pub(super) fn post(&self, delivery: u64) -> Option<Post> {
        let mut state = self.state();
        let State {
            api, deliveries, ..
        } = &mut *state;
        let delivery = deliveries.get_mut(delivery)?;
        let hook = api.hooks().get(&delivery.hook).filter(|hook| hook.live);
        if let Some(hook) = hook {
            return Some(Post {
                hook: hook.clone(),
                body: delivery.bytes(),
            });
        }
        if delivery.state == Fate::Pending {
            delivery.state = Fate::Disabled;
        }
        drop(state);
        self.announce();
        None
    }

    /// Enters how a message was answered, and how long to wait before it is sent again; none if it is not.
    pub(super) fn posted(&self, id: u64, posting: &Posting, attempt: Attempt) -> Option<Duration> {
        let mut state = self.state();
        let State {
            api, deliveries, ..
        } = &mut *state;
        let delivery = deliveries.get_mut(id)?;
        let fate = delivery.answered(attempt, posting);
        let again = posting.retries.get(delivery.attempts.len() - 1);
        if let Some(hook) = api.hooks().get_mut(&delivery.hook) {
            hook.last_status = attempt.status;
            hook.live &= fate != Fate::Disabled;
        }
        drop(state);
        self.announce();
        again.copied().filter(|_| fate == Fate::Pending)
    }

    pub(super) fn announce(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }
}

impl<A: Api> State<A> {
    fn route(&self, request: &Request) -> Option<(&'static Operation<A>, Params)> {
        let path = self.api.path(request.path());
        A::operations().iter().find_map(|operation| {
            let params = operation.params(request.method(), &path);
            params.map(|params| (operation, params))
        })
    }

    fn plan(&mut self, op: &'static str, visit: &Visit) -> Plan {
        let contacts: Vec<Option<&str>> = visit
            .contacts
            .iter()
            .map(|contact| Some(contact.as_str()))
            .collect();
        let subject = Subject {
            op,
            tenant: &visit.tenant,
            contacts: &contacts,
        };
        self.faults.plan(&subject, &mut self.dice)
    }

    fn run(
        &mut self,
        request: &Request,
        route: Option<&(&'static Operation<A>, Params)>,
        now: Moment,
    ) -> Answer {
        let Some((operation, params)) = route else {
            return A::no_route(request).into();
        };
        let input = Input {
            request,
            params,
            now,
        };
        let admitted = self.api.admit(operation.id, &input);
        let done = admitted.and_then(|()| (operation.run)(&mut self.api, &input));
        done.unwrap_or_else(Answer::from)
    }

    /// Enters these letters for all who want them, and numbers each.
    pub(super) fn enter(&mut self, letters: &[Letter]) -> Vec<u64> {
        let hooks = self.api.hooks();
        let mut entered = Vec::new();
        for letter in letters {
            for hook in hooks.for_letter(letter) {
                entered.push(self.deliveries.enter(hook, letter));
            }
        }
        entered
    }
}

impl<A> State<A> {
    /// Puts another quota in force; what was counted stays counted.
    pub(super) fn set_quota(&mut self, name: &str, quota: Quota) -> bool {
        let known = self.quotas.get_mut(name);
        known
            .map(|known| known.set_terms(terms(quota, known.terms().window)))
            .is_some()
    }
}
