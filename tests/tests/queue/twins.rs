//! Sweeps are stored as jobs are, and twins are written down once.

use penstock_shared::{
    job::JobType,
    queue::{
        record::{self, Record, Sweep},
        twins::{MOST, Twins},
    },
};
use penstock_tests::fixture::{Bench, done, job};

fn sweep(intent: u32) -> Sweep {
    Sweep {
        job: "a".into(),
        life_ms: 1,
        fingerprint: *b"12345678",
        job_type: JobType::AttachNote,
        contact: "c1".parse().unwrap(),
        intent,
        late_ms: Some(7),
        quoted: vec!["[ps-ABCDEFGHIJKLMNOP]".into()],
    }
}

async fn plan(bench: &Bench, intent: u32, after: u64) {
    let due = bench.now + after;
    let planned = bench.queue().plan_sweep("acme", &sweep(intent), due).await;
    planned.unwrap();
}

#[tokio::test]
async fn a_sweep_is_stored_once_and_comes_as_it_was_planned() {
    let mut bench = Bench::start().await;
    plan(&bench, 2, 1_000).await;
    let before = bench.snapshot().await;
    plan(&bench, 2, 5_000).await;
    assert_eq!(bench.snapshot().await, before);
    plan(&bench, 3, 2_000).await;
    bench.pass(1_000);
    let claimed = bench.claim_one().await;
    let Ok(Record::Sweep(found)) = record::decode(&claimed.record) else {
        panic!("not a sweep: {claimed:?}");
    };
    assert_eq!(*found, sweep(2));
    bench.settle(&[done(&claimed)]).await;
    // What is done is remembered: planned again, it does not run again.
    plan(&bench, 2, 0).await;
    assert_eq!(bench.queue().stats().await.unwrap().scheduled, 1);
}

#[tokio::test]
async fn it_waits_for_nobody_and_goes_behind_what_is_due() {
    let mut bench = Bench::start().await;
    let of_one = |id| job(id).contact("c1");
    bench.enqueue(&[of_one("a")]).await;
    let running = bench.claim_one().await;
    plan(&bench, 2, 0).await;
    bench.enqueue(&[of_one("behind"), job("other")]).await;
    // A sweep has no sequence, and low priority.
    assert_eq!(bench.drain().await, ["other", "\u{1}sweep/2/1/a"]);
    bench.settle(&[done(&running)]).await;
    assert_eq!(bench.drain().await, ["behind"]);
}

fn twins(found: &[&str], removed: &[&str], found_ms: u64) -> Twins {
    let names = |all: &[&str]| all.iter().map(ToString::to_string).collect();
    Twins {
        tenant: "acme".into(),
        id: "a".into(),
        life_ms: 1,
        job_type: "AttachNote".into(),
        contact: "c1".into(),
        kept: "n1".into(),
        twins: names(found),
        removed: names(removed),
        dead: false,
        found_ms,
    }
}

#[tokio::test]
async fn twins_are_told_together_and_counted_once() {
    let bench = Bench::start().await;
    let queue = bench.queue();
    for (told, new) in [
        (twins(&["n2"], &[], 5), 1),
        (twins(&["n2"], &[], 9), 0),
        (twins(&["n2"], &["n2"], 9), 0),
        (twins(&["n3"], &["n3"], 11), 1),
    ] {
        assert_eq!(queue.untold_of(&told).await.unwrap(), new, "{told:?}");
        queue.tell_twins(&told).await.unwrap();
    }
    let all = Some(twins(&["n3", "n2"], &["n3", "n2"], 5));
    assert_eq!(queue.twins_of("acme", "a", 1).await.unwrap(), all);
    assert_eq!(queue.twins_of("acme", "b", 1).await.unwrap(), None);
    assert_eq!(queue.twins(None).await.unwrap().len(), 1);
    assert_eq!(queue.twins(Some("other")).await.unwrap(), []);
    // What its id's next job has made is no twin of it.
    let next = Twins {
        life_ms: 2,
        kept: "n4".into(),
        ..twins(&["n5"], &[], 20)
    };
    assert_eq!(queue.untold_of(&next).await.unwrap(), 1);
    queue.tell_twins(&next).await.unwrap();
    assert_eq!(queue.twins_of("acme", "a", 1).await.unwrap(), all);
    assert_eq!(queue.twins_of("acme", "a", 2).await.unwrap(), Some(next));
}

/// The last ones are kept, however many there are.
#[tokio::test]
async fn the_oldest_goes_where_too_many_are_told() {
    let bench = Bench::start().await;
    let told = |at: u64| Twins {
        id: at.to_string(),
        ..twins(&["n2"], &[], 1_000 + at)
    };
    let tell = async |some: Vec<u64>| {
        let all = some.into_iter().map(|at| {
            let queue = bench.queue().clone();
            async move { queue.tell_twins(&told(at)).await.unwrap() }
        });
        futures::future::join_all(all).await;
    };
    tell((0..MOST).collect()).await;
    // What is told of already takes no more room, and keeps its age.
    tell(vec![1]).await;
    tell(vec![MOST, MOST + 1]).await;
    let all = bench.queue().twins(None).await.unwrap();
    let kept: Vec<_> = all.iter().map(|told| told.found_ms - 1_000).collect();
    assert_eq!(kept, (2..MOST + 2).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_quarantine_is_only_ever_raised_but_by_a_person() {
    let bench = Bench::start().await;
    let queue = bench.queue();
    let seconds = std::time::Duration::from_secs;
    for to in [60, 90, 70] {
        queue
            .raise_quarantine(JobType::CreateTask, seconds(to))
            .await
            .unwrap();
    }
    let raised = queue.raised_quarantines().await.unwrap();
    assert_eq!(raised, [(JobType::CreateTask, seconds(90))]);
    let types = [JobType::CreateTask, JobType::AttachNote];
    for changed in [1, 0] {
        assert_eq!(queue.reset_quarantines(&types).await.unwrap(), changed);
        assert_eq!(queue.raised_quarantines().await.unwrap(), []);
    }
    // Workers are told, and what they find afterwards counts.
    let told = queue.quarantines().await.unwrap();
    assert_eq!(told, [(JobType::CreateTask, seconds(0))]);
    let raise = queue.raise_quarantine(JobType::CreateTask, seconds(40));
    raise.await.unwrap();
    let raised = queue.raised_quarantines().await.unwrap();
    assert_eq!(raised, [(JobType::CreateTask, seconds(40))]);
}

/// However many tell of one job at once, the list has all of it.
#[tokio::test]
async fn what_is_told_at_once_is_all_written_down() {
    let bench = Bench::start().await;
    let queue = bench.queue();
    let tell = |twin: usize| {
        let queue = queue.clone();
        async move {
            queue
                .tell_twins(&twins(&[&format!("t{}", twin % 8)], &[], 1))
                .await
        }
    };
    for told in futures::future::join_all((0..16).map(tell)).await {
        told.unwrap();
    }
    let all = queue.twins_of("acme", "a", 1).await.unwrap().unwrap();
    assert_eq!(all.twins.len(), 8);
}
