//! Whether a Redis can be used at all, asked once when a program starts.

use std::collections::HashMap;

use redis::Cmd;

use super::{Queue, error::QueueError};
use crate::settings::Durability;

/// The oldest server that has every command and script flag that is used.
const OLDEST: u32 = 7;
/// The layout of the keys; a program that knows another refuses to start.
const FORMAT: u32 = 2;

/// What asynchronous replication cannot promise.
const FAILOVER: &str = "a failover may lose what was acknowledged last: with PENSTOCK_DURABILITY=replicated:1 it does not";

/// What a program connects for: that decides what must hold, and what is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// To run on. What is promised must be kept, and is said.
    Service,
    /// To change something, once. What is promised must be kept.
    Change,
    /// To look. Nothing is written, so nothing is promised.
    Look,
}

/// What becomes of what is acknowledged.
struct Promise {
    words: &'static str,
    /// What does not go together with it, or cannot be checked.
    doubts: Vec<&'static str>,
}

/// What a server says of itself.
struct Facts(HashMap<String, String>);

impl Facts {
    fn read(info: &str) -> Self {
        let lines = info.lines().filter_map(|line| line.trim().split_once(':'));
        Self(
            lines
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.0.get(name).is_some_and(|found| found == value)
    }

    fn version(&self) -> &str {
        self.0
            .get("redis_version")
            .map_or("unknown", String::as_str)
    }

    fn replicas(&self) -> u64 {
        let count = self
            .0
            .get("connected_slaves")
            .and_then(|count| count.parse().ok());
        count.unwrap_or(0)
    }

    /// Refuses a server that nobody should use, whatever was promised.
    fn check(&self) -> Result<(), QueueError> {
        let version = self.version();
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        if major.unwrap_or(0) < OLDEST {
            return Err(QueueError::Unsuitable(format!(
                "Redis {version} is too old: version {OLDEST} or later (or Valkey) is needed"
            )));
        }
        // Until it has loaded, it says nothing true of its append-only file.
        if self.is("loading", "1") {
            return Err(QueueError::NotReady("LOADING".into()));
        }
        if self.is("role", "slave") {
            return Err(QueueError::ReadOnly);
        }
        Ok(())
    }

    /// Refuses a server that throws away what was acknowledged. Who only looks may do so there too.
    fn check_eviction(&self) -> Result<(), QueueError> {
        match self.0.get("maxmemory_policy") {
            Some(policy) if policy != "noeviction" => Err(QueueError::Unsuitable(format!(
                "Redis evicts keys when it is full (maxmemory-policy {policy}), which loses jobs: set it to noeviction"
            ))),
            _ => Ok(()),
        }
    }
}

impl Queue {
    /// Refuses a server that is too old, evicts keys, or, if that is of weight, does not keep what the configured durability promises; of a
    /// cluster all primaries are asked. A service says in one line what is promised.
    pub(super) async fn check_server(&self, errand: Errand) -> Result<(), QueueError> {
        let told = self
            .connection()
            .run_everywhere(&redis::cmd("INFO"))
            .await?;
        let mut servers = Vec::with_capacity(told.len());
        for info in told {
            let info: String = redis::from_redis_value(info)
                .map_err(|error| QueueError::Unexpected(error.to_string()))?;
            servers.push(Facts::read(&info));
        }
        servers.iter().try_for_each(Facts::check)?;
        if errand == Errand::Look {
            return Ok(());
        }
        servers.iter().try_for_each(Facts::check_eviction)?;
        let promise = self.promise(&servers).await?;
        let version = servers.first().map_or("unknown", Facts::version);
        let (servers, replicas) = (servers.len(), fewest_replicas(&servers));
        if errand == Errand::Service {
            let doubts = promise.doubts.iter();
            doubts.for_each(|doubt| tracing::warn!("{doubt}"));
            tracing::info!(redis = version, servers, replicas, "{}", promise.words);
        } else {
            tracing::debug!(redis = version, servers, replicas, "{}", promise.words);
        }
        Ok(())
    }

    async fn promise(&self, servers: &[Facts]) -> Result<Promise, QueueError> {
        let synced = self.settings("appendfsync").await;
        let aof = servers.iter().all(|server| server.is("aof_enabled", "1"));
        match self.inner.location.durability {
            Durability::Everysec => Ok(self.everysec(aof, &synced)),
            Durability::Always => {
                let rewriting = self.settings("no-appendfsync-on-rewrite").await;
                always(aof, &synced, &rewriting, self.inner.server.fails_over())
            }
            Durability::Replicated(wanted) => {
                let wanted = u64::from(wanted.get());
                self.replicated(wanted, servers).await
            }
        }
    }

    /// A setting of every server; nothing if that must not be asked.
    async fn settings(&self, name: &str) -> Vec<String> {
        let question = redis::cmd("CONFIG").arg("GET").arg(name).take();
        let told = self
            .connection()
            .run_everywhere(&question)
            .await
            .unwrap_or_default();
        let values = told.into_iter().filter_map(|told| {
            let mut settings: HashMap<String, String> = redis::from_redis_value(told).ok()?;
            settings.remove(name)
        });
        values.collect()
    }

    fn everysec(&self, aof: bool, synced: &[String]) -> Promise {
        let left_to_the_system = synced.iter().any(|when| when == "no");
        let mut doubts = Vec::new();
        if !aof {
            doubts.push(
                "Redis keeps no append-only file: what it has acknowledged is lost when it crashes; set `appendonly yes`",
            );
        } else if left_to_the_system {
            doubts.push(
                "Redis leaves it to the system when its append-only file is synced; set `appendfsync everysec`",
            );
        } else if synced.is_empty() {
            doubts.push(
                "how often Redis syncs its append-only file cannot be checked, since this user may not ask: make sure that `appendfsync everysec` is set",
            );
        }
        if self.inner.server.fails_over() {
            doubts.push(FAILOVER);
        }
        let words = if !aof {
            "what is acknowledged does not outlive a crash of Redis"
        } else if left_to_the_system {
            "what is acknowledged outlives a crash of Redis, but not of its machine, which may lose half a minute of it"
        } else if synced.is_empty() {
            "what is acknowledged outlives a crash of Redis, but for what its disk had not synced"
        } else {
            "what is acknowledged outlives a crash of Redis, but for what its disk had not synced, usually under 2 s"
        };
        Promise { words, doubts }
    }

    async fn replicated(&self, wanted: u64, servers: &[Facts]) -> Result<Promise, QueueError> {
        let fewest = fewest_replicas(servers);
        if fewest < wanted {
            return Err(QueueError::Unsuitable(format!(
                "PENSTOCK_DURABILITY is `replicated:{wanted}`, but a primary has only {fewest} connected replicas: nothing could be confirmed; connect {wanted} or ask for fewer"
            )));
        }
        let most = servers.iter().map(Facts::replicas).max().unwrap_or(0);
        let others = (most > wanted).then_some(
            "a primary has more replicas than PENSTOCK_DURABILITY waits for: where one of the others takes over, or the primary is cut off with some, what was acknowledged may be lost; set N to the number of replicas",
        );
        let least = self.settings("min-replicas-to-write").await;
        let alone = least.iter().any(|count| count == "0").then_some(
            "a primary that has lost its replicas goes on taking writes, which are lost when it is replaced: set `min-replicas-to-write 1`",
        );
        Ok(Promise {
            words: "what is acknowledged is in as many replicas as asked for, and outlives the primary if one of these takes over",
            doubts: others.into_iter().chain(alone).collect(),
        })
    }

    /// The number of shards is fixed at the first start and kept in Redis. Who only looks fixes nothing.
    pub(super) async fn check_layout(&self, errand: Errand) -> Result<(), QueueError> {
        let shards = self.shards();
        let (stored, format) = match self.layout().await? {
            (Some(stored), Some(format)) => (stored, format),
            _ if errand == Errand::Look => return Ok(()),
            _ => self.lay_out().await?,
        };
        if stored != shards {
            return Err(QueueError::Unsuitable(format!(
                "PENSTOCK_SHARDS is {shards}, but this namespace was laid out with {stored}: set it to {stored}, or use another PENSTOCK_NAMESPACE"
            )));
        }
        if format != FORMAT {
            return Err(QueueError::Unsuitable(format!(
                "this namespace is laid out in format {format}; this program knows format {FORMAT}"
            )));
        }
        Ok(())
    }

    /// The layout in force. Only read: a Redis that takes no writes can be looked into all the same.
    async fn layout(&self) -> Result<(Option<u16>, Option<u32>), QueueError> {
        Ok(self.connection().run(&self.layout_command()).await?)
    }

    fn layout_command(&self) -> Cmd {
        let mut command = redis::cmd("HMGET");
        command
            .arg(self.keys(0).config())
            .arg("shards")
            .arg("format");
        command
    }

    /// Fixes the layout, unless another program has done so by now; returns the one in force.
    async fn lay_out(&self) -> Result<(u16, u32), QueueError> {
        let config = self.keys(0).config();
        let mut pipeline = redis::pipe();
        for (name, value) in [("shards", u32::from(self.shards())), ("format", FORMAT)] {
            pipeline
                .cmd("HSETNX")
                .arg(&config)
                .arg(name)
                .arg(value)
                .ignore();
        }
        pipeline.add_command(self.layout_command());
        let (layout,): ((u16, u32),) = self.connection().run_all(&pipeline).await?;
        Ok(layout)
    }
}

fn fewest_replicas(servers: &[Facts]) -> u64 {
    servers.iter().map(Facts::replicas).min().unwrap_or(0)
}

fn always(
    aof: bool,
    synced: &[String],
    rewriting: &[String],
    fails_over: bool,
) -> Result<Promise, QueueError> {
    if !aof || synced.iter().any(|when| when != "always") {
        return Err(QueueError::Unsuitable(
            "PENSTOCK_DURABILITY is `always`, but Redis does not sync every write: set `appendonly yes` and `appendfsync always`".into(),
        ));
    }
    if rewriting.iter().any(|skips| skips == "yes") {
        return Err(QueueError::Unsuitable(
            "PENSTOCK_DURABILITY is `always`, but Redis syncs nothing while it rewrites its file: set `no-appendfsync-on-rewrite no`".into(),
        ));
    }
    let unchecked = synced.is_empty().then_some(
        "whether Redis syncs every write cannot be checked, since this user may not ask: make sure that `appendfsync always` is set",
    );
    Ok(Promise {
        words: if unchecked.is_some() {
            "what is acknowledged outlives a crash of Redis, if every write is synced"
        } else {
            "what is acknowledged outlives a crash of Redis"
        },
        doubts: unchecked
            .into_iter()
            .chain(fails_over.then_some(FAILOVER))
            .collect(),
    })
}
