//! Single jobs of one client that meet on their way.

use futures::future::join_all;
use penstock_producer::{Client, Receipt, Refusal, Status};
use penstock_shared::job::Job;
use penstock_tests::fixture::job;
use tokio::task::JoinHandle;

use crate::{
    client::client,
    stage::{ACME, Stage},
};

/// Each in a task of its own, all of which have called when this returns.
async fn enqueue_each(
    client: &Client,
    jobs: Vec<Job>,
) -> Vec<JoinHandle<Result<Receipt, Refusal>>> {
    let mut tasks = Vec::new();
    for job in jobs {
        let client = client.clone();
        tasks.push(tokio::spawn(async move { client.enqueue(job).await }));
        tokio::task::yield_now().await;
    }
    tasks
}

/// How many calls of scripts Redis has had.
async fn calls(stage: &Stage) -> u32 {
    let calls = stage.redis.info("cmdstat_fcall").await;
    let count = calls
        .strip_prefix("calls=")
        .and_then(|rest| rest.split(',').next());
    count.expect("it counts").parse().unwrap()
}

#[tokio::test]
async fn those_that_come_while_one_is_under_way_go_together_and_each_has_its_own_answer() {
    let mut stage = Stage::start().await;
    let client = client(&stage, &[]).await;
    client.enqueue(job("before").job()).await.unwrap();
    let before = calls(&stage).await;
    stage.redis.stop_signal();
    let mut jobs: Vec<_> = (0..100)
        .map(|number| job(&format!("j{number:02}")).job())
        .collect();
    jobs.push(job("before").job());
    jobs.push(job("before").tag("other").job());
    let tasks = enqueue_each(&client, jobs).await;
    stage.redis.cont();

    let answers: Vec<_> = join_all(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let stored = answers[..101]
        .iter()
        .map(|answer| answer.as_ref().unwrap().status);
    let mut expected = vec![Status::Accepted; 100];
    expected.push(Status::Duplicate);
    assert_eq!(stored.collect::<Vec<_>>(), expected);
    assert!(
        matches!(answers[101], Err(Refusal::Conflict(_))),
        "{answers:?}"
    );
    // The first, and all others.
    assert_eq!(calls(&stage).await - before, 2);
    assert_eq!(stage.ids(ACME).await.len(), 101);
}

#[tokio::test]
async fn who_gives_up_takes_no_other_along() {
    let mut stage = Stage::start().await;
    let client = client(&stage, &[]).await;
    client.enqueue(job("before").job()).await.unwrap();
    stage.redis.stop_signal();
    let names = ["first", "second", "third"];
    let tasks = enqueue_each(&client, names.map(|name| job(name).job()).into()).await;
    tasks[0].abort();
    tasks[1].abort();
    stage.redis.cont();

    let mut answers = join_all(tasks).await;
    let last = answers.pop().unwrap().unwrap();
    assert_eq!(last.unwrap().status, Status::Accepted);
    assert!(
        answers
            .iter()
            .all(|given_up| given_up.as_ref().unwrap_err().is_cancelled())
    );
    // One had been sent, and one had not.
    assert_eq!(stage.ids(ACME).await, ["before", "first", "third"]);
}

#[tokio::test]
async fn those_that_wait_for_one_that_fails_are_told_so_and_the_next_is_tried() {
    let mut stage = Stage::start().await;
    let client = client(&stage, &[]).await;
    stage.redis.stop_signal();
    let tasks = enqueue_each(&client, vec![job("a").job(), job("b").job()]).await;
    stage.redis.kill9();
    stage.redis.restart().await;

    for answer in join_all(tasks).await {
        match answer.unwrap() {
            Ok(receipt) => assert_eq!(receipt.status, Status::Accepted),
            Err(refusal) => assert!(matches!(refusal, Refusal::Unavailable { .. }), "{refusal}"),
        }
    }
    let receipt = client.enqueue(job("c").job()).await.unwrap();
    assert_eq!(receipt.status, Status::Accepted);
}
