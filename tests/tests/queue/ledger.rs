//! The ledger as Rust reads it says what the scripts do.

use std::time::Duration;

use penstock_shared::{
    outcome::Permit,
    queue::{
        claim::Claimed,
        govern::{Govern, Own},
        ledger::Ledger,
        reference::Lane,
        report::Report,
    },
    quota::RateReport,
};
use penstock_tests::fixture::{Bench, delivered, job};

/// Numbers that look random, and are the same in every run.
struct Dice(u64);

impl Dice {
    /// Less than `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn report(&mut self, now: u64) -> Option<Report> {
        let mut maybe = |least: u64, sides: u64| {
            let rolled = u32::try_from(least + self.roll(sides)).unwrap();
            (self.roll(2) == 0).then_some(rolled)
        };
        let rate = RateReport {
            burst_limit: maybe(5, 40),
            burst_remaining: maybe(0, 20),
            interval: maybe(1_000, 9_000).map(|ms| Duration::from_millis(ms.into())),
            daily_limit: maybe(50, 100),
            daily_remaining: maybe(40, 100),
        };
        let sent_ms = now - self.roll(2_000);
        (self.roll(4) == 0).then_some(Report { sent_ms, rate })
    }
}

/// A bench on which jobs always wait.
struct Scene {
    bench: Bench,
    quotas: (&'static str, &'static str),
    /// What Redis' clock was set by.
    set_by: i64,
    dice: Dice,
    flying: Vec<Claimed>,
    stored: usize,
}

impl Scene {
    async fn ledger(&self) -> Ledger {
        let outlook = self.bench.queue().outlook(&Lane::ghl("acme")).await;
        outlook.unwrap().ledger
    }

    /// Takes all that may be taken, of which there is more; returns how many that were.
    async fn take(&mut self, high: bool) -> u64 {
        let drafts = (self.stored..self.stored + 40).map(|number| {
            let draft = job(&number.to_string());
            if high { draft.high() } else { draft }
        });
        self.bench.enqueue(&drafts.collect::<Vec<_>>()).await;
        self.stored += 40;
        let taken = self.bench.claim(200).await;
        let count = taken.len() as u64;
        self.flying.extend(taken);
        // What is left must not go before the others of the next round.
        let keys = self.bench.queue().keys(0).clone();
        for key in [
            keys.high("ghl/acme"),
            keys.due("ghl/acme"),
            keys.line("ghl/acme"),
        ] {
            self.bench.server.cli(["DEL", &key]).await;
        }
        count
    }

    /// Some calls end, in one way or another.
    async fn end_some(&mut self) {
        let count = self.dice.roll(self.flying.len() as u64 + 1);
        for _ in 0..count {
            let mut end = delivered(&self.flying.remove(0));
            end.transition.permit = match self.dice.roll(8) {
                0 => Permit::Unanswered,
                1 => Permit::Unsent,
                _ => Permit::Answered,
            };
            end.report = self.dice.report(self.bench.now);
            self.bench.settle(&[end]).await;
        }
    }

    /// Somebody sets other quotas, or Redis' clock.
    async fn meddle(&mut self) {
        let windows = [
            ("20/2s", "100/60s"),
            ("30/5s", "60/20s"),
            ("9/1s", "90/90s"),
        ];
        let at = usize::try_from(self.dice.roll(3)).unwrap();
        match self.dice.roll(8) {
            0 | 1 => self.quotas = windows[at],
            2 | 3 => {
                let own = |quota: &str| Some(Own::Quota(quota.parse().unwrap()));
                let set = Govern::Set {
                    burst: own(windows[at].0),
                    daily: own(windows[at].1),
                    weight: None,
                };
                self.bench.queue().govern("acme", &set).await.unwrap();
            }
            4 => {
                let by = i64::try_from(self.dice.roll(40_000)).unwrap() - 20_000;
                self.bench.now = self.bench.now.saturating_add_signed(by);
                // Not everything waits until somebody has told.
                if self.dice.roll(2) == 0 {
                    self.end_some().await;
                }
                let told = self.bench.queue().step(0, by, self.set_by).await;
                self.set_by = told.unwrap();
            }
            _ => {}
        }
        self.bench.quotas(self.quotas.0, self.quotas.1).await;
    }
}

async fn agrees(seed: u64, reserve: f64, spread: bool) {
    let mut bench = Bench::unregistered(|terms| {
        terms.lease = Duration::from_secs(3600);
        terms.quarantine = Duration::from_secs(3);
        (terms.reserve, terms.spread) = (reserve, spread);
    })
    .await;
    let quotas = ("20/2s", "100/60s");
    bench.quotas(quotas.0, quotas.1).await;
    let mut scene = Scene {
        bench,
        quotas,
        set_by: 0,
        dice: Dice(seed),
        flying: Vec::new(),
        stored: 0,
    };
    let mut compared = [0, 0];
    for round in 0..60 {
        let ledger = scene.ledger().await;
        let (normal, all) = (ledger.free(false), ledger.free(true));
        let taken = scene.take(false).await;
        assert_eq!(taken, normal, "{seed}, {round}: {ledger:?}");
        // What has high priority may have what the others may not.
        let taken = scene.take(true).await;
        assert_eq!(taken, all - normal, "{seed}, {round}: {ledger:?}");
        compared = [compared[0] + normal, compared[1] + all - normal];
        scene.end_some().await;
        scene.meddle().await;
        let pass = scene.dice.roll(4_000);
        scene.bench.live(pass, &[]).await;
    }
    assert!(compared[0] > 0, "{seed}: there was something to compare");
    assert_eq!(compared[1] > 0, reserve > 0.0 || spread, "{seed}");
}

#[tokio::test]
async fn whatever_happened_before() {
    for seed in 1..5 {
        agrees(seed, 0.0, false).await;
    }
}

#[tokio::test]
async fn with_a_share_of_the_day_kept() {
    for seed in 11..15 {
        agrees(seed, 0.25, false).await;
    }
}

#[tokio::test]
async fn spread_over_the_day() {
    for seed in 21..25 {
        agrees(seed, 0.1, true).await;
    }
}
