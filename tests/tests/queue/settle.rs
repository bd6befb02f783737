//! `settle`: the end of a delivery, once.

use std::time::Duration;

use penstock_shared::{
    job::state::{Api, Ending, Hold, State},
    outcome::{Cause, Permit},
    queue::{
        claim::Claimed,
        settle::{self, MOST_ENDS, Settled, Settlement},
    },
};
use penstock_tests::fixture::{Bench, all_delivered, back, dead, done, job, settlement};
use serde_json::json;

use crate::state::{field, run_field};

async fn claimed(bench: &mut Bench) -> Claimed {
    bench
        .enqueue(&[job("a").contact("c"), job("b").contact("c")])
        .await;
    bench.claim_one().await
}

/// Settles it, and again: the answer and the state stay.
async fn holds(end: impl Fn(&Claimed) -> Settlement) -> Bench {
    let mut bench = Bench::start().await;
    let a = claimed(&mut bench).await;
    let settlement = end(&a);
    assert_eq!(
        bench.settle(std::slice::from_ref(&settlement)).await,
        [Settled::Ok]
    );
    let before = bench.snapshot().await;
    bench.pass(70);
    let twice = [settlement.clone(), settlement];
    assert_eq!(bench.settle(&twice).await, [Settled::Ok; 2]);
    assert_eq!(bench.snapshot().await, before);
    bench
}

#[tokio::test]
async fn done_is_written_once() {
    let bench = holds(done).await;
    assert_eq!(bench.state_of("a").await, State::Done);
    assert_eq!(bench.state_of("b").await, State::Ready);
    let (record, ended) = bench.status("a").await.done.unwrap();
    assert_eq!(record.result, json!({ "contactId": "c1" }));
    assert_eq!(ended, bench.now - 70);
}

#[tokio::test]
async fn dead_is_written_once() {
    let bench = holds(|job| dead(job, Cause::Rejected)).await;
    assert_eq!(bench.state_of("a").await, State::Dead);
    assert_eq!(bench.state_of("b").await, State::Ready);
    let causes = bench.queue().dead_causes().await.unwrap();
    assert_eq!(causes, [("rejected".to_owned(), 1)]);
}

#[tokio::test]
async fn back_at_once_is_written_once() {
    let bench = holds(|job| back(job, 0)).await;
    assert_eq!(bench.state_of("a").await, State::Ready);
    assert_eq!(bench.state_of("b").await, State::Blocked);
    assert_eq!(
        run_field(&bench, "a", "attempts").await.as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn back_later_is_written_once() {
    let bench = holds(|job| back(job, 700)).await;
    assert_eq!(bench.state_of("a").await, State::Scheduled);
    assert_eq!(bench.status("a").await.due_ms, Some(bench.now + 630));
}

#[tokio::test]
async fn an_end_that_has_to_wait_is_written_down_once() {
    let bench = holds(|job| {
        let ending = Box::new(done(job).transition.ending);
        let after = Duration::from_secs(9);
        settlement(job, Ending::Deferred { after, ending })
    })
    .await;
    assert_eq!(bench.state_of("a").await, State::Scheduled);
    let ending = run_field(&bench, "a", "ending").await.unwrap();
    assert!(ending.contains("contactId"), "{ending}");
}

#[tokio::test]
async fn what_the_end_says_of_the_lane_is_written_once() {
    let bench = holds(|job| {
        let mut end = back(job, 0);
        end.transition.api = Some(Api::Down);
        end.transition.permit = Permit::Unanswered;
        end.transition.hold = Some(Hold {
            wait: Duration::from_secs(3),
            why: "needs-authorisation",
            token: Some("f1".into()),
        });
        end.history = Some("{}".into());
        end
    })
    .await;
    let lane = bench.queue().keys(0).lane("ghl/acme");
    assert_eq!(field(&bench, &lane, "failures").await.as_deref(), Some("1"));
    let refused = bench.queue().refused().await.unwrap();
    assert_eq!(refused.tokens.len(), 1);
    assert_eq!(bench.queue().history("acme", "a").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_that_is_back_already_is_left_alone() {
    let mut bench = Bench::start().await;
    let a = claimed(&mut bench).await;
    let before = bench.snapshot().await;
    assert_eq!(
        bench.settle(&[settlement(&a, Ending::None)]).await,
        [Settled::Ok]
    );
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn a_job_that_is_not_there_any_more_is_missing() {
    let mut bench = Bench::start().await;
    let a = claimed(&mut bench).await;
    bench.settle(&[dead(&a, Cause::Rejected)]).await;
    let b = bench.claim_one().await;
    bench.settle(&[done(&b)]).await;
    bench
        .queue()
        .discard(&[crate::letter::named("a")])
        .await
        .unwrap();
    bench.pass(24 * 3_600_000);
    bench.queue().forget(0).await.unwrap();
    let before = bench.snapshot().await;
    for end in [done(&a), back(&a, 0), dead(&b, Cause::Rejected), done(&b)] {
        assert_eq!(bench.settle(&[end]).await, [Settled::Missing]);
    }
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn in_one_call_each_is_judged_by_itself() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["a", "b", "c"].map(job)).await;
    let jobs = bench.claim(6).await;
    let mut forged = jobs[1].clone();
    forged.token += 100;
    let mut gone = jobs[2].clone();
    gone.reference = penstock_shared::queue::reference::Reference::parse("ghl/acme/1none").unwrap();
    let ends = [
        done(&forged),
        done(&jobs[0]),
        done(&gone),
        back(&jobs[2], 0),
    ];
    let expected = [Settled::Lost, Settled::Ok, Settled::Missing, Settled::Ok];
    assert_eq!(bench.settle(&ends).await, expected);
    assert_eq!(bench.state_of("a").await, State::Done);
    assert_eq!(bench.state_of("b").await, State::Running);
    assert_eq!(bench.state_of("c").await, State::Ready);
}

#[tokio::test]
async fn attempts_and_deliveries_are_counted_as_told() {
    let mut bench = Bench::start().await;
    claimed(&mut bench).await;
    let ending = |attempt, delivery| Ending::Back {
        after: Duration::ZERO,
        attempt,
        delivery,
    };
    // What is counted so far is 1 delivery, in flight.
    let mut counts = (1, 0);
    for (attempt, delivery) in [(false, false), (false, true), (true, true), (true, false)] {
        bench.live(6000, &[]).await;
        let job = bench.claim_one().await;
        // The lease that ended was a delivery.
        counts.0 += 1;
        assert_eq!((job.deliveries, job.run.attempts()), counts);
        bench
            .settle(&[settlement(&job, ending(attempt, delivery))])
            .await;
        counts.0 -= u32::from(!delivery);
        counts.1 += u32::from(attempt);
        let job = bench.claim_one().await;
        counts.0 += 1;
        assert_eq!((job.deliveries, job.run.attempts()), counts);
    }
}

#[tokio::test]
async fn the_history_keeps_the_last_fifty_lines() {
    let mut bench = Bench::start().await;
    claimed(&mut bench).await;
    bench.live(6000, &[]).await;
    for number in 0..60 {
        let mut end = back(&bench.claim_one().await, 0);
        end.history = Some(json!({ "number": number }).to_string());
        bench.settle(&[end]).await;
    }
    let history = bench.queue().history("acme", "a").await.unwrap();
    assert_eq!((history.len(), &history[0]["number"]), (50, &json!(10)));
}

#[tokio::test]
async fn an_effect_belongs_to_the_job_that_made_it() {
    let mut bench = Bench::start().await;
    let a = claimed(&mut bench).await;
    bench.settle(&[done_by(&a, "note-1")]).await;
    let queue = bench.queue();
    assert_eq!(
        queue.maker_of("acme", "note-1").await.unwrap().as_deref(),
        Some("a")
    );
    assert_eq!(queue.maker_of("acme", "note-2").await.unwrap(), None);
}

fn done_by(claimed: &Claimed, effect: &str) -> Settlement {
    let mut end = done(claimed);
    end.transition.ending = Ending::Done {
        result: json!({}),
        effect: Some(effect.into()),
    };
    end
}

/// One call of the script ends so many at the most, and of so many lanes, so that it is short.
#[tokio::test]
async fn what_one_call_ends_is_bounded() {
    let mut bench = Bench::with(|terms| terms.coalesce = 100).await;
    let note = |number: usize, tenant: usize| {
        job(&number.to_string())
            .of(&format!("t{tenant}"))
            .contact(&number.to_string())
            .note("Hello")
    };
    let many_lanes: Vec<_> = (0..20).map(|number| note(number, number)).collect();
    let one_lane: Vec<_> = (100..200).map(|number| note(number, 99)).collect();
    let in_groups = |number: usize| {
        job(&number.to_string())
            .of(&format!("g{}", number / 100))
            .contact(&number.to_string())
    };
    let in_groups: Vec<_> = (1_000..1_400).map(in_groups).collect();
    let mut fitting = Vec::new();
    for drafts in [many_lanes, one_lane, in_groups] {
        bench.enqueue(&drafts).await;
        let mut claimed = Vec::new();
        for _ in 0..8 {
            claimed.extend(bench.claim(100).await);
        }
        let ends: Vec<_> = claimed.iter().map(all_delivered).collect();
        assert_eq!(settle::fitting(&ends[..1]), 1);
        let fits = &ends[..settle::fitting(&ends)];
        let jobs = fits.iter().map(|end| 1 + end.riders.len()).sum::<usize>();
        assert!(fits.len() < ends.len());
        fitting.push((fits.len(), jobs));
    }
    assert_eq!(fitting[..2], [(12, 12), (MOST_ENDS, MOST_ENDS)]);
    let (groups, jobs) = fitting[2];
    assert!(groups < 12 && jobs <= 256, "{fitting:?}");
}

/// Two running jobs of two contacts.
async fn two() -> (Bench, [Claimed; 2]) {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c1"), job("b").contact("c2")])
        .await;
    let jobs = [bench.claim_one().await, bench.claim_one().await];
    (bench, jobs)
}

/// It is done by this effect, but its contact's next job must wait.
fn deferred(claimed: &Claimed, effect: &str) -> Settlement {
    let mut end = done_by(claimed, effect);
    end.transition.ending = Ending::Deferred {
        after: Duration::from_secs(5),
        ending: Box::new(end.transition.ending),
    };
    end
}

/// Known from then on, and no other job takes it for its own.
#[tokio::test]
async fn an_effect_is_its_jobs_though_that_is_not_done_yet() {
    let (mut bench, jobs) = two().await;
    bench.settle(&[deferred(&jobs[0], "note-1")]).await;
    for end in [done_by(&jobs[1], "note-1"), deferred(&jobs[1], "note-1")] {
        assert_eq!(bench.settle(&[end]).await, [Settled::Refused]);
    }
    bench.pass(5_000);
    let waits = bench.claim(4).await;
    let ending = |id: &str| {
        let job = waits.iter().find(|job| job.reference.id() == id);
        job.unwrap().run.text("ending").is_some()
    };
    assert!(ending("a") && !ending("b"));
}

/// What it was to end with is nothing any more, or it would be tried for ever.
#[tokio::test]
async fn what_was_left_for_a_job_that_took_anothers_effect_is_thrown_away() {
    let (mut bench, late) = two().await;
    bench.settle(&[done_by(&late[0], "note-1")]).await;
    bench.live(20_000, &[]).await;
    let other = bench.claim_one().await;
    // Its first worker has read back what the other job has made, and comes too late to say so.
    for end in [done_by(&late[1], "note-1"), deferred(&late[1], "note-1")] {
        assert_eq!(bench.settle(&[end]).await, [Settled::Lost]);
    }
    assert_eq!(bench.settle(&[back(&other, 0)]).await, [Settled::Ok]);
    let next = bench.claim_one().await;
    assert!(next.run.text("orphan").is_some());
    assert_eq!(
        bench.settle(&[done_by(&next, "note-1")]).await,
        [Settled::Refused]
    );
    assert!(bench.claim_one().await.run.text("orphan").is_none());
}

/// It looked at the contact's list while the other had made it, and not settled yet; or the other way round.
#[tokio::test]
async fn a_job_that_took_anothers_effect_for_its_own_is_not_done() {
    let (mut bench, jobs) = two().await;
    let ends: Vec<_> = jobs.iter().map(|job| done_by(job, "note-1")).collect();
    assert_eq!(bench.settle(&ends).await, [Settled::Ok, Settled::Refused]);
    let before = bench.snapshot().await;
    assert_eq!(bench.settle(&ends).await, [Settled::Ok, Settled::Refused]);
    assert_eq!(bench.snapshot().await, before);
    let again = bench.claim_one().await;
    assert_eq!(again.reference, jobs[1].reference);
    assert!(again.run.text("error").is_some());
    assert_eq!(
        bench.settle(&[done_by(&again, "note-2")]).await,
        [Settled::Ok]
    );
}
