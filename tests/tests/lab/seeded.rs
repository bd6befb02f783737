//! Workers that break one rule each, in earnest: the judge must see what comes of it, and nothing where the rule is kept.

use futures::future;
use penstock_shared::job::{JobType, state::State};
use penstock_shared::queue::enqueue::Admission;
use penstock_tests::{
    harness::wait_until,
    lab::{
        check::{Invariant, check},
        history::Promise,
        specimen::one,
        workload::{Wanted, wanted},
        world::{FRAGILE, Make, PATIENCE, WORKER, World},
    },
};
use serde_json::json;

const TENANT: &str = "crash";

async fn enqueue(world: &World, jobs: &[Wanted]) -> Vec<Promise> {
    let new: Vec<_> = jobs.iter().map(|wanted| wanted.job.clone()).collect();
    world.queue.enqueue(&new, Admission::Each).await.unwrap();
    jobs.iter().map(|wanted| wanted.promise.clone()).collect()
}

async fn until_all_ended(world: &World, count: u64) {
    wait_until("the end of all jobs", PATIENCE, || async {
        let stats = world.queue.stats().await.unwrap();
        (stats.done_total + stats.dead == count && stats.running == 0).then_some(())
    })
    .await;
}

/// What the judge sees, each once.
async fn seen(world: &World, promises: Vec<Promise>) -> Vec<Invariant> {
    let history = world.history(promises, Vec::new()).await;
    let mut seen: Vec<_> = check(&history).iter().map(|one| one.invariant).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

async fn world(make: Make) -> World {
    let world = World::start(make).await;
    world.seed_contact(TENANT, "c1");
    world
}

/// The naive way: a lease, and what comes back is sent again.
async fn crash_after_the_answer(rule: &str, job_type: JobType) -> Vec<Invariant> {
    let make = Make {
        duplicates: true,
        ..Make::default()
    };
    let mut world = world(make).await;
    let failpoint = format!("{rule}after-response:abort");
    let first = [("PENSTOCK_FAILPOINT", failpoint.as_str())];
    let mut first = world.worker(FRAGILE, &first).await;
    let promises = enqueue(&world, &[one(job_type)]).await;
    first.wait_exit(PATIENCE).await;
    let second = [("PENSTOCK_FAILPOINT", rule.trim_end_matches(','))];
    let second = world.worker(FRAGILE, &second).await;
    until_all_ended(&world, 1).await;
    let seen = seen(&world, promises).await;
    drop(second);
    seen
}

#[tokio::test]
async fn no_intent_is_caught() {
    let once = [
        JobType::AttachNote,
        JobType::CreateContact,
        JobType::AddToWorkflow,
    ];
    let runs = once.map(|job_type| {
        let broken = crash_after_the_answer("no-intent:on,", job_type);
        future::join(broken, crash_after_the_answer("", job_type))
    });
    let caught = (vec![Invariant::Once], vec![]);
    let seen = future::join_all(runs).await;
    assert_eq!(seen, [caught.clone(), caught.clone(), caught]);
}

/// A worker stands still for longer than its lease, and goes on when another one has done the job.
async fn stop_before_the_intent(rule: &str) -> Vec<Invariant> {
    let mut world = world(Make::default()).await;
    let failpoint = format!("{rule}before-intent:stop");
    let stopped = [("PENSTOCK_FAILPOINT", failpoint.as_str())];
    let mut stopped = world.worker(FRAGILE, &stopped).await;
    let promises = enqueue(&world, &[one(JobType::AttachNote)]).await;
    stopped.wait_for_line("before-intent", PATIENCE).await;
    let other = world.worker(WORKER, &[]).await;
    until_all_ended(&world, 1).await;
    stopped.sigcont();
    stopped.sigterm();
    assert!(stopped.wait_exit(PATIENCE).await.success());
    let seen = seen(&world, promises).await;
    drop(other);
    seen
}

#[tokio::test]
async fn no_fence_is_caught() {
    let (broken, kept) = tokio::join!(
        stop_before_the_intent("no-fence:on,"),
        stop_before_the_intent("")
    );
    assert_eq!((broken, kept), (vec![Invariant::Once], vec![]));
}

/// A call takes effect a second after it was cut off.
async fn late_effect(quarantine: &str) -> Vec<Invariant> {
    let mut world = world(Make::default().with("PENSTOCK_QUARANTINE", quarantine)).await;
    world.faults(&["late=1200ms:op=create-note:count=1"]);
    let worker = world.worker(WORKER, &[]).await;
    let promises = enqueue(&world, &[one(JobType::AttachNote)]).await;
    until_all_ended(&world, 1).await;
    // The late one comes after the other's end where that was too soon.
    let late = world.sandbox.until(|seen| {
        let creates = seen.by_operation.get("create-note");
        creates.is_some_and(|creates| *creates == seen.effects)
    });
    tokio::time::timeout(PATIENCE, late).await.unwrap();
    let seen = seen(&world, promises).await;
    drop(worker);
    seen
}

#[tokio::test]
async fn a_quarantine_that_is_too_short_is_caught() {
    let (broken, kept) = tokio::join!(late_effect("100ms"), late_effect("1500ms"));
    assert_eq!((broken, kept), (vec![Invariant::Once], vec![]));
}

/// Two workers, and twice as many jobs as a window allows.
async fn many_at_once(rule: &str) -> Vec<Invariant> {
    let make = Make {
        burst: "10/2s".into(),
        latency: "0ms".into(),
        ..Make::default()
    };
    let mut world = world(make.with("PENSTOCK_COALESCE", "off")).await;
    let failpoint = [("PENSTOCK_FAILPOINT", rule), ("PENSTOCK_CONCURRENCY", "4")];
    let workers = [
        world.worker(FRAGILE, &failpoint).await,
        world.worker(FRAGILE, &failpoint).await,
    ];
    let jobs: Vec<_> = (0..40).map(tags).collect();
    for wanted in &jobs {
        world.seed_contact(TENANT, &wanted.promise.contact);
    }
    let promises = enqueue(&world, &jobs).await;
    until_all_ended(&world, 40).await;
    let seen = seen(&world, promises).await;
    drop(workers);
    seen
}

fn tags(number: usize) -> Wanted {
    let (id, contact, word) = (
        format!("job-{number}"),
        format!("c{number}"),
        format!("lab-{number}"),
    );
    let payload = json!({ "contact": { "id": contact }, "tags": [word] });
    wanted(&id, TENANT, JobType::AddTags, &contact, word, &payload)
}

#[tokio::test]
async fn a_permit_that_comes_back_too_early_is_caught() {
    let (broken, kept) = tokio::join!(many_at_once("early-permit:on"), many_at_once(""));
    assert!(broken.contains(&Invariant::Quota), "{broken:?}");
    assert_eq!(kept, []);
}

/// Two jobs of one contact, by two references of which nobody knows that they are one: the queue cannot keep their order.
#[tokio::test]
async fn order_that_is_not_kept_is_caught() {
    let mut world = World::start(Make::default()).await;
    let person = json!({ "id": "c1", "email": "someone@lab.example", "locationId": TENANT });
    world.sandbox.seed_contact(&person).unwrap();
    world.faults(&["delay=1s:op=get-duplicate-contact"]);
    let note = |number: usize, contact: serde_json::Value| {
        let body = format!("lab-{number}");
        let payload = json!({ "contact": contact, "body": body });
        let id = format!("job-{number}");
        wanted(&id, TENANT, JobType::AttachNote, "c1", body, &payload)
    };
    let jobs = [
        note(0, json!({ "email": "someone@lab.example" })),
        note(1, json!({ "id": "c1" })),
    ];
    let worker = world.worker(WORKER, &[]).await;
    let promises = enqueue(&world, &jobs).await;
    until_all_ended(&world, 2).await;
    assert_eq!(seen(&world, promises).await, [Invariant::Order]);
    drop(worker);
}

/// What was stored and never ends is not passed over: there is no worker.
#[tokio::test]
async fn a_job_that_nobody_delivers_is_caught() {
    let world = world(Make::default()).await;
    let promises = enqueue(&world, &[one(JobType::AddTags)]).await;
    let ready = world.queue.find("job-1", Some(TENANT)).await.unwrap();
    assert_eq!(ready[0].state, State::Ready);
    let found = seen(&world, promises).await;
    assert_eq!(found, [Invariant::NoneLost, Invariant::NothingLeft]);
}
