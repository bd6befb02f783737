//! `serve`, cut off from Redis within a batch: it says of each job whether it is stored, and repeating is harmless.

use penstock_tests::{
    fixture::{Draft, job},
    harness::Proxy,
};
use serde_json::Value;

use crate::{
    service::{Answer, Service},
    stage::{ACME, Stage, array},
};

/// Three calls to Redis, each of 256 jobs or fewer; before them three that look whether all can be stored.
const JOBS: usize = 600;
/// The first job of the second call.
const SECOND: &str = "job-256";

fn jobs() -> Vec<Draft> {
    (0..JOBS)
        .map(|number| job(&format!("job-{number}")))
        .collect()
}

struct Scene {
    stage: Stage,
    proxy: Proxy,
    service: Service,
}

impl Scene {
    async fn start() -> Self {
        let stage = Stage::start().await;
        let proxy = Proxy::start(stage.redis.endpoint());
        let service = Service::begin(stage.producer_at(&proxy.redis_url(), &[])).await;
        Self {
            service: service.ready().await,
            stage,
            proxy,
        }
    }

    /// Posts all, and expects the failure to have been met; what is said of each job.
    async fn interrupted(&self) -> Vec<Value> {
        let answer = self.service.post(array(&jobs())).await;
        answer.retry_after(503);
        assert_eq!(self.proxy.lost(), 1);
        self.check(&answer).await
    }

    /// Whatever is said to be stored or not, is so; every job is named, in order.
    async fn check(&self, answer: &Answer) -> Vec<Value> {
        let stored = self.stage.ids(ACME).await;
        let said = answer.body["jobs"].as_array().expect("jobs are listed");
        assert_eq!(said.len(), JOBS);
        for (number, job) in said.iter().enumerate() {
            let id = format!("job-{number}");
            assert_eq!(job["id"], id);
            if let Some(claim) = job["stored"].as_bool() {
                assert_eq!(claim, stored.binary_search(&id).is_ok(), "{id}");
            }
        }
        said.iter().map(|job| job["stored"].clone()).collect()
    }

    /// Repeats the batch, and expects each job to be there once.
    async fn repeat(&self) {
        let before = self.stage.ids(ACME).await;
        self.service.wait_for_status("/readyz", 200).await;
        let answer = self.service.post(array(&jobs())).await;
        for (id, status) in answer.receipts() {
            let known = before.iter().any(|before| before == id);
            assert_eq!(status, if known { "duplicate" } else { "accepted" }, "{id}");
        }
        assert_eq!(self.stage.count(ACME).await, JOBS);
        let totals = self.stage.queue.stats().await.unwrap();
        assert_eq!(totals.ready, JOBS as u64);
    }
}

#[tokio::test]
async fn a_request_that_is_lost() {
    let scene = Scene::start().await;
    scene.proxy.lose_request_after(1, SECOND);
    let said = scene.interrupted().await;
    assert_eq!(scene.stage.count(ACME).await, 256);
    assert!(said[..256].iter().all(|stored| *stored == true));
    scene.repeat().await;
}

#[tokio::test]
async fn a_reply_that_is_lost() {
    let scene = Scene::start().await;
    scene.proxy.lose_reply_after(1, SECOND);
    let said = scene.interrupted().await;
    assert_eq!(scene.stage.count(ACME).await, 512);
    assert!(said[..256].iter().all(|stored| *stored == true));
    // Stored, but nobody can know.
    assert!(said[256..512].iter().all(Value::is_null));
    scene.repeat().await;
}

#[tokio::test]
async fn a_failure_before_anything_is_stored() {
    let scene = Scene::start().await;
    scene.proxy.lose_request_after(0, SECOND);
    let said = scene.interrupted().await;
    assert_eq!(scene.stage.count(ACME).await, 0);
    assert!(said.iter().all(|stored| *stored != true));
    scene.repeat().await;
}

#[tokio::test]
async fn a_single_job_whose_reply_is_lost() {
    let scene = Scene::start().await;
    // With it Redis learns the script: the reply that is lost then is one to a job that is stored.
    let first = job("first").of("zenith");
    scene.service.post(array(&[first])).await.receipts();
    scene.proxy.lose_replies(1, "anonymous");
    let body = r#"{"type":"AddTags","tenant":"acme","payload":{"contact":{"id":"anonymous"},"tags":["anonymous"]}}"#;
    let answer = scene.service.post(body).await;
    answer.retry_after(503);
    assert_eq!(scene.proxy.lost(), 1);
    // The id that was made for it is told, so that it can be repeated with it.
    let said = &answer.body["jobs"][0];
    assert_eq!(said["stored"], Value::Null);
    let id = said["id"].as_str().unwrap();
    assert_eq!(scene.stage.ids(ACME).await, [id]);
    scene.service.wait_for_status("/readyz", 200).await;
    let named = body.replacen('{', &format!(r#"{{"id":"{id}","#), 1);
    let again = scene.service.post(named).await;
    assert_eq!(again.receipts(), [(id, "duplicate")]);
    assert_eq!(scene.stage.count(ACME).await, 1);
}
