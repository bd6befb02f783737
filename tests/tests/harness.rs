//! The harness itself: what the other tests trust must not lie.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use penstock_tests::harness::{
    Appendfsync, Direction, Entry, Flow, Listen, Program, Proxy, RedisOptions, RedisServer, binary,
    run, wait_until,
};
use redis::aio::MultiplexedConnection;

const LONG: Duration = Duration::from_secs(20);
/// Set for the child process that is to be killed together with its server.
const HOLDER: &str = "HARNESS_TEST_HOLDER";

fn durable() -> RedisOptions {
    RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    }
}

fn on_tcp() -> RedisOptions {
    RedisOptions {
        listen: Listen::Tcp,
        ..RedisOptions::default()
    }
}

async fn connect(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    redis::Client::open(url)?
        .get_multiplexed_async_connection()
        .await
}

async fn increment(connection: &mut MultiplexedConnection) -> redis::RedisResult<u64> {
    redis::cmd("INCR")
        .arg("count")
        .query_async(connection)
        .await
}

#[tokio::test]
async fn data_survives_a_kill_with_an_append_only_file() {
    let mut server = RedisServer::start(durable()).await;
    server.cli(["SET", "kept", "yes"]).await;
    let first = server.pid();
    server.kill9();
    assert!(server.connect().await.is_err());
    server.restart().await;
    assert_ne!(server.pid(), first);
    assert_eq!(server.get::<String>(["GET", "kept"]).await, "yes");
}

#[tokio::test]
async fn a_server_without_one_forgets() {
    let mut server = RedisServer::start(RedisOptions {
        appendonly: false,
        ..on_tcp()
    })
    .await;
    server.cli(["SET", "kept", "no"]).await;
    server.restart().await;
    assert_eq!(server.get::<Option<String>>(["GET", "kept"]).await, None);
}

#[tokio::test]
async fn options_reach_the_server() {
    for listen in [Listen::Unix, Listen::Tcp] {
        let mut server = RedisServer::start(RedisOptions {
            maxmemory: Some(64 << 20),
            requirepass: Some("open-sesame".into()),
            listen,
            config: vec![("min-replicas-to-write".into(), "1".into())],
            ..RedisOptions::default()
        })
        .await;
        assert_eq!(server.info("maxmemory").await, (64 << 20).to_string());
        assert_eq!(server.info("maxmemory_policy").await, "noeviction");
        let url = server.url();
        let bare = url
            .replace("?pass=open-sesame", "")
            .replace(":open-sesame@", "");
        let mut stranger = connect(&bare).await.expect("connecting needs no password");
        let refused = increment(&mut stranger)
            .await
            .expect_err("a stranger is refused");
        assert!(refused.to_string().contains("NOAUTH"), "{refused}");
        let mut known = connect(&url).await.expect("the password opens");
        let unsafe_write = increment(&mut known)
            .await
            .expect_err("there is no replica");
        assert!(
            unsafe_write.to_string().contains("NOREPLICAS"),
            "{unsafe_write}"
        );
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_stopped_server_is_silent_until_it_goes_on() {
    let mut server = RedisServer::start(RedisOptions::default()).await;
    let mut connection = server.connect().await.expect("it answers");
    server.stop_signal();
    let mut waiting = std::pin::pin!(increment(&mut connection));
    assert!(
        tokio::time::timeout(Duration::from_millis(100), waiting.as_mut())
            .await
            .is_err()
    );
    server.cont();
    assert_eq!(waiting.await.expect("it goes on"), 1);
}

#[tokio::test]
async fn a_snapshot_shows_every_type() {
    let server = RedisServer::start(RedisOptions::default()).await;
    server.cli(["SET", "a", "text"]).await;
    server.cli(["RPUSH", "b", "2", "1"]).await;
    server.cli(["SADD", "c", "y", "x"]).await;
    server.cli(["HSET", "d", "field", "value"]).await;
    server.cli(["ZADD", "e", "1.5", "member"]).await;
    server.cli(["XADD", "f", "1-1", "k", "v"]).await;
    let before = server.snapshot().await;
    assert_eq!(before.0["b"], Entry::List(vec!["2".into(), "1".into()]));
    assert_eq!(before.0["c"], Entry::Set(vec!["x".into(), "y".into()]));
    assert_eq!(
        before.0["e"],
        Entry::Sorted([("member".into(), 1.5)].into())
    );
    assert_eq!(before.0.len(), 6);
    assert_eq!(before, server.snapshot().await);
    server.cli(["APPEND", "a", "!"]).await;
    assert_ne!(before, server.snapshot().await);
    assert_eq!(
        before.clone().without(|key| key == "a"),
        server.snapshot().await.without(|key| key == "a")
    );
    server.flush().await;
    assert!(server.snapshot().await.0.is_empty());
}

#[tokio::test]
async fn the_proxy_passes_cuts_and_refuses() {
    let server = RedisServer::start(RedisOptions::default()).await;
    let proxy = Proxy::start(server.endpoint());
    let mut connection = connect(&proxy.redis_url())
        .await
        .expect("the proxy lets through");
    assert_eq!(increment(&mut connection).await.expect("and back"), 1);
    proxy.cut();
    increment(&mut connection)
        .await
        .expect_err("the connection is gone");
    wait_until("the connection's end", LONG, async || {
        (proxy.connections() == 0).then_some(())
    })
    .await;
    proxy.refuse(true);
    connect(&proxy.redis_url())
        .await
        .expect_err("nobody is let in");
    proxy.refuse(false);
    let mut connection = connect(&proxy.redis_url())
        .await
        .expect("the proxy lets through again");
    assert_eq!(increment(&mut connection).await.expect("and back"), 2);
}

#[tokio::test]
async fn a_lost_reply_is_a_request_done() {
    let server = RedisServer::start(on_tcp()).await;
    let proxy = Proxy::start(server.endpoint());
    let mut connection = connect(&proxy.redis_url())
        .await
        .expect("the proxy lets through");
    proxy.lose_replies(1, "INCR");
    redis::cmd("PING")
        .query_async::<String>(&mut connection)
        .await
        .expect("another command is not meant");
    increment(&mut connection)
        .await
        .expect_err("its reply is lost");
    assert_eq!(
        (server.get::<u64>(["GET", "count"]).await, proxy.lost()),
        (1, 1)
    );

    let mut connection = connect(&proxy.redis_url())
        .await
        .expect("the proxy lets through");
    proxy.lose_requests(1, "INCR");
    increment(&mut connection)
        .await
        .expect_err("it never arrives");
    assert_eq!(
        (server.get::<u64>(["GET", "count"]).await, proxy.lost()),
        (1, 2)
    );
}

#[tokio::test]
async fn each_direction_flows_as_told() {
    let server = RedisServer::start(RedisOptions::default()).await;
    let proxy = Proxy::start(server.endpoint());
    let mut connection = connect(&proxy.redis_url())
        .await
        .expect("the proxy lets through");
    proxy.set(Direction::ToClient, Flow::Blackhole);
    increment(&mut connection)
        .await
        .expect_err("no reply ever comes");
    assert_eq!(server.get::<u64>(["GET", "count"]).await, 1);
    proxy.set(Direction::ToClient, Flow::Pass);
    proxy.set(Direction::ToServer, Flow::Cut);
    increment(&mut connection)
        .await
        .expect_err("it never arrives");
    assert_eq!(server.get::<u64>(["GET", "count"]).await, 1);
    proxy.set(Direction::ToServer, Flow::Delay(Duration::from_millis(1)));
    let mut connection = connect(&proxy.redis_url()).await.expect("late, but there");
    assert_eq!(
        increment(&mut connection).await.expect("late, but there"),
        2
    );
    proxy.set(Direction::ToClient, Flow::CutAfter(1));
    increment(&mut connection)
        .await
        .expect_err("its answer is longer, and the connection had more already");
    assert_eq!(server.get::<u64>(["GET", "count"]).await, 3);
}

#[tokio::test]
async fn programs_are_run_waited_for_and_killed() {
    let version = run("penstock-sandbox", ["--version"], &[], "").await;
    assert_eq!(version.code, Some(0), "{version:?}");
    assert!(version.stdout.contains("penstock-sandbox"), "{version:?}");
    assert!(binary("penstock-sandbox").is_file());

    let listen = format!("127.0.0.1:{}", penstock_tests::harness::free_port());
    let mut sandbox = Program::new("penstock-sandbox")
        .args(["--listen", &listen])
        .start();
    sandbox.wait_for_line(&listen, LONG).await;
    assert!(sandbox.exited().is_none());
    sandbox.sigterm();
    assert!(sandbox.wait_exit(LONG).await.success());
}

/// Not a test of its own: the process that [`nothing_outlives_a_killed_test`] kills.
#[tokio::test]
async fn holder() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let server = RedisServer::start(RedisOptions::default()).await;
    println!("HOLDS {} {}", server.pid(), server.directory().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_outlives_a_killed_test() {
    let own = std::env::current_exe().expect("a process knows its own program");
    let mut holder = Command::new(own)
        .args(["--exact", "holder", "--nocapture"])
        .env(HOLDER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test can be run again");
    let output = BufReader::new(holder.stdout.take().expect("it is piped"));
    let line = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("HOLDS ")?.1.to_owned()));
    let line = line.expect("the holder says what it holds");
    let (pid, directory) = line.split_once(' ').expect("a process id and a directory");
    let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a number"));
    holder.kill().expect("it can be killed");
    holder.wait().expect("it ends");
    let gone = async || (!alive(pid) && !std::path::Path::new(directory).exists()).then_some(());
    wait_until("the end of the orphaned server", LONG, gone).await;
}

/// A process that nobody has waited for yet is dead all the same; not every container has somebody who does.
fn alive(pid: nix::unistd::Pid) -> bool {
    let status = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .expect("ps runs");
    let state = String::from_utf8_lossy(&status.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}
