//! Groups over random histories: however jobs are put together, taken apart, lost and given again, each ends once and those of a contact in
//! their order.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use penstock_shared::{
    job::state::{Api, Ending},
    queue::{
        claim::{ClaimRequest, Claimed},
        settle::{Settled, Settlement},
    },
};
use penstock_tests::fixture::{Bench, START, by_itself, delivered, job, settlement};
use proptest::{collection::vec, prelude::*};

use crate::{
    cases::{hold, runtime},
    check::leaked,
};

const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/model/proptest-regressions/groups.txt"
);
/// The most jobs of a group.
const MOST: u32 = 4;
/// Longer than a lease, and than a call without an answer may still arrive.
const LONG: u64 = 60_000;
const CONTACTS: u8 = 3;

#[derive(Debug, Clone)]
enum Event {
    /// Jobs for these contacts, each with one of two tags, or a note.
    Enqueue(Vec<(u8, u8)>),
    Claim(usize),
    /// The last claim again: its answer was lost.
    Again,
    /// A group ends: so many of its riders are done, the next is sent singly; the leader is done, or has failed.
    Settle(prop::sample::Index, usize, bool),
    /// Every worker is silent for so long that all leases end.
    Lose,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => vec((0..CONTACTS, 0..3_u8), 1..6).prop_map(Event::Enqueue),
        3 => (1..8_usize).prop_map(Event::Claim),
        1 => Just(Event::Again),
        3 => (any::<prop::sample::Index>(), 0..4_usize, any::<bool>())
            .prop_map(|(which, done, ends)| Event::Settle(which, done, ends)),
        1 => Just(Event::Lose),
    ]
}

struct World {
    bench: Bench,
    /// Of each contact, its unfinished jobs in their order.
    open: BTreeMap<u8, Vec<String>>,
    contact_of: BTreeMap<String, u8>,
    running: Vec<Claimed>,
    last: Option<ClaimRequest>,
    stored: usize,
}

#[test]
fn each_ends_once_and_in_its_turn() {
    let runtime = runtime();
    let start = || Bench::with(|terms| terms.coalesce = MOST);
    let bench = std::cell::RefCell::new(Some(runtime.block_on(start())));
    hold(KEPT, 200, &vec(any_event(), 1..40), |history| {
        let taken = bench.borrow_mut().take().expect("one history at a time");
        let (taken, result) = runtime.block_on(live_through(taken, &history));
        *bench.borrow_mut() = Some(taken);
        result
    });
}

async fn live_through(mut bench: Bench, history: &[Event]) -> (Bench, Result<()>) {
    bench.wipe().await;
    bench.now = START;
    bench.quotas("100/1s", "10000/1m").await;
    let mut world = World {
        bench,
        open: BTreeMap::new(),
        contact_of: BTreeMap::new(),
        running: Vec::new(),
        last: None,
        stored: 0,
    };
    let result = all(&mut world, history).await;
    (world.bench, result)
}

async fn all(world: &mut World, history: &[Event]) -> Result<()> {
    for event in history {
        world
            .happen(event)
            .await
            .with_context(|| format!("{event:?}"))?;
        world.counts_agree().await?;
    }
    let mut rounds = 0;
    while world.open.values().any(|open| !open.is_empty()) {
        rounds += 1;
        ensure!(rounds < 100, "stuck: {:?}", world.open);
        while let Some(group) = world.running.first().cloned() {
            world.settle(&group, usize::MAX, true).await?;
        }
        world.bench.pass(2_000);
        world.claim(20).await?;
    }
    world.bench.pass(2 * 24 * 3_600_000);
    while world.bench.queue().forget(0).await? {}
    // Permits come back by a worker's clock, and then somebody looks at the lane once more.
    world.bench.queue().renew(0, "w", &[]).await?;
    let resume = penstock_shared::queue::govern::Govern::Resume;
    world.bench.queue().govern("acme", &resume).await?;
    let left = world.bench.snapshot().await;
    ensure!(leaked(&left).is_empty(), "left behind: {:?}", leaked(&left));
    Ok(())
}

impl World {
    async fn happen(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Enqueue(jobs) => self.enqueue(jobs).await,
            Event::Claim(slots) => return self.claim(*slots).await,
            Event::Again => return self.claim_again().await,
            Event::Settle(which, done, ends) if !self.running.is_empty() => {
                let group = self.running[which.index(self.running.len())].clone();
                return self.settle(&group, *done, *ends).await;
            }
            Event::Settle(..) => {}
            Event::Lose => {
                // Somebody lives, or it would be Redis that was away.
                self.bench.live(LONG, &[]).await;
                self.running.clear();
                self.last = None;
            }
        }
        Ok(())
    }

    async fn enqueue(&mut self, jobs: &[(u8, u8)]) {
        let mut drafts = Vec::new();
        for (contact, what) in jobs {
            let id = format!("j{}", self.stored);
            self.stored += 1;
            let draft = job(&id).contact(&format!("c{contact}"));
            drafts.push(match what {
                2 => draft.note(&id),
                tag => draft.tag(&format!("tag-{tag}")),
            });
            self.open.entry(*contact).or_default().push(id.clone());
            self.contact_of.insert(id, *contact);
        }
        self.bench.enqueue(&drafts).await;
    }

    async fn claim(&mut self, slots: usize) -> Result<()> {
        let mut request = self.bench.request(slots);
        request.held = vec![("ghl/acme".to_owned(), 0)];
        let given = self.bench.claim_as("w", &request).await.jobs;
        self.last = Some(request);
        for group in given {
            self.may_run(&group)
                .with_context(|| format!("{:?}", members(&group)))?;
            self.running.push(group);
        }
        Ok(())
    }

    /// What is given twice is given in the same groups, as far as it has not ended since.
    async fn claim_again(&mut self) -> Result<()> {
        let Some(request) = &self.last else {
            return Ok(());
        };
        for group in self.bench.claim_as("w", request).await.jobs {
            let same = |known: &&Claimed| is_same(known, &group);
            let known = self.running.iter().find(same).context("unknown")?;
            ensure!(members(known) == members(&group), "another group");
        }
        Ok(())
    }

    /// A group takes the first of each contact's open jobs, and of one contact those that follow.
    fn may_run(&self, group: &Claimed) -> Result<()> {
        let names = members(group);
        ensure!(names.len() <= MOST as usize, "too many");
        let busy: BTreeSet<_> = self.running.iter().flat_map(members).collect();
        let mut taken: BTreeMap<u8, usize> = BTreeMap::new();
        for name in &names {
            let contact = *self.contact_of.get(name).context("unknown")?;
            let place = taken.entry(contact).or_default();
            let open = &self.open[&contact];
            ensure!(
                open.get(*place) == Some(name),
                "{name} is not next of {open:?}"
            );
            ensure!(
                !open.iter().any(|name| busy.contains(name)),
                "contact {contact} is busy"
            );
            *place += 1;
        }
        let behind = group.riders.iter().all(|rider| rider.behind);
        let apart = group.riders.iter().all(|rider| !rider.behind);
        ensure!(
            if behind {
                taken.len() == 1
            } else {
                apart && taken.len() == names.len()
            },
            "mixed"
        );
        Ok(())
    }

    async fn settle(&mut self, group: &Claimed, done: usize, leader_ends: bool) -> Result<()> {
        self.running.retain(|other| !is_same(other, group));
        // Those that stand behind the leader are done only with it.
        let done = if leader_ends || group.riders.iter().all(|rider| !rider.behind) {
            done
        } else {
            0
        };
        let mut riders = Vec::new();
        for (at, rider) in group.riders.iter().enumerate().take(done.saturating_add(1)) {
            let mut end = delivered(&by_itself(group, rider));
            if at >= done {
                end = settlement(&by_itself(group, rider), back());
                end.fields.insert("singly", "1".to_owned());
            } else {
                self.ends(rider.reference.id())?;
            }
            riders.push(end);
        }
        let mut end = Settlement {
            riders,
            ..delivered(group)
        };
        if leader_ends {
            self.ends(group.reference.id())?;
        } else {
            end.transition.ending = back();
            end.transition.api = Some(Api::Up);
            end.has_run = true;
        }
        let said = self.bench.settle(std::slice::from_ref(&end)).await;
        ensure!(said == [Settled::Ok], "{said:?}");
        let again = self.bench.settle(&[end]).await;
        ensure!(again == [Settled::Ok], "again: {again:?}");
        Ok(())
    }

    fn ends(&mut self, name: &str) -> Result<()> {
        let contact = self.contact_of[name];
        let open = self.open.get_mut(&contact).context("nothing is open")?;
        let place = open.iter().position(|other| other == name);
        open.remove(place.context("it has ended before")?);
        Ok(())
    }

    async fn counts_agree(&self) -> Result<()> {
        let stats = self.bench.queue().stats().await?;
        let open: usize = self.open.values().map(Vec::len).sum();
        let counted = stats.ready + stats.blocked + stats.running + stats.scheduled;
        ensure!(counted == open as u64, "{open} are open: {stats:?}");
        let done = (self.stored - open) as u64;
        ensure!(stats.done_total == done, "{done} are done: {stats:?}");
        Ok(())
    }
}

fn back() -> Ending {
    Ending::Back {
        after: std::time::Duration::ZERO,
        attempt: false,
        delivery: false,
    }
}

/// Whether the two are one delivery.
fn is_same(a: &Claimed, b: &Claimed) -> bool {
    (&a.reference, a.token) == (&b.reference, b.token)
}

fn members(group: &Claimed) -> Vec<String> {
    let riders = group.riders.iter().map(|rider| rider.reference.id());
    let all = [group.reference.id()].into_iter().chain(riders);
    all.map(str::to_owned).collect()
}
