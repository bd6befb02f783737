//! Records that nobody can read are claimed and buried, and stop nobody.

use penstock_shared::{
    job::state::State,
    outcome::Cause,
    queue::{claim::Claimed, dead::Filter, record, settle::Settled},
};
use penstock_tests::fixture::{Bench, START, back, dead, done, job};

use crate::letter::letters;

/// Things that stand under an id and are no job.
fn garbage() -> Vec<Vec<u8>> {
    let long = [b"\0\0\0\0\0\0".as_slice(), b"j01234567", &[255], b"short"].concat();
    let unknown = [b"\0\0\0\0\0\0".as_slice(), b"?01234567", &[0], b"body"].concat();
    let body = [
        b"0123456789abcdef".as_slice(),
        b"j\0\0\0\0\0\0",
        &[0],
        &[1, 0xc1, 0xff],
    ]
    .concat();
    vec![
        Vec::new(),
        b"garbage".to_vec(),
        vec![0xff; 4096],
        long,
        unknown,
        body,
    ]
}

async fn garble(bench: &Bench, id: &str, record: &[u8]) {
    let key = bench.queue().keys(0).job("acme");
    bench
        .server
        .cli([b"HSET".as_slice(), key.as_bytes(), id.as_bytes(), record])
        .await;
}

/// Buries it as a worker does: its sequence is looked for, since its record cannot tell.
async fn bury(bench: &Bench, claimed: &Claimed) {
    let mut end = dead(claimed, Cause::Undecodable);
    end.keys = Some(bench.queue().headed_by(&claimed.reference).await.unwrap());
    assert_eq!(bench.settle(&[end]).await, [Settled::Ok]);
}

/// Runs one job after the other as a worker does, until nothing is left; their ids.
async fn run_all(bench: &mut Bench) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        let claimed = bench.claim(1).await;
        let Some(job) = claimed.first() else {
            return order;
        };
        order.push(job.reference.id().to_owned());
        if record::decode(&job.record).is_ok() {
            bench.settle(&[done(job)]).await;
        } else {
            bury(bench, job).await;
        }
    }
}

#[tokio::test]
async fn in_a_lane_they_stop_neither_their_neighbours_nor_their_contacts_next() {
    let mut bench = Bench::start().await;
    let garbage = garbage();
    let mut drafts = Vec::new();
    for number in 0..garbage.len() {
        let contact = format!("c{number}");
        drafts.push(job(&format!("bad{number}")).contact(&contact));
        drafts.push(job(&format!("next{number}")).contact(&contact));
    }
    drafts.push(job("neighbour"));
    bench.enqueue(&drafts).await;
    for (number, record) in garbage.iter().enumerate() {
        garble(&bench, &format!("bad{number}"), record).await;
    }
    let claimed = bench.claim(40).await;
    assert_eq!(claimed.len(), garbage.len() + 1);
    for job in &claimed {
        if job.reference.id() == "neighbour" {
            bench.settle(&[done(job)]).await;
        } else {
            assert!(record::decode(&job.record).is_err(), "{}", job.reference);
            bury(&bench, job).await;
        }
    }
    let next = bench.drain().await;
    assert_eq!(next.len(), garbage.len());
    assert!(next.iter().all(|id| id.starts_with("next")), "{next:?}");
    // They are kept with their bytes.
    let dead = bench
        .queue()
        .dead(&Filter::default(), 99, None)
        .await
        .unwrap();
    let kept: Vec<_> = dead.into_iter().map(|letter| letter.raw.unwrap()).collect();
    assert_eq!(kept.len(), garbage.len());
    assert!(garbage.iter().all(|record| kept.contains(record)));
}

#[tokio::test]
async fn one_whose_record_is_gone_is_buried_too() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c"), job("b").contact("c")])
        .await;
    let key = bench.queue().keys(0).job("acme");
    bench.server.cli(["HDEL", &key, "a"]).await;
    let a = bench.claim_one().await;
    assert!(a.record.is_empty());
    bury(&bench, &a).await;
    assert_eq!(bench.drain().await, ["b"]);
    assert_eq!(letters(&bench).await, ["a"]);
}

#[tokio::test]
async fn a_scheduled_a_retrying_and_a_blocked_one_come_to_their_turn() {
    for record in garbage() {
        let mut bench = Bench::start().await;
        bench.enqueue(&[job("retrying")]).await;
        let retrying = bench.claim_one().await;
        bench.settle(&[back(&retrying, 500)]).await;
        let drafts = [
            job("scheduled").run_at(START + 500),
            job("head").contact("c"),
            job("blocked").contact("c"),
            job("last").contact("c"),
        ];
        bench.enqueue(&drafts).await;
        for id in ["scheduled", "retrying", "blocked"] {
            garble(&bench, id, &record).await;
        }
        assert_eq!(run_all(&mut bench).await, ["head", "blocked", "last"]);
        bench.pass(500);
        let mut given = run_all(&mut bench).await;
        given.sort();
        assert_eq!(given, ["retrying", "scheduled"]);
    }
}

#[tokio::test]
async fn one_that_is_running_is_taken_over_and_ended() {
    for record in garbage() {
        let mut bench = Bench::start().await;
        bench
            .enqueue(&[job("a").contact("c"), job("b").contact("c")])
            .await;
        bench.claim_one().await;
        garble(&bench, "a", &record).await;
        bench.live(6000, &[]).await;
        let a = bench.claim_one().await;
        assert_eq!((a.reference.id(), a.run.lost()), ("a", 1));
        bury(&bench, &a).await;
        assert_eq!(bench.claim_ids(1).await, ["b"]);
    }
}

#[tokio::test]
async fn the_same_claim_repeated_gives_it_again() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    garble(&bench, "a", b"garbage").await;
    let request = bench.request(1);
    let first = bench.claim_as("w", &request).await.jobs;
    let again = bench.claim_as("w", &request).await.jobs;
    assert_eq!(*first[0].record, *b"garbage");
    assert_eq!(
        (again[0].token, &again[0].record),
        (first[0].token, &first[0].record)
    );
    assert_eq!(bench.state_of("a").await, State::Running);
}

/// A version of tomorrow is no garbage: it goes back for a worker that knows it.
#[tokio::test]
async fn a_later_version_is_told_from_garbage() {
    let mut bench = Bench::start().await;
    let later = [
        b"\0\0\0\0\0\0".as_slice(),
        b"j01234567",
        &[0, 0],
        &[record::SEALED + 1, 7],
    ]
    .concat();
    bench.enqueue(&[job("a")]).await;
    garble(&bench, "a", &later).await;
    let a = bench.claim_one().await;
    let error = record::decode(&a.record).unwrap_err();
    assert_eq!(error, record::RecordError::Later(record::SEALED + 1));
}

/// Its worker had read it before, and it took effect.
#[tokio::test]
async fn one_that_was_garbled_while_it_ran_can_be_done() {
    for record in garbage() {
        let mut bench = Bench::start().await;
        bench.enqueue(&[job("a")]).await;
        let a = bench.claim_one().await;
        garble(&bench, "a", &record).await;
        assert_eq!(bench.settle(&[done(&a)]).await, [Settled::Ok]);
        assert_eq!(bench.state_of("a").await, State::Done);
        assert_eq!(bench.settle(&[done(&a)]).await, [Settled::Ok]);
    }
}
