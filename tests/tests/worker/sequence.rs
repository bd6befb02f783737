//! Order per contact, and each effect once.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    sandbox::Kind,
};

use crate::stage::Stage;

const CONTACTS: usize = 40;
const JOBS: usize = 25;
/// What a contact's jobs do, in turn.
const KINDS: [Kind; 3] = [Kind::Tags, Kind::Note, Kind::Task];

fn contact(number: usize) -> String {
    format!("c-{number}")
}

fn id(number: usize, at: usize) -> String {
    format!("{number}-{at}")
}

/// The jobs of all contacts, interleaved.
fn thousand() -> Vec<Draft> {
    let all = (0..JOBS).flat_map(|at| (0..CONTACTS).map(move |number| (number, at)));
    all.map(|(number, at)| {
        let draft = job(&id(number, at)).contact(&contact(number));
        match KINDS[at % 3] {
            Kind::Note => draft.note(&format!("note {at}")),
            Kind::Task => draft.task(&format!("task {at}")),
            _ => draft.tag(&format!("tag-{at}")),
        }
    })
    .collect()
}

#[tokio::test]
async fn two_workers_and_a_thousand_jobs_make_a_thousand_effects_in_order() {
    let stage = Stage::start(&[]).await;
    let workers = (stage.worker().await, stage.worker().await);
    stage.enqueue(&thousand()).await;
    stage.until_done(1000).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.calls, seen.effects, seen.duplicates), (1000, 1000, 0));
    for number in 0..CONTACTS {
        let effects = stage.effects_on(&contact(number));
        let kinds: Vec<_> = effects.iter().map(|effect| effect.change.kind).collect();
        let wanted: Vec<_> = KINDS.iter().copied().cycle().take(JOBS).collect();
        assert_eq!(kinds, wanted, "{}", contact(number));
        let ids: Vec<_> = (0..JOBS).map(|at| id(number, at)).collect();
        let made: Vec<_> = (0..JOBS).filter(|at| at % 3 != 0).collect();
        let makers = made.iter().map(|at| id(number, *at)).collect::<Vec<_>>();
        assert_eq!(stage.makers_of(&contact(number), &ids).await, makers);
    }
    assert!(each_had_a_share(&stage, &[&workers.0, &workers.1]).await);
}

/// Whether each of the workers ended some of the deliveries.
async fn each_had_a_share(stage: &Stage, workers: &[&penstock_tests::harness::Program]) -> bool {
    let alive = stage.queue.stats().await.unwrap().workers;
    let ended = |worker: &&penstock_tests::harness::Program| {
        let lines = worker.stderr();
        lines.iter().any(|line| line.contains("delivery ended"))
    };
    alive == 2 && workers.iter().all(ended)
}

#[tokio::test]
async fn a_future_a_retrying_and_a_dead_job_in_the_middle_of_a_sequence() {
    let stage = Stage::start(&[
        "503:retry-after=4:op=add-tags:count=1",
        "422:op=create-task",
    ])
    .await;
    let of = |id: &str| job(id).contact("c1");
    let due = stage.queue.now().await.unwrap() + 2000;
    stage
        .enqueue(&[
            of("first").note("first"),
            of("future").note("future").run_at(due),
            of("retrying").tag("retrying"),
            of("behind").note("behind"),
            of("dead").task("refused"),
            of("last").note("last"),
        ])
        .await;
    assert_eq!(stage.status("future").await.state, State::Scheduled);
    let _workers = (stage.worker().await, stage.worker().await);

    // It blocks nobody before its moment, and the retrying one keeps its place.
    let retrying = stage
        .until_job("retrying", "tried once", |job| job.attempts() == 1)
        .await;
    assert_eq!(retrying.state, State::Scheduled);
    assert_eq!(stage.status("behind").await.state, State::Blocked);

    // At its moment the future one joins the end; a later job is behind it.
    stage.until_state("future", State::Blocked).await;
    stage.enqueue(&[of("newest").note("newest")]).await;
    stage.until_done(6).await;
    let notes = ["first", "behind", "last", "future", "newest"].map(String::from);
    assert_eq!(stage.makers_of("c1", &notes).await, notes);
    let operations = [
        "create-note",
        "add-tags",
        "add-tags",
        "create-note",
        "create-task",
        "create-note",
        "create-note",
        "create-note",
    ];
    assert_eq!(stage.operations_on("c1"), operations);

    let dead = stage.dead("dead").await;
    assert_eq!(dead.cause, "rejected");
    assert_eq!(dead.run.text("httpStatus"), Some("422"));
    assert_eq!(stage.status("retrying").await.attempts(), 1);
}
