//! A Redis that cannot write to its disk, or has no memory left: nothing is acknowledged that is not stored, and all goes on afterwards.

use std::{fs, ops::Range, time::Duration};

use penstock_shared::queue::{enqueue::Admission, error::QueueError};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Appendfsync, Program, RedisOptions, wait_until},
    sandbox::Options,
};

use crate::stage::{PATIENCE, Stage};

impl Stage {
    async fn refusal(&self, draft: &Draft) -> QueueError {
        let refused = self.queue.enqueue(&[draft.build()], Admission::Each).await;
        refused.expect_err("it cannot be stored").error
    }

    /// Waits until nothing more is stored.
    async fn until_refused(&self) {
        let probe = [job("probe").run_at(u64::MAX >> 20).build()];
        wait_until("a refusal", PATIENCE, || async {
            let stored = self.queue.enqueue(&probe, Admission::Each).await;
            let refused = stored.err()?.error;
            matches!(refused, QueueError::CannotPersist).then_some(())
        })
        .await;
    }

    /// Saves a snapshot, and waits until that has ended so.
    async fn saves(&self, status: &str) {
        self.redis.cli(["BGSAVE"]).await;
        wait_until("the snapshot to end", PATIENCE, || async {
            let ended = self.redis.info("rdb_bgsave_in_progress").await == "0";
            let now = self.redis.info("rdb_last_bgsave_status").await;
            (ended && now == status).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_disk_that_cannot_be_written() {
    let options = RedisOptions {
        config: vec![("save".into(), "3600 1".into())],
        ..RedisOptions::default()
    };
    let stage = Stage::on(options, Options::default()).await;
    stage.faults(&["delay=2s:count=1"]);
    let worker = stage.worker().await;
    stage.enqueue(&[job("begun")]).await;
    stage.until_seen("a call", |seen| seen.calls > 0).await;
    // Where the snapshot is to be put, something else is.
    let snapshot = stage.redis.directory().join("dump.rdb");
    std::fs::create_dir(&snapshot).unwrap();
    stage.saves("err").await;
    let refused = stage.refusal(&job("a")).await;
    assert!(matches!(refused, QueueError::CannotPersist), "{refused}");
    assert!(refused.to_string().contains("MISCONF") && refused.is_transient());
    worker.wait_for_line("its disk may be full", PATIENCE).await;
    std::fs::remove_dir(&snapshot).unwrap();
    stage.saves("ok").await;
    assert!(stage.queue.find("a", None).await.unwrap().is_empty());
    stage.enqueue(&[job("a")]).await;
    stage.until_done(2).await;
    assert_eq!(stage.sandbox.summary().calls, 2);
}

/// What was called meanwhile is written when there is room again, and is not called again.
#[tokio::test]
async fn a_disk_that_is_full_for_what_is_appended() {
    let (stage, worker) = slow(Appendfsync::Everysec, "everysec", 0).await;
    stage.faults(&["delay=1s:count=3"]);
    stage.enqueue(&notes(0..3)).await;
    stage.until_seen("the calls", |seen| seen.calls == 3).await;
    stage.redis.fill_disk(true);
    stage.until_refused().await;
    stage
        .until_seen("the answers", |seen| seen.statuses.contains_key("201"))
        .await;
    worker.wait_for_line("its disk may be full", PATIENCE).await;
    stage.redis.fill_disk(false);
    stage.until_done(3).await;
    stage.enqueue(&notes(3..6)).await;
    stage.until_done(6).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.calls, seen.effects), (6, 6));
}

#[tokio::test]
async fn a_memory_that_is_full_and_is_freed() {
    let stage = Stage::start(&["delay=1s"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("begun"), job("next").contact("c")])
        .await;
    stage.until_seen("a call", |seen| seen.calls > 0).await;
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = stage.refusal(&job("a")).await;
    assert!(matches!(refused, QueueError::Full), "{refused}");
    assert!(stage.queue.find("a", None).await.unwrap().is_empty());
    // What has begun is ended all the same.
    wait_until("what has begun to end", PATIENCE, || async {
        (stage.queue.stats().await.ok()?.running == 0).then_some(())
    })
    .await;
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "0"]).await;
    stage.enqueue(&[job("a")]).await;
    stage.until_done(3).await;
    assert_eq!(stage.sandbox.summary().calls, 3);
}

/// Its producers were faster than its workers.
#[tokio::test]
async fn a_full_memory_is_worked_off_by_workers_that_start_then() {
    let stage = Stage::start(&[]).await;
    let drafts: Vec<_> = (0..50).map(|at| job(&format!("{at}"))).collect();
    stage.enqueue(&drafts).await;
    stage.redis.cli(["CONFIG", "SET", "maxmemory", "1"]).await;
    let _worker = stage.worker().await;
    stage.until_done(50).await;
    let refused = stage.refusal(&job("a")).await;
    assert!(matches!(refused, QueueError::Full), "{refused}");
}

/// A worker, and a disk that takes so many ms to sync.
async fn slow(appendfsync: Appendfsync, durability: &str, sync: u64) -> (Stage, Program) {
    let redis = RedisOptions {
        appendfsync,
        sync_takes: Some(Duration::from_millis(sync)),
        ..RedisOptions::default()
    };
    let mut sandbox = Options::default();
    sandbox.quota.burst.calls = 100_000;
    let stage = Stage::on(redis, sandbox).await;
    let settings = [
        ("PENSTOCK_DURABILITY", durability),
        ("PENSTOCK_LEASE", "10s"),
    ];
    let worker = stage.worker_with(&settings).await;
    (stage, worker)
}

fn notes(ids: Range<usize>) -> Vec<Draft> {
    let note = |at: usize| {
        let (id, contact) = (at.to_string(), format!("c{}", at % 3));
        job(&id).contact(&contact).note(&id)
    };
    ids.map(note).collect()
}

#[tokio::test]
async fn a_disk_that_is_slow_to_sync_holds_up_and_loses_nothing() {
    for (appendfsync, durability, sync) in [
        (Appendfsync::Always, "always", 500),
        (Appendfsync::Everysec, "everysec", 1_800),
    ] {
        let (stage, worker) = slow(appendfsync, durability, sync).await;
        stage.enqueue(&notes(0..9)).await;
        stage.until_done(9).await;
        assert_eq!(stage.sandbox.summary().calls, 9);
        for at in 0..9 {
            assert_eq!(stage.status(&at.to_string()).await.attempts(), 0, "{at}");
        }
        let said = worker.stderr().join("\n");
        assert!(!said.contains("lost its lease"), "{said}");
        // It was this disk that did it.
        wait_until("a sync", PATIENCE, || {
            std::future::ready((stage.redis.synced() > 0).then_some(()))
        })
        .await;
    }
}

/// What was acknowledged had been synced; what had not was not, and is stored again under its ids.
#[tokio::test]
async fn a_power_cut_amid_a_slow_sync_takes_nothing_that_was_acknowledged() {
    let (mut stage, _worker) = slow(Appendfsync::Always, "always", 300).await;
    stage.enqueue(&notes(0..3)).await;
    stage.until_done(3).await;
    stage.enqueue(&notes(3..6)).await;
    let (queue, under_way) = (stage.queue.clone(), notes(6..9));
    let file = stage.redis.growing_file();
    let length = || fs::metadata(&file).unwrap().len();
    let before = length();
    let batch: Vec<_> = under_way.iter().map(Draft::build).collect();
    let asked = tokio::spawn(async move { queue.enqueue(&batch, Admission::Each).await });
    wait_until("the file to grow", PATIENCE, || async {
        (length() > before).then_some(())
    })
    .await;
    let taken = stage.redis.cut_power();
    stage.redis.restart().await;
    let answered = asked.await.unwrap();
    assert!(taken > 0);
    for at in 3..6 {
        stage.status(&at.to_string()).await;
    }
    if answered.is_err() {
        stage.enqueue(&under_way).await;
    }
    stage.until_done(9).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (9, 0));
}
