//! A Redis, the sandbox with an app that can be installed, programs on both, and what a test asks them.

use std::{collections::HashSet, time::Duration};

use penstock_shared::{
    ghl::{App, GhlClient, Issued, OAuthClient},
    job::{ContactRef, state::State},
    queue::{
        Location, Queue, Terms,
        enqueue::{Admission, Enqueued},
        grants::{GrantName, Kind, Listed},
        reference::Lane,
        run::field,
        status::JobStatus,
    },
    settings::{Encryption, Settings},
};
use penstock_tests::{
    fixture::Draft,
    harness::{Finished, Program, RedisOptions, RedisServer, run, wait_until},
    sandbox::{Call, Grant, Marketplace, OAuthTerms, Options, Running, Sandbox},
};
use serde_json::{Value, json};

pub(crate) const ACME: &str = "acme";
pub(crate) const APP: &str = "app1-main";
pub(crate) const SECRET: &str = "c4n4ry-secret";
/// A private integration token that the sandbox takes.
pub(crate) const TOKEN: &str = "pit-test";
pub(crate) const KEY: &str = "main:YzRuNHJ5IGtleSBjNG40cnkga2V5IGM0bjRyeSBrZSE=";
pub(crate) const BOTH: &str = "contacts.readonly contacts.write oauth.write";
/// For whatever must happen at all; how soon is not what these tests are about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long before its end a token is renewed here.
const AHEAD: Duration = Duration::from_secs(3_600);

/// Delays so short that a test sees the end of each.
const SETTINGS: [(&str, &str); 11] = [
    ("PENSTOCK_GHL_CLIENT_ID", APP),
    ("PENSTOCK_GHL_CLIENT_SECRET", SECRET),
    ("PENSTOCK_GHL_SCOPES", BOTH),
    ("PENSTOCK_ENCRYPTION_KEYS", KEY),
    ("PENSTOCK_ALLOW_WRITES", "all"),
    ("PENSTOCK_GHL_BURST", "1000/10s"),
    ("PENSTOCK_LEASE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "2s"),
    ("PENSTOCK_QUARANTINE", "500ms"),
    ("PENSTOCK_COALESCE", "off"),
    ("PENSTOCK_LOG", "info,penstock_worker=debug"),
];

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) sandbox: Running,
    pub(crate) queue: Queue,
    oauth: OAuthClient,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with_tokens(&[TOKEN]).await
    }

    /// The sandbox takes these private tokens, besides those that it gives out.
    pub(crate) async fn with_tokens(tokens: &[&str]) -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await;
        let mut options = Options {
            tokens: tokens.iter().map(|token| (*token).into()).collect(),
            oauth: Some(OAuthTerms::new(APP, SECRET.into())),
            ..Options::default()
        };
        options.quota.burst.calls = 1_000;
        let sandbox = Sandbox::start(options).await.unwrap();
        let timeout = Duration::from_secs(5);
        let client = GhlClient::new(&sandbox.url(), timeout, "test").unwrap();
        Self {
            queue: connect(&redis).await,
            oauth: OAuthClient::new(client, app()),
            redis,
            sandbox,
        }
    }

    pub(crate) fn marketplace(&self) -> Marketplace<'_> {
        self.sandbox.marketplace().unwrap()
    }

    /// The one installation that there is.
    pub(crate) fn installed(&self) -> Grant {
        let mut grants = self.marketplace().grants();
        assert_eq!(grants.len(), 1, "{grants:?}");
        grants.remove(0)
    }

    /// Puts these faults in the place of all others.
    pub(crate) fn faults(&self, faults: &[&str]) {
        let faults = faults.iter().map(|fault| fault.parse().unwrap());
        self.sandbox.set_faults(faults);
    }

    /// A location installs the app, and its tokens are kept.
    pub(crate) async fn connect(&self, location: &str) {
        self.connect_for(location, BOTH).await;
    }

    pub(crate) async fn connect_for(&self, location: &str, scope: &str) {
        let code = self.marketplace().install(location, Some(scope));
        self.exchange(&code).await;
    }

    /// The company does so.
    pub(crate) async fn connect_company(&self) -> String {
        let code = self.marketplace().install_for_company(Some(BOTH));
        self.exchange(&code).await;
        self.marketplace().company()
    }

    /// The company does so once more, and the API names no locations with it.
    pub(crate) async fn reconnect_company_alone(&self) {
        let code = self.marketplace().install_for_company(Some(BOTH));
        let issued = self.oauth.exchange(&code.as_str().into()).await.unwrap();
        let issued = Issued {
            approved: Vec::new(),
            ..issued
        };
        self.keep(&issued).await;
    }

    async fn exchange(&self, code: &str) {
        let issued = self.oauth.exchange(&code.into()).await.unwrap();
        self.keep(&issued).await;
    }

    async fn keep(&self, issued: &Issued) {
        let kept = self.queue.connected(APP, issued, AHEAD).await.unwrap();
        assert!(kept.is_some());
    }

    pub(crate) fn program(
        &self,
        name: &str,
        settings: &[(&str, &str)],
    ) -> penstock_tests::harness::ProgramBuilder {
        let (redis, api) = (self.redis.url(), self.sandbox.url());
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let all = places.iter().chain(&SETTINGS).chain(settings);
        all.fold(Program::new(name), |builder, (name, value)| {
            builder.env(name, value)
        })
    }

    pub(crate) async fn worker(&self) -> Program {
        self.worker_with(&[]).await
    }

    pub(crate) async fn worker_with(&self, settings: &[(&str, &str)]) -> Program {
        self.worker_of("penstock-worker", settings).await
    }

    /// A worker to which this happens.
    pub(crate) async fn failing(&self, failpoint: &str) -> Program {
        let settings = [("PENSTOCK_FAILPOINT", failpoint)];
        self.worker_of("penstock-worker-failpoints", &settings)
            .await
    }

    async fn worker_of(&self, program: &str, settings: &[(&str, &str)]) -> Program {
        let worker = self.program(program, settings).start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    }

    /// Runs the admin program.
    pub(crate) async fn admin(&self, args: &[&str], stdin: &str) -> Finished {
        self.admin_with(args, &[], stdin).await
    }

    pub(crate) async fn admin_with(
        &self,
        args: &[&str],
        settings: &[(&str, &str)],
        stdin: &str,
    ) -> Finished {
        let (redis, api) = (self.redis.url(), self.sandbox.url());
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let env = [&places[..], &SETTINGS, settings].concat();
        run("penstock-admin", args, &env, stdin).await
    }

    /// Runs it with `-o json`, and expects it to be done.
    pub(crate) async fn ask(&self, args: &[&str]) -> Value {
        self.tell(args, "").await
    }

    pub(crate) async fn tell(&self, args: &[&str], stdin: &str) -> Value {
        let finished = self.admin(&[args, &["-o", "json"]].concat(), stdin).await;
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.json()
    }

    /// Stores jobs. The contacts that they name by id are there then.
    pub(crate) async fn enqueue(&self, drafts: &[Draft]) {
        let mut seen = HashSet::new();
        for job in drafts.iter().map(Draft::job) {
            for contact in job.payload.contact_refs() {
                if let ContactRef::Id(id) = contact
                    && seen.insert(id.clone())
                {
                    let contact = json!({ "id": id.as_str(), "locationId": job.tenant.as_str() });
                    // It may be there already.
                    let _ = self.sandbox.seed_contact(&contact);
                }
            }
        }
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        let stored = self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
        assert!(stored.iter().all(|code| *code == Enqueued::Accepted));
    }

    pub(crate) async fn status(&self, id: &str) -> JobStatus {
        self.queue.find(id, None).await.unwrap().pop().unwrap()
    }

    pub(crate) async fn until_state(&self, id: &str, state: State) -> JobStatus {
        wait_until(&format!("{id} to be {state}"), PATIENCE, || async {
            Some(self.status(id).await).filter(|job| job.state == state)
        })
        .await
    }

    /// Waits until so many jobs in all are done, and none is dead.
    pub(crate) async fn until_done(&self, count: u64) {
        wait_until(&format!("{count} jobs to be done"), PATIENCE, || async {
            let stats = self.queue.stats().await.ok()?;
            assert_eq!(stats.dead, 0, "none was to die");
            (stats.done_total == count).then_some(())
        })
        .await;
    }

    /// Waits until the tenant is held for this.
    pub(crate) async fn until_held(&self, tenant: &str, why: &str) {
        wait_until(&format!("{tenant} to be held: {why}"), PATIENCE, || async {
            let lane = self.queue.lane_status(&Lane::ghl(tenant)).await.unwrap();
            (lane.why.as_deref() == Some(why)).then_some(())
        })
        .await;
    }

    /// Waits until the job waits for a person who lets its tenant write.
    pub(crate) async fn until_read_only(&self, id: &str) -> JobStatus {
        let waits = |job: &JobStatus| {
            job.state == State::Scheduled && job.run.text(field::READ_ONLY).is_some()
        };
        wait_until(&format!("{id} to wait"), PATIENCE, || async {
            Some(self.status(id).await).filter(waits)
        })
        .await
    }

    /// Waits until a location's grant is as wanted.
    pub(crate) async fn until_grant(
        &self,
        location: &str,
        what: &str,
        wanted: impl Fn(&Listed) -> bool,
    ) -> Listed {
        wait_until(
            &format!("{location}'s grant to be {what}"),
            PATIENCE,
            || async { self.listed(location).await.filter(&wanted) },
        )
        .await
    }

    async fn listed(&self, location: &str) -> Option<Listed> {
        let all = self.queue.list_grants().await.ok()?;
        all.into_iter()
            .find(|listed| listed.name == granted(location))
    }

    /// The calls of this operation that the API has seen.
    pub(crate) fn calls_of(&self, operation: &str) -> Vec<Call> {
        let calls = self.sandbox.calls_after(0).into_iter();
        calls.filter(|call| call.operation == operation).collect()
    }
}

/// What the app was granted for a location.
pub(crate) fn granted(location: &str) -> GrantName {
    GrantName::new(Kind::Location, APP, location)
}

fn app() -> App {
    App {
        client_id: APP.to_owned(),
        client_secret: SECRET.into(),
        redirect_uri: None,
        scopes: BOTH.to_owned(),
        authorize_url: "http://127.0.0.1/".to_owned(),
    }
}

/// A way to the queue of the test's own, with the programs' key.
async fn connect(redis: &RedisServer) -> Queue {
    let settings = Settings::load_from([
        ("PENSTOCK_REDIS_URL", redis.url()),
        ("PENSTOCK_ENCRYPTION_KEYS", KEY.to_owned()),
        ("PENSTOCK_LEASE", "2s".to_owned()),
        ("PENSTOCK_HTTP_TIMEOUT", "2s".to_owned()),
        ("PENSTOCK_QUARANTINE", "500ms".to_owned()),
    ]);
    let settings = settings.unwrap();
    let terms = Terms::from(&settings);
    Queue::connect(Location::from(&settings), terms)
        .await
        .unwrap()
}

/// A queue on the same Redis without any key.
pub(crate) async fn without_keys(stage: &Stage) -> Queue {
    let settings = Settings::load_from([("PENSTOCK_REDIS_URL", stage.redis.url())]).unwrap();
    let location = Location {
        encryption: Encryption::default(),
        ..Location::from(&settings)
    };
    Queue::connect(location, Terms::from(&settings))
        .await
        .unwrap()
}
