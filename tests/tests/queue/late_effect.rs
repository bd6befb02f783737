//! What a delivery has made whose job is another's by then: kept until it is told.

use penstock_shared::{
    job::state::Ending,
    outcome::Cause,
    queue::{
        claim::Claimed,
        late_effect::{Became, LateEffect},
        settle::{Settled, Settlement},
    },
};
use penstock_tests::fixture::{Bench, back, dead, done, job, settlement};
use serde_json::json;

use crate::{
    letter::named,
    seal::{OLD, bench as sealing, keys},
};

fn done_by(claimed: &Claimed, effect: &str) -> Settlement {
    let ending = Ending::Done {
        result: json!({ "contactId": "c1" }),
        effect: Some(effect.into()),
    };
    settlement(claimed, ending)
}

/// A job's delivery that has lost its lease, and the one that has it.
async fn taken_over(bench: &mut Bench) -> [Claimed; 2] {
    bench.enqueue(&[job("a").contact("c1")]).await;
    let late = bench.claim_one().await;
    bench.live(20_000, &[]).await;
    [late, bench.claim_one().await]
}

async fn kept(bench: &Bench) -> Vec<LateEffect> {
    bench.queue().late_effects(0).await.unwrap()
}

#[tokio::test]
async fn it_is_kept_whatever_has_become_of_the_job() {
    for is_done in [false, true] {
        let mut bench = Bench::start().await;
        let [late, owner] = taken_over(&mut bench).await;
        if is_done {
            bench.settle(&[done_by(&owner, "note-2")]).await;
        }
        // An answer that was lost changes nothing.
        for _ in 0..2 {
            let settled = bench.settle(&[done_by(&late, "note-1")]).await;
            assert_eq!(settled, [Settled::Lost]);
        }
        let all = kept(&bench).await;
        assert_eq!(all.len(), 1);
        let one = &all[0];
        assert_eq!(
            [
                &one.tenant,
                &one.id,
                &one.job_type,
                &one.contact,
                &one.effect
            ],
            ["acme", "a", "AddTags", "c1", "note-1"]
        );
        assert_eq!(one.at_ms, bench.now);
        bench.queue().drop_late(one).await.unwrap();
        assert_eq!(kept(&bench).await, []);
    }
}

#[tokio::test]
async fn so_is_that_of_a_job_that_is_gone() {
    let mut bench = Bench::start().await;
    let [late, owner] = taken_over(&mut bench).await;
    bench.settle(&[done(&owner)]).await;
    bench.live(48 * 3_600_000, &[]).await;
    bench.queue().forget(0).await.unwrap();
    let settled = bench.settle(&[done_by(&late, "note-1")]).await;
    assert_eq!(settled, [Settled::Missing]);
    assert_eq!(kept(&bench).await[0].effect, "note-1");
}

#[tokio::test]
async fn what_it_says_is_read_though_it_is_sealed() {
    let mut bench = sealing(keys(OLD)).await;
    let [late, _] = taken_over(&mut bench).await;
    bench.settle(&[done_by(&late, "note-1")]).await;
    assert_eq!(kept(&bench).await[0].contact, "c1");
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_was_made() {
    let mut bench = Bench::start().await;
    let [late, owner] = taken_over(&mut bench).await;
    for end in [done(&late), back(&late, 0)] {
        assert_eq!(bench.settle(&[end]).await, [Settled::Lost]);
    }
    // It was taken for its own, and is another job's.
    bench.enqueue(&[job("b").contact("c2")]).await;
    let other = bench.claim_one().await;
    bench.settle(&[done_by(&other, "note-1")]).await;
    bench.settle(&[done_by(&owner, "note-2")]).await;
    let settled = bench.settle(&[done_by(&late, "note-1")]).await;
    assert_eq!(settled, [Settled::Lost]);
    assert_eq!(kept(&bench).await, []);
}

#[tokio::test]
async fn what_has_become_of_its_job_is_known() {
    let mut bench = Bench::start().await;
    let [late, owner] = taken_over(&mut bench).await;
    bench.settle(&[done_by(&late, "note-1")]).await;
    let one = kept(&bench).await.remove(0);
    let queue = bench.queue();
    let became = async || queue.became_of(&one).await.unwrap();
    assert_eq!(became().await, Became::Open);
    bench.settle(&[dead(&owner, Cause::Rejected)]).await;
    assert_eq!(became().await, Became::Dead);
    queue.discard(&[named("a")]).await.unwrap();
    assert_eq!(became().await, Became::Gone);
    // A later job of its id is another one.
    bench.pass(1);
    bench.enqueue(&[job("a").contact("c1")]).await;
    let became = bench.queue().became_of(&one).await.unwrap();
    assert_eq!(became, Became::Gone);

    let mut bench = Bench::start().await;
    let [late, owner] = taken_over(&mut bench).await;
    bench.settle(&[done_by(&late, "note-1")]).await;
    let one = kept(&bench).await.remove(0);
    bench.settle(&[done_by(&owner, "note-2")]).await;
    let became = bench.queue().became_of(&one).await.unwrap();
    assert_eq!(became, Became::Done(Some("note-2".into())));
}
