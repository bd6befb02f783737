//! Several shards: tenants are spread over them, and whoever asks need not know.

use std::{collections::HashSet, time::Duration};

use penstock_tests::{
    fixture::{Draft, job},
    harness::{Direction, Flow, Proxy, RedisOptions, wait_until},
};

use crate::{
    service::Service,
    stage::{PATIENCE, Stage, array, counts, lines},
};

const SHARDS: u16 = 4;

async fn stage() -> Stage {
    Stage::with_shards(RedisOptions::default(), SHARDS).await
}

/// Two jobs of each of eight tenants, in turn.
fn spread() -> Vec<Draft> {
    let nth = |number: usize| job(&format!("j{number}")).of(&format!("t{}", number % 8));
    (0..16).map(nth).collect()
}

#[tokio::test]
async fn a_batch_over_all_of_them() {
    let mut stage = stage().await;
    let used: HashSet<u16> = (0..8)
        .map(|n| stage.queue.shard_of(&format!("t{n}")))
        .collect();
    assert!(used.len() > 1, "{used:?}");
    let service = Service::start(&stage, &[]).await;
    let answer = service.post(array(&spread())).await;
    let ids: Vec<String> = answer
        .receipts()
        .iter()
        .map(|(id, _)| (*id).to_owned())
        .collect();
    let expected: Vec<String> = (0..16).map(|number| format!("j{number}")).collect();
    assert_eq!(ids, expected);
    let finished = stage.enqueue(&[], lines(&spread())).await;
    assert_eq!(finished.stdout, counts(0, 16, 0), "{}", finished.stderr);
    for number in 0..16 {
        let tenant = format!("t{}", number % 8);
        let shown = service.job(&format!("j{number}")).await;
        assert_eq!(shown["tenant"], tenant);
        let narrowed = format!("/v1/jobs/j{number}?tenant={tenant}");
        assert_eq!(service.get(&narrowed).await.status, 200);
    }
    // One claim serves every tenant of its shard.
    let mut ran = Vec::new();
    for tenant in 0..8 {
        ran.extend(stage.drain(&format!("t{tenant}")).await);
    }
    ran.sort();
    let mut expected = expected;
    expected.sort();
    assert_eq!(ran, expected);
}

#[tokio::test]
async fn a_batch_is_refused_whole_on_all_of_them() {
    let stage = stage().await;
    stage.store(&[job("j15").of("t7").tag("other")]).await;
    let service = Service::start(&stage, &[("PENSTOCK_MAX_BACKLOG", "2")]).await;
    let before = stage.redis.snapshot().await;
    assert_eq!(
        service.post(array(&spread())).await.problem(422),
        ["[15].id"]
    );
    let mut full = spread();
    full.truncate(15);
    full.push(job("k").of("t0"));
    service.post(array(&full)).await.retry_after(429);
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn the_same_id_in_two_shards_is_told() {
    let stage = stage().await;
    let other = (1..8).map(|n| format!("t{n}"));
    let mut apart = other.filter(|t| stage.queue.shard_of(t) != stage.queue.shard_of("t0"));
    let other = apart.next().expect("not all are in one shard");
    stage.store(&[job("a").of("t0"), job("a").of(&other)]).await;
    let service = Service::start(&stage, &[]).await;
    service.get("/v1/jobs/a").await.problem(409);
    let shown = service.job(&format!("a?tenant={other}")).await;
    assert_eq!(shown["tenant"], other);
    service.get("/v1/jobs/b").await.problem(404);
}

#[tokio::test]
async fn another_number_of_them_refuses_to_start() {
    let stage = stage().await;
    stage.store(&spread()).await;
    let before = stage.redis.snapshot().await;
    let other = [("PENSTOCK_SHARDS", "2")];
    let finished = stage.enqueue_with(&[], &other, lines(&[job("new")])).await;
    assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
    assert!(finished.stderr.contains("set it to 4"), "{finished:?}");
    let mut service = Service::begin(stage.producer(&other)).await;
    let exit = service.program.wait_exit(crate::stage::PATIENCE).await;
    assert!(matches!(exit.code(), Some(1 | 2)));
    let told = service.program.stderr();
    assert!(told.last().unwrap().contains("PENSTOCK_SHARDS"), "{told:?}");
    assert_eq!(stage.redis.snapshot().await, before);
}

/// How many functions were called.
async fn calls(stage: &Stage) -> u64 {
    let stats: String = stage.redis.get(["INFO", "commandstats"]).await;
    let calls = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_fcall:calls="));
    let calls = calls.and_then(|rest| rest.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

/// All of it may be stored, and before it is, somebody takes the last one's id.
#[tokio::test]
async fn a_batch_of_which_an_id_is_taken_amid_it_is_not_told_as_refused() {
    let stage = stage().await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let producer = stage.producer_at(&proxy.redis_url(), &[]);
    let service = Service::begin(producer).await.ready().await;
    let mut batch = Vec::new();
    for draft in spread() {
        let shard = |draft: &Draft| stage.queue.shard_of(draft.build().job.tenant.as_str());
        if batch.iter().all(|other| shard(other) != shard(&draft)) {
            batch.push(draft);
        }
    }
    let taken = batch.pop().expect("there are several shards");
    batch.push(taken.clone());
    let shards = u64::try_from(batch.len()).unwrap();
    // Whatever is to be loaded first.
    let first = service.post(array(&[job("first")])).await;
    assert_eq!(first.status, 202, "{first:?}");
    let before = calls(&stage).await;
    let slow = Flow::Delay(Duration::from_millis(300));
    proxy.set(Direction::ToServer, slow);
    let take = async {
        wait_until("all of it to be checked", PATIENCE, || async {
            (calls(&stage).await >= before + shards).then_some(())
        })
        .await;
        stage.store(&[taken.tag("another")]).await;
    };
    let (answer, ()) = tokio::join!(service.post(array(&batch)), take);
    assert_eq!(answer.status, 503, "{answer:?}");
    let stored: Vec<_> = answer.body["jobs"]
        .as_array()
        .expect("it tells of each")
        .iter()
        .map(|job| job["stored"].as_bool())
        .collect();
    assert_eq!(stored.first(), Some(&Some(true)));
    assert_eq!(stored.last(), Some(&Some(false)));
}
