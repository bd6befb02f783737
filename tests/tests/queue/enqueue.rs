//! `enqueue`: each job once, or not at all.

use std::time::Duration;

use penstock_shared::{
    job::state::State,
    outcome::Cause,
    queue::enqueue::{Admission, Enqueued},
};
use penstock_tests::fixture::{Bench, Draft, START, dead, done, job};

const FULL: Enqueued = Enqueued::BacklogFull {
    retry_after: Duration::from_secs(5),
};

async fn whole(bench: &Bench, drafts: &[Draft]) -> Vec<Enqueued> {
    let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
    let stored = bench.queue().enqueue(&jobs, Admission::AllOrNothing).await;
    stored.expect("it can be asked")
}

/// Jobs `0…count`.
fn many(count: usize) -> Vec<Draft> {
    (0..count).map(|number| job(&number.to_string())).collect()
}

/// One job in every state: `scheduled`, `ready` and its `blocked`, `running`, `done`, `dead`.
async fn zoo() -> Bench {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("running"), job("done"), job("dead")])
        .await;
    for claimed in bench.claim(6).await {
        match claimed.reference.id() {
            "done" => bench.settle(&[done(&claimed)]).await,
            "dead" => bench.settle(&[dead(&claimed, Cause::Rejected)]).await,
            _ => continue,
        };
    }
    let drafts = [
        job("scheduled").run_at(START + 1000),
        job("ready"),
        job("blocked").contact(&format!("contact-{}", "7265616479")),
    ];
    bench.enqueue(&drafts).await;
    bench
}

const ZOO: [(&str, State); 6] = [
    ("scheduled", State::Scheduled),
    ("ready", State::Ready),
    ("blocked", State::Blocked),
    ("running", State::Running),
    ("done", State::Done),
    ("dead", State::Dead),
];

fn twin(id: &str) -> Draft {
    let draft = job(id);
    if id == "blocked" {
        draft.contact("contact-7265616479")
    } else {
        draft
    }
}

#[tokio::test]
async fn the_same_job_again_changes_nothing_whatever_its_state() {
    let bench = zoo().await;
    let before = bench.snapshot().await;
    for (id, state) in ZOO {
        assert_eq!(bench.state_of(id).await, state, "{id}");
        let again = [
            twin(id),
            twin(id).high().run_at(START + 5000).max_attempts(3),
        ];
        assert_eq!(
            bench.enqueue(&again).await,
            [Enqueued::Duplicate; 2],
            "{id}"
        );
        assert_eq!(
            whole(&bench, &again).await,
            [Enqueued::Duplicate; 2],
            "{id}"
        );
    }
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn another_job_under_the_same_id_is_refused_whatever_its_state() {
    let bench = zoo().await;
    let before = bench.snapshot().await;
    for (id, _) in ZOO {
        for other in [
            job(id).tag("other"),
            job(id).contact("c9"),
            job(id).note("hello"),
        ] {
            assert_eq!(bench.enqueue(&[other]).await, [Enqueued::Conflict], "{id}");
        }
    }
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn one_id_twice_in_one_call_is_stored_once() {
    let bench = Bench::start().await;
    let drafts = [
        job("a"),
        job("a"),
        job("a").tag("other"),
        job("a").of("zenith"),
    ];
    let expected = [
        Enqueued::Accepted,
        Enqueued::Duplicate,
        Enqueued::Conflict,
        Enqueued::Accepted,
    ];
    assert_eq!(bench.enqueue(&drafts).await, expected);
    let stats = bench.queue().stats().await.unwrap();
    assert_eq!(stats.ready, 2);
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_repeated_without_effect() {
    let bench = Bench::start().await;
    let drafts = [
        job("a").contact("c"),
        job("b").contact("c").high(),
        job("c").run_at(START + 9),
    ];
    assert_eq!(bench.enqueue(&drafts).await, [Enqueued::Accepted; 3]);
    let before = bench.snapshot().await;
    assert_eq!(bench.enqueue(&drafts).await, [Enqueued::Duplicate; 3]);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn beyond_the_backlog_nothing_is_stored() {
    let mut bench = Bench::with(|terms| terms.max_backlog = 2).await;
    let codes = bench
        .enqueue(&[job("a"), job("b").run_at(START + 1), job("c")])
        .await;
    assert_eq!(codes, [Enqueued::Accepted, Enqueued::Accepted, FULL]);
    let before = bench.snapshot().await;
    assert_eq!(bench.enqueue(&[job("c")]).await, [FULL]);
    assert_eq!(bench.enqueue(&[job("a")]).await, [Enqueued::Duplicate]);
    assert_eq!(bench.snapshot().await, before);
    // Another tenant has a backlog of its own.
    assert_eq!(
        bench.enqueue(&[job("c").of("zenith")]).await,
        [Enqueued::Accepted]
    );
    // What runs counts, what has died does not.
    let a = bench.claim_one().await;
    assert_eq!(bench.enqueue(&[job("c")]).await, [FULL]);
    bench.settle(&[dead(&a, Cause::Rejected)]).await;
    assert_eq!(bench.enqueue(&[job("c")]).await, [Enqueued::Accepted]);
}

#[tokio::test]
async fn all_or_nothing_stores_nothing_where_one_is_refused() {
    let bench = Bench::with(|terms| terms.max_backlog = 3).await;
    bench.enqueue(&[job("a")]).await;
    let before = bench.snapshot().await;
    let conflict = [job("b"), job("a").tag("other"), job("a")];
    let expected = [Enqueued::Accepted, Enqueued::Conflict, Enqueued::Duplicate];
    assert_eq!(whole(&bench, &conflict).await, expected);
    let full = [job("b"), job("c"), job("d")];
    assert_eq!(
        whole(&bench, &full).await,
        [Enqueued::Accepted, Enqueued::Accepted, FULL]
    );
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(whole(&bench, &full[..2]).await, [Enqueued::Accepted; 2]);
    assert_eq!(bench.state_of("c").await, State::Ready);
}

/// One script call takes 256 jobs: these take two.
#[tokio::test]
async fn all_or_nothing_holds_over_several_calls() {
    let bench = Bench::with(|terms| terms.max_backlog = 400).await;
    bench.enqueue(&[job("299").tag("other")]).await;
    let before = bench.snapshot().await;
    let codes = whole(&bench, &many(300)).await;
    assert_eq!(
        (codes[0], codes[299]),
        (Enqueued::Accepted, Enqueued::Conflict)
    );
    // Hundreds of jobs tell nothing in a message.
    assert!(bench.snapshot().await == before, "something was stored");
    assert_eq!(whole(&bench, &many(299)).await, [Enqueued::Accepted; 299]);
}

#[tokio::test]
async fn all_or_nothing_counts_the_backlog_over_several_calls() {
    let bench = Bench::with(|terms| terms.max_backlog = 280).await;
    let before = bench.snapshot().await;
    let codes = whole(&bench, &many(300)).await;
    assert_eq!((codes[279], codes[280]), (Enqueued::Accepted, FULL));
    assert!(bench.snapshot().await == before, "something was stored");
    assert_eq!(whole(&bench, &many(280)).await, [Enqueued::Accepted; 280]);
}

#[tokio::test]
async fn all_or_nothing_sees_one_id_in_several_calls() {
    let bench = Bench::start().await;
    let before = bench.snapshot().await;
    let mut drafts = many(300);
    drafts[298] = job("0");
    drafts[299] = job("1").tag("other");
    let codes = whole(&bench, &drafts).await;
    assert!(codes[298].is_stored());
    assert_eq!(codes[299], Enqueued::Conflict);
    assert!(bench.snapshot().await == before, "something was stored");
}
