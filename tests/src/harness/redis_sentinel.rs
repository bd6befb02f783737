//! A private primary with replicas, and the Sentinels that watch it.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use redis::Value;
use tempfile::TempDir;

use super::guard::Guarded;
use super::lines::Lines;
use super::port::free_port;
use super::redis_options::{Endpoint, Listen, RedisOptions};
use super::redis_server::{private_directory, server_program};
use super::{RedisServer, wait_until};

/// How long they may take to know each other, or to fail over.
const AGREE: Duration = Duration::from_secs(60);
const SENTINELS: usize = 3;

/// The name by which the Sentinels know the primary.
const NAME: &str = "main";

/// Servers and Sentinels. Dropping it kills them.
#[derive(Debug)]
pub struct RedisSentinels {
    /// The servers; which of them is the primary changes.
    pub servers: Vec<RedisServer>,
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    address: SocketAddr,
    process: Guarded,
    // Read, lest a full pipe stop the process.
    _log: Lines,
    _directory: TempDir,
}

impl RedisSentinels {
    /// Starts a primary, so many replicas, and three Sentinels, and waits until they know each other. A primary that is silent for `silence` is
    /// replaced.
    ///
    /// # Panics
    /// When they do not come up.
    pub async fn start(replicas: usize, silence: Duration, options: RedisOptions) -> Self {
        let options = RedisOptions {
            listen: Listen::Tcp,
            ..options
        };
        let mut servers = vec![RedisServer::start(options.clone()).await];
        let primary = address_of(&servers[0]);
        for _ in 0..replicas {
            servers.push(RedisServer::start(replica_of(primary, options.clone())).await);
        }
        let start = |_| Sentinel::start(primary, silence, options.requirepass.as_deref());
        let this = Self {
            servers,
            sentinels: (0..SENTINELS).map(start).collect(),
        };
        this.until_whole().await;
        this
    }

    /// Its URL, in the form that `PENSTOCK_REDIS_URL` takes.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self
            .sentinels
            .iter()
            .map(|at| at.address.to_string())
            .collect();
        let password = self.servers[0].password();
        let login = password.map(|word| format!(":{word}@")).unwrap_or_default();
        format!("redis+sentinel://{login}{}/{NAME}", hosts.join(","))
    }

    /// The place of the server that most Sentinels take for the primary.
    ///
    /// # Panics
    /// When none is.
    pub async fn primary(&self) -> usize {
        let address = wait_until("the Sentinels to agree", AGREE, || self.agreed()).await;
        let at = self
            .servers
            .iter()
            .position(|server| address_of(server) == address);
        at.expect("the primary is one of the servers")
    }

    /// Waits until another server than this one is the primary, and returns its place.
    pub async fn until_replaced(&self, old: usize) -> usize {
        let old = address_of(&self.servers[old]);
        wait_until("a failover", AGREE, || async {
            self.agreed().await.filter(|now| *now != old)
        })
        .await;
        self.primary().await
    }

    /// Lets a replica take over from this primary once it has all that the primary has: nothing is written meanwhile. Returns when that is the
    /// primary; the others may not follow it yet.
    ///
    /// # Panics
    /// When no replica takes over.
    pub async fn hand_over(&self, old: usize) {
        let primary = &self.servers[old];
        primary.cli(["CLIENT", "PAUSE", "30000", "WRITE"]).await;
        wait_until("the replicas to have all", AGREE, || async {
            let all = primary.info("master_repl_offset").await;
            for replica in self.servers.iter().filter(|at| at.pid() != primary.pid()) {
                if replica.info("master_repl_offset").await != all {
                    return None;
                }
            }
            Some(())
        })
        .await;
        // A Sentinel that does not know them all well yet says so.
        wait_until("a Sentinel to hand over", AGREE, || async {
            let ask = self.sentinels[0].ask(["SENTINEL", "FAILOVER", NAME]).await;
            ask.map(|_| ())
        })
        .await;
        let new = address_of(&self.servers[self.until_replaced(old).await]);
        // It must follow before it goes on, or it would answer what nobody else ever knows.
        let (host, port) = (new.ip().to_string(), new.port().to_string());
        primary.cli(["REPLICAOF", &host, &port]).await;
        primary.cli(["CLIENT", "UNPAUSE"]).await;
    }

    /// Waits until all servers but the primary follow it, with all that it has.
    pub async fn until_whole(&self) {
        let replicas = self.servers.len() - 1;
        wait_until("the replicas to follow", AGREE, || async {
            let primary = self.agreed().await?;
            let primary = self
                .servers
                .iter()
                .find(|server| address_of(server) == primary)?;
            let mut connection = primary.connect().await.ok()?;
            let info = redis::cmd("INFO").arg("replication").take();
            let info: String = info.query_async(&mut connection).await.ok()?;
            (info.matches("state=online").count() == replicas).then_some(())
        })
        .await;
        wait_until("the Sentinels to know all", AGREE, || async {
            for sentinel in &self.sentinels {
                let told = sentinel.ask(["SENTINEL", "MASTER", NAME]).await?;
                let told: std::collections::HashMap<String, String> =
                    redis::from_redis_value(told).ok()?;
                let knows = told["num-slaves"] == replicas.to_string()
                    && told["num-other-sentinels"] == (SENTINELS - 1).to_string()
                    && told["flags"] == "master";
                if !knows {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Kills a Sentinel: two are enough.
    pub fn kill_sentinel(&mut self, at: usize) {
        self.sentinels[at].process.signal(Signal::SIGKILL);
    }

    async fn agreed(&self) -> Option<SocketAddr> {
        let mut named = Vec::new();
        for sentinel in &self.sentinels {
            let question = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
            let Some(told) = sentinel.ask(question).await else {
                continue;
            };
            let (host, port): (String, String) = redis::from_redis_value(told).ok()?;
            named.push(format!("{host}:{port}").parse::<SocketAddr>().ok()?);
        }
        let most = |address: &&SocketAddr| {
            named.iter().filter(|other| other == address).count() > SENTINELS / 2
        };
        named.iter().find(most).copied()
    }
}

impl Sentinel {
    fn start(primary: SocketAddr, silence: Duration, password: Option<&str>) -> Self {
        let directory = private_directory();
        let address = SocketAddr::from((primary.ip(), free_port()));
        let (host, port) = (primary.ip(), primary.port());
        let login = password.map(|word| format!("sentinel auth-pass {NAME} {word}\n"));
        let config = format!(
            "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor {NAME} {host} {port} 2\n\
             sentinel down-after-milliseconds {NAME} {}\nsentinel failover-timeout {NAME} 3000\n\
             sentinel parallel-syncs {NAME} 5\n{}",
            address.port(),
            directory.path().display(),
            silence.as_millis(),
            login.unwrap_or_default(),
        );
        let file = directory.path().join("sentinel.conf");
        std::fs::write(&file, config).expect("a private directory can be written");
        let mut command = Command::new(server_program());
        command.arg(&file).arg("--sentinel");
        let mut process = Guarded::spawn(&command, Some(directory.path()));
        let stdout = process
            .child()
            .stdout
            .take()
            .expect("standard output is piped");
        Self {
            address,
            process,
            _log: Lines::of(stdout),
            _directory: directory,
        }
    }

    async fn ask(&self, question: impl IntoIterator<Item = &str>) -> Option<Value> {
        let client = redis::Client::open(format!("redis://{}", self.address)).ok()?;
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        let mut command = redis::Cmd::new();
        for word in question {
            command.arg(word);
        }
        command.query_async(&mut connection).await.ok()
    }
}

fn replica_of(primary: SocketAddr, mut options: RedisOptions) -> RedisOptions {
    let place = format!("{} {}", primary.ip(), primary.port());
    options.config.push(("replicaof".into(), place));
    if let Some(password) = &options.requirepass {
        options.config.push(("masterauth".into(), password.clone()));
    }
    options
}

fn address_of(server: &RedisServer) -> SocketAddr {
    match server.endpoint() {
        Endpoint::Tcp(address) => address,
        Endpoint::Unix(path) => panic!("{} is no address", path.display()),
    }
}
