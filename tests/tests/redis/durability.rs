//! What each durability promises, what a program says of it at its start, and what it refuses to promise.

use penstock_shared::queue::{enqueue::Admission, error::QueueError};
use penstock_tests::{
    fixture::job,
    harness::{Appendfsync, Endpoint, Listen, RedisOptions, RedisServer, run, wait_until},
};

use crate::stage::{PATIENCE, Stage};

const REPLICATED: [(&str, &str); 1] = [("PENSTOCK_DURABILITY", "replicated:1")];

fn with(config: &[(&str, &str)]) -> RedisOptions {
    let config = config
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    RedisOptions {
        listen: Listen::Tcp,
        config: config.collect(),
        ..RedisOptions::default()
    }
}

async fn replica_of(primary: &RedisServer) -> RedisServer {
    let Endpoint::Tcp(address) = primary.endpoint() else {
        panic!("a replica needs an address")
    };
    let place = format!("{} {}", address.ip(), address.port());
    let before = online(primary).await;
    let replica = RedisServer::start(with(&[("replicaof", &place)])).await;
    wait_until("the replica to follow", PATIENCE, || async {
        (online(primary).await > before).then_some(())
    })
    .await;
    replica
}

/// How many replicas follow it.
async fn online(primary: &RedisServer) -> usize {
    let info: String = primary.get(["INFO", "replication"]).await;
    info.matches("state=online").count()
}

/// What a program says at its start, and whether it goes on.
async fn said(redis: &RedisServer, durability: &str) -> (Option<i32>, String) {
    let settings = [
        ("PENSTOCK_REDIS_URL", redis.url()),
        ("PENSTOCK_DURABILITY", durability.into()),
        ("PENSTOCK_LOG", "info".into()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let ended = run("penstock-producer", ["enqueue", "-"], &settings, "").await;
    (ended.code, ended.stderr)
}

async fn promises(redis: &RedisServer, durability: &str, promise: &str) -> String {
    let (code, said) = said(redis, durability).await;
    assert!(
        code == Some(0) && said.contains(promise),
        "{durability}: {said}"
    );
    said
}

async fn refuses(redis: &RedisServer, durability: &str, why: &str) {
    let (code, said) = said(redis, durability).await;
    assert!(
        code == Some(1) && said.contains(why),
        "{durability}: {said}"
    );
}

#[tokio::test]
async fn what_is_promised_is_said_and_what_cannot_be_is_refused() {
    let redis = RedisServer::start(with(&[])).await;
    let plain = promises(&redis, "everysec", "usually under 2 s").await;
    assert!(!plain.contains("WARN"), "{plain}");
    refuses(
        &redis,
        "always",
        "set `appendonly yes` and `appendfsync always`",
    )
    .await;
    refuses(&redis, "replicated:1", "only 0 connected replicas").await;

    redis.cli(["CONFIG", "SET", "appendfsync", "no"]).await;
    let left = promises(&redis, "everysec", "set `appendfsync everysec`").await;
    assert!(left.contains("but not of its machine"), "{left}");
    redis.cli(["CONFIG", "SET", "appendfsync", "always"]).await;
    promises(&redis, "always", "outlives a crash of Redis").await;
    redis.cli(["CONFIG", "SET", "appendonly", "no"]).await;
    refuses(&redis, "always", "set `appendonly yes`").await;
    promises(&redis, "everysec", "does not outlive a crash").await;

    let _replica = replica_of(&redis).await;
    promises(&redis, "replicated:1", "set `min-replicas-to-write 1`").await;
    refuses(&redis, "replicated:2", "only 1 connected replicas").await;
    redis
        .cli(["CONFIG", "SET", "min-replicas-to-write", "1"])
        .await;
    let quiet = promises(&redis, "replicated:1", "in as many replicas as asked for").await;
    assert!(!quiet.contains("WARN"), "{quiet}");
    // One that nobody waits for may be the one that takes over.
    let _other = replica_of(&redis).await;
    promises(&redis, "replicated:1", "set N to the number of replicas").await;

    redis
        .cli(["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
        .await;
    refuses(&redis, "replicated:1", "set it to noeviction").await;
}

/// Who only looks needs no replica, and who changes something is told which are missing.
#[tokio::test]
async fn without_its_replicas_it_can_be_looked_into() {
    let redis = RedisServer::start(with(&[])).await;
    let url = redis.url();
    let plain = [("PENSTOCK_REDIS_URL", url.as_str())];
    let jobs = r#"{"type":"AddTags","tenant":"acme","id":"a","payload":{"contact":{"id":"c"},"tags":["t"]}}"#;
    let stored = run("penstock-producer", ["enqueue"], &plain, jobs).await;
    assert_eq!(stored.code, Some(0), "{stored:?}");
    let settings = [plain[0], REPLICATED[0]];
    for args in [
        &["stats"][..],
        &["tenants"],
        &["job", "show", "a"],
        &["job", "why", "a"],
        &["dead", "list"],
        &["dead", "causes"],
        &["dead", "export"],
        &["twins"],
        &["quarantine"],
    ] {
        let looked = run("penstock-admin", args, &settings, "").await;
        assert_eq!(looked.code, Some(0), "{args:?}: {looked:?}");
        assert_eq!(looked.stderr, "", "{args:?}");
    }
    for args in [
        &["dead", "delete", "a"][..],
        &["tenant", "pause", "acme"],
        &["quarantine", "reset"],
    ] {
        let refused = run("penstock-admin", args, &settings, "").await;
        assert_eq!(refused.code, Some(1), "{args:?}: {refused:?}");
        assert!(
            refused.stderr.contains("only 0 connected replicas"),
            "{args:?}: {refused:?}"
        );
    }
}

/// Stored on the primary alone is not stored; repeated with the same id it is, as soon as the replica has it.
#[tokio::test]
async fn what_no_replica_has_is_unconfirmed() {
    let redis = RedisServer::start(with(&[("appendfsync", "no")])).await;
    let mut replica = replica_of(&redis).await;
    let stage = Stage::on(&redis.url(), &REPLICATED).await;
    replica.stop_signal();
    let jobs = [job("a").of("tenant-0").contact("c-0").note("Once").build()];
    for _ in 0..2 {
        let refused = stage
            .queue
            .enqueue(&jobs, Admission::Each)
            .await
            .unwrap_err();
        assert!(
            matches!(&refused.error, QueueError::Unconfirmed(_)) && refused.error.is_transient(),
            "{refused}"
        );
        assert_eq!(refused.settled, [None]);
    }
    replica.cont();
    let stored = stage.queue.enqueue(&jobs, Admission::Each).await.unwrap();
    assert!(stored[0].is_stored());
}

/// Whatever the primary alone knows of, a worker does not act upon: neither on a claim nor on an intent.
#[tokio::test]
async fn a_worker_sends_nothing_that_no_replica_knows_of() {
    let redis = RedisServer::start(with(&[])).await;
    let mut replica = replica_of(&redis).await;
    let stage = Stage::on(&redis.url(), &REPLICATED).await;
    let mut worker = stage.worker().await;
    let jobs = [job("a").of("tenant-0").contact("c-0").note("Once").build()];
    stage.queue.enqueue(&jobs, Admission::Each).await.unwrap();
    stage.until_all_done(1).await;
    replica.stop_signal();
    let jobs = [job("b").of("tenant-0").contact("c-0").tag("next").build()];
    stage
        .queue
        .enqueue(&jobs, Admission::Each)
        .await
        .unwrap_err();
    worker
        .wait_for_line("did not confirm the write", PATIENCE)
        .await;
    assert_eq!(stage.sandbox.summary().calls, 1);
    replica.cont();
    stage.until_all_done(2).await;
    assert!(worker.exited().is_none());
}

/// The primary dies after the script and before a replica has confirmed it: that is never an acknowledgement.
#[tokio::test]
async fn a_primary_that_dies_between_the_script_and_its_confirmation() {
    let mut redis = RedisServer::start(with(&[])).await;
    let mut replica = replica_of(&redis).await;
    let stage = Stage::on(&redis.url(), &REPLICATED).await;
    replica.stop_signal();
    let queue = stage.queue.clone();
    let jobs = [job("a").of("tenant-0").contact("c-0").note("Once").build()];
    let stored = tokio::spawn(async move { queue.enqueue(&jobs, Admission::Each).await });
    wait_until("the script to have run", PATIENCE, || async {
        let jobs: u64 = redis.get(["HLEN", "penstock:{0}:job:tenant-0"]).await;
        (jobs == 1).then_some(())
    })
    .await;
    redis.kill9();
    let refused = stored.await.unwrap().unwrap_err();
    assert_eq!(refused.settled, [None], "{refused}");
}

#[tokio::test]
async fn always_is_said_of_a_redis_that_syncs_always() {
    let options = RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    };
    let redis = RedisServer::start(options).await;
    promises(
        &redis,
        "always",
        "what is acknowledged outlives a crash of Redis",
    )
    .await;
}
