//! A private Redis or Valkey for one test.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, Value};
use tempfile::TempDir;

use super::guard::Guarded;
use super::lines::Lines;
use super::port::free_port;
use super::redis_clock::RedisClock;
use super::redis_disk::RedisDisk;
use super::redis_options::{Endpoint, Listen, RedisOptions};
use super::{POLL, Snapshot};

/// How long a server may take to come up; loading a large file takes part of it.
const START: Duration = Duration::from_secs(30);
/// The tests' own commands may be slow (a full disk, a stopped server let go again), but never hang.
const RESPONSE: Duration = Duration::from_secs(20);
/// A socket's path may have at most 104 (macOS) or 108 bytes (Linux), of which ours needs some thirty.
const LONGEST_BASE: usize = 64;

/// A running server with a directory of its own. Dropping it kills it and removes the directory.
#[derive(Debug)]
pub struct RedisServer {
    options: RedisOptions,
    endpoint: Endpoint,
    // Before the directory: fields are dropped in this order.
    run: Run,
    directory: TempDir,
}

/// From a start to the next.
#[derive(Debug)]
struct Run {
    process: Guarded,
    log: Lines,
    clock: Option<RedisClock>,
    disk: Option<RedisDisk>,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When no server program is found, or it does not come up: the message says why.
    pub async fn start(options: RedisOptions) -> Self {
        let directory = private_directory();
        let endpoint = match options.listen {
            Listen::Unix => Endpoint::Unix(directory.path().join("s")),
            Listen::Tcp => Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))),
        };
        let mut server = Self {
            run: spawn(&options, &endpoint, directory.path()),
            options,
            endpoint,
            directory,
        };
        server.wait_ready().await;
        server
    }

    /// Its URL, in the form that `PENSTOCK_REDIS_URL` takes.
    pub fn url(&self) -> String {
        let password = self.options.requirepass.as_deref();
        match &self.endpoint {
            Endpoint::Unix(path) => {
                let query = password
                    .map(|word| format!("?pass={word}"))
                    .unwrap_or_default();
                format!("redis+unix://{}{query}", path.display())
            }
            Endpoint::Tcp(address) => {
                let user = password.map(|word| format!(":{word}@")).unwrap_or_default();
                format!("redis://{user}{address}")
            }
        }
    }

    /// The password of its default user.
    pub(super) fn password(&self) -> Option<&str> {
        self.options.requirepass.as_deref()
    }

    /// Where it listens, e.g. for a [`super::Proxy`] before it.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Its directory: the append-only file is in `appendonlydir`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.run.process.pid()
    }

    /// What it has logged since it was last started.
    pub fn log(&self) -> Vec<String> {
        self.run.log.all()
    }

    /// Sets its clock by so many milliseconds, ahead or back.
    ///
    /// # Panics
    /// When it was not started with [`RedisOptions::own_clock`].
    pub fn set_clock(&self, by_ms: i64) {
        let clock = self.run.clock.as_ref();
        clock.expect("it has a clock of its own").set(by_ms);
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        self.run.process.kill9();
    }

    /// Bytes of its append-only file that are synced; none since it was started.
    ///
    /// # Panics
    /// When it was not started with [`RedisOptions::sync_takes`].
    pub fn synced(&self) -> u64 {
        let disk = self.run.disk.as_ref();
        disk.expect("it has a disk of its own").synced()
    }

    /// Its disk is full from now on, for what it appends, or has room again.
    ///
    /// # Panics
    /// When it was not started with [`RedisOptions::sync_takes`].
    pub fn fill_disk(&self, full: bool) {
        let disk = self.run.disk.as_ref();
        disk.expect("it has a disk of its own").fill(full);
    }

    /// A power cut: SIGKILL, and what its disk had not synced is gone. Returns how many bytes those were.
    ///
    /// # Panics
    /// When it was not started with [`RedisOptions::sync_takes`], or has not synced anything yet.
    pub fn cut_power(&mut self) -> u64 {
        self.kill9();
        let disk = self.run.disk.as_ref();
        let disk = disk.expect("it has a disk of its own");
        disk.cut(&self.growing_file())
    }

    /// The file that it appends to.
    ///
    /// # Panics
    /// When it keeps none.
    pub fn growing_file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.append_only());
        let files = files.expect("Redis keeps an append-only file");
        let mut paths = files.map(|file| file.expect("it can be listed").path());
        let growing = paths.find(|path| path.to_string_lossy().ends_with(".incr.aof"));
        growing.expect("one of them grows")
    }

    /// Starts it again after [`Self::kill9`] or [`Self::shutdown`] (killing it first if it still runs), with the same
    /// address and files, and waits until it answers.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn restart(&mut self) {
        self.kill9();
        self.run = spawn(&self.options, &self.endpoint, self.directory.path());
        self.wait_ready().await;
    }

    /// Its append-only file as it is now, for [`Self::restart_from`].
    ///
    /// # Panics
    /// When it keeps none.
    pub fn keep_files(&self) -> TempDir {
        let kept = TempDir::new().expect("there is room for a copy");
        copy(&self.append_only(), kept.path());
        kept
    }

    /// SIGKILL, and a start from files that were kept: what came after them is forgotten.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn restart_from(&mut self, kept: &TempDir) {
        self.kill9();
        std::fs::remove_dir_all(self.append_only()).expect("the files can be removed");
        copy(kept.path(), &self.append_only());
        self.restart().await;
    }

    fn append_only(&self) -> PathBuf {
        self.directory().join("appendonlydir")
    }

    /// SIGTERM: an orderly end, with everything on the disk.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn shutdown(&mut self) {
        self.run.process.signal(Signal::SIGTERM);
        let process = &mut self.run.process;
        super::wait_until("the end of the Redis server", START, || {
            std::future::ready(process.exited())
        })
        .await;
    }

    /// SIGSTOP: it stands still, its connections open, until [`Self::cont`].
    pub fn stop_signal(&mut self) {
        self.run.process.signal(Signal::SIGSTOP);
    }

    /// SIGCONT: it goes on.
    pub fn cont(&mut self) {
        self.run.process.signal(Signal::SIGCONT);
    }

    /// A connection of its own, with a response timeout of 20 s.
    pub async fn connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RESPONSE))
            .set_response_timeout(Some(RESPONSE));
        redis::Client::open(self.url())?
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    /// Runs one command, e.g. `["ZCARD", "key"]`.
    ///
    /// # Panics
    /// When the server is away or refuses it. A test of refusals uses [`Self::connect`].
    pub async fn cli<A: redis::ToRedisArgs>(&self, args: impl IntoIterator<Item = A>) -> Value {
        let mut command = redis::Cmd::new();
        for arg in args {
            command.arg(arg);
        }
        let mut connection = self.connect().await.expect("the Redis server answers");
        command
            .query_async(&mut connection)
            .await
            .expect("the Redis server takes the command")
    }

    /// As [`Self::cli`], with the reply as a type of the caller's choice.
    ///
    /// # Panics
    /// As [`Self::cli`], and when the reply is of another type.
    pub async fn get<T: FromRedisValue>(&self, args: impl IntoIterator<Item = &str>) -> T {
        let reply = self.cli(args).await;
        T::from_redis_value(reply)
            .unwrap_or_else(|error| panic!("the reply is of another type: {error}"))
    }

    /// Removes every key.
    pub async fn flush(&self) {
        self.cli(["FLUSHALL"]).await;
    }

    /// One field of `INFO`, e.g. `total_commands_processed`.
    ///
    /// # Panics
    /// When there is no such field.
    pub async fn info(&self, field: &str) -> String {
        let all: String = self.get(["INFO", "everything"]).await;
        let line = all
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no field {field}"))
            .trim()
            .to_owned()
    }

    /// All that it holds, for comparing whole states.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn snapshot(&self) -> Snapshot {
        let mut connection = self.connect().await.expect("the Redis server answers");
        Snapshot::take(&mut connection)
            .await
            .expect("the Redis server can be read")
    }

    async fn wait_ready(&mut self) {
        let started = Instant::now();
        while !self.answers().await {
            let log = || self.run.log.all().join("\n");
            assert!(
                self.run.process.exited().is_none(),
                "the Redis server ended at its start:\n{}",
                log()
            );
            assert!(
                started.elapsed() < START,
                "the Redis server did not come up within {START:?}:\n{}",
                log()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    async fn answers(&self) -> bool {
        let Ok(mut connection) = self.connect().await else {
            return false;
        };
        redis::cmd("PING")
            .query_async::<String>(&mut connection)
            .await
            .is_ok()
    }
}

/// Below `PENSTOCK_TEST_DIR`, where sockets' paths fit, else in the system's place for temporary files.
pub(super) fn private_directory() -> TempDir {
    let chosen =
        std::env::var_os("PENSTOCK_TEST_DIR").and_then(|path| std::path::absolute(path).ok());
    let base = chosen
        .filter(|path| path.as_os_str().len() <= LONGEST_BASE)
        .unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&base)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", base.display()));
    let made = tempfile::Builder::new().prefix("redis-").tempdir_in(&base);
    made.unwrap_or_else(|error| panic!("cannot make a directory in {}: {error}", base.display()))
}

/// The server program: what `PENSTOCK_TEST_REDIS` names, else the first found on the PATH.
pub(super) fn server_program() -> PathBuf {
    if let Some(path) = std::env::var_os("PENSTOCK_TEST_REDIS") {
        return PathBuf::from(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path)
        .flat_map(|dir| [dir.join("redis-server"), dir.join("valkey-server")]);
    places.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("no redis-server or valkey-server on the PATH: run ./test, which finds or installs one, or name one in PENSTOCK_TEST_REDIS")
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be made");
    for file in std::fs::read_dir(from).expect("Redis keeps an append-only file") {
        let file = file.expect("it can be listed");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
}

fn spawn(options: &RedisOptions, endpoint: &Endpoint, directory: &Path) -> Run {
    let mut command = Command::new(server_program());
    command.args(options.arguments(endpoint, directory));
    let clock = options
        .own_clock
        .then(|| RedisClock::give(&mut command, directory));
    let disk = options
        .sync_takes
        .map(|sync| RedisDisk::give(&mut command, directory, sync));
    let mut process = Guarded::spawn(&command, Some(directory));
    let log = Lines::of(
        process
            .child()
            .stdout
            .take()
            .expect("standard output is piped"),
    );
    Run {
        process,
        log,
        clock,
        disk,
    }
}
