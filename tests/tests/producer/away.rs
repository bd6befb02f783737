//! `serve` while Redis is away: 503 at once, and good again when it is back.

use penstock_tests::{
    fixture::job,
    harness::{Appendfsync, Listen, RedisOptions, RedisServer, wait_until},
};

use crate::{
    service::Service,
    stage::{ACME, PATIENCE, Stage, text},
};

fn durable() -> RedisOptions {
    RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    }
}

/// Posts until it is taken; whatever else comes before is a 503.
async fn until_taken(service: &Service, id: &str) {
    wait_until("a job to be taken", PATIENCE, async || {
        let answer = service.post(text(&job(id))).await;
        if answer.status == 202 {
            return Some(());
        }
        answer.retry_after(503);
        None
    })
    .await;
}

#[tokio::test]
async fn killed_and_started_again_it_is_good_again() {
    let mut stage = Stage::on(durable()).await;
    let service = Service::start(&stage, &[]).await;
    for round in 0..3 {
        until_taken(&service, &format!("before-{round}")).await;
        stage.redis.kill9();
        let answer = service.post(text(&job("away"))).await;
        answer.retry_after(503);
        assert_eq!(answer.body["jobs"][0]["id"], "away");
        assert_ne!(answer.body["jobs"][0]["stored"], true);
        service.get("/v1/jobs/before-0").await.retry_after(503);
        service.get("/readyz").await.problem(503);
        // What it knows by itself it tells all the same.
        service.post("nonsense").await.problem(400);
        service.post("{}").await.problem(422);
        for path in ["/livez", "/metrics", "/openapi.json"] {
            assert_eq!(service.get(path).await.status, 200, "{path}");
        }
        stage.redis.restart().await;
        service.wait_for_status("/readyz", 200).await;
        until_taken(&service, &format!("after-{round}")).await;
    }
    assert_eq!(stage.count(ACME).await, 6);
}

#[tokio::test]
async fn started_before_its_redis_it_becomes_good() {
    let mut stage = Stage::on(durable()).await;
    stage.redis.kill9();
    let service = Service::begin(stage.producer(&[])).await;
    assert_eq!(service.get("/livez").await.status, 200);
    service.get("/readyz").await.problem(503);
    service.post(text(&job("a"))).await.retry_after(503);
    service.get("/v1/jobs/a").await.retry_after(503);
    // A first attempt to connect has failed: it takes a second one.
    let told = "jobs are refused until Redis is there";
    service.program.wait_for_line(told, PATIENCE).await;
    stage.redis.restart().await;
    until_taken(&service, "a").await;
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(stage.ids(ACME).await, ["a"]);
}

/// Nobody came meanwhile: who comes first is not told of an outage that is over.
#[tokio::test]
async fn restarted_while_nobody_came_it_serves_the_first_who_does() {
    let mut stage = Stage::on(durable()).await;
    let service = Service::start(&stage, &[]).await;
    stage.redis.kill9();
    stage.redis.restart().await;
    // It looks every second; a connection of its own is what there is to see of that.
    wait_until("a look at Redis", PATIENCE, async || {
        let clients = stage.redis.info("connected_clients").await;
        (clients.parse::<u32>().unwrap() > 1).then_some(())
    })
    .await;
    let answer = service.post(text(&job("a"))).await;
    assert_eq!(answer.receipts(), [("a", "accepted")]);
}

#[tokio::test]
async fn a_redis_that_stands_still_is_away_too() {
    let mut stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    stage.redis.stop_signal();
    let body = text(&job("a"));
    let (posted, ready) = tokio::join!(service.post(body), service.get("/readyz"));
    ready.problem(503);
    posted.retry_after(503);
    // It may have been stored, once Redis goes on.
    assert_eq!(posted.body["jobs"][0]["stored"], serde_json::Value::Null);
    stage.redis.cont();
    until_taken(&service, "a").await;
    assert_eq!(stage.ids(ACME).await, ["a"]);
}

#[tokio::test]
async fn a_full_redis_stores_nothing_and_says_so() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "1"]).await;
    let answer = service.post(text(&job("a"))).await;
    answer.retry_after(503);
    assert!(answer.text.contains("Redis is full"), "{answer:?}");
    assert_eq!(stage.redis.snapshot().await, before);
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "0"]).await;
    let answer = service.post(text(&job("a"))).await;
    assert_eq!(answer.receipts(), [("a", "accepted")]);
}

#[tokio::test]
async fn a_demoted_redis_stores_nothing_and_says_so() {
    let options = RedisOptions {
        listen: Listen::Tcp,
        ..RedisOptions::default()
    };
    let primary = RedisServer::start(options.clone()).await;
    let stage = Stage::on(options).await;
    let service = Service::start(&stage, &[]).await;
    let url = primary.url();
    let address: Vec<&str> = url.trim_start_matches("redis://").split(':').collect();
    stage.redis.cli(["REPLICAOF", address[0], address[1]]).await;
    wait_until("the replica to be in step", PATIENCE, async || {
        (stage.redis.info("master_link_status").await == "up").then_some(())
    })
    .await;
    let answer = service.post(text(&job("a"))).await;
    answer.retry_after(503);
    assert!(answer.text.contains("read-only replica"), "{answer:?}");
    stage.redis.cli(["REPLICAOF", "NO", "ONE"]).await;
    until_taken(&service, "a").await;
    assert_eq!(stage.ids(ACME).await, ["a"]);
}

#[tokio::test]
async fn a_redis_that_can_never_be_used_ends_it() {
    let stage = Stage::start().await;
    stage
        .redis
        .cli(["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
        .await;
    let mut service = Service::begin(stage.producer(&[])).await;
    let exit = service.program.wait_exit(PATIENCE).await;
    assert_eq!(exit.code(), Some(1));
    let told = service.program.stderr();
    assert!(told.last().unwrap().contains("noeviction"), "{told:?}");
}
