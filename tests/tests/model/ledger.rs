//! Law 3: whatever becomes of the calls, no window at the server ever counts more of them than the quota.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use penstock_shared::{
    job::state::Ending,
    outcome::Permit,
    queue::{Terms, claim::Claimed, reference::Lane},
    quota::Quota,
};
use penstock_tests::fixture::{Bench, START, done, job, settlement};
use proptest::{collection::vec, prelude::*};

use crate::{
    cases::{hold, runtime},
    second_lock::SecondLock,
    windows,
};

const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/model/proptest-regressions/ledger.txt"
);
const LEASE: u64 = 5_000;
const HTTP_TIMEOUT: u64 = 1_000;
const QUARANTINE: u64 = 2_000;

fn terms(terms: &mut Terms) {
    terms.lease = Duration::from_millis(LEASE);
    terms.http_timeout = Duration::from_millis(HTTP_TIMEOUT);
    terms.quarantine = Duration::from_millis(QUARANTINE);
}

/// What becomes of a call, in milliseconds from its claim.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It arrives, and its answer comes back later.
    Answered { arrival: u64, answer: u64 },
    /// It is given up, and arrives before or up to the quarantine after that.
    Cut { end: u64, arrival: u64 },
    /// Its worker dies; it arrives as late as it can.
    Orphaned { arrival: u64 },
    /// It is never sent.
    Unsent { after: u64 },
}

fn any_fate() -> impl Strategy<Value = Fate> {
    let answered = (0..HTTP_TIMEOUT, 0..HTTP_TIMEOUT).prop_map(|(arrival, back)| Fate::Answered {
        arrival,
        answer: arrival + back,
    });
    let cut = (0..HTTP_TIMEOUT, 0..=QUARANTINE).prop_map(|(end, late)| Fate::Cut {
        end,
        arrival: end + late,
    });
    let orphaned =
        (0..=LEASE + HTTP_TIMEOUT + QUARANTINE).prop_map(|arrival| Fate::Orphaned { arrival });
    prop_oneof![
        6 => answered,
        2 => cut,
        1 => orphaned,
        1 => (0..500_u64).prop_map(|after| Fate::Unsent { after }),
    ]
}

/// Time passes, then a worker asks for so many jobs; their fates are drawn beside it.
#[derive(Debug, Clone)]
struct Claim {
    after: u64,
    slots: usize,
    fates: Vec<Fate>,
}

fn any_schedule() -> impl Strategy<Value = (u32, u64, Vec<Claim>)> {
    let claim =
        (0..1_500_u64, 1..12_usize, vec(any_fate(), 12)).prop_map(|(after, slots, fates)| Claim {
            after,
            slots,
            fates,
        });
    (1..8_u32, 1_000..6_000_u64, vec(claim, 1..40))
}

/// The ledger's defects that the check must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ledger {
    Right,
    /// A permit comes back with its answer, not a window after it.
    Forgetful,
    /// What was given up is thought to have arrived.
    Hasty,
}

/// One run: the queue, the server, and what is still to happen.
struct Run {
    bench: Bench,
    quotas: [Quota; 2],
    /// When the server counted a call.
    arrivals: Vec<u64>,
    lock: SecondLock,
    ledger: Ledger,
    ends: BTreeMap<u64, Vec<(Claimed, Permit)>>,
    jobs: usize,
}

impl Run {
    /// Lets time pass; deliveries end on the way.
    async fn pass(&mut self, ms: u64) {
        let until = self.bench.now + ms;
        while let Some(entry) = self
            .ends
            .first_entry()
            .filter(|entry| *entry.key() <= until)
        {
            self.bench.now = self.bench.now.max(*entry.key());
            for (claimed, permit) in entry.remove() {
                let permit = match (self.ledger, permit) {
                    (Ledger::Forgetful, Permit::Answered) => Permit::Unsent,
                    (Ledger::Hasty, Permit::Unanswered) => Permit::Answered,
                    (_, permit) => permit,
                };
                let mut end = done(&claimed);
                if permit == Permit::Unsent {
                    end = settlement(
                        &claimed,
                        Ending::Back {
                            after: Duration::ZERO,
                            attempt: false,
                            delivery: false,
                        },
                    );
                }
                end.transition.permit = permit;
                self.bench.settle(&[end]).await;
            }
        }
        self.bench.now = until;
    }

    /// The calls that may be made, as the ledger is read outside of the scripts.
    async fn free(&self) -> u64 {
        let outlook = self.bench.queue().outlook(&Lane::ghl("acme")).await;
        outlook.expect("it can be asked").ledger.free(false)
    }

    async fn claim(&mut self, slots: usize) -> Vec<Claimed> {
        // Never fewer due than could be asked for; a tenant gets half of a worker's slots.
        let drafts: Vec<_> = (0..slots)
            .map(|number| job(&format!("{}", self.jobs + number)))
            .collect();
        self.jobs += slots;
        self.bench.enqueue(&drafts).await;
        self.bench.claim(slots * 2).await
    }

    fn send(&mut self, claimed: Claimed, fate: Fate) {
        let now = self.bench.now;
        let (arrival, end) = match fate {
            Fate::Answered { arrival, answer } => (Some(arrival), Some((answer, Permit::Answered))),
            Fate::Cut { end, arrival } => (Some(arrival), Some((end, Permit::Unanswered))),
            Fate::Orphaned { arrival } => (Some(arrival), None),
            Fate::Unsent { after } => (None, Some((after, Permit::Unsent))),
        };
        self.arrivals.extend(arrival.map(|after| now + after));
        if let Some((after, permit)) = end {
            self.ends
                .entry(now + after)
                .or_default()
                .push((claimed, permit));
        }
    }
}

async fn live_through(
    mut bench: Bench,
    ledger: Ledger,
    (calls, window, claims): &(u32, u64, Vec<Claim>),
) -> (Bench, Result<()>) {
    bench.wipe().await;
    let burst = Quota::new(*calls, Duration::from_millis(*window)).expect("a quota");
    let daily = Quota::new(calls * 3, Duration::from_millis(window * 5)).expect("a quota");
    let mut run = Run {
        bench,
        quotas: [burst, daily],
        arrivals: Vec::new(),
        lock: SecondLock::new(),
        ledger,
        ends: BTreeMap::new(),
        jobs: 0,
    };
    run.bench.now = START;
    run.bench
        .quotas(&burst.to_string(), &daily.to_string())
        .await;
    let result = all(&mut run, claims).await;
    (run.bench, result)
}

async fn all(run: &mut Run, claims: &[Claim]) -> Result<()> {
    for claim in claims {
        run.pass(claim.after).await;
        run.lock.pass(claim.after);
        let free = run.free().await;
        let given = run.claim(claim.slots).await;
        ensure!(
            given.len() as u64 == free.min(claim.slots as u64),
            "{} calls are given of {free} that are said to be free",
            given.len()
        );
        for (claimed, fate) in given.into_iter().zip(&claim.fates) {
            // What is not sent passes no limiter: there its permit is free again at once, here it would be used.
            let sent = !matches!(fate, Fate::Unsent { .. });
            if run.ledger == Ledger::Right && sent {
                run.lock.send(run.quotas)?;
            }
            run.send(claimed, *fate);
        }
    }
    windows::keep(&run.arrivals, run.quotas)?;
    whole_again(run).await
}

/// When no call is out any more the whole quota is there, at once.
async fn whole_again(run: &mut Run) -> Result<()> {
    let calls = run.quotas[0].calls().get() as usize;
    run.lock.pass(90_000);
    run.lock.send_all(run.quotas)?;
    // The claim after the end of their leases takes jobs from the dead, and their permits return after that.
    for _ in 0..2 {
        for claimed in run.claim(calls).await {
            run.send(claimed, Fate::Unsent { after: 0 });
        }
        run.pass(2 * HTTP_TIMEOUT).await;
        // A worker is heard of all the while, or the leases would be prolonged.
        run.bench.live(45_000, &[]).await;
    }
    let given = run.claim(calls).await.len();
    ensure!(
        given == calls,
        "{given} calls of {calls} are given when none is out"
    );
    Ok(())
}

#[test]
fn no_window_ever_counts_more_than_the_quota() {
    let runtime = runtime();
    let bench = std::cell::RefCell::new(Some(runtime.block_on(Bench::with(terms))));
    hold(KEPT, 150, &any_schedule(), |schedule| {
        let taken = bench.borrow_mut().take().expect("one schedule at a time");
        let (taken, result) = runtime.block_on(live_through(taken, Ledger::Right, &schedule));
        *bench.borrow_mut() = Some(taken);
        result
    });
}

/// The check is worth nothing if it cannot fail.
#[tokio::test]
async fn a_wrong_ledger_is_caught() {
    let answered = Fate::Answered {
        arrival: 900,
        answer: 901,
    };
    let cut = Fate::Cut {
        end: 0,
        arrival: QUARANTINE,
    };
    let claim = |after, fate| Claim {
        after,
        slots: 2,
        fates: vec![fate; 12],
    };
    for (ledger, first, gap) in [
        (Ledger::Forgetful, answered, 950),
        (Ledger::Hasty, cut, 1_001),
    ] {
        let schedule = (2, 1_000, vec![claim(0, first), claim(gap, answered)]);
        let bench = Bench::with(terms).await;
        let (bench, right) = live_through(bench, Ledger::Right, &schedule).await;
        right.expect("the ledger is right");
        let (_, wrong) = live_through(bench, ledger, &schedule).await;
        let said = wrong.expect_err("the ledger is wrong").to_string();
        assert!(said.contains("calls in the window"), "{ledger:?}: {said}");
    }
}
