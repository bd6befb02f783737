//! A Redis Cluster of three primaries: the same programs, the tenants spread over six shards.

use std::{collections::BTreeMap, time::Duration};

use penstock_shared::{
    queue::{Location, Queue, Terms, enqueue::Admission},
    settings::Settings,
};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, RedisCluster, run, wait_until},
    sandbox::{Kind, Options, Running, Sandbox},
};
use serde_json::json;

use crate::stage::{PATIENCE, TOKEN};

const TENANTS: usize = 12;
const CONTACTS: usize = 4;
/// Of each contact.
const JOBS: usize = 5;

struct Cluster {
    redis: RedisCluster,
    sandbox: Running,
    queue: Queue,
    settings: Vec<(&'static str, String)>,
}

impl Cluster {
    async fn start() -> Self {
        let redis = RedisCluster::start(3).await;
        let settings = vec![
            ("PENSTOCK_REDIS_URL", redis.url()),
            ("PENSTOCK_SHARDS", "6".to_owned()),
            ("PENSTOCK_GHL_TOKEN", TOKEN.to_owned()),
            ("PENSTOCK_GHL_BURST", "12/1s".to_owned()),
            ("PENSTOCK_COALESCE", "off".to_owned()),
        ];
        let pairs = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let loaded = Settings::load_from(pairs).unwrap();
        let mut options = Options::default();
        options.quota.burst.calls = 12;
        options.quota.burst.window = Duration::from_secs(1);
        Self {
            queue: Queue::connect(Location::from(&loaded), Terms::from(&loaded))
                .await
                .unwrap(),
            sandbox: Sandbox::start(options).await.unwrap(),
            redis,
            settings,
        }
    }

    async fn worker(&self) -> Program {
        let api = self.sandbox.url();
        let program = Program::new("penstock-worker").env("PENSTOCK_GHL_BASE_URL", api);
        let settings = self.settings.iter();
        let worker = settings
            .fold(program, |program, (name, value)| program.env(name, value))
            .start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    }

    async fn admin(&self, args: &[&str]) -> serde_json::Value {
        let settings: Vec<_> = self
            .settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let finished = run("penstock-admin", args, &settings, "").await;
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.json()
    }
}

fn contact(tenant: usize, contact: usize) -> String {
    format!("t{tenant}-c{contact}")
}

fn notes() -> Vec<Draft> {
    let mut drafts = Vec::new();
    for at in 0..JOBS {
        for tenant in 0..TENANTS {
            for number in 0..CONTACTS {
                let contact = contact(tenant, number);
                let draft = job(&format!("{contact}-{at}")).of(&format!("tenant-{tenant}"));
                drafts.push(draft.contact(&contact).note(&format!("note {at}")));
            }
        }
    }
    drafts
}

#[tokio::test]
async fn every_job_is_delivered_once_in_order_and_within_the_quota() {
    let cluster = Cluster::start().await;
    for tenant in 0..TENANTS {
        for number in 0..CONTACTS {
            let place = format!("tenant-{tenant}");
            let person = json!({ "id": contact(tenant, number), "locationId": place });
            cluster.sandbox.seed_contact(&person).unwrap();
        }
    }
    let drafts = notes();
    let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
    let _workers = (cluster.worker().await, cluster.worker().await);
    let stored = cluster.queue.enqueue(&jobs, Admission::AllOrNothing).await;
    assert!(stored.unwrap().iter().all(|code| code.is_stored()));
    let all = jobs.len() as u64;
    wait_until("the jobs to be done", PATIENCE, || async {
        let stats = cluster.queue.stats().await.unwrap();
        assert_eq!(stats.dead, 0);
        (stats.done_total == all).then_some(())
    })
    .await;
    let summary = cluster.sandbox.summary();
    assert_eq!(summary.over_quota, 0);
    assert_eq!(summary.effects_by_kind[&Kind::Note], all);
    assert_eq!(summary.duplicates, 0);
    let mut order: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for call in cluster.sandbox.calls_after(0) {
        let contact = call.effect.unwrap().change.contact_id.unwrap();
        order.entry(contact).or_default().push(call.seq);
    }
    assert!(order.values().all(|calls| calls.len() == JOBS));
    for node in &cluster.redis.nodes {
        let keys: u64 = node.get(["DBSIZE"]).await;
        assert!(keys > 0, "a primary has nothing: the shards are not spread");
    }
    let stats = cluster.admin(&["stats", "-o", "json"]).await;
    assert_eq!(stats["doneTotal"], all, "{stats}");
    let tenants = cluster.admin(&["tenants", "-o", "json"]).await;
    assert_eq!(tenants.as_array().unwrap().len(), TENANTS, "{tenants}");
    let shown = cluster
        .admin(&["job", "show", "t3-c1-2", "-o", "json"])
        .await;
    assert_eq!(shown["state"], "done", "{shown}");
}

#[tokio::test]
async fn dead_letters_are_listed_repaired_and_sent_again() {
    let cluster = Cluster::start().await;
    let strays: Vec<_> = (0..TENANTS)
        .map(|tenant| {
            job(&format!("s{tenant}"))
                .of(&format!("tenant-{tenant}"))
                .contact("nobody")
        })
        .collect();
    let jobs: Vec<_> = strays.iter().map(Draft::build).collect();
    cluster.queue.enqueue(&jobs, Admission::Each).await.unwrap();
    let _worker = cluster.worker().await;
    wait_until("them to die", PATIENCE, || async {
        let stats = cluster.queue.stats().await.unwrap();
        (stats.dead == TENANTS as u64).then_some(())
    })
    .await;
    let listed = cluster.admin(&["dead", "list", "-o", "json"]).await;
    assert_eq!(listed.as_array().unwrap().len(), TENANTS, "{listed}");
    for tenant in 0..TENANTS {
        let person = json!({ "id": "nobody", "locationId": format!("tenant-{tenant}") });
        // One id is one contact: the first tenant's.
        let _ = cluster.sandbox.seed_contact(&person);
    }
    let again = cluster
        .admin(&["dead", "retry", "--all", "--yes", "-o", "json"])
        .await;
    assert_eq!(again["changed"], TENANTS, "{again}");
    wait_until("one of them to be done", PATIENCE, || async {
        let stats = cluster.queue.stats().await.unwrap();
        (stats.done_total >= 1).then_some(())
    })
    .await;
}
