//! The Rust client, as a service uses it.

use penstock_producer::{BatchRefusal, Client, Conflict, Refusal, Status};
use penstock_shared::{job::Job, queue::error::QueueError, settings::Settings};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Proxy, RedisOptions, wait_until},
};

use crate::stage::{ACME, PATIENCE, Stage};

fn settings(url: &str, others: &[(&str, &str)]) -> Settings {
    let all = [&[("PENSTOCK_REDIS_URL", url)], others].concat();
    Settings::load_from(all).unwrap()
}

pub(crate) async fn client(stage: &Stage, others: &[(&str, &str)]) -> Client {
    let settings = settings(&stage.redis.url(), others);
    Client::connect(&settings).await.unwrap()
}

fn jobs(ids: &[&str]) -> Vec<Job> {
    ids.iter().map(|id| job(id).job()).collect()
}

#[tokio::test]
async fn the_example_of_its_documentation() -> Result<(), Box<dyn std::error::Error>> {
    let stage = Stage::start().await;
    let client = Client::connect(&settings(&stage.redis.url(), &[])).await?;
    let job = Job::parse(
        br#"{"type":"AddTags","tenant":"ve9EPM428h8vShlRW1KT","id":"order-4711",
             "payload":{"contact":{"email":"rosan@deos.com"},"tags":["customer"]}}"#,
    )
    .map_err(|faults| faults[0].clone())?;
    for expected in ["order-4711 is accepted", "order-4711 is duplicate"] {
        match client.enqueue(job.clone()).await {
            Ok(receipt) => assert_eq!(format!("{} is {}", receipt.id, receipt.status), expected),
            Err(refusal) => return Err(refusal.into()),
        }
    }
    assert_eq!(stage.ids("ve9EPM428h8vShlRW1KT").await, ["order-4711"]);
    Ok(())
}

#[tokio::test]
async fn a_job_without_an_id_gets_one() {
    let stage = Stage::start().await;
    let client = client(&stage, &[]).await;
    let mut anonymous = job("a").job();
    anonymous.id = None;
    let first = client.enqueue(anonymous.clone()).await.unwrap();
    let second = client.enqueue(anonymous).await.unwrap();
    assert_eq!(
        (first.status, second.status),
        (Status::Accepted, Status::Accepted)
    );
    assert!(first.id < second.id);
    let ids = [first.id.as_str().to_owned(), second.id.as_str().to_owned()];
    assert_eq!(stage.ids(ACME).await, ids);
}

#[tokio::test]
async fn one_job_is_refused_with_what_to_do() {
    let stage = Stage::start().await;
    let client = client(&stage, &[("PENSTOCK_MAX_BACKLOG", "1")]).await;
    client.enqueue(job("a").job()).await.unwrap();
    let before = stage.redis.snapshot().await;
    let taken = client.enqueue(job("a").tag("other").job()).await;
    match taken {
        Err(Refusal::Conflict(Conflict { index, id, taken })) => {
            assert_eq!((index, id.as_str(), taken.as_str()), (0, "a", "a"));
        }
        other => panic!("{other:?}"),
    }
    match client.enqueue(job("b").job()).await {
        Err(Refusal::BacklogFull {
            tenant,
            retry_after,
        }) => {
            assert_eq!(tenant.as_str(), ACME);
            assert!(retry_after.as_millis() > 0);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn a_batch_is_stored_in_its_order_or_not_at_all() {
    let mut stage = Stage::start().await;
    let client = client(&stage, &[("PENSTOCK_MAX_BACKLOG", "300")]).await;
    assert_eq!(client.enqueue_all(vec![]).await.unwrap(), []);
    let one_contact = |id: &str| job(id).contact("c").job();
    let batch = ["c", "a", "b", "a"].map(one_contact).to_vec();
    let receipts = client.enqueue_all(batch).await.unwrap();
    let ids: Vec<&str> = receipts.iter().map(|receipt| receipt.id.as_str()).collect();
    assert_eq!(ids, ["c", "a", "b", "a"]);
    assert_eq!(receipts[2].status, Status::Accepted);
    assert_eq!(receipts[3].status, Status::Duplicate);
    assert_eq!(stage.drain(ACME).await, ["c", "a", "b"]);

    let before = stage.redis.snapshot().await;
    let mut taken = jobs(&["x", "y"]);
    taken.extend([job("a").tag("other").job(), job("c").note("other").job()]);
    match client.enqueue_all(taken).await {
        Err(BatchRefusal::Conflicts(conflicts)) => {
            let told: Vec<_> = conflicts.iter().map(|c| (c.index, c.id.as_str())).collect();
            assert_eq!(told, [(2, "a"), (3, "c")]);
        }
        other => panic!("{other:?}"),
    }
    let many = (0..301)
        .map(|number| job(&format!("n{number}")).job())
        .collect();
    match client.enqueue_all(many).await {
        Err(BatchRefusal::BacklogFull { tenant, .. }) => assert_eq!(tenant.as_str(), ACME),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn one_id_for_two_jobs_of_a_batch_is_found_however_far_apart() {
    let stage = Stage::start().await;
    let client = client(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    for size in [3, 600] {
        let mut batch: Vec<Job> = (0..size).map(|n| job(&format!("n{n}")).job()).collect();
        batch.push(job("n0").tag("other").job());
        batch.push(job("n0").job());
        match client.enqueue_all(batch).await {
            Err(BatchRefusal::Conflicts(conflicts)) => {
                let told: Vec<_> = conflicts.iter().map(|c| (c.index, c.id.as_str())).collect();
                assert_eq!(told, [(size, "n0")]);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(stage.redis.snapshot().await, before);
    }
}

#[tokio::test]
async fn what_is_not_known_is_said_and_may_be_repeated() {
    let stage = Stage::start().await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let client = Client::connect(&settings(&proxy.redis_url(), &[]))
        .await
        .unwrap();
    // With it Redis learns the script: the reply that is lost then is one to a job that is stored.
    client.enqueue(job("first").job()).await.unwrap();
    proxy.lose_replies(1, "FCALL");
    match client.enqueue(job("a").job()).await {
        Err(Refusal::Unavailable { id, error }) => {
            assert_eq!(id.as_str(), "a");
            assert!(error.is_transient(), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let receipt = repeat(&client, &job("a")).await;
    assert_eq!(receipt, Status::Duplicate);

    proxy.lose_requests(1, "FCALL");
    match client.enqueue_all(jobs(&["b", "c"])).await {
        Err(BatchRefusal::Interrupted { jobs, error }) => {
            assert!(error.is_transient(), "{error}");
            let told: Vec<_> = jobs
                .iter()
                .map(|job| (job.id.as_str(), job.stored))
                .collect();
            assert_eq!(told, [("b", None), ("c", None)]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(repeat(&client, &job("b")).await, Status::Accepted);
    assert_eq!(stage.ids(ACME).await, ["a", "b", "first"]);
}

/// Enqueues it until the connection is there again.
async fn repeat(client: &Client, draft: &Draft) -> Status {
    wait_until("the job to be taken", PATIENCE, async || {
        client.enqueue(draft.job()).await.ok()
    })
    .await
    .status
}

#[tokio::test]
async fn a_redis_that_is_of_no_use_is_told_apart() {
    let options = RedisOptions {
        requirepass: Some("right".to_owned()),
        ..RedisOptions::default()
    };
    let mut stage = Stage::on(options).await;
    let wrong = stage.redis.url().replace("right", "wrong");
    let refused = Client::connect(&settings(&wrong, &[])).await;
    assert!(matches!(refused, Err(QueueError::Denied(_))), "{refused:?}");
    let url = stage.redis.url();
    let refused = Client::connect(&settings(&url, &[("PENSTOCK_SHARDS", "2")])).await;
    assert!(
        matches!(refused, Err(QueueError::Unsuitable(_))),
        "{refused:?}"
    );
    stage.redis.kill9();
    let refused = Client::connect(&settings(&url, &[])).await;
    assert!(
        matches!(refused, Err(QueueError::Unreachable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn many_tasks_share_it() {
    let stage = Stage::start().await;
    let client = client(&stage, &[]).await;
    let tasks = (0..100).map(|number| {
        let client = client.clone();
        tokio::spawn(async move { client.enqueue(job(&format!("n{number}")).job()).await })
    });
    for task in futures::future::join_all(tasks).await {
        assert_eq!(task.unwrap().unwrap().status, Status::Accepted);
    }
    assert_eq!(stage.count(ACME).await, 100);
}
