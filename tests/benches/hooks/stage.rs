//! A Redis, and the program that takes webhooks in.

use std::{fs, net::SocketAddr, time::Duration};

use penstock_tests::harness::{
    Appendfsync, Listen, Program, RedisOptions, RedisServer, get, wait_until,
};
use tempfile::TempDir;

use crate::{
    figures::Figures,
    options::Options,
    sender::{Sender, tenant_name},
};

/// For whatever must happen at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// What `/proc` counts CPU time in: a hundredth of a second on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) struct Stage {
    redis: RedisServer,
    program: Program,
    address: SocketAddr,
    sender: Sender,
    tenants: u32,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn start(options: &Options) -> Self {
        let redis = RedisServer::start(RedisOptions {
            appendfsync: if options.always {
                Appendfsync::Always
            } else {
                Appendfsync::Everysec
            },
            listen: Listen::Tcp,
            ..RedisOptions::default()
        })
        .await;
        let (sender, folder) = (Sender::new(), tempfile::tempdir().expect("a directory"));
        let file = folder.path().join("hooks.toml");
        let text = format!(
            "[ghl]\napp_id = \"benchmark\"\nkey = \"{}\"\n",
            sender.public()
        );
        fs::write(&file, text).expect("the directory is ours");
        let durability = if options.always { "always" } else { "everysec" };
        let program = Program::new("penstock-producer")
            .env("PENSTOCK_REDIS_URL", redis.url())
            .env("PENSTOCK_DURABILITY", durability)
            .env("PENSTOCK_HOOKS", &file)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .start();
        let line = program
            .wait_for_line("listening on http://", PATIENCE)
            .await;
        let address: SocketAddr = line
            .trim_start_matches("listening on http://")
            .parse()
            .expect("it says where it listens");
        wait_until("the program to be ready", PATIENCE, async || {
            let (status, _) = get(&address.to_string(), "/readyz").await?;
            (status == 200).then_some(())
        })
        .await;
        Self {
            redis,
            program,
            address,
            sender,
            tenants: options.tenants.into(),
            _folder: folder,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self, options: &Options) -> Vec<Vec<u8>> {
        self.sender.requests(options)
    }

    /// CPU time of each that shares the machine.
    pub(crate) fn costs(&self) -> String {
        let seconds = [self.program.pid(), self.redis.pid(), std::process::id()].map(cpu_seconds);
        let [program, redis, senders] = seconds
            .map(|seconds| seconds.map_or("?".to_owned(), |seconds| format!("{seconds:.1}")));
        format!(
            "CPU seconds: the program {program}, Redis {redis}, the senders (with their signing) {senders}"
        )
    }

    /// What was accepted is stored.
    pub(crate) async fn check(&self, figures: &Figures) {
        let mut stored = 0;
        for tenant in 0..self.tenants {
            let key = format!("penstock:{{0}}:job:{}", tenant_name(tenant));
            let count: usize = self.redis.get(["HLEN", &key]).await;
            stored += count;
        }
        assert_eq!(stored, figures.accepted(), "what was accepted is stored");
    }
}

/// CPU seconds that a process has used, where the system says.
fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: Option<f64> = ticks.map(|field| field.parse::<f64>().ok()).sum();
    Some(ticks? / TICKS_PER_SECOND)
}
