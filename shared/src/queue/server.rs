//! Whether a Redis can be used at all, asked once when a program starts.

use std::collections::HashMap;

use redis::Cmd;

use super::{Queue, error::QueueError};
use crate::settings::Durability;

/// The oldest server that has every command and script flag that is used.
const OLDEST: u32 = 7;
/// The layout of the keys; a program that knows another refuses to start.
const FORMAT: u32 = 2;

impl Queue {
    /// Refuses a server that is too old, evicts keys, or does not keep what the configured durability promises.
    pub(super) async fn check_server(&self) -> Result<(), QueueError> {
        let info: String = match self.connection().run(&redis::cmd("INFO")).await {
            Ok(redis::Value::Map(nodes)) => nodes
                .into_iter()
                .filter_map(|(_, info)| redis::from_redis_value::<String>(info).ok())
                .collect(),
            Ok(info) => redis::from_redis_value(info)
                .map_err(|error| QueueError::Unexpected(error.to_string()))?,
            Err(error) => return Err(error.into()),
        };
        let facts: HashMap<&str, &str> = info
            .lines()
            .filter_map(|line| line.trim().split_once(':'))
            .collect();
        let version = facts.get("redis_version").copied().unwrap_or("unknown");
        let major: u32 = version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
            .unwrap_or(0);
        if major < OLDEST {
            return Err(QueueError::Unsuitable(format!(
                "Redis {version} is too old: version {OLDEST} or later (or Valkey) is needed"
            )));
        }
        // Until it has loaded, it says nothing true of its append-only file.
        if facts.get("loading") == Some(&"1") {
            return Err(QueueError::NotReady("LOADING".into()));
        }
        if facts.get("role") == Some(&"slave") {
            return Err(QueueError::ReadOnly);
        }
        if let Some(policy) = facts
            .get("maxmemory_policy")
            .filter(|policy| **policy != "noeviction")
        {
            return Err(QueueError::Unsuitable(format!(
                "Redis evicts keys when it is full (maxmemory-policy {policy}), which loses jobs: set it to noeviction"
            )));
        }
        self.check_durability(facts.get("aof_enabled") == Some(&"1"))
            .await
    }

    async fn check_durability(&self, aof: bool) -> Result<(), QueueError> {
        let durability = self.inner.location.durability;
        if !aof && durability == Durability::Everysec {
            tracing::warn!(
                "Redis keeps no append-only file: what it has acknowledged is lost when it crashes; set `appendonly yes`"
            );
        }
        if durability != Durability::Always {
            return Ok(());
        }
        let setting: HashMap<String, String> = self
            .connection()
            .run(redis::cmd("CONFIG").arg("GET").arg("appendfsync"))
            .await
            .unwrap_or_default();
        if !aof
            || setting
                .get("appendfsync")
                .is_none_or(|value| value != "always")
        {
            return Err(QueueError::Unsuitable(
                "PENSTOCK_DURABILITY is `always`, but Redis does not sync every write: set `appendonly yes` and `appendfsync always`".into(),
            ));
        }
        Ok(())
    }

    /// The number of shards is fixed at the first start and kept in Redis.
    pub(super) async fn check_layout(&self) -> Result<(), QueueError> {
        let shards = self.shards();
        let (stored, format) = match self.layout().await? {
            (Some(stored), Some(format)) => (stored, format),
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
