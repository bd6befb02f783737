//! A Redis that has forgotten what it acknowledged: restarted from an older file, or from the same one.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    job::state::{Ending, State},
    queue::{
        Queue,
        claim::{Claim, ClaimRequest, Claimed},
        error::QueueError,
        lapse::Lapse,
        reference::Lane,
        settle::{Advance, Fields, Settled, Settlement, Step},
    },
};
use penstock_tests::{
    fixture::{Bench, back, done, ids, job, settlement},
    harness::wait_until,
};
use serde_json::json;

/// Whoever has not come by then does not live.
const SILENCE: u64 = 4_000;
const WINDOW: u64 = 10_000;
const HOUR: i64 = 3_600_000;
/// So long it is waited for those of whom nobody knows.
const MOMENT: u64 = 500;

/// Ten due jobs, and worker `w` has had the first.
async fn bench() -> Bench {
    let mut bench = Bench::start().await;
    let jobs: Vec<_> = (0..10).map(|at| job(&at.to_string())).collect();
    bench.enqueue(&jobs).await;
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    bench
}

async fn save(bench: &Bench) {
    bench.server.cli(["SAVE"]).await;
}

/// As it was when it was last saved.
async fn restart(bench: &mut Bench) {
    bench.server.restart().await;
    reach(&bench.queue()).await;
}

/// A program finds out that its connection has broken by using it.
async fn reach(queue: &Queue) {
    wait_until("a connection", Duration::from_secs(20), || async {
        queue.ping().await.ok()
    })
    .await;
}

/// Another worker, with its own memory of what it was told.
struct Other {
    queue: Queue,
    name: &'static str,
    claims: u64,
}

impl Other {
    async fn start(bench: &Bench, name: &'static str) -> Self {
        let queue = bench.another().await.expect("it connects");
        Self {
            queue,
            name,
            claims: 0,
        }
    }

    async fn claim(&mut self, bench: &Bench) -> Claim {
        self.claims += 1;
        let request = ClaimRequest {
            number: self.claims,
            slots: 1,
            held: Vec::new(),
        };
        let queue = self.queue.at(bench.now);
        reach(&queue).await;
        queue
            .claim(0, self.name, &request)
            .await
            .expect("it claims")
    }
}

/// A Redis that was saved as another worker lived, and was started again.
async fn restarted_with(name: &'static str) -> (Bench, Other) {
    let mut bench = bench().await;
    let mut other = Other::start(&bench, name).await;
    other.claim(&bench).await;
    save(&bench).await;
    restart(&mut bench).await;
    (bench, other)
}

/// What is left to the tenant of its burst window and of its day.
async fn left(bench: &Bench) -> (u64, u64) {
    let lane = Lane::ghl("acme");
    let ledger = bench.queue().outlook(&lane).await.unwrap().ledger;
    let (burst, day) = ledger.windows().expect("it is registered");
    (burst.left(true), day.left(true))
}

async fn claimed(bench: &mut Bench) -> Claim {
    let request = bench.request(1);
    bench.claim_as("w", &request).await
}

/// A claim is answered, and forgotten.
pub(crate) async fn forget_a_claim(bench: &mut Bench) -> Lapse {
    save(bench).await;
    claimed(bench).await;
    restart(bench).await;
    let noticed = claimed(bench).await.lapses.last();
    noticed.expect("it is noticed")
}

#[tokio::test]
async fn one_that_remembers_all_goes_on_in_a_moment() {
    let mut bench = bench().await;
    save(&bench).await;
    restart(&mut bench).await;
    let claim = claimed(&mut bench).await;
    let wait = Duration::from_millis(MOMENT);
    assert_eq!((claim.jobs.len(), claim.next), (0, Some(wait)));
    bench.pass(MOMENT - 1);
    assert_eq!(claimed(&mut bench).await.jobs.len(), 0);
    bench.pass(1);
    let claim = claimed(&mut bench).await;
    assert_eq!((claim.jobs.len(), claim.lapses.last()), (1, None));
}

/// As after every restart in the middle of work: what was done, and what was not answered, is remembered.
#[tokio::test]
async fn more_than_was_answered_may_be_remembered() {
    let mut bench = bench().await;
    let other = bench.another().await.unwrap();
    // Worker `w` has sent it, and has never had the answer.
    let lost = bench.request(1);
    other.at(bench.now).claim(0, "w", &lost).await.unwrap();
    save(&bench).await;
    restart(&mut bench).await;
    let again = bench.claim_as("w", &lost).await;
    assert_eq!(
        (ids(&again.jobs), again.lapses.last()),
        (vec!["1".into()], None)
    );
    claimed(&mut bench).await;
    bench.pass(MOMENT);
    assert_eq!(claimed(&mut bench).await.jobs.len(), 1);
}

#[tokio::test]
async fn one_that_has_forgotten_gives_nothing_for_a_window() {
    let mut bench = bench().await;
    let since = bench.now;
    save(&bench).await;
    bench.pass(700);
    let forgotten = bench.claim_one().await;
    restart(&mut bench).await;
    bench.pass(100);
    let claim = claimed(&mut bench).await;
    let lapse = claim.lapses.last().expect("it is noticed");
    assert_eq!((lapse.since_ms, lapse.noticed_ms), (since, bench.now));
    assert_eq!(claim.jobs.len(), 0);
    assert_eq!(claim.next, Some(Duration::from_millis(WINDOW)));
    bench.live(WINDOW - 1, &[]).await;
    assert_eq!(bench.claim(1).await.len(), 0);
    bench.pass(1);
    let claim = claimed(&mut bench).await;
    assert_eq!(ids(&claim.jobs), [forgotten.reference.id()]);
    // It is noticed once.
    assert_eq!(claim.lapses.last(), Some(lapse));
    assert_eq!(claim.jobs[0].lapses.last(), Some(lapse));
}

/// However Redis' clock is set meanwhile. What it was set by before may be forgotten, too, and is told again.
#[tokio::test]
async fn it_gives_nothing_for_as_long_by_a_clock_that_is_set() {
    for (by, first) in [(HOUR, false), (-HOUR, false), (HOUR, true), (-HOUR, true)] {
        let mut bench = bench().await;
        bench.watch_clock(0);
        save(&bench).await;
        bench.claim_one().await;
        if first {
            bench.set_clock(by);
        }
        restart(&mut bench).await;
        assert!(claimed(&mut bench).await.lapses.last().is_some());
        if first {
            bench.tell(by).await;
        } else {
            set_clock(&mut bench, by).await;
        }
        bench.pass(WINDOW - 2);
        assert_eq!(left(&bench).await.0, 0, "{by} {first}");
        assert_eq!(bench.claim(1).await.len(), 0, "{by} {first}");
        bench.pass(2);
        assert!(left(&bench).await.0 > 0, "{by} {first}");
        assert_eq!(bench.claim(1).await.len(), 1, "{by} {first}");
    }
}

/// It has gone back before, as the clock was further ahead.
#[tokio::test]
async fn a_second_one_is_full_for_a_window_too() {
    let mut bench = bench().await;
    bench.watch_clock(0);
    set_clock(&mut bench, HOUR).await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    assert!(claimed(&mut bench).await.lapses.last().is_some());
    set_clock(&mut bench, -HOUR).await;
    bench.pass(WINDOW);
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    claimed(&mut bench).await;
    bench.pass(WINDOW - 1);
    assert_eq!(left(&bench).await.0, 0);
    bench.pass(1);
    assert!(left(&bench).await.0 > 0);
    assert_eq!(bench.claim(1).await.len(), 1);
}

/// Long after that it is set right, or told once more since Redis has forgotten that it was.
#[tokio::test]
async fn a_clock_that_is_set_later_fills_no_window_again() {
    for (forgotten, by) in [(0, -HOUR), (HOUR, HOUR)] {
        let mut bench = bench().await;
        save(&bench).await;
        bench.watch_clock(0);
        bench.claim_one().await;
        set_clock(&mut bench, forgotten).await;
        restart(&mut bench).await;
        assert!(claimed(&mut bench).await.lapses.last().is_some());
        bench.watch_clock(0);
        bench.pass(WINDOW);
        assert_eq!(bench.claim(1).await.len(), 1);
        if forgotten == 0 {
            bench.set_clock(by);
        }
        bench.tell(by).await;
        assert!(left(&bench).await.0 > 0, "{by}");
        assert_eq!(bench.claim(1).await.len(), 1, "{by}");
    }
}

/// It is told.
async fn set_clock(bench: &mut Bench, by: i64) {
    bench.set_clock(by);
    bench.tell(by).await;
}

/// What was sent in the time that was lost, and within one window more, is charged to the day.
#[tokio::test]
async fn the_day_is_charged_with_what_may_have_been_sent() {
    let mut bench = bench().await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    bench.pass(5_000);
    claimed(&mut bench).await;
    // 100 in 10 s: 150 in the 5 s that are lost and a window; and the one call that is remembered.
    assert_eq!(left(&bench).await.1, 200_000 - 150 - 1);
    bench.live(WINDOW, &[]).await;
    bench.claim_one().await;
    assert_eq!(left(&bench).await.1, 200_000 - 150 - 2);
    bench.live(86_400_000 - WINDOW + 1_000_000, &[]).await;
    assert!(left(&bench).await.1 >= 200_000 - 2);
}

/// What calls nobody has sent nothing meanwhile, by however many calls a window's quota would allow.
#[tokio::test]
async fn what_calls_nobody_goes_on() {
    let mut bench = bench().await;
    let event = json!({ "source": "smsfactor", "kind": "sms.reply", "tenant": "acme", "id": "sms:1", "data": {} });
    let about = json!({ "event": event });
    bench
        .enqueue(&[job("event").what("HandleEvent", about)])
        .await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    bench.pass(5_000);
    claimed(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    let given = ids(&bench.claim(20).await);
    assert!(given.contains(&"event".to_owned()), "{given:?}");
}

#[tokio::test]
async fn nothing_is_given_before_all_that_lived_have_come() {
    let (mut bench, other) = restarted_with("other").await;
    let mut new = Other::start(&bench, "new").await;
    assert_eq!(new.claim(&bench).await.jobs.len(), 0);
    assert_eq!(claimed(&mut bench).await.jobs.len(), 0);
    // It holds a call, and has no slot to claim for: its heartbeat is enough.
    reach(&other.queue).await;
    let heartbeat = other.queue.at(bench.now).renew(0, "other", &[]).await;
    heartbeat.unwrap();
    bench.pass(MOMENT);
    assert_eq!(new.claim(&bench).await.jobs.len(), 1);
    let claim = claimed(&mut bench).await;
    assert_eq!((claim.jobs.len(), claim.lapses.last()), (1, None));
}

#[tokio::test]
async fn one_that_comes_first_and_knows_less_is_given_nothing() {
    let mut bench = bench().await;
    let mut other = Other::start(&bench, "other").await;
    other.claim(&bench).await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    // All that it was told is remembered.
    assert_eq!(other.claim(&bench).await.jobs.len(), 0);
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

#[tokio::test]
async fn of_one_that_does_not_come_it_counts_as_forgotten() {
    let (mut bench, _dead) = restarted_with("dead").await;
    let claim = claimed(&mut bench).await;
    assert_eq!((claim.jobs.len(), claim.lapses.last()), (0, None));
    assert_eq!(claim.next, Some(Duration::from_millis(SILENCE)));
    bench.pass(SILENCE);
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

/// The moment that is waited for is an hour away then.
#[tokio::test]
async fn nor_is_it_waited_for_by_a_clock_that_was_set_back() {
    let (mut bench, _dead) = restarted_with("dead").await;
    claimed(&mut bench).await;
    bench.now -= 3_600_000;
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

/// All of them died with it, and were away for so long that nobody would know them any more: the first thing that a new one does is to register.
#[tokio::test]
async fn those_that_lived_are_not_forgotten_for_having_been_away() {
    let mut bench = bench().await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    bench.pass(3_600_000);
    let mut new = Other::start(&bench, "new").await;
    let quotas = ("100/10s".parse().unwrap(), "200000/1d".parse().unwrap());
    let queue = new.queue.at(bench.now);
    queue
        .register(0, "new", quotas, &HashMap::new())
        .await
        .unwrap();
    assert_eq!(new.claim(&bench).await.jobs.len(), 0);
    bench.pass(SILENCE);
    assert!(new.claim(&bench).await.lapses.last().is_some());
}

/// A worker that was silent before the end was told nothing of it.
#[tokio::test]
async fn one_that_had_died_before_is_not_waited_for() {
    let mut bench = bench().await;
    let mut dead = Other::start(&bench, "dead").await;
    dead.claim(&bench).await;
    bench.live(3_000, &[]).await;
    save(&bench).await;
    restart(&mut bench).await;
    claimed(&mut bench).await;
    bench.pass(MOMENT);
    let claim = claimed(&mut bench).await;
    assert_eq!((claim.jobs.len(), claim.lapses.last()), (1, None));
}

#[tokio::test]
async fn after_all_workers_had_ended_in_order_nobody_is_waited_for() {
    let mut bench = bench().await;
    bench.queue().retire("w").await.unwrap();
    save(&bench).await;
    restart(&mut bench).await;
    let mut new = Other::start(&bench, "new").await;
    assert_eq!(new.claim(&bench).await.jobs.len(), 0);
    bench.pass(MOMENT);
    let claim = new.claim(&bench).await;
    assert_eq!((claim.jobs.len(), claim.lapses.last()), (1, None));
}

/// Nobody lived as it was saved, and one that was started since comes second.
#[tokio::test]
async fn where_nobody_is_remembered_one_that_knows_more_comes_in_time() {
    let mut bench = bench().await;
    bench.queue().retire("w").await.unwrap();
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    let mut new = Other::start(&bench, "new").await;
    assert_eq!(new.claim(&bench).await.jobs.len(), 0);
    bench.pass(100);
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

/// A deploy in the middle of it.
#[tokio::test]
async fn one_that_ends_in_order_is_not_waited_for_any_more() {
    let (mut bench, other) = restarted_with("other").await;
    assert_eq!(claimed(&mut bench).await.jobs.len(), 0);
    reach(&other.queue).await;
    other.queue.retire("other").await.unwrap();
    let claim = claimed(&mut bench).await;
    assert_eq!((claim.jobs.len(), claim.lapses.last()), (1, None));
}

/// Twice from one file: what was told in between is lost, too.
#[tokio::test]
async fn two_that_began_alike_are_told_apart() {
    let mut bench = bench().await;
    save(&bench).await;
    let mut other = Other::start(&bench, "other").await;
    restart(&mut bench).await;
    claimed(&mut bench).await;
    claimed(&mut bench).await;
    bench.pass(50);
    restart(&mut bench).await;
    for _ in 0..5 {
        other.claim(&bench).await;
    }
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

/// A job that has waited since before the first, its tenant paused, may have been sent before either.
#[tokio::test]
async fn of_two_that_lie_apart_both_are_told() {
    let mut bench = bench().await;
    let first = forget_a_claim(&mut bench).await;
    bench.live(3_600_000, &[]).await;
    let second = forget_a_claim(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    let job = bench.claim_one().await;
    assert_eq!(job.lapses.last(), Some(second));
    let both = job.lapses.concerning(first.since_ms, 0).unwrap();
    assert_eq!(
        (both.since_ms, both.noticed_ms),
        (first.since_ms, second.noticed_ms)
    );
    assert_eq!(job.lapses.concerning(first.noticed_ms + 1, 0), Some(second));
    assert_eq!(
        job.lapses.concerning(first.since_ms, first.noticed_ms),
        Some(second)
    );
}

#[tokio::test]
async fn of_many_the_oldest_are_told_as_one() {
    let mut bench = bench().await;
    let first = forget_a_claim(&mut bench).await;
    for _ in 0..9 {
        bench.live(3_600_000, &[]).await;
        forget_a_claim(&mut bench).await;
    }
    bench.live(WINDOW, &[]).await;
    let lapses = bench.claim_one().await.lapses;
    let all = lapses.concerning(first.since_ms, 0).unwrap();
    assert_eq!(
        (all.since_ms, all.noticed_ms),
        (first.since_ms, lapses.last().unwrap().noticed_ms)
    );
    // Of the first three together it is not known which was seen.
    let later = lapses.concerning(first.since_ms, first.noticed_ms).unwrap();
    assert_eq!(later.since_ms, first.since_ms);
}

/// It was stopped, and taken for dead.
#[tokio::test]
async fn one_that_comes_late_and_knows_more_is_believed() {
    let mut bench = bench().await;
    let mut other = Other::start(&bench, "other").await;
    save(&bench).await;
    other.claim(&bench).await;
    restart(&mut bench).await;
    assert_eq!(claimed(&mut bench).await.lapses.last(), None);
    bench.live(60_000, &[]).await;
    let noticed = bench.now;
    let lapse = other
        .claim(&bench)
        .await
        .lapses
        .last()
        .expect("it is noticed");
    assert_eq!(lapse.noticed_ms, noticed);
}

#[tokio::test]
async fn a_restart_is_not_remembered_when_another_comes() {
    let mut bench = bench().await;
    for _ in 0..3 {
        save(&bench).await;
        restart(&mut bench).await;
        claimed(&mut bench).await;
        // Nobody comes for an hour.
        bench.pass(3_600_000);
        let claim = claimed(&mut bench).await;
        assert_eq!((claim.jobs.len(), claim.lapses.last()), (1, None));
    }
}

/// What was in doubt at the first still is at the second.
#[tokio::test]
async fn of_what_was_forgotten_before_the_first_of_two_restarts_the_last_one_knows() {
    for comes in [true, false] {
        let mut bench = bench().await;
        save(&bench).await;
        bench.claim_one().await;
        restart(&mut bench).await;
        let mut new = Other::start(&bench, "new").await;
        assert_eq!(new.claim(&bench).await.jobs.len(), 0);
        bench.pass(2_500);
        new.claim(&bench).await;
        save(&bench).await;
        restart(&mut bench).await;
        assert_eq!(new.claim(&bench).await.jobs.len(), 0);
        if comes {
            assert!(claimed(&mut bench).await.lapses.last().is_some());
        } else {
            // It was killed with the first.
            bench.pass(SILENCE);
            assert!(new.claim(&bench).await.lapses.last().is_some());
        }
    }
}

/// The jobs that were sent were due at a time that is yet to come.
#[tokio::test]
async fn a_clock_that_was_set_back_with_it_hides_nothing() {
    let mut bench = bench().await;
    let since = bench.now;
    save(&bench).await;
    bench.pass(700);
    bench.claim_one().await;
    let due = bench.now;
    restart(&mut bench).await;
    bench.now -= 3_600_000;
    let lapse = claimed(&mut bench).await.lapses;
    let lapse = lapse.concerning(due, 0).expect("it is noticed");
    assert_eq!(lapse.noticed_ms, bench.now);
    assert_eq!(lapse.since_ms, since);
}

/// A step finds it out as a claim does: no permit is given by a ledger that has forgotten.
#[tokio::test]
async fn no_further_call_is_permitted() {
    let mut bench = bench().await;
    let running = bench.claim_one().await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    assert_eq!(bench.next_call(&running).await, Advance::Later);
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

/// The first call of a claim that is remembered, which is not idempotent.
async fn begins(bench: &Bench, running: &Claimed) -> Advance {
    let step = Step {
        number: 1,
        answered: false,
        fields: Fields::new(),
        intent: Some("1".into()),
        report: None,
        calls: 0,
        took: Duration::ZERO,
    };
    let queue = bench.queue();
    let advance = queue.advance(&running.reference, running.token, &step);
    advance.await.unwrap()
}

/// Another delivery may have made it, which is forgotten: the next one reads back.
#[tokio::test]
async fn what_was_claimed_before_begins_nothing_that_may_have_been_made_since() {
    let mut bench = bench().await;
    let running = bench.claim_one().await;
    save(&bench).await;
    bench.claim_one().await;
    bench.pass(100);
    restart(&mut bench).await;
    claimed(&mut bench).await;
    assert_eq!(begins(&bench, &running).await, Advance::Later);
    assert_eq!(bench.state_of(running.reference.id()).await, State::Ready);
}

/// The answer to its first question was lost.
#[tokio::test]
async fn nor_is_it_told_again_that_it_may() {
    let mut bench = bench().await;
    let running = bench.claim_one().await;
    assert_eq!(begins(&bench, &running).await, Advance::Granted);
    assert_eq!(begins(&bench, &running).await, Advance::Granted);
    save(&bench).await;
    bench.claim_one().await;
    bench.pass(100);
    restart(&mut bench).await;
    claimed(&mut bench).await;
    assert_eq!(begins(&bench, &running).await, Advance::Later);
    // Its permit was given back once.
    bench.live(WINDOW, &[]).await;
    assert_eq!(left(&bench).await.0, 100);
}

/// Tokens go ahead of a clock that was set back, and so do those that were forgotten.
#[tokio::test]
async fn nor_by_a_clock_that_was_set_back() {
    let mut bench = bench().await;
    bench.now -= 3_600_000;
    bench.enqueue(&[job("x"), job("y")]).await;
    let running = bench.claim_one().await;
    save(&bench).await;
    let forgotten = bench.claim_one().await;
    bench.pass(100);
    restart(&mut bench).await;
    claimed(&mut bench).await;
    assert_eq!(begins(&bench, &running).await, Advance::Later);
    bench.live(WINDOW, &[]).await;
    let next = bench.claim_one().await;
    assert!(next.token > forgotten.token && forgotten.token > running.token);
    assert_eq!(begins(&bench, &next).await, Advance::Granted);
}

/// It was started since, and nobody knows of it.
#[tokio::test]
async fn one_that_nobody_remembers_comes_in_time() {
    let mut bench = bench().await;
    let running = bench.claim_one().await;
    assert_eq!(begins(&bench, &running).await, Advance::Granted);
    save(&bench).await;
    let mut new = Other::start(&bench, "new").await;
    new.claim(&bench).await;
    restart(&mut bench).await;
    assert_eq!(claimed(&mut bench).await.jobs.len(), 0);
    assert_eq!(begins(&bench, &running).await, Advance::Later);
    // Nor is the end of what was sent meanwhile taken before that is known.
    let early = bench.queue();
    let early = early.settle(0, &[stale(&running, "n1")]).await;
    assert!(matches!(early, Err(QueueError::NotReady(_))), "{early:?}");
    assert!(new.claim(&bench).await.lapses.last().is_some());
}

/// It was due by a clock that was set right since.
#[tokio::test]
async fn what_was_due_by_a_clock_that_was_ahead_may_be_forgotten() {
    let mut bench = bench().await;
    bench.now += 600_000;
    claimed(&mut bench).await;
    let due = bench.now;
    bench.now -= 600_000;
    bench.enqueue(&[job("x")]).await;
    save(&bench).await;
    bench.claim_one().await;
    restart(&mut bench).await;
    let lapse = claimed(&mut bench).await.lapses;
    assert!(lapse.concerning(due, 0).is_some());
}

/// The one that notices has not seen it, and another one has.
#[tokio::test]
async fn whoever_has_seen_the_clock_furthest_ahead_counts() {
    let mut bench = bench().await;
    let mut other = Other::start(&bench, "other").await;
    bench.now += 600_000;
    other.claim(&bench).await;
    let due = bench.now;
    bench.now -= 600_000;
    claimed(&mut bench).await;
    save(&bench).await;
    claimed(&mut bench).await;
    restart(&mut bench).await;
    let first = claimed(&mut bench).await.lapses;
    assert!(first.last().is_some() && first.concerning(due, 0).is_none());
    let then = other.claim(&bench).await.lapses;
    let both = [&first, &then].map(|lapses| lapses.last().unwrap().noticed_ms);
    assert!(then.concerning(due, 0).is_some() && both[0] == both[1]);
}

/// A new one comes first: its own life hides nothing of what was before.
#[tokio::test]
async fn what_was_due_by_the_files_own_clock_may_be_forgotten() {
    let mut bench = bench().await;
    bench.now += 600_000;
    claimed(&mut bench).await;
    let due = bench.now;
    save(&bench).await;
    restart(&mut bench).await;
    bench.now -= 600_000;
    let mut new = Other::start(&bench, "new").await;
    new.claim(&bench).await;
    bench.pass(SILENCE);
    let lapses = new.claim(&bench).await.lapses;
    assert!(lapses.concerning(due, 0).is_some(), "{lapses:?}");
}

/// What was given after the first is forgotten with the second, and not given again.
#[tokio::test]
async fn of_two_from_one_file_no_token_is_given_twice() {
    let mut bench = bench().await;
    // Its tokens go ahead of the clock.
    forget_a_claim(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    save(&bench).await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        claimed(&mut bench).await;
        restart(&mut bench).await;
        // One that was told nothing comes first.
        Other::start(&bench, "new").await.claim(&bench).await;
        bench.pass(100);
        claimed(&mut bench).await;
        bench.live(WINDOW, &[]).await;
        tokens.push(bench.claim_one().await.token);
    }
    assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
}

/// It is told to end before it has said what it knows.
#[tokio::test]
async fn one_that_ends_in_order_says_what_it_was_told() {
    let mut bench = bench().await;
    let mut other = Other::start(&bench, "other").await;
    save(&bench).await;
    other.claim(&bench).await;
    restart(&mut bench).await;
    claimed(&mut bench).await;
    reach(&other.queue).await;
    other.queue.at(bench.now).retire("other").await.unwrap();
    assert!(claimed(&mut bench).await.lapses.last().is_some());
}

/// It was done by a note, while its lease was not certain.
fn stale(claimed: &Claimed, note: &str) -> Settlement {
    let ending = Ending::Done {
        result: json!({ "noteId": note }),
        effect: Some(note.into()),
    };
    Settlement {
        stale: true,
        ..settlement(claimed, ending)
    }
}

/// While it stood still another one may have had the job, which is forgotten: what it has made is kept, and the next one looks.
#[tokio::test]
async fn the_end_of_one_that_stood_still_meanwhile_is_not_believed() {
    let mut bench = bench().await;
    let running = bench.claim_one().await;
    assert_eq!(begins(&bench, &running).await, Advance::Granted);
    save(&bench).await;
    claimed(&mut bench).await;
    restart(&mut bench).await;
    claimed(&mut bench).await;
    let end = stale(&running, "n1");
    let settled = bench.settle(std::slice::from_ref(&end)).await;
    assert_eq!(settled, [Settled::Refused]);
    assert_eq!(bench.settle(&[end]).await, [Settled::Refused]);
    bench.live(WINDOW, &[]).await;
    let next = bench.claim_one().await;
    assert_eq!(next.reference, running.reference);
    let (intent, attempts) = (next.run.text("intent"), next.run.attempts());
    assert_eq!((intent, attempts), (Some("1"), 0));
    // Nothing was forgotten since it was claimed.
    assert_eq!(bench.settle(&[stale(&next, "n2")]).await, [Settled::Ok]);
    let late = bench.queue().late_effects(0).await.unwrap();
    let effects: Vec<_> = late.iter().map(|late| late.effect.as_str()).collect();
    assert_eq!(effects, ["n1"]);
}

#[tokio::test]
async fn nor_is_it_when_it_comes_too_late() {
    let mut bench = bench().await;
    let late = bench.claim_one().await;
    save(&bench).await;
    claimed(&mut bench).await;
    restart(&mut bench).await;
    bench.live(6_000, &[]).await;
    claimed(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    let owner = bench.claim_one().await;
    assert_eq!(owner.reference, late.reference);
    assert_eq!(bench.settle(&[stale(&late, "n1")]).await, [Settled::Lost]);
    bench.settle(&[back(&owner, 0)]).await;
    let next = bench.claim_one().await;
    assert_eq!(next.run.text("orphan"), None);
}

/// Nobody knows yet whether anything is forgotten. If nothing is, it goes on at once.
#[tokio::test]
async fn nothing_begins_while_that_is_in_doubt() {
    let mut bench = bench().await;
    let running = bench.claim_one().await;
    save(&bench).await;
    let free = left(&bench).await.0;
    restart(&mut bench).await;
    assert_eq!(begins(&bench, &running).await, Advance::Later);
    // Its permit was not used.
    assert_eq!(left(&bench).await.0, free + 1);
    bench.live(1, &[]).await;
    bench.live(MOMENT, &[]).await;
    let again = bench.claim_one().await;
    assert_eq!(again.reference, running.reference);
    assert_eq!(begins(&bench, &again).await, Advance::Granted);
}

/// The server counts it, though its permit is forgotten.
#[tokio::test]
async fn a_call_that_ends_after_its_claim_was_forgotten_is_charged() {
    let mut bench = bench().await;
    save(&bench).await;
    let forgotten = bench.claim_one().await;
    bench.pass(100);
    restart(&mut bench).await;
    claimed(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    let settled = bench.settle(&[done(&forgotten)]).await;
    assert_eq!(settled, [Settled::Lost]);
    assert_eq!(left(&bench).await.0, 99);
}

#[tokio::test]
async fn all_of_it_forgotten_is_noticed_too() {
    let mut bench = bench().await;
    bench.server.cli(["FLUSHALL"]).await;
    bench.quotas("100/10s", "200000/1d").await;
    bench.enqueue(&[job("new")]).await;
    let claim = claimed(&mut bench).await;
    assert_eq!(claim.jobs.len(), 0);
    let lapse = claim.lapses.last().expect("it is noticed");
    assert_eq!((lapse.since_ms, lapse.noticed_ms), (bench.now, bench.now));
}

/// What a delivery came to that lost its lease: whoever has the job next need not find out.
#[tokio::test]
async fn a_late_end_is_left_beside_the_job() {
    let mut bench = bench().await;
    let late = bench.claim_one().await;
    bench.live(6_000, &[]).await;
    let owner = bench.claim_one().await;
    assert_eq!(owner.reference, late.reference);
    assert_eq!(bench.settle(&[done(&late)]).await, [Settled::Lost]);
    bench.live(6_000, &[]).await;
    let next = bench.claim_one().await;
    let orphan = next.run.text("orphan").expect("it is there");
    assert!(orphan.contains(r#""type":"#), "{orphan}");
    assert_eq!(bench.settle(&[done(&next)]).await, [Settled::Ok]);
}

/// Tokens are ahead of the clock since something was forgotten: by them nobody can tell what came first.
#[tokio::test]
async fn none_is_left_beside_a_later_job_of_its_id() {
    let mut bench = bench().await;
    forget_a_claim(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    bench.enqueue(&[job("x").high()]).await;
    let late = bench.claim_one().await;
    assert_eq!(late.reference.id(), "x");
    bench.live(6_000, &[]).await;
    let owner = bench.claim_one().await;
    assert_eq!(owner.reference, late.reference);
    bench.settle(&[done(&owner)]).await;
    let key = bench.queue().keys(0).job("acme");
    bench.server.cli(["HDEL", &key, "x"]).await;
    bench.pass(1);
    bench.enqueue(&[job("x").high()]).await;
    let new = bench.claim_one().await;
    assert_eq!(new.reference.id(), "x");
    bench.settle(&[back(&new, 0)]).await;
    assert_eq!(bench.settle(&[done(&late)]).await, [Settled::Lost]);
    let again = bench.claim_one().await;
    assert_eq!(again.reference.id(), "x");
    assert_eq!(again.run.text("orphan"), None);
}

/// It would stay for ever beside one that ends as if it had never been claimed before, be that running already or not.
#[tokio::test]
async fn nothing_is_left_beside_a_job_that_nobody_has_had() {
    for late in [false, true] {
        left_beside(late).await;
    }
}

async fn left_beside(late: bool) {
    let mut bench = bench().await;
    save(&bench).await;
    let forgotten = bench.claim_one().await;
    restart(&mut bench).await;
    claimed(&mut bench).await;
    bench.live(WINDOW, &[]).await;
    if !late {
        assert_eq!(bench.settle(&[done(&forgotten)]).await, [Settled::Lost]);
    }
    let owner = bench.claim_one().await;
    assert_eq!(owner.reference, forgotten.reference);
    assert_eq!(bench.settle(&[done(&forgotten)]).await, [Settled::Lost]);
    assert_eq!(bench.settle(&[done(&owner)]).await, [Settled::Ok]);
    let run = bench.queue().keys(0).run("acme/1");
    let left: bool = bench.server.get(["EXISTS", &run]).await;
    assert!(!left);
}
