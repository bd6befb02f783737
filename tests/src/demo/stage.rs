//! The parts that the demo starts, and how they are ended again.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::arguments::Arguments;
use super::scene::{Scene, http_client};
use crate::harness::{Program, RedisOptions, RedisServer, free_port, remove_namespace};

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
const START: Duration = Duration::from_secs(30);
/// More than `PENSTOCK_GRACE`.
const END: Duration = Duration::from_secs(15);

/// The scene, and the parts of it that we started.
#[derive(Debug)]
pub(super) struct Stage {
    scene: Scene,
    workers: Vec<Program>,
    intake: Option<Program>,
    sandbox: Option<Program>,
    redis: Option<RedisServer>,
    /// The namespace to be removed from somebody's Redis, and its URL.
    borrowed: Option<(String, String)>,
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
            redis: None,
            borrowed: None,
        })
    }

    async fn start(borrowed: Option<&str>) -> anyhow::Result<Self> {
        let namespace = format!("demo-{}", short_id());
        let (redis, borrowed, url) = redis(borrowed, &namespace).await?;
        let (sandbox_at, intake_at) = (loopback(), loopback());
        let mut settings: Vec<_> = SETTINGS
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        settings.push(("PENSTOCK_REDIS_URL".into(), url));
        settings.push(("PENSTOCK_NAMESPACE".into(), namespace));
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
            redis,
            borrowed,
        };
        stage.start_programs(&sandbox_at, &intake_at).await?;
        Ok(stage)
    }

    async fn start_programs(&mut self, sandbox_at: &str, intake_at: &str) -> anyhow::Result<()> {
        let health = format!("{}/_sandbox/health", self.scene.sandbox);
        self.sandbox = Some(self.up(sandbox(sandbox_at), &health).await?);
        println!(
            "sandbox of the API   {} ({BURST} per tenant)",
            self.scene.sandbox
        );

        let intake = self.program("penstock-producer", &["serve", "--listen", intake_at]);
        self.intake = Some(
            self.up(intake, &format!("{}/readyz", self.scene.intake))
                .await?,
        );
        println!("HTTP intake          {}", self.scene.intake);

        self.workers = (0..2)
            .map(|_| self.program("penstock-worker", &[]))
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

    fn program(&self, name: &str, args: &[&str]) -> Program {
        let builder = Program::new(name).args(args);
        self.scene
            .settings
            .iter()
            .fold(builder, |builder, (name, value)| builder.env(name, value))
            .start()
    }

    /// Waits until the program answers at `url`.
    async fn up(&self, mut program: Program, url: &str) -> anyhow::Result<Program> {
        let began = Instant::now();
        loop {
            if self
                .scene
                .http
                .get(url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(program);
            }
            if program.exited().is_some() || began.elapsed() > START {
                bail!(
                    "{} does not answer at {url}:\n{}",
                    program.name(),
                    program.stderr().join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) fn show_addresses(&self) {
        println!("\nEverything is left running until Ctrl-C. To look around, in another terminal:");
        for (name, value) in &self.scene.settings {
            let borrowed = self.borrowed.is_some() && name == "PENSTOCK_REDIS_URL";
            if !borrowed && ["PENSTOCK_REDIS_URL", "PENSTOCK_NAMESPACE"].contains(&name.as_str()) {
                println!("  export {name}={value}");
            }
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
        let clients = self.workers.iter_mut().chain(&mut self.intake);
        let ends = clients.map(|program| {
            program.sigterm();
            program.wait_exit(END)
        });
        futures::future::join_all(ends).await;
        self.sandbox = None;
        if let Some((url, namespace)) = self.borrowed.take() {
            let removed = remove_namespace(&url, &namespace).await;
            removed.with_context(|| {
                format!("the keys {namespace}:* could not be removed from the Redis")
            })?;
        }
        if let Some(mut redis) = self.redis.take() {
            redis.shutdown().await;
        }
        Ok(())
    }
}

type ChosenRedis = (Option<RedisServer>, Option<(String, String)>, String);

/// The Redis that `PENSTOCK_REDIS_URL` names, to be left as it was, or a private one.
async fn redis(borrowed: Option<&str>, namespace: &str) -> anyhow::Result<ChosenRedis> {
    let Some(url) = borrowed else {
        let server = RedisServer::start(RedisOptions::default()).await;
        let url = server.url();
        println!(
            "Redis                private, append-only file on (process {})",
            server.pid()
        );
        return Ok((Some(server), None, url));
    };
    if url.contains(',') || url.starts_with("redis+sentinel:") {
        bail!(
            "the Redis named is a cluster or Sentinel: the demo plays on a single Redis, or with --sandbox on a running system"
        );
    }
    println!("Redis                the one named, namespace {namespace} (removed at the end)");
    Ok((
        None,
        Some((url.to_owned(), namespace.to_owned())),
        url.to_owned(),
    ))
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

fn loopback() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// Eight characters that hardly two demos share.
fn short_id() -> String {
    format!("{:08x}", rand::random::<u32>())
}
