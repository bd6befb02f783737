//! Ids: the same job again, and another one under the same id.

use penstock_tests::fixture::job;
use serde_json::json;

use crate::{
    service::Service,
    stage::{ACME, Stage, array, counts, lines, text},
};

#[tokio::test]
async fn the_same_job_again_changes_nothing() {
    let stage = Stage::start().await;
    let first = job("a").email("jane@example.com");
    stage.store(std::slice::from_ref(&first)).await;
    let before = stage.redis.snapshot().await;
    // Fields beside type and payload are ignored; so is how the payload is written.
    let others = [
        first.clone(),
        first.clone().high(),
        first.clone().run_at(4_000_000_000_000),
        first.clone().max_attempts(3),
        first.email(" JANE@Example.com "),
    ];
    let finished = stage.enqueue(&[], lines(&others)).await;
    assert_eq!((finished.code, finished.stdout), (Some(0), counts(0, 5, 0)));
    assert_eq!(stage.redis.snapshot().await, before);
    let service = Service::start(&stage, &[]).await;
    let answer = service.post(array(&others)).await;
    assert_eq!(answer.receipts(), [("a", "duplicate"); 5]);
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn another_job_under_the_same_id_is_refused() {
    let stage = Stage::start().await;
    stage.store(&[job("a")]).await;
    let file = lines(&[
        job("a").tag("other"),
        job("a").note("other"),
        // Ids are each tenant's own.
        job("a").of("zenith").tag("other"),
        job("b"),
        job("b").tag("other"),
    ]);
    let finished = stage.enqueue(&[], file).await;
    assert_eq!((finished.code, finished.stdout), (Some(2), counts(2, 0, 3)));
    for line in [1, 2, 5] {
        let fault = format!("line {line}: id: another type or payload is stored under this id");
        assert!(finished.stderr.contains(&fault), "{}", finished.stderr);
    }
    assert_eq!(stage.ids(ACME).await, ["a", "b"]);
    assert_eq!(stage.ids("zenith").await, ["a"]);
}

#[tokio::test]
async fn an_id_is_remembered_when_its_job_has_ended() {
    let mut stage = Stage::start().await;
    stage.store(&[job("a"), job("b")]).await;
    assert_eq!(stage.drain(ACME).await, ["a", "b"]);
    let service = Service::start(&stage, &[]).await;
    let again = service.post(array(&[job("a"), job("b")])).await;
    assert_eq!(again.receipts(), [("a", "duplicate"), ("b", "duplicate")]);
    let other = service.post(text(&job("a").tag("other"))).await;
    assert_eq!(other.problem(422), ["id"]);
}

#[tokio::test]
async fn an_array_with_one_id_that_is_taken_is_refused_whole() {
    let stage = Stage::start().await;
    stage.store(&[job("a"), job("old")]).await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let taken = [job("new"), job("old"), job("a").tag("other")];
    let answer = service.post(array(&taken)).await;
    assert_eq!(answer.problem(422), ["[2].id"]);
    // More than one call to Redis takes: the last of them is looked at before the first is stored.
    let mut many: Vec<_> = (0..600).map(|number| job(&format!("n{number}"))).collect();
    many.push(job("a").tag("other"));
    let answer = service.post(array(&many)).await;
    assert_eq!(answer.problem(422), ["[600].id"]);
    assert_eq!(stage.redis.snapshot().await, before);
}

#[tokio::test]
async fn an_array_may_repeat_a_job_but_not_its_id_for_another() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let clash = [job("a"), job("b"), job("a").tag("other"), job("a")];
    let answer = service.post(array(&clash)).await;
    assert_eq!(answer.problem(422), ["[2].id"]);
    let said = "stands for another job at [0]";
    assert_eq!(answer.body["faults"][0]["message"], json!(said));
    assert_eq!(stage.redis.snapshot().await, before);
    let same = [job("a"), job("a"), job("a").of("zenith").tag("other")];
    let answer = service.post(array(&same)).await;
    let expected = [("a", "accepted"), ("a", "duplicate"), ("a", "accepted")];
    assert_eq!(answer.receipts(), expected);
}

/// What it is spread over are jobs of ids of their own.
#[tokio::test]
async fn one_for_several_contacts_is_refused_where_the_id_of_a_part_is_taken() {
    let stage = Stage::start().await;
    stage.store(&[job("x/2")]).await;
    let service = Service::start(&stage, &[]).await;
    let before = stage.redis.snapshot().await;
    let contacts = json!([{ "id": "a" }, { "id": "b" }]);
    let payload = json!({ "contacts": contacts, "tags": ["x"], "operation": "add" });
    let several = job("x").what("BulkTags", payload);
    let said =
        "another type or payload is stored under the id of one of them, x/2: give it another id";
    let single = service.post(text(&several)).await;
    let array = service.post(array(&[job("new"), several.clone()])).await;
    for (answer, place) in [(single, "id"), (array, "[1].id")] {
        assert_eq!(answer.problem(422), [place]);
        let message = answer.body["faults"][0]["message"].as_str().unwrap();
        assert!(message.ends_with(said), "{message}");
    }
    let finished = stage.enqueue(&[], lines(&[several])).await;
    assert_eq!((finished.code, finished.stdout), (Some(2), counts(0, 0, 1)));
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    assert_eq!(stage.redis.snapshot().await, before);
}
