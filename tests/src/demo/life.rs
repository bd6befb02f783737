//! One contact's life in three systems, with Penstock between them: by the files that are shipped, told as it happens.

mod books;
mod chapters;
mod ending;
mod outbox;
mod portrait;
mod sighting;
mod stage;
mod timeline;
mod verdict;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{INTERRUPTED, interruption, tell};
use crate::sandbox::Effect;
use crate::stand::{Delivery, Fate};
use outbox::Outbox;
use sighting::{Place, Sighting};
use stage::Stage;
use timeline::Timeline;
use watch::{News, Watch};

/// For whatever must come to rest; it takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// Sets the stage, plays, and clears it, however the play ended.
pub(super) async fn perform(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stage = tokio::select! {
        stage = Stage::set(arguments.redis()) => stage?,
        () = interruption() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let mut life = Life::begin(&stage);
    let played = tokio::select! {
        played = play(&mut life) => played.map(|()| ExitCode::SUCCESS),
        () = interruption() => Ok(ExitCode::from(INTERRUPTED)),
    };
    let played = match played {
        Ok(ExitCode::SUCCESS) if arguments.keep => {
            stage.show_addresses();
            tokio::select! {
                went_wrong = life.go_on() => went_wrong.map(|()| ExitCode::SUCCESS),
                () = interruption() => played,
            }
        }
        _ => played,
    };
    stage.clear().await?;
    played
}

/// Her life, and what the ledgers say of it.
async fn play(life: &mut Life<'_>) -> anyhow::Result<()> {
    let books = chapters::tell(life).await?;
    println!("\n== What the ledgers say");
    let ledgers = books.ledgers.iter();
    ledgers.for_each(|ledger| println!("       {ledger}"));
    tell(&verdict::judge(&books), life.timeline.began())
}

/// Her life as far as it was told.
#[derive(Debug)]
struct Life<'a> {
    stage: &'a Stage,
    watch: Watch,
    outbox: Outbox,
    timeline: Timeline,
    /// How many jobs were said to be done.
    done: u64,
}

impl<'a> Life<'a> {
    fn begin(stage: &'a Stage) -> Self {
        Self {
            stage,
            watch: Watch::begin(stage),
            outbox: Outbox::default(),
            timeline: Timeline::start(),
            done: 0,
        }
    }

    /// Tells what is new; whether anything is.
    async fn look(&mut self) -> anyhow::Result<bool> {
        let news = self.watch.look(self.stage).await?;
        self.enter(&news.ghl);
        for ending in &news.endings {
            self.outbox.note(ending);
            self.done += u64::from(ending.end == ending::How::Done);
        }
        self.timeline.show(&sightings(&news));
        Ok(!news.is_none())
    }

    fn enter(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.outbox.enter(self.stage, effect);
        }
    }

    /// Tells what happens, until nothing moves any more.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let settled = tokio::time::timeout(PATIENCE, async {
            while !self.is_settled().await? {
                tokio::time::sleep(LOOK).await;
            }
            anyhow::Ok(())
        });
        settled.await.context("it does not come to rest")?
    }

    /// Looks once; whether nothing moves any more.
    async fn is_settled(&mut self) -> anyhow::Result<bool> {
        let is_new = self.look().await?;
        if let Some(letter) = self.outbox.next() {
            self.stage.teller.say(&letter).await?;
            return Ok(false);
        }
        // A job may tell of what it does as it ends: what was delivered must be the same before and after the look at the jobs.
        let before = delivered(&self.deliveries());
        let stats = self.stage.queue.stats().await?;
        let open = stats.scheduled + stats.ready + stats.blocked + stats.running;
        let is_quiet = open == 0 && before.is_some() && delivered(&self.deliveries()) == before;
        // What the logs say last is still to be told.
        let is_told = self.done >= stats.done_total && self.outbox.is_empty();
        Ok(!is_new && is_quiet && is_told)
    }

    fn deliveries(&self) -> Vec<Delivery> {
        let systems = &self.stage.systems;
        [systems.sms.deliveries(), systems.smore.deliveries()].concat()
    }

    /// Whatever happens from here on is told too.
    async fn go_on(&mut self) -> anyhow::Result<()> {
        loop {
            self.is_settled().await?;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Somebody does something in GHL, by a call of his own.
    async fn act_in_ghl(
        &mut self,
        what: &str,
        (method, path): (Method, &str),
        body: &Value,
    ) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.stage.systems.ghl.url());
        let request = self.stage.http.request(method, url);
        let request = request
            .bearer_auth("pit-somebody")
            .header("version", "2021-07-28");
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        let status = request.send().await?.status();
        ensure!(status.is_success(), "{what}: GHL answered with {status}");
        // Nothing else moves: what is new is his.
        let effects = self.watch.at_ghl(self.stage);
        self.timeline.show(&[Sighting::act(Place::Ghl, what)]);
        self.enter(&effects);
        Ok(())
    }

    /// Somebody replies to an SMS.
    fn act_by_sms(&self, what: &str, (from, message): (&str, &str)) -> anyhow::Result<()> {
        self.timeline.show(&[Sighting::act(Place::Sms, what)]);
        let reply = json!({ "from": from, "message": message });
        let replied = self.stage.systems.sms.steer("replies", &reply);
        replied.map(drop).map_err(anyhow::Error::msg)
    }

    /// Somebody answers a form of Smore's, or does something at the CRM.
    fn act_at_crm(&self, what: &str, (order, body): (&str, &Value)) -> anyhow::Result<()> {
        self.timeline.show(&[Sighting::act(Place::Crm, what)]);
        let done = self.stage.systems.smore.steer(order, body);
        done.map(drop).map_err(anyhow::Error::msg)
    }

    /// Every webhook comes once more, byte by byte as it was; how many.
    async fn tell_again(&mut self) -> anyhow::Result<usize> {
        let told = self.outbox.told();
        for letter in told {
            self.stage.teller.say(letter).await?;
        }
        let systems = &self.stage.systems;
        for (url, sent) in [
            (systems.sms.url(), systems.sms.deliveries()),
            (systems.smore.url(), systems.smore.deliveries()),
        ] {
            for delivery in sent {
                let again = json!({ "again": delivery.id });
                let order = self.stage.http.post(format!("{url}/_sandbox/deliveries"));
                order.json(&again).send().await?.error_for_status()?;
            }
        }
        let is_twice = |all: &[&Delivery]| all.iter().all(|one| one.attempts.len() > 1);
        let both = futures::future::join(
            systems.sms.until_delivered(is_twice),
            systems.smore.until_delivered(is_twice),
        );
        let both = tokio::time::timeout(PATIENCE, both);
        both.await.context("the webhooks are not sent again")?;
        Ok(told.len() + self.deliveries().len())
    }
}

/// How many webhooks the stand-ins have sent; none while one is under way.
fn delivered(all: &[Delivery]) -> Option<usize> {
    let is_under_way = all.iter().any(|one| one.state == Fate::Pending);
    (!is_under_way).then_some(all.len())
}

fn sightings(news: &News) -> Vec<Sighting> {
    let ghl = news.ghl.iter().map(Sighting::of_ghl);
    let jobs = news.endings.iter().filter_map(Sighting::of_ending);
    let sms = news.sms.iter().map(Sighting::of_sms);
    let crm = news.crm.iter().map(Sighting::of_crm);
    ghl.chain(jobs).chain(sms).chain(crm).collect()
}
