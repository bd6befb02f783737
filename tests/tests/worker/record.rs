//! Stored jobs that a worker cannot read.

use penstock_shared::{job::state::State, outcome::Cause, queue::reference::Lane};
use penstock_tests::fixture::job;
use serde_json::json;

use crate::stage::{ACME, Stage};

impl Stage {
    fn records(&self) -> String {
        self.queue.keys(0).job(ACME)
    }

    async fn record(&self, id: &str) -> Vec<u8> {
        self.redis.get(["HGET", &self.records(), id]).await
    }

    async fn overwrite(&self, id: &str, record: &[u8]) {
        let key = self.records();
        self.redis
            .cli([b"HSET".as_slice(), key.as_bytes(), id.as_bytes(), record])
            .await;
    }
}

#[tokio::test]
async fn an_undecodable_job_is_a_dead_letter_and_everything_else_goes_on() {
    let stage = Stage::start(&[]).await;
    let of = |id: &str, contact: &str| job(id).contact(contact).tag(id);
    let drafts = [
        of("head", "c1"),
        of("next", "c1"),
        of("first", "c2"),
        of("blocked", "c2"),
        of("torn", "c2"),
        of("last", "c2"),
    ];
    stage.enqueue(&drafts).await;
    let garbage = b"garbage \xff\x00".to_vec();
    stage.overwrite("head", &garbage).await;
    stage.overwrite("blocked", &garbage).await;
    let mut torn = stage.record("torn").await;
    torn.truncate(torn.len() - 3);
    stage.overwrite("torn", &torn).await;

    let mut worker = stage.worker().await;
    stage.until_done(3).await;
    for (id, raw) in [("head", &garbage), ("blocked", &garbage), ("torn", &torn)] {
        let dead = stage.dead(id).await;
        assert_eq!(dead.cause, Cause::Undecodable.as_str(), "{id}");
        assert_eq!(dead.raw.as_ref(), Some(raw), "{id}");
    }
    assert_eq!(stage.operations_on("c1"), ["add-tags"]);
    assert_eq!(stage.operations_on("c2"), ["add-tags", "add-tags"]);
    assert!(worker.exited().is_none());
}

#[tokio::test]
async fn a_job_of_a_later_version_goes_back_and_waits_for_a_worker_that_knows_it() {
    let stage = Stage::start(&[]).await;
    let drafts = ["later", "next"].map(|id| job(id).contact("c1").tag(id));
    stage.enqueue(&drafts).await;
    let known = stage.record("later").await;
    let mut later = known.clone();
    // Due time, kind, fingerprint; the count of contact keys, and they; the length of the merge key, and it; then the version.
    let merge_key = 16 + 11 * usize::from(known[15]);
    let version = merge_key + 1 + usize::from(known[merge_key]);
    later[version] = 200;
    stage.overwrite("later", &later).await;
    let _worker = stage.worker().await;
    stage.enqueue(&[job("other").contact("c2")]).await;
    stage.until_done(1).await;
    let waiting = stage.until_state("later", State::Scheduled).await;
    let counted = (waiting.deliveries, waiting.run.attempts());
    assert_eq!(counted, (0, 0));
    assert_eq!(stage.status("next").await.state, State::Blocked);
    assert_eq!(stage.record("later").await, later, "it is as it was");

    // Such a worker would read what this one wrote: the same, in its version. Its time is brought forward.
    stage.overwrite("later", &known).await;
    let (keys, lane) = (stage.queue.keys(0), Lane::ghl(ACME));
    let wait = keys.wait(lane.as_str());
    stage.redis.cli(["ZADD", &wait, "XX", "1", "1later"]).await;
    stage
        .redis
        .cli(["ZADD", &keys.lanes(), "XX", "1", lane.as_str()])
        .await;
    stage.until_done(3).await;
}

/// It ended its workers too: what it is buried for says nothing of its sequence.
#[tokio::test]
async fn an_undecodable_job_that_is_poison_blocks_nobody() {
    let stage = Stage::start(&[]).await;
    // In the line of normal ones stands only what no worker has ever had.
    let drafts = ["head", "next"].map(|id| job(id).contact("c1").tag(id).high());
    stage.enqueue(&drafts).await;
    stage.overwrite("head", b"garbage").await;
    let run = stage.queue.keys(0).run(&format!("{ACME}/head"));
    let lost = ["HSET", &run, "lost", "3"];
    stage.redis.cli(lost).await;
    let _worker = stage.worker().await;
    stage.until_done(1).await;
    assert_eq!(stage.dead("head").await.cause, Cause::Poison.as_str());
    assert_eq!(stage.status("next").await.state, State::Done);
}

/// Plain ones and sealed ones, as programs before this one stored them, are what waits when it takes over.
#[tokio::test]
async fn jobs_of_earlier_programs_that_wait_are_done() {
    const KEY: &str = "fuzz:ZnV6eiBmdXp6IGZ1enogZnV6eiBmdXp6IGZ1enohISE=";
    const EMAIL: &str = "rosan@deos.com";
    const PHONE: &str = "+15551234567";
    let stage = Stage::start(&[]).await;
    let person = json!({ "id": "c1", "email": EMAIL, "phone": PHONE, "locationId": ACME });
    stage.sandbox.seed_contact(&person).unwrap();
    // In the order in which they are to run. A sealed one opens under its own id alone.
    let waiting = [
        ("v2-upsert", job("1").upsert(EMAIL, PHONE)),
        ("v2-note", job("2").contact("c1").note("x")),
        ("v2-task", job("3").email(EMAIL).task("x")),
        ("v2-tags", job("4").phone(PHONE)),
        ("v3-note", job("note").contact("c1").note("x")),
        ("v3-task", job("task").email(EMAIL).task("x")),
    ];
    for (name, draft) in &waiting {
        stage.enqueue(std::slice::from_ref(draft)).await;
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/record");
        let record = std::fs::read(format!("{kept}/{name}")).unwrap();
        let id = draft.build().id;
        stage.overwrite(id.as_str(), &record).await;
    }
    let keys = [("PENSTOCK_ENCRYPTION_KEYS", KEY)];
    let _worker = stage.worker_with(&keys).await;
    stage.until_done(waiting.len() as u64).await;
    let seen = stage.sandbox.summary().by_operation;
    let of = |operation| seen.get(operation).copied();
    let counts = ["upsert-contact", "create-note", "create-task", "add-tags"].map(of);
    assert_eq!(counts, [Some(1), Some(2), Some(2), Some(1)]);
}
