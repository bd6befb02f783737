//! SIGTERM: what is in flight is finished, all else is handed back.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Direction, Flow, Proxy},
};

use crate::stage::{PATIENCE, Stage, name_of};

const JOBS: u64 = 300;
const EMAIL: &str = "jane@example.com";

fn load() -> Vec<Draft> {
    let of = |at: u64| {
        let draft = job(&format!("job-{at}")).contact(&format!("c-{}", at % 100));
        draft.note(&format!("note {at}"))
    };
    (0..JOBS).map(of).collect()
}

impl Stage {
    /// The jobs that this worker holds, as Redis has it.
    async fn held_by(&self, worker: &str) -> Vec<String> {
        let keys = self.queue.keys(0);
        let leased: Vec<String> = self.redis.get(["HKEYS", &keys.running()]).await;
        let mut held = Vec::new();
        for reference in leased {
            // `<destination>/<tenant>/<priority><id>`
            let id = &reference.rsplit('/').next().unwrap()[1..];
            if self.status(id).await.worker.as_deref() == Some(worker) {
                held.push(id.to_owned());
            }
        }
        held
    }
}

#[tokio::test]
async fn under_load_everything_is_finished_or_handed_back() {
    let stage = Stage::start(&["delay=100ms"]).await;
    let few = [("PENSTOCK_CONCURRENCY", "8")];
    let mut leaving = stage.worker_with(&few).await;
    let mut staying = stage.worker_with(&few).await;
    let name = name_of(&leaving).await;
    stage.enqueue(&load()).await;
    stage.until_calls(JOBS / 5).await;
    leaving.sigterm();
    let status = leaving.wait_exit(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(stage.held_by(&name).await, Vec::<String>::new());
    let at_its_end = stage.queue.stats().await.unwrap();
    assert!(at_its_end.done_total < JOBS, "it left under load");
    stage.until_done(JOBS).await;
    let seen = stage.sandbox.summary();
    // One call each: no call was cut, repeated or read back.
    assert_eq!((seen.calls, seen.effects, seen.duplicates), (JOBS, JOBS, 0));
    assert!(staying.exited().is_none());
}

#[tokio::test]
async fn what_comes_after_the_signal_is_handed_back_at_once() {
    let stage = Stage::start(&[]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let mut worker = stage
        .worker_with(&[
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_LEASE", "5m"),
        ])
        .await;
    proxy.set(
        Direction::ToClient,
        Flow::Delay(std::time::Duration::from_secs(1)),
    );
    stage.enqueue(&[job("late").contact("c1")]).await;
    stage.until_state("late", State::Running).await;
    worker.sigterm();
    let status = worker.wait_exit(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    untouched(&stage, "late").await;
    assert_eq!(stage.calls(), []);
}

/// It may run at once, and nothing was counted.
async fn untouched(stage: &Stage, id: &str) {
    let job = stage.status(id).await;
    assert_eq!(job.state, State::Ready, "{id}");
    let counted = (job.deliveries, job.run.attempts());
    assert_eq!((counted, job.run.lost()), ((0, 0), 0), "{id}");
}

#[tokio::test]
async fn a_call_that_never_ends_is_cut_when_the_grace_is_over() {
    let stage = Stage::start(&["hang"]).await;
    stage.person(EMAIL);
    let settings = [
        ("PENSTOCK_GRACE", "1s"),
        ("PENSTOCK_HTTP_TIMEOUT", "8s"),
        ("PENSTOCK_LEASE", "5m"),
    ];
    let mut worker = stage.worker_with(&settings).await;
    let name = name_of(&worker).await;
    stage
        .enqueue(&[
            job("sent").contact("c1").note("Once"),
            job("looking-up").email(EMAIL).note("Once"),
        ])
        .await;
    stage.until_calls(2).await;
    worker.sigterm();
    let status = worker.wait_exit(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(stage.held_by(&name).await, Vec::<String>::new());
    untouched(&stage, "looking-up").await;
    // What became of the other one nobody knows: it is read back, as if it had taken all its time. A shutdown does not make it poisonous.
    let sent = stage.status("sent").await;
    let counted = (sent.run.lost(), sent.run.attempts());
    assert_eq!((sent.state, counted), (State::Scheduled, (0, 0)));

    stage.faults(&[]);
    let _next = stage.worker().await;
    stage.until_done(2).await;
    let looked = [
        "create-note",
        "get-all-notes",
        "get-all-notes",
        "create-note",
    ];
    assert_eq!(stage.operations_on("c1"), looked);
    assert_eq!(stage.sandbox.summary().effects, 2);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for interrupt in [false, true] {
        let stage = Stage::start(&["hang"]).await;
        let mut worker = stage.worker_with(&[("PENSTOCK_GRACE", "1h")]).await;
        stage.enqueue(&[job("sent").contact("c1")]).await;
        stage.until_calls(1).await;
        worker.sigterm();
        worker.wait_for_line("draining", PATIENCE).await;
        if interrupt {
            worker.sigint();
        } else {
            worker.sigterm();
        }
        let status = worker.wait_exit(PATIENCE).await;
        assert_eq!(status.code(), Some(1));
    }
}

/// Whoever rode in a call that was cut off has sent it as much as its leader: the next job of its contact waits as long.
#[tokio::test]
async fn riders_of_a_call_that_is_cut_off_wait_as_long_as_its_leader() {
    let stage = Stage::start(&["hang"]).await;
    let settings = [("PENSTOCK_GRACE", "1s"), ("PENSTOCK_COALESCE", "on")];
    let jobs = ["a", "b", "c"].map(|id| job(id).contact(&format!("c-{id}")).tag("promo"));
    stage.enqueue(&jobs).await;
    let mut worker = stage.worker_with(&settings).await;
    stage.until_calls(1).await;
    worker.sigterm();
    assert!(worker.wait_exit(PATIENCE).await.success());
    let mut waits = Vec::new();
    for id in ["a", "b", "c"] {
        let status = stage.status(id).await;
        waits.push(
            status
                .run
                .number("unanswered")
                .expect("it may have been sent"),
        );
    }
    assert_eq!(waits, [waits[0]; 3]);
}
