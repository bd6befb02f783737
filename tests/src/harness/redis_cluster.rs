//! A private Redis Cluster: primaries, each with a share of the slots, and a replica of each where that is asked for.

use std::net::SocketAddr;
use std::time::Duration;

use super::port::free_port;
use super::redis_options::{Endpoint, Listen, RedisOptions};
use super::{RedisServer, wait_until};

/// How long the nodes may take to agree.
const AGREE: Duration = Duration::from_secs(60);
/// What every key belongs to one of.
const SLOTS: usize = 16_384;

/// A running cluster. Dropping it kills its nodes.
#[derive(Debug)]
pub struct RedisCluster {
    /// Its nodes: at first the primaries, and then a replica of each, in their order.
    pub nodes: Vec<RedisServer>,
    buses: Vec<String>,
}

impl RedisCluster {
    /// Starts so many primaries, and waits until they are one cluster.
    ///
    /// # Panics
    /// When a server does not come up, or they do not agree.
    pub async fn start(primaries: usize) -> Self {
        let mut cluster = Self::empty();
        for _ in 0..primaries {
            cluster.add(Duration::from_secs(15)).await;
        }
        cluster.join(primaries).await;
        cluster
    }

    /// The same with a replica of each, which takes over when its primary has been silent for `silence`.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn start_replicated(primaries: usize, silence: Duration) -> Self {
        let mut cluster = Self::empty();
        for _ in 0..primaries * 2 {
            cluster.add(silence).await;
        }
        cluster.join(primaries).await;
        for at in 0..primaries {
            let id: String = cluster.nodes[at].get(["CLUSTER", "MYID"]).await;
            cluster.nodes[primaries + at]
                .cli(["CLUSTER", "REPLICATE", &id])
                .await;
        }
        cluster.until_whole(primaries).await;
        cluster
    }

    fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            buses: Vec::new(),
        }
    }

    async fn add(&mut self, silence: Duration) {
        let bus = free_port();
        let config = [
            ("cluster-enabled", "yes".to_owned()),
            ("cluster-port", bus.to_string()),
            ("cluster-node-timeout", silence.as_millis().to_string()),
        ];
        let options = RedisOptions {
            listen: Listen::Tcp,
            config: config.map(|(name, value)| (name.to_owned(), value)).into(),
            ..RedisOptions::default()
        };
        self.nodes.push(RedisServer::start(options).await);
        self.buses.push(bus.to_string());
    }

    async fn join(&self, primaries: usize) {
        for (at, node) in self.nodes.iter().enumerate() {
            if at < primaries {
                let (first, last) = (SLOTS * at / primaries, SLOTS * (at + 1) / primaries - 1);
                let slots = [first.to_string(), last.to_string()];
                node.cli(["CLUSTER", "ADDSLOTSRANGE", &slots[0], &slots[1]])
                    .await;
            }
            let address = address_of(node);
            let (ip, port) = (address.ip().to_string(), address.port().to_string());
            let meet = ["CLUSTER", "MEET", &ip, &port, &self.buses[at]];
            self.nodes[0].cli(meet).await;
        }
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        for node in &self.nodes {
            wait_until("the nodes to agree", AGREE, || async {
                let info: String = node.get(["CLUSTER", "INFO"]).await;
                (info.contains("cluster_state:ok") && info.contains(&known)).then_some(())
            })
            .await;
        }
    }

    /// Waits until every primary has a replica that follows it, as all nodes see it.
    pub async fn until_whole(&self, primaries: usize) {
        wait_until("every primary to have its replica", AGREE, || async {
            let mut replicated = 0;
            for node in &self.nodes {
                let nodes: String = node.get(["CLUSTER", "NODES"]).await;
                let of = |flag: &str| nodes.matches(flag).count();
                if of("slave ") < self.nodes.len() - primaries || of("fail") > 0 {
                    return None;
                }
                let info: String = node.get(["INFO", "replication"]).await;
                replicated += usize::from(info.contains("state=online"));
            }
            (replicated >= primaries).then_some(())
        })
        .await;
    }

    /// Waits until the node is a primary with slots.
    pub async fn until_promoted(&self, at: usize) {
        wait_until("the replica to take over", AGREE, || async {
            let info: String = self.nodes[at].get(["CLUSTER", "NODES"]).await;
            let own = info.lines().find(|line| line.contains("myself"))?;
            let promoted = own.contains("master") && own.split(' ').count() > 8;
            promoted.then_some(())
        })
        .await;
    }

    /// Moves a slot with all its keys, `batch` at a time, from a primary to another, as `redis-cli --cluster reshard` does.
    ///
    /// # Panics
    /// When a node refuses.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize, batch: usize) {
        let slot = slot.to_string();
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let ids: [String; 2] = [
            source.get(["CLUSTER", "MYID"]).await,
            target.get(["CLUSTER", "MYID"]).await,
        ];
        target
            .cli(["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]])
            .await;
        source
            .cli(["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]])
            .await;
        let address = address_of(target);
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        loop {
            let count = batch.to_string();
            let keys: Vec<String> = source
                .get(["CLUSTER", "GETKEYSINSLOT", &slot, &count])
                .await;
            if keys.is_empty() {
                break;
            }
            let mut migrate = ["MIGRATE", &ip, &port, "", "0", "5000", "KEYS"]
                .map(str::to_owned)
                .to_vec();
            migrate.extend(keys);
            source.cli(migrate).await;
        }
        for node in [target, source] {
            node.cli(["CLUSTER", "SETSLOT", &slot, "NODE", &ids[1]])
                .await;
        }
    }

    /// The slot of a key.
    pub async fn slot_of(&self, key: &str) -> u16 {
        self.nodes[0].get(["CLUSTER", "KEYSLOT", key]).await
    }

    /// Its URL, in the form that `PENSTOCK_REDIS_URL` takes: all nodes, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.nodes.iter().map(RedisServer::url).collect();
        urls.join(",")
    }
}

fn address_of(node: &RedisServer) -> SocketAddr {
    match node.endpoint() {
        Endpoint::Tcp(address) => address,
        Endpoint::Unix(path) => panic!("{} is no address", path.display()),
    }
}
