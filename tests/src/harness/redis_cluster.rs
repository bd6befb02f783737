//! A private Redis Cluster: primaries alone, each with a third of the slots.

use std::time::Duration;

use super::port::free_port;
use super::redis_options::{Endpoint, Listen, RedisOptions};
use super::{RedisServer, wait_until};

/// How long the nodes may take to agree.
const AGREE: Duration = Duration::from_secs(30);
/// What every key belongs to one of.
const SLOTS: usize = 16_384;

/// A running cluster. Dropping it kills its nodes.
#[derive(Debug)]
pub struct RedisCluster {
    /// Its primaries.
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts so many primaries, and waits until they are one cluster.
    ///
    /// # Panics
    /// When a server does not come up, or they do not agree.
    pub async fn start(primaries: usize) -> Self {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..primaries {
            let bus = free_port();
            let config = [
                ("cluster-enabled", "yes".to_owned()),
                ("cluster-port", bus.to_string()),
            ];
            let options = RedisOptions {
                listen: Listen::Tcp,
                config: config.map(|(name, value)| (name.to_owned(), value)).into(),
                ..RedisOptions::default()
            };
            nodes.push(RedisServer::start(options).await);
            buses.push(bus.to_string());
        }
        let cluster = Self { nodes };
        cluster.join(&buses).await;
        cluster
    }

    async fn join(&self, buses: &[String]) {
        let count = self.nodes.len();
        for (at, node) in self.nodes.iter().enumerate() {
            let (first, last) = (SLOTS * at / count, SLOTS * (at + 1) / count - 1);
            let slots = [first.to_string(), last.to_string()];
            node.cli(["CLUSTER", "ADDSLOTSRANGE", &slots[0], &slots[1]])
                .await;
            if let Endpoint::Tcp(address) = node.endpoint() {
                let (ip, port) = (address.ip().to_string(), address.port().to_string());
                let meet = ["CLUSTER", "MEET", &ip, &port, &buses[at]];
                self.nodes[0].cli(meet).await;
            }
        }
        for node in &self.nodes {
            wait_until("the nodes to agree", AGREE, || async {
                let info: String = node.get(["CLUSTER", "INFO"]).await;
                let known = format!("cluster_known_nodes:{count}");
                (info.contains("cluster_state:ok") && info.contains(&known)).then_some(())
            })
            .await;
        }
    }

    /// Its URL, in the form that `PENSTOCK_REDIS_URL` takes: all nodes, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.nodes.iter().map(RedisServer::url).collect();
        urls.join(",")
    }
}
