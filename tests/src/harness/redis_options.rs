//! How a private Redis is started.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When Redis calls `fsync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appendfsync {
    /// Before each reply.
    Always,
    /// Once a second.
    Everysec,
    /// When the system likes.
    No,
}

/// Where the server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On a unix socket in its directory: cannot collide.
    Unix,
    /// On a free loopback port, which it keeps over restarts.
    Tcp,
}

/// How to reach a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// By its unix socket.
    Unix(PathBuf),
    /// By its address.
    Tcp(SocketAddr),
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// Whether it keeps an append-only file, and so survives [`super::RedisServer::kill9`].
    pub appendonly: bool,
    /// When that file is synced.
    pub appendfsync: Appendfsync,
    /// Bytes, or none for no bound.
    pub maxmemory: Option<u64>,
    /// The password of the default user.
    pub requirepass: Option<String>,
    /// Where it listens.
    pub listen: Listen,
    /// Whether it has a clock of its own, for [`super::RedisServer::set_clock`]. On Linux only.
    pub own_clock: bool,
    /// How much longer than the machine's its own disk takes to sync the append-only file, if it has one: for [`super::RedisServer::cut_power`] and
    /// [`super::RedisServer::fill_disk`]. On Linux only, and not with a clock of its own.
    pub sync_takes: Option<Duration>,
    /// Further lines of its configuration, e.g. `("replicaof", "127.0.0.1 6379")`; they win over ours.
    pub config: Vec<(String, String)>,
}

impl Default for RedisOptions {
    /// As the README recommends for production: AOF every second, nothing evicted. On a unix socket.
    fn default() -> Self {
        Self {
            appendonly: true,
            appendfsync: Appendfsync::Everysec,
            maxmemory: None,
            requirepass: None,
            listen: Listen::Unix,
            own_clock: false,
            sync_takes: None,
            config: Vec::new(),
        }
    }
}

impl RedisOptions {
    /// The command line of a server with these options that listens there and keeps its files in `directory`.
    pub(super) fn arguments(&self, endpoint: &Endpoint, directory: &Path) -> Vec<OsString> {
        let fsync = match self.appendfsync {
            Appendfsync::Always => "always",
            Appendfsync::Everysec => "everysec",
            Appendfsync::No => "no",
        };
        let (port, socket) = match endpoint {
            Endpoint::Unix(path) => ("0".to_owned(), path.clone().into_os_string()),
            Endpoint::Tcp(address) => (address.port().to_string(), OsString::new()),
        };
        let mut config: Vec<(&str, OsString)> = vec![
            ("dir", directory.into()),
            ("port", port.into()),
            ("bind", "127.0.0.1".into()),
            ("save", "".into()),
            (
                "appendonly",
                if self.appendonly { "yes" } else { "no" }.into(),
            ),
            ("appendfsync", fsync.into()),
            ("maxmemory", self.maxmemory.unwrap_or(0).to_string().into()),
            ("maxmemory-policy", "noeviction".into()),
            // No replica waits for others that might come.
            ("repl-diskless-sync-delay", "0".into()),
            // Tests break the server on purpose, with DEBUG.
            ("enable-debug-command", "local".into()),
        ];
        if !socket.is_empty() {
            config.push(("unixsocket", socket));
        }
        if let Some(password) = &self.requirepass {
            config.push(("requirepass", password.into()));
        }
        let ours = config
            .into_iter()
            .flat_map(|(name, value)| [OsString::from(format!("--{name}")), value]);
        let further = self.config.iter().flat_map(|(name, value)| {
            // Redis wants a directive's values as arguments of their own.
            std::iter::once(format!("--{name}"))
                .chain(value.split(' ').map(str::to_owned))
                .map(OsString::from)
        });
        ours.chain(further).collect()
    }
}
