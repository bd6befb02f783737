//! The way to Redis: one server or a cluster behind the same few calls. Reconnects by itself, for ever.

use std::time::Duration;

use redis::{
    Cmd, FromRedisValue, IntoConnectionInfo, Pipeline,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

use super::error::QueueError;

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long Redis may take to answer. No script runs longer than some milliseconds; a stalled disk may hold Redis for seconds.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection that many tasks share.
#[derive(Clone)]
pub(super) enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects to what `url` names: one server, or the nodes of a cluster separated by commas.
    pub(super) async fn open(url: &str) -> Result<Self, QueueError> {
        Self::open_with(url, Some(ANSWER)).await
    }

    /// A connection for commands that block; it must not be shared.
    pub(super) async fn open_blocking(url: &str) -> Result<Self, QueueError> {
        Self::open_with(url, None).await
    }

    async fn open_with(url: &str, answer: Option<Duration>) -> Result<Self, QueueError> {
        if url.contains(',') {
            let builder = ClusterClientBuilder::new(url.split(',').map(str::trim))
                .tcp_settings(tcp_settings())
                .connection_timeout(CONNECT)
                .response_timeout(answer.unwrap_or(Duration::MAX));
            return Ok(Self::Cluster(
                builder.build()?.get_async_connection().await?,
            ));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(answer)
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(500));
        let server = url.into_connection_info()?;
        let client = redis::Client::open(server.set_tcp_settings(tcp_settings()))?;
        Ok(Self::Single(
            ConnectionManager::new_with_config(client, config).await?,
        ))
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> Result<T, redis::RedisError> {
        match self.clone() {
            Self::Single(mut connection) => command.query_async(&mut connection).await,
            Self::Cluster(mut connection) => command.query_async(&mut connection).await,
        }
    }

    /// Runs commands on the keys of one shard, in one round trip.
    pub(super) async fn run_all<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, redis::RedisError> {
        match self.clone() {
            Self::Single(mut connection) => pipeline.query_async(&mut connection).await,
            Self::Cluster(mut connection) => pipeline.query_async(&mut connection).await,
        }
    }
}

/// An answer that is late is waited for on the same connection. But one whose other end has gone without a word (a host that lost its power, a
/// network that has forgotten it) would be waited on for a quarter of an hour: what nobody acknowledges, sent or idle, is given up.
fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(ANSWER).with_interval(CONNECT);
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(ANSWER);
    settings
}
