//! Jobs delivered over HTTP by real worker processes.

use std::time::Duration;

use penstock_tests::{
    harness::wait_until,
    sandbox::{self, Latency, Running, Sandbox},
};
use serde_json::json;

use crate::{
    api::Api,
    meter::Meter,
    options::Options,
    report::Figures,
    stage::Stage,
    workload::{self, Kind, TENANTS},
};

const PATIENCE: Duration = Duration::from_secs(300);
const LATENCY: Duration = Duration::from_millis(5);
const UNLIMITED: u32 = 1_000_000_000;

/// Who answers the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The least that can.
    Plain,
    /// The stand-in for the API, with its checks and its ledger.
    Sandbox,
}

/// Who delivers what to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) destination: Destination,
    pub(crate) workers: u32,
}

impl Shape {
    pub(crate) fn name(self) -> String {
        format!(
            "deliver {}{}, {} worker{}",
            self.kind.name(),
            if self.destination == Destination::Sandbox {
                " to the sandbox"
            } else {
                ""
            },
            self.workers,
            if self.workers == 1 { "" } else { "s" }
        )
    }
}

pub(crate) async fn run(options: &Options, shape: Shape) -> Figures {
    let jobs = options.jobs / 2;
    match shape.destination {
        Destination::Plain => {
            let api = Api::start(jobs).await;
            let url = api.url();
            let figures = drain(options, shape, &url, async || {
                wait_until("the calls", PATIENCE, async || {
                    (api.calls() >= jobs).then_some(())
                })
                .await;
            })
            .await;
            assert_eq!(api.calls(), jobs, "a call was made twice");
            figures
        }
        Destination::Sandbox => {
            let sandbox = start_sandbox(jobs).await;
            let url = sandbox.url();
            drain(options, shape, &url, async || {
                sandbox
                    .until(|summary| summary.calls >= u64::from(jobs))
                    .await;
            })
            .await
        }
    }
}

/// The workers have started and wait for jobs when the clock begins; it ends when the last job is settled.
async fn drain(options: &Options, shape: Shape, url: &str, called: impl AsyncFnOnce()) -> Figures {
    let jobs = options.jobs / 2;
    let stage = Stage::start(options).await;
    stage.pause().await;
    stage.fill(&workload::jobs(shape.kind, jobs, 1)).await;
    let workers = stage.workers(shape.workers, options, url).await;
    let meter = Meter::start(&stage.redis, &workers).await;
    stage.resume().await;
    called().await;
    stage.done(jobs).await;
    meter.stop(jobs).await
}

/// One that knows all contacts.
async fn start_sandbox(contacts: u32) -> Running {
    let mut options = sandbox::Options::default();
    options.quota.burst.calls = UNLIMITED;
    options.quota.daily.calls = UNLIMITED;
    options.latency = Latency {
        least: LATENCY,
        most: LATENCY,
    };
    let sandbox = Sandbox::start(options).await.expect("it listens");
    for number in 0..contacts {
        let contact = json!({
            "id": workload::contact_id(number),
            "locationId": workload::tenant(number % TENANTS),
        });
        sandbox
            .seed_contact(&contact)
            .expect("the sandbox takes the contact");
    }
    sandbox
}
