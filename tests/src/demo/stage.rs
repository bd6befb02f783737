//! The parts that the demo starts, and how they are ended again.

use super::arguments::Arguments;
use super::program::{end, loopback, start, up};
use super::scene::{Scene, http_client};
use super::store::{Store, short_id};
use crate::harness::Program;

/// What every tenant may call in the demo: a tenth of a real quota, so that the limit is met within seconds.
const BURST: &str = "25/2s";
/// How the sandbox misbehaves: now and then it is away, and three times it attaches a note without an answer.
const FAULTS: [&str; 2] = ["503:p=0.02", "cut-after:op=create-note:count=3"];
/// Quicker than the defaults, so that the demo ends soon after the last fault.
const SETTINGS: [(&str, &str); 7] = [
    ("PENSTOCK_GHL_TOKEN", "demo-token"),
    ("PENSTOCK_GHL_BURST", BURST),
    ("PENSTOCK_BACKOFF", "200ms..2s"),
    ("PENSTOCK_QUARANTINE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "4s"),
    ("PENSTOCK_GRACE", "5s"),
    // One call a job, so that effects can be counted against jobs.
    ("PENSTOCK_COALESCE", "off"),
];

/// The scene, and the parts of it that we started.
#[derive(Debug)]
pub(super) struct Stage {
    scene: Scene,
    workers: Vec<Program>,
    intake: Option<Program>,
    sandbox: Option<Program>,
    store: Option<Store>,
}

impl Stage {
    /// Starts all that is not running already.
    pub(super) async fn set(arguments: &Arguments) -> anyhow::Result<Self> {
        match (&arguments.sandbox, &arguments.intake) {
            (Some(sandbox), Some(intake)) => Self::running(sandbox, intake, arguments.key.clone()),
            _ => Self::start(arguments.redis()).await,
        }
    }

    pub(super) fn scene(&self) -> &Scene {
        &self.scene
    }

    /// A system that others started: the settings are theirs.
    fn running(sandbox: &str, intake: &str, key: Option<String>) -> anyhow::Result<Self> {
        let scene = Scene {
            settings: Arguments::settings(),
            sandbox: sandbox.trim_end_matches('/').to_owned(),
            intake: intake.trim_end_matches('/').to_owned(),
            key,
            suffix: format!("-{}", short_id()),
            http: http_client()?,
        };
        Ok(Self {
            scene,
            workers: Vec::new(),
            intake: None,
            sandbox: None,
            store: None,
        })
    }

    async fn start(borrowed: Option<&str>) -> anyhow::Result<Self> {
        let store = Store::open(borrowed).await?;
        let (sandbox_at, intake_at) = (loopback(), loopback());
        let mut settings: Vec<_> = SETTINGS
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        settings.extend(store.settings());
        settings.push((
            "PENSTOCK_GHL_BASE_URL".into(),
            format!("http://{sandbox_at}"),
        ));
        let scene = Scene {
            settings,
            sandbox: format!("http://{sandbox_at}"),
            intake: format!("http://{intake_at}"),
            key: None,
            suffix: String::new(),
            http: http_client()?,
        };
        let mut stage = Self {
            scene,
            workers: Vec::new(),
            intake: None,
            sandbox: None,
            store: Some(store),
        };
        stage.start_programs(&sandbox_at, &intake_at).await?;
        Ok(stage)
    }

    async fn start_programs(&mut self, sandbox_at: &str, intake_at: &str) -> anyhow::Result<()> {
        let Scene { http, settings, .. } = &self.scene;
        let health = format!("{}/_sandbox/health", self.scene.sandbox);
        self.sandbox = Some(up(http, sandbox(sandbox_at), &health).await?);
        println!(
            "sandbox of the API   {} ({BURST} per tenant)",
            self.scene.sandbox
        );

        let listen = ["serve", "--listen", intake_at];
        let intake = start("penstock-producer", &listen, settings);
        let ready = format!("{}/readyz", self.scene.intake);
        self.intake = Some(up(http, intake, &ready).await?);
        println!("HTTP intake          {}", self.scene.intake);

        self.workers = (0..2)
            .map(|_| start("penstock-worker", &[], settings))
            .collect();
        let named: Vec<_> = self
            .workers
            .iter()
            .map(|worker| format!("process {}", worker.pid()))
            .collect();
        println!(
            "workers              {} ({})",
            named.len(),
            named.join(", ")
        );
        Ok(())
    }

    pub(super) fn show_addresses(&self) {
        println!("\nEverything is left running until Ctrl-C. To look around, in another terminal:");
        if let Some(store) = &self.store {
            store.show_exports();
        }
        println!(
            "  {} tenants",
            crate::harness::binary("penstock-admin").display()
        );
        println!(
            "  HTTP intake {}   sandbox's ledger {}/_sandbox/ledger",
            self.scene.intake, self.scene.sandbox
        );
    }

    /// Ends what was started, in order: the workers drain before Redis goes.
    pub(super) async fn clear(&mut self) -> anyhow::Result<()> {
        end(self.workers.iter_mut().chain(&mut self.intake)).await;
        self.sandbox = None;
        if let Some(store) = self.store.take() {
            store.clear().await?;
        }
        Ok(())
    }
}

fn sandbox(listen: &str) -> Program {
    let faults = FAULTS.iter().flat_map(|fault| ["--fault", fault]);
    let told = [
        "--listen",
        listen,
        "--burst",
        BURST,
        "--latency",
        "5ms..50ms",
    ];
    Program::new("penstock-sandbox")
        .args(told.into_iter().chain(faults))
        .start()
}
