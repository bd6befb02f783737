//! The way to Redis: one server, a cluster, or the primary that Sentinels watch, behind the same few calls. Reconnects by itself, for ever.

mod address;
mod renewed;
mod sentinel;

use std::time::Duration;

use redis::{
    Cmd, FromRedisValue, Pipeline, RedisResult, Value,
    aio::ConnectionManagerConfig,
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo},
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

pub(super) use self::address::Roots;
use self::{
    address::{Address, certificates},
    renewed::Renewed,
    sentinel::{Followed, Primary},
};

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long Redis may take to answer. No script runs longer than some milliseconds; a stalled disk may hold Redis for seconds.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a cluster's client tries by itself, and how far apart (ms): our own loops go on from there, with more patience.
const CLUSTER_TRIES: u32 = 4;
const CLUSTER_WAITS: (u64, u64) = (20, 200);

/// A Redis that has been found, to which any number of connections may be opened.
#[derive(Clone)]
pub(super) enum Server {
    Single(redis::Client),
    Cluster(Vec<redis::ConnectionInfo>, Roots),
    Sentinel(Primary),
}

/// A connection that many tasks share.
#[derive(Clone)]
pub(super) enum Connection {
    Single(Renewed),
    Cluster(ClusterConnection),
    Followed(Followed),
}

impl Server {
    /// Finds what `url` names: one server, the nodes of a cluster separated by commas, or the primary that Sentinels know.
    pub(super) async fn find(url: &str, roots: &Roots) -> RedisResult<Self> {
        Ok(match Address::parse(url, roots)? {
            Address::Single(client) => Self::Single(client),
            Address::Cluster(nodes) => Self::Cluster(nodes, roots.clone()),
            Address::Sentinel(watched) => Self::Sentinel(Primary::find(watched).await?),
        })
    }

    /// Whether another server may take over by itself.
    pub(super) fn fails_over(&self) -> bool {
        !matches!(self, Self::Single(_))
    }

    /// Opens a connection that many tasks may share.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        self.connect_with(Some(ANSWER)).await
    }

    /// A connection for commands that block; it must not be shared.
    pub(super) async fn connect_blocking(&self) -> RedisResult<Connection> {
        self.connect_with(None).await
    }

    async fn connect_with(&self, answer: Option<Duration>) -> RedisResult<Connection> {
        let config = manager_config(answer);
        Ok(match self {
            Self::Single(client) => {
                Connection::Single(Renewed::connect(client.clone(), config).await?)
            }
            Self::Cluster(nodes, roots) => {
                let builder = cluster(nodes.clone(), roots);
                let builder = builder.response_timeout(answer.unwrap_or(Duration::MAX));
                Connection::Cluster(builder.build()?.get_async_connection().await?)
            }
            Self::Sentinel(primary) => Connection::Followed(primary.connect(config).await?),
        })
    }
}

impl Connection {
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        match self.clone() {
            Self::Single(renewed) => {
                let run =
                    |mut connection| async move { command.query_async(&mut connection).await };
                renewed.run(run).await
            }
            Self::Cluster(mut connection) => command.query_async(&mut connection).await,
            Self::Followed(followed) => {
                let run =
                    |mut connection| async move { command.query_async(&mut connection).await };
                followed.run(run).await
            }
        }
    }

    /// Asks every primary.
    pub(super) async fn run_everywhere(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        let Self::Cluster(connection) = self else {
            return Ok(vec![self.run(command).await?]);
        };
        let everywhere = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let mut connection = connection.clone();
        match connection
            .route_command(command.clone(), everywhere)
            .await?
        {
            Value::Map(answers) => Ok(answers.into_iter().map(|(_, answer)| answer).collect()),
            answer => Ok(vec![answer]),
        }
    }

    /// Runs commands on the keys of one shard, in one round trip, on one connection to one server: what fails on the way is not gone on with
    /// elsewhere.
    pub(super) async fn run_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> RedisResult<T> {
        match self.clone() {
            Self::Single(renewed) => {
                let run =
                    |mut connection| async move { pipeline.query_async(&mut connection).await };
                renewed.run(run).await
            }
            Self::Cluster(mut connection) => pipeline.query_async(&mut connection).await,
            Self::Followed(followed) => {
                let run =
                    |mut connection| async move { pipeline.query_async(&mut connection).await };
                followed.run(run).await
            }
        }
    }
}

fn manager_config(answer: Option<Duration>) -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(answer)
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(500))
}

fn cluster(nodes: Vec<redis::ConnectionInfo>, roots: &Roots) -> ClusterClientBuilder {
    let secure = nodes
        .iter()
        .any(|node| matches!(node.addr(), redis::ConnectionAddr::TcpTls { .. }));
    let builder = ClusterClientBuilder::new(nodes)
        .tcp_settings(tcp_settings())
        .connection_timeout(CONNECT)
        .retries(CLUSTER_TRIES)
        .min_retry_wait(CLUSTER_WAITS.0)
        .max_retry_wait(CLUSTER_WAITS.1);
    match certificates(roots) {
        Some(certificates) if secure => builder.certs(certificates),
        _ => builder,
    }
}

/// A connection whose other end has gone without a word (a host that lost its power, a
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
