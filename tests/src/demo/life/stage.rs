//! All that a life needs: a Redis, the three systems, `serve`, two workers, and the files that are shipped.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use penstock_shared::queue::Queue;

use super::super::program::{end, loopback, start, up};
use super::super::scene::http_client;
use super::super::store::Store;
use crate::harness::{Program, binary};
use crate::ready::{self, Files, Systems, Teller};
use crate::sandbox::{self, Latency, Quota};
use crate::{smore, smsfactor, stand};

/// How long an answer of any of them takes.
const LATENCY: &str = "5ms..40ms";
/// The first note is attached without an answer.
const GHL_FAULT: &str = "cut-after:op=create-note:count=1";
/// The first change of a profile meets a CRM that is away.
const CRM_FAULT: &str = "503:op=crm-update-profile:count=1";
/// What the shipped file says of the CRM, and the stand-in enforces.
const CRM_QUOTA: &str = "20/1m";
/// Quicker than the defaults, so that what was lost is looked for soon; and each job's end is told.
const SETTINGS: [(&str, &str); 7] = [
    ("PENSTOCK_BACKOFF", "200ms..2s"),
    ("PENSTOCK_QUARANTINE", "1s"),
    ("PENSTOCK_HTTP_TIMEOUT", "4s"),
    ("PENSTOCK_GRACE", "5s"),
    // One call a job, so that what was written can be counted.
    ("PENSTOCK_COALESCE", "off"),
    ("PENSTOCK_LOG", "info,penstock_worker::settler=debug"),
    ("PENSTOCK_LOG_FORMAT", "json"),
];

/// What a worker's log says as it begins.
const READY: &str = r#""message":"ready""#;
const PATIENCE: Duration = Duration::from_secs(30);

/// What is running.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) systems: Systems,
    pub(super) teller: Teller,
    pub(super) queue: Queue,
    pub(super) http: reqwest::Client,
    pub(super) workers: Vec<Program>,
    service: Program,
    serve: String,
    files: Files,
    store: Store,
}

impl Stage {
    /// Starts all of it.
    pub(super) async fn set(redis: Option<&str>) -> anyhow::Result<Self> {
        let store = Store::open(redis).await?;
        let systems = systems().await?;
        println!(
            "stand-ins            GHL {}, SMSFactor {}, Smore and a CRM {}",
            systems.ghl.url(),
            systems.sms.url(),
            systems.smore.url()
        );
        let http = http_client()?;
        let listen = loopback();
        let serve = format!("http://{listen}");
        let teller = Teller::new(&http, &serve)?;
        let smore_secret = systems.register(&http, &serve).await?;
        let files = Files::write(&teller, &systems)?;

        let of_service = service_settings(&store, &files, &smore_secret);
        let service = start(
            "penstock-producer",
            &["serve", "--listen", &listen],
            &of_service,
        );
        let service = up(&http, service, &format!("{serve}/readyz")).await?;
        println!(
            "webhooks' intake     {serve}/hooks (process {})",
            service.pid()
        );
        let of_workers = worker_settings(&store, &files, &systems);
        let workers = (0..2).map(|_| start("penstock-worker", &[], &of_workers));
        let workers: Vec<_> = workers.collect();
        let named = workers.iter().map(|one| format!("process {}", one.pid()));
        let named: Vec<_> = named.collect();
        println!("workers              2 ({})", named.join(", "));
        for worker in &workers {
            worker.wait_for_line(READY, PATIENCE).await;
        }
        let queue = ready::queue(&store.url, &store.namespace).await;
        Ok(Self {
            queue: queue.context("the queue cannot be looked into")?,
            systems,
            teller,
            http,
            workers,
            service,
            serve,
            files,
            store,
        })
    }

    pub(super) fn show_addresses(&self) {
        println!("\nEverything is left running until Ctrl-C. To look around, in another terminal:");
        self.store.show_exports();
        println!("  {} tenants", binary("penstock-admin").display());
        println!(
            "  the flows, read again when they change: {}",
            self.files.flows().display()
        );
        let Systems { ghl, sms, smore } = &self.systems;
        for url in [ghl.url(), sms.url(), smore.url()] {
            println!("  curl {url}/_sandbox/ledger");
        }
        println!(
            "  curl {}/_sandbox/replies -d '{{\"from\":\"33687654321\",\"message\":\"Call me\"}}'",
            sms.url()
        );
        println!("  jobs to {}/v1/jobs\n", self.serve);
    }

    /// Ends what was started, in order: the workers drain before Redis goes.
    pub(super) async fn clear(mut self) -> anyhow::Result<()> {
        end(self.workers.iter_mut().chain([&mut self.service])).await;
        self.store.clear().await
    }
}

async fn systems() -> anyhow::Result<Systems> {
    let latency: Latency = LATENCY.parse().map_err(anyhow::Error::msg)?;
    let stand = stand::Options {
        latency,
        ..stand::Options::default()
    };
    let of_ghl = sandbox::Options {
        latency,
        faults: vec![GHL_FAULT.parse().map_err(anyhow::Error::msg)?],
        keep_contents: true,
        ..sandbox::Options::default()
    };
    let of_sms = smsfactor::Options {
        stand: stand.clone(),
        ..smsfactor::Options::default()
    };
    let crm: Quota = CRM_QUOTA.parse().map_err(anyhow::Error::msg)?;
    let of_smore = smore::Options {
        stand: stand::Options {
            faults: vec![smore::fault(CRM_FAULT).map_err(anyhow::Error::msg)?],
            ..stand
        },
        crm,
        ..smore::Options::default()
    };
    Systems::start(of_ghl, of_sms, of_smore).await
}

fn service_settings(store: &Store, files: &Files, smore_secret: &str) -> Vec<(String, String)> {
    let secrets = ready::secrets(smore_secret);
    owned(&secrets)
        .chain(store.settings())
        .chain([("PENSTOCK_HOOKS".to_owned(), text(&files.hooks()))])
        .collect()
}

fn worker_settings(store: &Store, files: &Files, systems: &Systems) -> Vec<(String, String)> {
    let own = [
        ("PENSTOCK_GHL_BASE_URL", systems.ghl.url()),
        ("PENSTOCK_CONNECTIONS", text(&files.connections())),
        ("PENSTOCK_FLOWS", text(&files.flows())),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    owned(&SETTINGS)
        .chain(owned(&ready::TOKENS))
        .chain(store.settings())
        .chain(own)
        .collect()
}

fn owned(settings: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    let settings = settings.iter();
    settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
