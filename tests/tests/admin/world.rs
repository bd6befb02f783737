//! A Redis with jobs in every state, made by hand through the queue's own verbs: no worker is needed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use penstock_shared::{
    job::{
        Job,
        state::{Ending, Transition},
    },
    outcome::{Cause, Fault, Permit},
    queue::{
        Location, Queue, Terms,
        claim::{ClaimRequest, Claimed},
        enqueue::{Admission, Enqueued},
        record::NewJob,
        report::Report,
        settle::{Fields, Settled, Settlement},
    },
    settings::{Durability, Encryption},
};
use penstock_tests::harness::{Finished, RedisOptions, RedisServer, run};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A tenant of most tests.
pub(crate) const ACME: &str = "acme";
const WORKER: &str = "worker-1";
/// Long enough that no lease ends within a test.
const LEASE: Duration = Duration::from_secs(600);

/// A Redis, and the queue on it.
pub(crate) struct World {
    pub(crate) server: RedisServer,
    pub(crate) queue: Queue,
    claims: u64,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_shards(1).await
    }

    pub(crate) async fn with_shards(shards: u16) -> Self {
        let server = RedisServer::start(RedisOptions::default()).await;
        let location = Location {
            url: SecretString::from(server.url()),
            roots: None,
            namespace: "penstock".into(),
            shards,
            durability: Durability::Everysec,
            encryption: Encryption::default(),
        };
        let terms = Terms {
            lease: LEASE,
            http_timeout: Duration::from_secs(10),
            quarantine: Duration::from_secs(30),
            reserve: 0.1,
            spread: false,
            coalesce: 1,
            max_backlog: 1_000_000,
            memory: 90,
            retention: Duration::from_secs(86_400),
        };
        let queue = Queue::connect(location, terms).await.unwrap();
        Self {
            server,
            queue,
            claims: 0,
        }
    }

    /// Runs the admin program.
    pub(crate) async fn admin(&self, args: &[&str]) -> Finished {
        self.admin_with(args, "").await
    }

    pub(crate) async fn admin_with(&self, args: &[&str], stdin: &str) -> Finished {
        let url = self.server.url();
        let shards = self.queue.shards().to_string();
        let env = [
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_SHARDS", shards.as_str()),
            ("PENSTOCK_LEASE", "10m"),
        ];
        run("penstock-admin", args, &env, stdin).await
    }

    /// Runs it with `-o json`, and expects it to be done.
    pub(crate) async fn ask(&self, args: &[&str]) -> Value {
        let finished = self.admin(&[args, &["-o", "json"]].concat()).await;
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.json()
    }

    /// Runs it, expects it to refuse its input, and returns what it said.
    pub(crate) async fn refused(&self, args: &[&str]) -> String {
        let finished = self.admin(args).await;
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
        finished.stderr
    }

    /// Enqueues a job of its own contact.
    pub(crate) async fn note(&self, tenant: &str, id: &str) {
        let contact = json!({ "email": format!("{id}@example.com") });
        self.enqueue(note(tenant, id, &contact)).await;
    }

    pub(crate) async fn enqueue(&self, job: Value) {
        let job = Job::from_value(job).unwrap();
        let id = job.id.clone().unwrap();
        let new = [NewJob { id, job }];
        let stored = self.queue.enqueue(&new, Admission::Each).await.unwrap();
        assert_eq!(stored, [Enqueued::Accepted]);
    }

    /// A worker says that it lives, and what the quota is.
    pub(crate) async fn register(&self) {
        for shard in 0..self.queue.shards() {
            let quotas = ("100/10s".parse().unwrap(), "200000/1d".parse().unwrap());
            let about = HashMap::new();
            self.queue
                .register(shard, WORKER, quotas, &about)
                .await
                .unwrap();
        }
    }

    /// Claims the tenant's due jobs, up to `slots`.
    pub(crate) async fn claim(&mut self, tenant: &str, slots: usize) -> Vec<Claimed> {
        self.register().await;
        self.claims += 1;
        let request = ClaimRequest {
            number: self.claims,
            slots,
            held: vec![],
        };
        let shard = self.queue.shard_of(tenant);
        self.queue
            .claim(shard, WORKER, &request)
            .await
            .unwrap()
            .jobs
    }

    /// Ends a delivery.
    pub(crate) async fn settle(&self, claimed: &Claimed, ending: Ending, fields: Fields) {
        let failed = match &ending {
            Ending::Dead { fault, .. } => Some(fault.clone()),
            _ => None,
        };
        let transition = Transition {
            fault: failed,
            ..Transition::new(ending, Permit::Answered)
        };
        self.settle_as(claimed, transition, fields).await;
    }

    pub(crate) async fn settle_as(
        &self,
        claimed: &Claimed,
        transition: Transition,
        fields: Fields,
    ) {
        self.settle_with(claimed, transition, fields, None).await;
    }

    /// Ends a delivery whose response said this of the quota.
    pub(crate) async fn settle_with(
        &self,
        claimed: &Claimed,
        transition: Transition,
        fields: Fields,
        report: Option<Report>,
    ) {
        let history = json!({ "error": "the API said no", "status": 422 }).to_string();
        let settlement = Settlement {
            reference: claimed.reference.clone(),
            token: claimed.token,
            job_type: "AttachNote".into(),
            attempts: claimed.run.attempts(),
            transition,
            fields,
            history: Some(history),
            record: Arc::clone(&claimed.record),
            has_run: true,
            life_ms: 0,
            stale: false,
            keys: None,
            report,
            riders: Vec::new(),
            calls: 1,
            took: Duration::ZERO,
        };
        let shard = self.queue.shard_of(claimed.reference.tenant());
        let settled = self.queue.settle(shard, &[settlement]).await.unwrap();
        assert_eq!(settled, [Settled::Ok]);
    }

    /// Enqueues notes of the tenant and lets them die of `cause`, one after another.
    pub(crate) async fn dead(&mut self, tenant: &str, ids: &[&str], cause: Cause) {
        for id in ids {
            self.note(tenant, id).await;
            self.bury(tenant, cause, Fields::new()).await;
        }
    }

    /// The tenant's one due job dies.
    pub(crate) async fn bury(&mut self, tenant: &str, cause: Cause, fields: Fields) {
        let claimed = self.claim(tenant, 1).await;
        assert_eq!(claimed.len(), 1);
        let fault = Fault {
            status: Some(422),
            message: "the API said no".into(),
        };
        let ending = Ending::Dead {
            cause,
            fault,
            evidence: None,
        };
        self.settle(&claimed[0], ending, fields).await;
    }

    /// A note whose outcome cannot be told.
    pub(crate) async fn ambiguous(&mut self, tenant: &str, id: &str) {
        self.note(tenant, id).await;
        let intent = Fields::from([("intent", "1796115600000".to_owned())]);
        self.bury(tenant, Cause::Ambiguous, intent).await;
    }

    /// What stands under a dead job's id becomes nothing that anybody can read.
    pub(crate) async fn garble(&self, tenant: &str, id: &str) {
        let key = self.queue.keys(self.queue.shard_of(tenant)).job(tenant);
        self.server.cli(["HSET", &key, id, "garbage"]).await;
    }
}

/// A note as a producer writes it.
pub(crate) fn note(tenant: &str, id: &str, contact: &Value) -> Value {
    json!({
        "type": "AttachNote", "tenant": tenant, "id": id,
        "payload": { "contact": contact, "body": "Called about the leak" },
    })
}

/// A field of every row.
pub(crate) fn column<'a>(rows: &'a Value, name: &str) -> Vec<&'a str> {
    let rows = rows.as_array().expect("rows are an array").iter();
    rows.map(|row| row[name].as_str().expect("it is a text"))
        .collect()
}
