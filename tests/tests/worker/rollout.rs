//! Programs of two versions on one Redis: each has a library of its own there, and may find that the other has cleared it away.

use penstock_tests::{
    fixture::{Draft, job},
    harness::RedisServer,
};

use crate::stage::Stage;

const JOBS: u64 = 200;
/// The libraries that there are, by name.
type Libraries = Vec<(String, String)>;

fn load(round: u64) -> Vec<Draft> {
    let of = |at: u64| {
        let draft = job(&format!("{round}-{at}")).contact(&format!("c-{}", at % 20));
        draft.note(&format!("note {round}-{at}"))
    };
    (0..JOBS).map(of).collect()
}

/// Names and texts.
async fn libraries(redis: &RedisServer) -> Libraries {
    let reply = redis.cli(["FUNCTION", "LIST", "WITHCODE"]).await;
    let listed: Vec<std::collections::HashMap<String, redis::Value>> =
        redis::from_redis_value(reply).unwrap();
    let text = |value: &redis::Value| redis::from_redis_value::<String>(value.clone()).unwrap();
    let pair = |library: &std::collections::HashMap<_, _>| {
        (
            text(&library["library_name"]),
            text(&library["library_code"]),
        )
    };
    listed.iter().map(pair).collect()
}

/// The other version's program starts beside a worker at work, and then what it does not know is cleared away.
#[tokio::test]
async fn a_worker_goes_on_beside_a_newer_library_and_without_its_own() {
    let stage = Stage::start(&["delay=10ms"]).await;
    let mut older = stage.worker().await;
    stage.enqueue(&load(0)).await;
    stage.until_calls(20).await;

    let (own, text) = libraries(&stage.redis).await.remove(0);
    let newer = text.replace(&own, "penstock_newer");
    stage.redis.cli(["FUNCTION", "LOAD", &newer]).await;
    stage.until_calls(60).await;
    let names = |all: Libraries| all.into_iter().map(|(name, _)| name);
    assert_eq!(libraries(&stage.redis).await.len(), 2, "side by side");

    stage.redis.cli(["FUNCTION", "DELETE", &own]).await;
    stage.until_done(JOBS).await;
    let mut left: Vec<_> = names(libraries(&stage.redis).await).collect();
    left.sort_unstable();
    assert!(left.contains(&own) && left.len() == 2, "{left:?}");
    let seen = stage.sandbox.summary();
    assert_eq!((seen.calls, seen.effects, seen.duplicates), (JOBS, JOBS, 0));
    assert!(older.exited().is_none());
}
