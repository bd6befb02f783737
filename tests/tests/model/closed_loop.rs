//! The closed loop of law 3: somebody else uses the same quota, and the API's headers tell of it, late, out of order, and not always truly.
//!
//! Whatever they say, no window counts more of our calls than is configured, nor than was told by the last response of those claimed after it; and
//! none of it lasts longer than a window, of the day than an hour. What a true one leaves is not exceeded for that long, by what is known since:
//! our calls that are claimed, and those that are over. While all are true, what is held for others is not more than they have called.

mod api;
mod known;
mod schedule;
mod wrong;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use penstock_shared::{
    job::state::Ending,
    outcome::Permit,
    queue::{Terms, claim::Claimed, ledger::Ledger, reference::Lane, report::Report},
};
use penstock_tests::fixture::{Bench, START, delivered, job, settlement};

use self::{
    api::{Api, Epoch, Quotas},
    known::{HOUR, Known},
    schedule::{Call, Fate, Limits, QUARANTINE, Round, Schedule, any_schedule},
    wrong::Kind,
};
use crate::{
    cases::{hold, runtime},
    permits::ms,
};

const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/model/proptest-regressions/closed_loop.txt"
);
const HTTP_TIMEOUT: u64 = 1_000;
/// No response comes later than this.
const LATEST: u64 = 30_000;

fn terms(terms: &mut Terms) {
    // What becomes of the dead is the other property's; hours pass here in one step.
    terms.lease = Duration::from_secs(30 * 86_400);
    terms.http_timeout = Duration::from_millis(HTTP_TIMEOUT);
    terms.quarantine = Duration::from_millis(QUARANTINE);
}

/// What is still to happen.
enum Event {
    Others(u64),
    Announce(Limits),
    Arrive(Claimed, u64, Epoch, Call),
    /// Only that is checked.
    Check,
    /// A call arrives whose answer nobody will see.
    Count(Epoch),
    End(Claimed, Permit, Option<(Report, bool)>),
}

struct Run {
    bench: Bench,
    kind: Kind,
    api: Api,
    known: Known,
    configured: Quotas,
    events: BTreeMap<u64, Vec<Event>>,
    waiting: usize,
    stored: usize,
}

impl Run {
    async fn new(mut bench: Bench, kind: Kind, schedule: &Schedule) -> Self {
        bench.wipe().await;
        let configured = schedule.configured();
        let mut run = Self {
            bench,
            kind,
            api: Api::new(schedule.shape, configured),
            known: Known::new(configured),
            configured,
            events: BTreeMap::new(),
            waiting: 0,
            stored: 0,
        };
        run.bench.now = START;
        run.announce(schedule.limits);
        let [burst, daily] = configured.map(|quota| quota.to_string());
        run.bench.quotas(&burst, &daily).await;
        run
    }

    fn announce(&mut self, limits: Limits) {
        let limits = limits.over(self.configured);
        self.api.allow(limits, self.configured);
        self.known.trustful &= limits[0].window() == self.configured[0].window();
    }

    fn at(&mut self, after: u64, event: Event) {
        let at = self.bench.now + after;
        self.events.entry(at).or_default().push(event);
    }

    /// Lets time pass, and all happen that is to happen meanwhile.
    async fn pass(&mut self, ms: u64) -> Result<()> {
        let until = self.bench.now + ms;
        while let Some(entry) = self.events.first_entry() {
            if *entry.key() > until {
                break;
            }
            self.bench.now = *entry.key();
            for event in entry.remove() {
                self.happen(event).await?;
            }
        }
        self.bench.now = until;
        Ok(())
    }

    async fn happen(&mut self, event: Event) -> Result<()> {
        let now = self.bench.now;
        match event {
            Event::Others(count) => self.api.call_of_others(now, count),
            Event::Announce(limits) => self.announce(limits),
            Event::Check => drop(self.check().await?),
            Event::Count(in_force) => drop(self.api.call(now, in_force)),
            Event::Arrive(claimed, sent_ms, in_force, call) => {
                let truth = self.api.call(now, in_force);
                let rate = call.lie.unwrap_or(truth);
                let truthful = call.lie.is_none();
                let report = Some((Report { sent_ms, rate }, truthful));
                self.at(call.back, Event::End(claimed, Permit::Answered, report));
            }
            Event::End(claimed, permit, report) => self.end(claimed, permit, report).await?,
        }
        Ok(())
    }

    async fn end(
        &mut self,
        claimed: Claimed,
        permit: Permit,
        report: Option<(Report, bool)>,
    ) -> Result<()> {
        let now = self.bench.now;
        match permit {
            Permit::Answered => self.known.give_back(now),
            Permit::Unanswered => self.known.give_back(now + HTTP_TIMEOUT + QUARANTINE),
            Permit::Unsent => self.known.undo(),
        }
        let mut end = delivered(&claimed);
        if permit == Permit::Unsent {
            self.waiting += 1;
            let ending = Ending::Back {
                after: Duration::ZERO,
                attempt: false,
                delivery: false,
            };
            end = settlement(&claimed, ending);
        }
        end.transition.permit = permit;
        if let Some((report, truthful)) = report {
            self.known.trustful &= truthful;
            self.known.hear(&report, truthful, now);
            end.report = Some(report);
            self.kind.spoil(&mut end, truthful, now);
            let until = report.sent_ms + ms(self.known.in_force().quotas[0]);
            if let Some(last) = (until - 1).checked_sub(now).filter(|_| truthful) {
                self.at(last, Event::Check);
            }
        }
        self.bench.settle(&[end]).await;
        self.check().await.map(drop)
    }

    async fn check(&mut self) -> Result<Ledger> {
        let now = self.bench.now;
        let outlook = self.bench.queue().outlook(&Lane::ghl("acme")).await;
        let ledger = outlook.expect("it can be asked").ledger;
        let others = self.api.most_of_others(now);
        self.known.check(&ledger, others, now)?;
        Ok(ledger)
    }

    async fn claim(&mut self, slots: usize) -> Result<Vec<Claimed>> {
        // Never fewer due than could be asked for; a tenant gets half of a worker's slots.
        let missing = self.stored..self.stored + slots.saturating_sub(self.waiting);
        self.stored = missing.end;
        self.waiting += missing.len();
        let drafts: Vec<_> = missing.map(|number| job(&number.to_string())).collect();
        self.bench.enqueue(&drafts).await;
        let ledger = self.check().await?;
        let given = self.bench.claim(slots * 2).await;
        self.waiting -= given.len();
        for _ in &given {
            self.known.claim();
        }
        let free = ledger.free(false);
        ensure!(
            given.len() as u64 == free.min(slots as u64),
            "{} calls are given of {free} that are said to be free",
            given.len()
        );
        Ok(given)
    }

    fn send(&mut self, claimed: Claimed, call: Call) {
        let (sent, in_force) = (self.bench.now, self.known.in_force());
        match call.fate {
            Fate::Answered => self.at(call.arrival, Event::Arrive(claimed, sent, in_force, call)),
            Fate::Cut => {
                let late = call.back.min(QUARANTINE);
                self.at(call.arrival + late, Event::Count(in_force));
                self.at(call.arrival, Event::End(claimed, Permit::Unanswered, None));
            }
            Fate::Unsent => self.at(call.arrival, Event::End(claimed, Permit::Unsent, None)),
        }
    }

    async fn through(bench: Bench, kind: Kind, schedule: &Schedule) -> (Bench, Result<()>) {
        let mut run = Self::new(bench, kind, schedule).await;
        let result = run.live_through(&schedule.rounds).await;
        (run.bench, result)
    }

    async fn live_through(&mut self, rounds: &[Round]) -> Result<()> {
        for round in rounds {
            for (after, count) in &round.others {
                self.at(*after, Event::Others(*count));
            }
            if let Some(limits) = round.announced {
                self.at(0, Event::Announce(limits));
            }
            self.pass(round.after).await?;
            let given = self.claim(round.slots).await?;
            for (claimed, call) in given.into_iter().zip(&round.calls) {
                self.send(claimed, *call);
            }
        }
        self.pass(LATEST).await?;
        self.api.check(self.configured)?;
        self.whole_again().await
    }

    /// Nobody says anything for so long.
    async fn rest(&mut self, ms: u64) -> Result<Ledger> {
        self.pass(self.kind.passes(ms)).await?;
        self.check().await
    }

    /// A window after the last response.
    async fn rest_a_window(&mut self) -> Result<()> {
        let quota = self.known.in_force().quotas[0];
        let ledger = self.rest(ms(quota) + self.known.grain).await?;
        let left = ledger.burst.expect("a window").left(true);
        let calls = quota.calls().get();
        ensure!(
            left == u64::from(calls),
            "{left} of {quota} are free after a window of silence"
        );
        Ok(())
    }

    /// Whatever was said, it is over in a window, and of the day in an hour; after one true word the whole quota is there.
    async fn whole_again(&mut self) -> Result<()> {
        self.rest_a_window().await?;
        let day = self.rest(HOUR).await?.daily.expect("a window");
        let own = self.known.own_left_of_day(self.bench.now);
        ensure!(
            own == 0 || day.left(true) > 0,
            "an hour after the last response nothing of the day may be used: {day:?}"
        );
        for claimed in self.claim(1).await? {
            self.send(claimed, Call::prompt());
        }
        self.pass(1).await?;
        self.rest_a_window().await?;
        let day = self.rest(HOUR).await?.daily.expect("a window");
        let (least, _) = self.known.left_of_day(self.bench.now);
        ensure!(day.left(true) >= least, "the day is not whole: {day:?}");
        Ok(())
    }
}

#[test]
fn headers_are_believed_downwards_and_for_a_while() {
    let runtime = runtime();
    let bench = std::cell::RefCell::new(Some(runtime.block_on(Bench::with(terms))));
    hold(KEPT, 300, &any_schedule(), |schedule| {
        let taken = bench.borrow_mut().take().expect("one schedule at a time");
        let (taken, result) = runtime.block_on(Run::through(taken, Kind::Right, &schedule));
        *bench.borrow_mut() = Some(taken);
        result
    });
}
