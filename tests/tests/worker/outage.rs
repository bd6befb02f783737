//! A Redis that dies, stands still, or cannot be reached.

use std::time::Duration;

use penstock_tests::{
    fixture::{Draft, job},
    harness::{
        Appendfsync, Direction, Endpoint, Flow, Listen, Program, Proxy, RedisOptions, wait_until,
    },
};

use crate::stage::{LEASE, PATIENCE, Stage};

const KILLS: usize = 6;
const CONTACTS: usize = 10;

/// A note, a tag and a task for each contact.
fn round(number: usize) -> Vec<Draft> {
    let jobs = (0..CONTACTS).flat_map(|at| {
        let of = |kind: &str| job(&format!("{kind}-{number}-{at}")).contact(&format!("c-{at}"));
        [
            of("note").note(&format!("note {number}")),
            of("tag").tag(&format!("tag-{number}")),
            of("task").task(&format!("task {number}")),
        ]
    });
    jobs.collect()
}

#[tokio::test]
async fn a_redis_killed_again_and_again_loses_and_doubles_nothing() {
    let options = RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    };
    let mut stage = Stage::on(options, &["delay=50ms"]).await;
    let settings = [("PENSTOCK_DURABILITY", "always")];
    let mut workers = [
        stage.worker_with(&settings).await,
        stage.worker_with(&settings).await,
    ];
    for number in 0..KILLS {
        stage.enqueue_stubbornly(&round(number)).await;
        // In the middle of it, wherever that is.
        let effects = stage.sandbox.summary().effects + 5;
        stage
            .until_seen("work going on", |seen| seen.effects >= effects)
            .await;
        stage.redis.kill9();
        stage.redis.restart().await;
    }
    let all = u64::try_from(KILLS * CONTACTS * 3).unwrap();
    stage.until_done(all).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (all, 0));
    for at in 0..CONTACTS {
        in_order(&stage, at).await;
    }
    for worker in &mut workers {
        assert!(worker.exited().is_none(), "no worker ends for that");
    }
}

async fn in_order(stage: &Stage, at: usize) {
    let ids: Vec<_> = (0..KILLS)
        .flat_map(|number| [format!("note-{number}-{at}"), format!("task-{number}-{at}")])
        .collect();
    assert_eq!(stage.makers_of(&format!("c-{at}"), &ids).await, ids);
}

/// Calls that end during the outage, and calls that end after it.
const CALLS: usize = 4;

fn calls() -> Vec<Draft> {
    let of = |at: usize, speed: &str| {
        let draft = job(&format!("{speed}-{at}")).contact(&format!("c-{at}-{speed}"));
        if speed == "short" {
            draft.note("Once")
        } else {
            draft.task("Once")
        }
    };
    (0..CALLS)
        .flat_map(|at| [of(at, "short"), of(at, "long")])
        .collect()
}

/// The outage is longer than a lease; what is in flight ends as if nothing had been.
struct Outage {
    stage: Stage,
    proxy: Proxy,
    workers: [Program; 2],
}

impl Outage {
    /// All calls are in flight.
    async fn ahead() -> Self {
        let stage = Stage::start(&["delay=1s:op=create-note", "delay=7s:op=create-task"]).await;
        let proxy = Proxy::start(stage.redis.endpoint());
        let url = proxy.redis_url();
        let settings = [
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_HTTP_TIMEOUT", "30s"),
        ];
        let workers = [
            stage.worker_with(&settings).await,
            stage.worker_with(&settings).await,
        ];
        stage.enqueue(&calls()).await;
        stage.until_calls(CALLS as u64 * 2).await;
        Self {
            stage,
            proxy,
            workers,
        }
    }

    /// Returns when the time is up and the short calls have been answered.
    async fn lasts(&self, time: Duration) {
        tokio::time::sleep(time).await;
        self.stage
            .until_seen("the short calls' end", |seen| {
                seen.statuses
                    .get("201")
                    .is_some_and(|ended| *ended >= CALLS as u64)
            })
            .await;
    }

    /// Nothing was called again, and nobody read anything back.
    async fn leaves_no_trace(mut self) {
        let all = CALLS as u64 * 2;
        self.stage.until_done(all).await;
        let seen = self.stage.sandbox.summary();
        assert_eq!((seen.calls, seen.effects), (all, all), "{seen:?}");
        for worker in &mut self.workers {
            assert!(worker.exited().is_none());
        }
    }
}

#[tokio::test]
async fn no_lease_is_lost_to_a_redis_that_stands_still() {
    let mut outage = Outage::ahead().await;
    outage.stage.redis.stop_signal();
    outage.lasts(LEASE * 3 / 2).await;
    outage.stage.redis.cont();
    outage.leaves_no_trace().await;
}

#[tokio::test]
async fn no_lease_is_lost_to_connections_that_are_cut() {
    let outage = Outage::ahead().await;
    outage.proxy.refuse(true);
    outage.proxy.cut();
    outage.lasts(LEASE * 3 / 2).await;
    outage.proxy.refuse(false);
    outage.leaves_no_trace().await;
}

#[tokio::test]
async fn no_lease_is_lost_to_a_network_that_swallows_everything() {
    let outage = Outage::ahead().await;
    for direction in [Direction::ToServer, Direction::ToClient] {
        outage.proxy.set(direction, Flow::Blackhole);
    }
    outage.lasts(LEASE * 5 / 4).await;
    // A connection that has lost bytes is never whole again.
    outage.proxy.refuse(true);
    outage.proxy.cut();
    for direction in [Direction::ToServer, Direction::ToClient] {
        outage.proxy.set(direction, Flow::Pass);
    }
    outage.proxy.refuse(false);
    // One that comes new is the first to find out, and may take nothing from the others.
    let newcomer = outage.stage.worker().await;
    outage.leaves_no_trace().await;
    drop(newcomer);
}

#[tokio::test]
async fn what_ended_while_redis_was_away_is_written_when_it_is_back() {
    let mut stage = Stage::start(&["delay=300ms"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage.until_calls(1).await;
    stage.redis.shutdown().await;
    stage
        .until_seen("the answer", |seen| seen.statuses.contains_key("201"))
        .await;
    stage.redis.restart().await;
    wait_until("the end to be written", PATIENCE, || async {
        let found = stage.queue.find("note", None).await.ok()?;
        found[0].done.as_ref().map(|_| ())
    })
    .await;
    assert_eq!(stage.operations_on("c1"), ["create-note"]);
}

/// The timers of all connections to a local port, as the kernel numbers them: 2 is the one that asks whether the other end is still there.
#[cfg(target_os = "linux")]
fn timers(port: u16) -> Vec<String> {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let server = format!("0100007F:{port:04X}");
    let connections = table.lines().map(|line| line.split_whitespace().collect());
    let ours =
        connections.filter(|fields: &Vec<&str>| fields[2] == server && fields[3] == ESTABLISHED);
    ours.map(|fields| fields[5][..2].to_owned()).collect()
}

/// A host that is gone without a word cannot be had here, but that somebody looks for it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_connection_is_left_to_a_server_that_is_gone_without_a_word() {
    let options = RedisOptions {
        listen: Listen::Tcp,
        ..RedisOptions::default()
    };
    let stage = Stage::on(options, &[]).await;
    let _worker = stage.worker().await;
    let Endpoint::Tcp(address) = stage.redis.endpoint() else {
        unreachable!("it listens on TCP");
    };
    wait_until("all connections to be watched", PATIENCE, || async {
        let timers = timers(address.port());
        // The worker's two, and the test's own.
        (timers.len() >= 3 && timers.iter().all(|timer| timer == "02")).then_some(())
    })
    .await;
}
