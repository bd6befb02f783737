//! The real queue and the plain one, to which the same things happen.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use penstock_shared::{
    job::state::{Api, Ending, Hold},
    outcome::Permit,
    queue::{
        claim::{ClaimRequest, Claimed},
        dead::DeadLetter,
        enqueue::Admission,
        govern::{Govern, Own},
        reference::Lane,
        repair::{Changed, Named, Redrive},
        settle::{Advance, Fields, Settled, Settlement},
    },
};
use penstock_tests::fixture::{Bench, START, settlement};

use crate::{
    operation::{End, Operation, Settle, WORKERS, Which, effect},
    plain::Plain,
    running::{Given, Step},
    spec::{Key, Spec, TENANTS, Work},
};

/// The quotas of whoever has none of its own.
const QUOTAS: [&str; 2] = ["3/5s", "12/1m"];

/// Both queues.
pub(crate) struct World {
    pub(crate) bench: Bench,
    pub(crate) plain: Plain,
    /// Every delivery there ever was, with the number of its last step.
    pub(crate) deliveries: Vec<Delivery>,
    requests: BTreeMap<u8, ClaimRequest>,
    letters: BTreeMap<Key, DeadLetter>,
}

/// A delivery, as the worker knows it.
pub(crate) struct Delivery {
    pub(crate) key: Key,
    pub(crate) worker: u8,
    pub(crate) claimed: Claimed,
    steps: u32,
    advanced: bool,
}

fn key_of(claimed: &Claimed) -> Result<Key> {
    let (tenant, id) = (claimed.reference.tenant(), claimed.reference.id());
    Key::of(tenant, id).with_context(|| format!("a job that nobody stored: {tenant}/{id}"))
}

fn worker_name(worker: u8) -> String {
    format!("worker-{worker}")
}

fn same<T: std::fmt::Debug + PartialEq>(what: &str, said: &T, expected: &T) -> Result<()> {
    ensure!(
        said == expected,
        "{what}: the queue says {said:?}, the model {expected:?}"
    );
    Ok(())
}

impl World {
    /// Empty queues on this bench's server.
    pub(crate) async fn new(mut bench: Bench) -> Self {
        bench.wipe().await;
        bench.now = START;
        bench.quotas(QUOTAS[0], QUOTAS[1]).await;
        let terms = *bench.queue().terms();
        let quotas = QUOTAS.map(|quota| quota.parse().expect("a quota"));
        Self {
            plain: Plain::new(bench.now, terms, quotas),
            bench,
            deliveries: Vec::new(),
            requests: BTreeMap::new(),
            letters: BTreeMap::new(),
        }
    }

    /// Both do it, and their answers agree.
    pub(crate) async fn happen(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::Enqueue { specs, whole } => self.enqueue(specs, *whole).await,
            Operation::Claim { worker, slots } => self.claim(*worker, *slots).await,
            Operation::ClaimAgain { worker } => self.claim_again(*worker).await,
            Operation::Renew { worker } => self.renew(*worker).await,
            Operation::Pass { ms } => {
                self.pass(*ms);
                Ok(())
            }
            Operation::Settle(settles) => self.settle(settles).await,
            Operation::Advance {
                which,
                answered,
                intent,
                again,
            } => self.advance(which, *answered, *intent, *again).await,
            Operation::Redrive {
                keys,
                priority,
                delay,
                resend,
            } => {
                let redrive = |key: &Key| Redrive {
                    letter: named(*key),
                    priority: *priority,
                    delay: Duration::from_millis(*delay),
                };
                let jobs: Vec<_> = keys.iter().map(redrive).collect();
                let said = self.bench.queue().redrive(&jobs, *resend).await?;
                let model = keys
                    .iter()
                    .map(|key| self.plain.redrive(*key, *priority, *delay, *resend));
                same("redrive", &said, &model.collect())
            }
            Operation::Discard(keys) => {
                let jobs: Vec<_> = keys.iter().copied().map(named).collect();
                let said = self.bench.queue().discard(&jobs).await?;
                same(
                    "discard",
                    &said,
                    &keys.iter().map(|key| self.plain.discard(*key)).collect(),
                )
            }
            Operation::Edit { key, work, look } => self.edit(*key, work, *look).await,
            Operation::Resolve { key, effect } => self.resolve(*key, *effect).await,
            other => self.govern(other).await,
        }
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.bench.pass(ms);
        self.plain.pass(ms);
    }

    async fn enqueue(&mut self, specs: &[Spec], whole: bool) -> Result<()> {
        let jobs: Vec<_> = specs
            .iter()
            .map(|spec| spec.draft(self.bench.now).build())
            .collect();
        let admission = if whole {
            Admission::AllOrNothing
        } else {
            Admission::Each
        };
        let said = self.bench.queue().enqueue(&jobs, admission).await?;
        same("enqueue", &said, &self.plain.enqueue(specs, whole))
    }

    pub(crate) async fn claim(&mut self, worker: u8, slots: usize) -> Result<()> {
        let mut request = self.bench.request(slots);
        let held = TENANTS.iter().zip(self.plain.held(worker));
        request.held = held
            .map(|(tenant, held)| {
                (
                    Lane::ghl(tenant).to_string(),
                    usize::try_from(held).expect("few"),
                )
            })
            .collect();
        let claim = self.bench.claim_as(&worker_name(worker), &request).await;
        self.requests.insert(worker, request);
        let mut given = Vec::new();
        for claimed in claim.jobs {
            let key = key_of(&claimed)?;
            given.push(Given {
                key,
                token: claimed.token,
                deliveries: claimed.deliveries.into(),
                attempts: claimed.run.attempts(),
            });
            self.deliveries.push(Delivery {
                key,
                worker,
                claimed,
                steps: 0,
                advanced: false,
            });
        }
        self.plain.claim(worker, slots, &given)
    }

    async fn claim_again(&mut self, worker: u8) -> Result<()> {
        let Some(request) = self.requests.get(&worker) else {
            return Ok(());
        };
        let claim = self.bench.claim_as(&worker_name(worker), request).await;
        let said = claim.jobs.iter().map(|job| Ok((key_of(job)?, job.token)));
        // In whatever order.
        let mut said = said.collect::<Result<Vec<_>>>()?;
        let mut given = self.plain.claim_again(worker);
        said.sort_unstable();
        given.sort_unstable();
        same("claim, repeated", &said, &given)
    }

    async fn renew(&mut self, worker: u8) -> Result<()> {
        let mine = self
            .deliveries
            .iter()
            .filter(|delivery| delivery.worker == worker);
        let (references, keys): (Vec<_>, Vec<_>) = mine
            .map(|Delivery { key, claimed, .. }| {
                (
                    (claimed.reference.clone(), claimed.token),
                    (*key, claimed.token),
                )
            })
            .unzip();
        let lost = self
            .bench
            .queue()
            .renew(0, &worker_name(worker), &references)
            .await?
            .lost;
        let lost = lost
            .iter()
            .filter_map(|lost| Key::of(lost.tenant(), lost.id()));
        same("renew", &lost.collect(), &self.plain.renew(&keys))
    }

    /// The delivery that is meant, if there is any.
    fn delivery(&self, which: &Which) -> Option<usize> {
        let runs = |delivery: &Delivery| self.plain.is_owner(delivery.key, delivery.claimed.token);
        let all = 0..self.deliveries.len();
        let meant: Vec<_> = all
            .filter(|at| which.any || runs(&self.deliveries[*at]))
            .collect();
        (!meant.is_empty()).then(|| meant[which.index.index(meant.len())])
    }

    async fn settle(&mut self, settles: &[Settle]) -> Result<()> {
        let mut settlements = Vec::new();
        let mut meant = Vec::new();
        for settle in settles {
            if let Some(at) = self.delivery(&settle.which) {
                let delivery = &self.deliveries[at];
                let mut settlement = settled_so(&delivery.claimed, settle.end, settle.permit);
                settlement.has_run = !delivery.claimed.run.is_empty() || delivery.advanced;
                settlements.push(settlement);
                meant.push((at, settle));
            }
        }
        let said = self.bench.settle(&settlements).await;
        // Who does not hold the job is judged by what was before the call.
        let holds = |at: usize| {
            let Delivery { key, claimed, .. } = &self.deliveries[at];
            self.plain.is_owner(*key, claimed.token)
        };
        let mut order: Vec<_> = (0..meant.len()).collect();
        order.sort_by_key(|number| holds(meant[*number].0));
        let mut expected = vec![Settled::Missing; meant.len()];
        for number in order {
            let (at, settle) = meant[number];
            let Delivery { key, claimed, .. } = &self.deliveries[at];
            let ended = self
                .plain
                .settle(*key, claimed.token, settle.end, settle.permit);
            expected[number] = ended;
        }
        same("settle", &said, &expected)
    }

    /// One delivery ends so.
    pub(crate) async fn settle_one(
        &mut self,
        claimed: &Claimed,
        end: End,
        permit: Permit,
    ) -> Result<()> {
        let said = self.bench.settle(&[settled_so(claimed, end, permit)]).await;
        let expected = self
            .plain
            .settle(key_of(claimed)?, claimed.token, end, permit);
        same("settle", &said, &vec![expected])
    }

    async fn advance(
        &mut self,
        which: &Which,
        answered: bool,
        intent: bool,
        again: bool,
    ) -> Result<()> {
        let Some(at) = self.delivery(which) else {
            return Ok(());
        };
        let delivery = &mut self.deliveries[at];
        delivery.steps += u32::from(!again);
        delivery.advanced = true;
        let (key, claimed, number) = (delivery.key, &delivery.claimed, delivery.steps);
        let step = penstock_shared::queue::settle::Step {
            number,
            answered,
            fields: Fields::new(),
            intent: intent.then(|| "a note".into()),
            report: None,
            calls: 0,
            took: Duration::ZERO,
        };
        let said: Advance = self
            .bench
            .queue()
            .advance(&claimed.reference, claimed.token, &step)
            .await?;
        self.plain.advance(
            key,
            claimed.token,
            Step {
                number,
                answered,
                intent,
            },
            said,
        )
    }

    /// The dead letter with this id, as a person sees it now.
    async fn look(&mut self, key: Key) -> Result<()> {
        let found = self
            .bench
            .queue()
            .dead_by_id(&key.id(), Some(key.tenant()))
            .await?;
        self.letters
            .extend(found.into_iter().map(|letter| (key, letter)));
        Ok(())
    }

    async fn edit(&mut self, key: Key, work: &Work, look: bool) -> Result<()> {
        if look {
            self.look(key).await?;
        }
        let Some(letter) = self.letters.get(&key) else {
            return Ok(());
        };
        let draft = work.on(penstock_tests::fixture::job(&key.id()).of(key.tenant()));
        let said = self.bench.queue().edit(letter, &draft.job()).await?;
        same("edit", &said, &self.plain.edit(key, letter.dead_ms, work))
    }

    async fn resolve(&mut self, key: Key, number: Option<u8>) -> Result<()> {
        self.look(key).await?;
        let Some(letter) = self.letters.get(&key) else {
            return Ok(());
        };
        let effect = number.map(effect);
        let said: Changed = self
            .bench
            .queue()
            .resolve_done(letter, effect.as_deref())
            .await?;
        same("resolve", &said, &self.plain.resolve(key, effect))
    }

    async fn govern(&mut self, operation: &Operation) -> Result<()> {
        let queue = self.bench.queue();
        match operation {
            Operation::Pause { tenant } => {
                queue
                    .govern(TENANTS[usize::from(*tenant)], &Govern::Pause)
                    .await?;
                self.plain.lanes[usize::from(*tenant)].paused = true;
            }
            Operation::Resume { tenant } => {
                queue
                    .govern(TENANTS[usize::from(*tenant)], &Govern::Resume)
                    .await?;
                let lane = &mut self.plain.lanes[usize::from(*tenant)];
                (lane.paused, lane.held_until) = (false, 0);
            }
            Operation::SetQuotas {
                tenant,
                burst,
                daily,
            } => {
                let quotas = [burst, daily].map(|quota| quota.parse().expect("a quota"));
                let set = Govern::Set {
                    burst: Some(Own::Quota(quotas[0])),
                    daily: Some(Own::Quota(quotas[1])),
                    weight: None,
                };
                queue.govern(TENANTS[usize::from(*tenant)], &set).await?;
                let now = self.bench.now;
                self.plain.lanes[usize::from(*tenant)]
                    .permits
                    .set(quotas, now);
            }
            Operation::Learn { tenant, id, named } => {
                let id = crate::spec::contact_id(*id);
                let references: Vec<_> = named.iter().map(|named| named.reference()).collect();
                let contact = id.parse().expect("a contact's id");
                queue
                    .learn(TENANTS[usize::from(*tenant)], &contact, &references)
                    .await?;
                let names = std::iter::once(id).chain(named.iter().map(|named| named.name()));
                self.plain.learn(*tenant, &names.collect::<Vec<_>>());
            }
            _ => {
                queue.forget(0).await?;
                self.plain.forget();
            }
        }
        Ok(())
    }

    /// All that still runs, whichever worker has it.
    pub(crate) fn running(&self) -> Vec<&Claimed> {
        let runs = |it: &&Delivery| self.plain.is_owner(it.key, it.claimed.token);
        self.deliveries
            .iter()
            .filter(runs)
            .map(|it| &it.claimed)
            .collect()
    }

    /// A worker that is busy with nothing.
    pub(crate) fn fresh_worker() -> u8 {
        WORKERS
    }
}

fn settled_so(claimed: &Claimed, end: End, permit: Permit) -> Settlement {
    let mut settlement = match end {
        End::Done { effect: number } => settlement(
            claimed,
            Ending::Done {
                result: serde_json::json!({}),
                effect: number.map(effect),
            },
        ),
        End::Dead { cause } => penstock_tests::fixture::dead(claimed, cause),
        End::Back {
            after,
            attempt,
            delivery,
        } => settlement(
            claimed,
            Ending::Back {
                after: Duration::from_millis(after),
                attempt,
                delivery,
            },
        ),
        End::Throttled { .. } => settlement(
            claimed,
            Ending::Back {
                after: Duration::ZERO,
                attempt: false,
                delivery: false,
            },
        ),
    };
    if let End::Throttled { wait } = end {
        settlement.transition.hold = Some(Hold {
            wait: Duration::from_millis(wait),
            why: "throttled",
            token: None,
        });
    }
    settlement.transition.permit = permit;
    if let End::Done { .. } = end {
        // As of a call that was answered: nothing here opens a breaker.
        settlement.transition.api = Some(Api::Up);
    }
    settlement.history = Some(r#"{"error":"failed"}"#.to_owned());
    settlement
}

/// Whichever death it was.
fn named(key: Key) -> Named {
    Named {
        tenant: key.tenant().into(),
        id: key.id(),
        dead_ms: None,
    }
}
