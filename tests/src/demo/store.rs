//! The Redis that the demo plays on.

use anyhow::{Context, bail};

use crate::harness::{RedisOptions, RedisServer, remove_namespace};

/// A private one, or a namespace of somebody's, who gets it back as it was.
#[derive(Debug)]
pub(super) struct Store {
    /// Its URL.
    pub(super) url: String,
    /// The namespace of our keys.
    pub(super) namespace: String,
    server: Option<RedisServer>,
}

impl Store {
    /// The one that is named, or else a private one.
    pub(super) async fn open(named: Option<&str>) -> anyhow::Result<Self> {
        let namespace = format!("demo-{}", short_id());
        let Some(url) = named else {
            let server = RedisServer::start(RedisOptions::default()).await;
            let url = server.url();
            println!(
                "Redis                private, append-only file on (process {})",
                server.pid()
            );
            return Ok(Self {
                url,
                namespace,
                server: Some(server),
            });
        };
        if url.contains(',') || url.starts_with("redis+sentinel:") {
            bail!(
                "the Redis named is a cluster or Sentinel: the demo plays on a single Redis, or with --sandbox on a running system"
            );
        }
        println!("Redis                the one named, namespace {namespace} (removed at the end)");
        Ok(Self {
            url: url.to_owned(),
            namespace,
            server: None,
        })
    }

    /// The settings by which programs find it.
    pub(super) fn settings(&self) -> [(String, String); 2] {
        [
            ("PENSTOCK_REDIS_URL".into(), self.url.clone()),
            ("PENSTOCK_NAMESPACE".into(), self.namespace.clone()),
        ]
    }

    /// What somebody needs in another terminal; the URL of a Redis that was named is his own, and may hold a password.
    pub(super) fn show_exports(&self) {
        let [url, namespace] = self.settings();
        let url = self.server.is_some().then_some(url);
        for (name, value) in url.into_iter().chain([namespace]) {
            println!("  export {name}={value}");
        }
    }

    /// Removes what is ours, once nobody writes to it any more.
    pub(super) async fn clear(self) -> anyhow::Result<()> {
        if let Some(mut server) = self.server {
            server.shutdown().await;
            return Ok(());
        }
        let removed = remove_namespace(&self.url, &self.namespace).await;
        let keys = format!("the keys {}:*", self.namespace);
        removed.with_context(|| format!("{keys} could not be removed from the Redis"))?;
        Ok(())
    }
}

/// Eight characters that hardly two demos share.
pub(super) fn short_id() -> String {
    format!("{:08x}", rand::random::<u32>())
}
