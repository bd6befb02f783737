//! The bound of unfinished jobs per tenant: `enqueue` waits, `serve` sends away.

use penstock_tests::fixture::{Draft, done, job};

use crate::{
    service::Service,
    stage::{ACME, PATIENCE, Stage, array, counts, lines, text},
};

fn one_contact(numbers: std::ops::Range<usize>) -> Vec<Draft> {
    numbers
        .map(|number| job(&format!("{number:02}")).contact("c"))
        .collect()
}

#[tokio::test]
async fn enqueue_waits_until_workers_have_done_some() {
    let mut stage = Stage::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs");
    let mut jobs = one_contact(0..8);
    jobs.insert(6, job("other").of("zenith"));
    std::fs::write(&path, lines(&jobs)).unwrap();
    let bound = [("PENSTOCK_MAX_BACKLOG", "5")];
    let mut program = stage.producer(&bound).arg("enqueue").arg(path).start();
    let line = program
        .wait_for_line("as many unfinished jobs as it may", PATIENCE)
        .await;
    assert!(line.contains("tenant acme"), "{line}");
    assert_eq!(stage.count(ACME).await, 5);
    // Another tenant's job does not wait with it.
    assert_eq!(stage.ids("zenith").await, ["other"]);
    assert!(program.exited().is_none());
    let mut order = Vec::new();
    while order.len() < 9 {
        stage.wait_for_due(1).await;
        let claimed = stage.claim_one(ACME).await;
        order.push(claimed.reference.id().to_owned());
        stage.settle(done(&claimed)).await;
    }
    order.retain(|id| id != "other");
    assert_eq!(program.wait_exit(PATIENCE).await.code(), Some(0));
    assert_eq!(program.stdout(), [counts(9, 0, 0).trim_end()]);
    let expected: Vec<_> = (0..8).map(|number| format!("{number:02}")).collect();
    assert_eq!(order, expected);
    // It is told once, not at every try.
    let told = program.stderr();
    let waits = told.iter().filter(|line| line.contains("waiting")).count();
    assert_eq!(waits, 1, "{told:#?}");
}

#[tokio::test]
async fn serve_sends_away_until_workers_have_done_some() {
    let mut stage = Stage::start().await;
    let service = Service::start(&stage, &[("PENSTOCK_MAX_BACKLOG", "2")]).await;
    let before = stage.redis.snapshot().await;
    let answer = service.post(array(&one_contact(0..3))).await;
    answer.retry_after(429);
    assert!(answer.text.contains("acme"), "{answer:?}");
    assert_eq!(stage.redis.snapshot().await, before);

    let answer = service.post(array(&one_contact(0..2))).await;
    assert_eq!(answer.receipts().len(), 2);
    let full = stage.redis.snapshot().await;
    service.post(text(&job("late"))).await.retry_after(429);
    // An array with a job of another tenant is refused whole all the same.
    let mixed = [job("z").of("zenith"), job("late")];
    service.post(array(&mixed)).await.retry_after(429);
    assert_eq!(stage.redis.snapshot().await, full);
    // What is there already needs no room.
    let again = service.post(array(&one_contact(0..2))).await;
    assert_eq!(again.receipts()[0].1, "duplicate");
    let other = service.post(text(&job("z").of("zenith"))).await;
    assert_eq!(other.receipts(), [("z", "accepted")]);

    let claimed = stage.claim_one(ACME).await;
    stage.settle(done(&claimed)).await;
    let late = service.post(text(&job("late"))).await;
    assert_eq!(late.receipts(), [("late", "accepted")]);
    service.post(text(&job("later"))).await.retry_after(429);
}

#[tokio::test]
async fn a_large_array_beyond_the_bound_is_refused_whole() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[("PENSTOCK_MAX_BACKLOG", "300")]).await;
    let before = stage.redis.snapshot().await;
    let many: Vec<_> = (0..301).map(|number| job(&format!("n{number}"))).collect();
    // Each call to Redis alone would find room.
    service.post(array(&many)).await.retry_after(429);
    assert_eq!(stage.redis.snapshot().await, before);
    let answer = service.post(array(&many[..300])).await;
    assert_eq!(answer.receipts().len(), 300);
}
