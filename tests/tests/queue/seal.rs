//! What is sealed at rest: nothing of it can be read in Redis, and it comes back as it was, whichever way the setting was when it was written.

use penstock_shared::{
    job::state::{Ending, State},
    outcome::{Cause, Fault},
    queue::{
        claim::Claimed,
        dead::Filter,
        enqueue::Enqueued,
        parent::Standing,
        record::{self, Record, RecordError},
        repair::{Changed, Redrive},
        run::field,
        settle::Settled,
    },
    seal::Keyring,
    settings::Encryption,
};
use penstock_tests::fixture::{Bench, Draft, dead, done, job, settlement};
use serde_json::json;

pub(crate) const OLD: &str = "old:b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "new:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";
const CANARY: &str = "canary";

pub(crate) fn keys(keys: &str) -> Encryption {
    Encryption {
        keys: Keyring::parse(keys).unwrap(),
        payloads: true,
    }
}

fn canary(id: &str) -> Draft {
    job(id).contact("c").note("a canary sings")
}

pub(crate) async fn bench(encryption: Encryption) -> Bench {
    let mut bench = Bench::start().await;
    bench.encrypt(encryption).await;
    bench
}

fn decoded(claimed: &Claimed) -> Result<Record, RecordError> {
    record::decode(&claimed.record)
}

fn is_job(claimed: &Claimed, draft: &Draft) -> bool {
    matches!(decoded(claimed), Ok(Record::Job(job)) if job.payload == draft.job().payload)
}

/// Nothing in Redis, keys and values, holds the canary.
async fn sees_nothing(bench: &Bench) {
    let all = format!("{:?}", bench.snapshot().await);
    assert!(!all.contains(CANARY), "{all}");
}

#[tokio::test]
async fn a_job_is_sealed_and_comes_back_as_it_was() {
    let mut bench = bench(keys(OLD)).await;
    let draft = canary("a").high().max_attempts(3);
    bench.enqueue(std::slice::from_ref(&draft)).await;
    sees_nothing(&bench).await;
    let again = bench.enqueue(std::slice::from_ref(&draft)).await;
    assert_eq!(again, [Enqueued::Duplicate]);
    let status = bench.status("a").await;
    assert_eq!(status.job.unwrap().payload, draft.job().payload);
    let a = bench.claim_one().await;
    assert!(is_job(&a, &draft));
}

#[tokio::test]
async fn what_it_came_to_is_sealed_too() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a")]).await;
    let a = bench.claim_one().await;
    let result = json!({ "tags": ["canary"], "contactId": "c" });
    let ending = Ending::Done {
        result: result.clone(),
        effect: Some("n1".into()),
    };
    bench.settle(&[settlement(&a, ending)]).await;
    sees_nothing(&bench).await;
    let (done, _) = bench.status("a").await.done.unwrap();
    assert_eq!((done.result, done.job_type.as_str()), (result, "AddTags"));

    bench.encrypt(keys(NEW)).await;
    let status = bench.status("a").await;
    assert_eq!(status.state, State::Done);
    let told = status.done.unwrap().0.result["unreadable"].to_string();
    assert!(told.contains("the key old ("), "{told}");
}

/// Who refers to it waits for a program that has the key; what nobody can read is waited for no longer.
#[tokio::test]
async fn it_is_told_apart_from_what_nobody_can_read() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a"), job("b")]).await;
    bench.drain().await;
    let ids = ["a", "b"].map(|id| id.parse().unwrap());
    let standings = bench.queue().standings("acme", &ids).await.unwrap();
    assert!(
        standings
            .iter()
            .all(|standing| matches!(standing, Standing::Done(_)))
    );

    bench.encrypt(keys(NEW)).await;
    let jobs = bench.queue().keys(0).job("acme");
    let garbled = "sixsixdfingerprtokens{";
    bench.server.cli(["HSET", &jobs, "b", garbled]).await;
    let standings = bench.queue().standings("acme", &ids).await.unwrap();
    let Standing::Locked(key) = &standings[0] else {
        panic!("it is locked: {standings:?}")
    };
    assert!(key.to_string().starts_with("old"), "{key}");
    assert_eq!(standings[1], Standing::Unreadable);
    assert_eq!(bench.queue().lacking(), [key.to_string()]);
}

#[tokio::test]
async fn so_is_what_failed() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a")]).await;
    let a = bench.claim_one().await;
    let mut end = dead(&a, Cause::Ambiguous);
    end.transition.ending = Ending::Dead {
        cause: Cause::Ambiguous,
        fault: Fault::new("the canary was refused"),
        evidence: Some(json!({ "notes": ["canary"] })),
    };
    end.history = Some(json!({ "error": "canary" }).to_string());
    assert_eq!(bench.settle(&[end]).await, [Settled::Ok]);
    sees_nothing(&bench).await;
    let letter = bench.queue().dead_by_id("a", Some("acme")).await.unwrap();
    let run = &letter[0].run;
    assert_eq!(run.text(field::ERROR), Some("the canary was refused"));
    assert_eq!(run.text(field::EVIDENCE), Some(r#"{"notes":["canary"]}"#));
    let history = bench.queue().history("acme", "a").await.unwrap();
    assert_eq!(history, [json!({ "error": "canary" })]);
}

#[tokio::test]
async fn an_end_that_waits_is_sealed_and_read_by_the_next_worker() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a")]).await;
    let a = bench.claim_one().await;
    let ending = Ending::Done {
        result: json!({ "tags": ["canary"] }),
        effect: None,
    };
    let deferred = Ending::Deferred {
        after: std::time::Duration::from_secs(1),
        ending: Box::new(ending.clone()),
    };
    bench.settle(&[settlement(&a, deferred)]).await;
    sees_nothing(&bench).await;
    bench.pass(1000);
    let a = bench.claim_one().await;
    let stored = a.run.text(field::ENDING).unwrap();
    assert_eq!(serde_json::from_str::<Ending>(stored).unwrap(), ending);
}

/// Else the job would be delivered again, although it has ended.
#[tokio::test]
async fn a_journal_that_cannot_be_opened_says_so() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a")]).await;
    let a = bench.claim_one().await;
    let mut end = penstock_tests::fixture::back(&a, 0);
    end.fields.insert(field::ERROR, "canary".into());
    bench.settle(&[end]).await;
    bench.encrypt(keys(NEW)).await;
    let a = bench.claim_one().await;
    assert!(matches!(
        a.run.unreadable(),
        Some(RecordError::Locked(key)) if key.to_string().starts_with("old (")
    ));
}

#[tokio::test]
async fn it_may_be_switched_on_and_off_and_keys_be_changed_while_jobs_wait() {
    let mut bench = Bench::start().await;
    let drafts = ["plain", "old", "new", "off"].map(canary);
    bench.enqueue(&drafts[..1]).await;
    bench.encrypt(keys(OLD)).await;
    bench.enqueue(&drafts[1..2]).await;
    let both = keys(&format!("{NEW},{OLD}"));
    bench.encrypt(both.clone()).await;
    bench.enqueue(&drafts[2..3]).await;
    let payloads = false;
    bench.encrypt(Encryption { payloads, ..both }).await;
    bench.enqueue(&drafts[3..]).await;
    for draft in &drafts {
        let claimed = bench.claim_one().await;
        assert!(is_job(&claimed, draft), "{claimed:?}");
        bench.settle(&[done(&claimed)]).await;
    }
}

#[tokio::test]
async fn without_its_key_a_job_is_locked_and_not_undecodable() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a")]).await;
    for without in [keys(NEW), Encryption::default()] {
        bench.encrypt(without).await;
        let status = bench.status("a").await;
        assert_eq!((status.state, &status.job), (State::Ready, &None));
        let told = status.unreadable.unwrap().to_string();
        assert!(told.contains("the key old ("), "{told}");
    }
    let a = bench.claim_one().await;
    assert!(matches!(decoded(&a), Err(RecordError::Locked(_))));
}

#[tokio::test]
async fn a_record_that_was_moved_or_changed_does_not_open() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a"), canary("b")]).await;
    let jobs = bench.queue().keys(0).job("acme");
    let b = bench.claim_one().await;
    assert_eq!(b.reference.id(), "a");
    let server = &bench.server;
    let stored: Vec<u8> = server.get(["HGET", jobs.as_str(), "b"]).await;
    let mut changed = stored.clone();
    *changed.last_mut().unwrap() ^= 1;
    for record in [stored, changed] {
        server
            .cli([b"HSET".as_slice(), jobs.as_bytes(), b"a", &record])
            .await;
        let status = bench.status("a").await;
        assert!(matches!(
            status.unreadable,
            Some(RecordError::Undecodable(_))
        ));
    }
}

#[tokio::test]
async fn a_dead_letter_is_edited_and_retried_sealed() {
    let mut bench = bench(keys(OLD)).await;
    bench.enqueue(&[canary("a")]).await;
    let a = bench.claim_one().await;
    bench.settle(&[dead(&a, Cause::Rejected)]).await;
    let letters = bench.queue().dead(&Filter::default(), 9, None).await;
    let letter = letters.unwrap().remove(0);
    let edited = job("a").contact("c").note("another canary");
    let changed = bench.queue().edit(&letter, &edited.job()).await;
    assert_eq!(changed.unwrap(), Changed::Ok);
    sees_nothing(&bench).await;
    let again = Redrive {
        letter: crate::letter::named("a"),
        priority: penstock_shared::job::Priority::Normal,
        delay: std::time::Duration::ZERO,
    };
    bench.queue().redrive(&[again], false).await.unwrap();
    let a = bench.claim_one().await;
    assert!(is_job(&a, &edited));
}
