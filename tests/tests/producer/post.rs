//! `POST /v1/jobs`: jobs that are taken, and stored when that is said.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Appendfsync, Listen, RedisOptions, RedisServer},
};
use serde_json::json;

use crate::{
    service::Service,
    stage::{ACME, Stage, array, text},
};

#[tokio::test]
async fn one_job_or_an_array_of_them() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let one = service.post(text(&job("a"))).await;
    assert_eq!(one.status, 202);
    let expected = json!({ "jobs": [{ "id": "a", "status": "accepted" }] });
    assert_eq!(one.body, expected);
    let several = [job("b"), job("a"), job("c").of("zenith")];
    let answer = service.post(array(&several)).await;
    let expected = [("b", "accepted"), ("a", "duplicate"), ("c", "accepted")];
    assert_eq!(answer.receipts(), expected);
    assert_eq!(stage.ids(ACME).await, ["a", "b"]);
    assert_eq!(stage.ids("zenith").await, ["c"]);
    assert_eq!(stage.state_of(ACME, "a").await, State::Ready);
}

#[tokio::test]
async fn a_job_without_an_id_gets_a_uuid_of_version_7() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let anonymous = text(&job("a")).replace(r#""id":"a","#, "");
    let answer = service.post(format!("[{anonymous},{anonymous}]")).await;
    let receipts = answer.receipts();
    for (id, status) in &receipts {
        assert_eq!(*status, "accepted");
        let version = uuid::Uuid::parse_str(id).unwrap().get_version_num();
        assert_eq!(version, 7, "{id}");
        assert_eq!(service.job(id).await["tenant"], "acme");
    }
    assert!(receipts[0].0 < receipts[1].0, "{receipts:?}");
    assert_eq!(stage.count(ACME).await, 2);
}

#[tokio::test]
async fn no_content_type_is_asked_for() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    for (index, kind) in ["application/json", "text/plain", "application/x-ndjson"]
        .into_iter()
        .enumerate()
    {
        let body = text(&job(&format!("{index}")));
        let request = service.posting(body).header("content-type", kind);
        assert_eq!(request.send().await.unwrap().status(), 202, "{kind}");
    }
}

#[tokio::test]
async fn elements_of_an_array_run_in_their_order() {
    let mut stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let of_one = |number: usize| job(&format!("{number:03}")).phone("+15551234567");
    let many: Vec<Draft> = (0..300).map(of_one).collect();
    let answer = service.post(array(&many)).await;
    assert_eq!(answer.receipts().len(), 300);
    let order = stage.drain(ACME).await;
    assert!(order.is_sorted() && order.len() == 300, "{order:?}");
}

#[tokio::test]
async fn what_is_acknowledged_survives_a_redis_that_is_killed() {
    let options = RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    };
    let mut stage = Stage::on(options).await;
    let durability = [("PENSTOCK_DURABILITY", "always")];
    let service = Service::start(&stage, &durability).await;
    let many: Vec<_> = (0..100).map(|number| job(&format!("n{number}"))).collect();
    assert_eq!(service.post(array(&many)).await.receipts().len(), 100);
    stage.redis.kill9();
    stage.redis.restart().await;
    assert_eq!(stage.count(ACME).await, 100);
    service.wait_for_status("/readyz", 200).await;
    let again = service.post(array(&many)).await;
    let receipts = again.receipts();
    assert!(receipts.iter().all(|(_, status)| *status == "duplicate"));
}

#[tokio::test]
async fn always_is_refused_where_redis_does_not_sync_every_write() {
    let stage = Stage::start().await;
    let durability = [("PENSTOCK_DURABILITY", "always")];
    let finished = stage.enqueue_with(&[], &durability, text(&job("a"))).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("PENSTOCK_DURABILITY"),
        "{finished:?}"
    );
    assert_eq!(stage.count(ACME).await, 0);
}

#[tokio::test]
async fn replicated_is_said_only_when_a_replica_has_it() {
    let over_tcp = RedisOptions {
        listen: Listen::Tcp,
        ..RedisOptions::default()
    };
    let stage = Stage::on(over_tcp.clone()).await;
    let url = stage.redis.url();
    let address = url.trim_start_matches("redis://").replace(':', " ");
    let mut replica = RedisServer::start(RedisOptions {
        config: vec![("replicaof".to_owned(), address)],
        ..over_tcp
    })
    .await;
    stage.redis.cli(["WAIT", "1", "20000"]).await;
    let durability = [("PENSTOCK_DURABILITY", "replicated:1")];
    let service = Service::start(&stage, &durability).await;
    replica.kill9();
    let alone = service.post(text(&job("a"))).await;
    alone.retry_after(503);
    let expected = json!([{ "id": "a", "stored": null }]);
    assert_eq!(alone.body["jobs"], expected);

    replica.restart().await;
    stage.redis.cli(["WAIT", "1", "20000"]).await;
    let again = service.post(text(&job("a"))).await;
    assert_eq!(again.receipts(), [("a", "duplicate")]);
    let key = stage.queue.keys(0).job(ACME);
    let there: usize = replica.get(["HEXISTS", &key, "a"]).await;
    assert_eq!(there, 1);
}
