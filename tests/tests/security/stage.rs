//! A Redis with a password, the sandbox, and all programs with everything logged.

use std::time::Duration;

use penstock_tests::{
    harness::{
        Finished, Program, ProgramBuilder, RedisOptions, RedisServer, free_port, run, wait_until,
    },
    sandbox::{OAuthTerms, Options, Running, Sandbox},
};
use serde_json::Value;

/// What every secret and every personal text has in it.
pub(crate) const CANARY: &str = "c4n4ry";
pub(crate) const TOKEN: &str = "pit-c4n4ry-token";
pub(crate) const BEARER: &str = "c4n4ry-bearer";
pub(crate) const PHONE: &str = "+15557654321";
const PASSWORD: &str = "c4n4ry-password";
/// The canary is in the bytes.
pub(crate) const KEY: &str = "YzRuNHJ5IGtleSBjNG40cnkga2V5IGM0bjRyeSBrZSE=";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const SETTINGS: [(&str, &str); 9] = [
    ("PENSTOCK_GHL_TOKEN", TOKEN),
    ("PENSTOCK_GHL_BURST", "100000/10s"),
    ("PENSTOCK_API_KEYS", BEARER),
    ("PENSTOCK_LEASE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "3s"),
    ("PENSTOCK_QUARANTINE", "1s"),
    ("PENSTOCK_BACKOFF", "50ms..100ms"),
    ("PENSTOCK_MAX_ATTEMPTS", "3"),
    ("PENSTOCK_LOG", "trace"),
];

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) sandbox: Running,
    settings: Vec<(String, String)>,
}

impl Stage {
    /// All programs have these settings too.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::with_oauth(settings, None).await
    }

    /// An app may be installed, too.
    pub(crate) async fn with_oauth(settings: &[(&str, &str)], oauth: Option<OAuthTerms>) -> Self {
        let config = [("rdbcompression", "no"), ("slowlog-log-slower-than", "0")];
        let config = config.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let redis = RedisServer::start(RedisOptions {
            requirepass: Some(PASSWORD.to_owned()),
            config: config.to_vec(),
            ..RedisOptions::default()
        })
        .await;
        let options = Options {
            tokens: vec![TOKEN.to_owned().into()],
            oauth,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let (url, api) = (redis.url(), sandbox.url());
        let places = [
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let page = format!("{api}/v2/oauth/chooselocation");
        let page = [("PENSTOCK_GHL_AUTHORIZE_URL", page.as_str())];
        let all = places.iter().chain(&SETTINGS).chain(&page).chain(settings);
        let settings = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            settings: settings.collect(),
            redis,
            sandbox,
        }
    }

    pub(crate) fn faults(&self, faults: &[&str]) {
        self.sandbox
            .set_faults(faults.iter().map(|fault| fault.parse().unwrap()));
    }

    fn with<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (name.as_str(), value.as_str()));
        settings.chain(more.iter().copied()).collect()
    }

    /// A program that is yet to be started.
    pub(crate) fn program(&self, name: &str, more: &[(&str, &str)]) -> ProgramBuilder {
        let program = Program::new(name);
        let settings = self.with(more);
        settings
            .into_iter()
            .fold(program, |program, (name, value)| program.env(name, value))
    }

    /// A worker that is ready.
    pub(crate) async fn worker(&self, more: &[(&str, &str)]) -> Program {
        let worker = self.program("penstock-worker", more).start();
        worker.wait_for_line("ready", PATIENCE).await;
        worker
    }

    /// A program, run to its end.
    pub(crate) async fn run(&self, name: &str, args: &[&str], stdin: &str) -> Finished {
        run(name, args, &self.with(&[]), stdin).await
    }

    pub(crate) async fn admin(&self, args: &[&str]) -> Finished {
        self.run("penstock-admin", args, "").await
    }

    /// What the admin program says as JSON, with other settings.
    pub(crate) async fn ask(&self, args: &[&str], more: &[(&str, &str)]) -> Value {
        let args = [args, &["-o", "json"]].concat();
        let finished = run("penstock-admin", &args, &self.with(more), "").await;
        assert_eq!(finished.code, Some(0), "{args:?}: {finished:?}");
        finished.json()
    }

    /// Stores jobs, one a line.
    pub(crate) async fn enqueue(&self, lines: &[String]) -> Finished {
        let lines = lines.join("\n");
        self.run("penstock-producer", &["enqueue"], &lines).await
    }

    /// Waits until the job stands so.
    pub(crate) async fn until(&self, id: &str, state: &str) -> Value {
        wait_until(&format!("{id} to be {state}"), PATIENCE, async || {
            let finished = self.admin(&["job", "show", id, "-o", "json"]).await;
            let shown: Value = serde_json::from_str(&finished.stdout).ok()?;
            (shown["state"] == state).then_some(shown)
        })
        .await
    }
}

/// An address that a program can listen on.
pub(crate) fn address() -> String {
    format!("127.0.0.1:{}", free_port())
}
