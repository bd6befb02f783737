//! Redis over TLS, with a certificate of a private authority, as is the rule.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use penstock_tests::harness::{Finished, Listen, RedisOptions, RedisServer, free_port, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::AsyncReadExt as _;

struct Secured {
    _redis: RedisServer,
    directory: tempfile::TempDir,
    port: u16,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn write(directory: &Path, name: &str, pem: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

impl Secured {
    /// Listens over TLS, as `localhost` alone; or nothing if this server program knows no TLS.
    async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (ours, key) = (authority("ours"), KeyPair::generate().unwrap());
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &ours).unwrap();
        let at = directory.path();
        let port = free_port();
        let file = |name, pem: &str| write(at, name, pem).display().to_string();
        write(at, "other.pem", &authority("other").pem());
        let config = [
            ("tls-port", port.to_string()),
            ("tls-cert-file", file("cert.pem", &certificate.pem())),
            ("tls-key-file", file("key.pem", &key.serialize_pem())),
            ("tls-ca-cert-file", file("ca.pem", &ours.pem())),
            ("tls-auth-clients", "no".to_owned()),
        ];
        if !knows_tls() {
            return None;
        }
        let options = RedisOptions {
            config: config.map(|(name, value)| (name.to_owned(), value)).into(),
            ..RedisOptions::default()
        };
        Some(Self {
            _redis: RedisServer::start(options).await,
            directory,
            port,
        })
    }

    async fn stats(&self, host: &str, ca: Option<&str>) -> Finished {
        let url = format!("rediss://{host}:{}", self.port);
        let ca = ca.map(|name| self.directory.path().join(name).display().to_string());
        let mut settings = vec![("PENSTOCK_REDIS_URL", url.as_str())];
        settings.extend(ca.as_deref().map(|ca| ("PENSTOCK_REDIS_CA", ca)));
        run("penstock-admin", ["stats", "-o", "json"], &settings, "").await
    }
}

/// Without a certificate one with TLS ends at once, and says that it cannot configure it; one without it says something else.
fn knows_tls() -> bool {
    let server = std::env::var_os("PENSTOCK_TEST_REDIS").unwrap_or_else(|| "redis-server".into());
    let mut command = std::process::Command::new(server);
    let port = free_port().to_string();
    let tried = command.args(["--port", "0", "--tls-port", &port]).output();
    let said = tried.map(|tried| [tried.stdout, tried.stderr].concat());
    String::from_utf8_lossy(&said.unwrap_or_default()).contains("Failed to configure TLS")
}

#[tokio::test]
async fn a_certificate_is_believed_only_of_a_known_authority_and_for_the_host_that_was_named() {
    let Some(redis) = Secured::start().await else {
        // Not through the macros, whose words are kept from whoever runs a test that passes.
        let said = "NOT TESTED: TLS. This Redis server was built without it; name one that has it in PENSTOCK_DEV_REDIS.";
        writeln!(std::io::stderr(), "{said}").unwrap();
        return;
    };
    let believed = redis.stats("localhost", Some("ca.pem")).await;
    assert_eq!(believed.code, Some(0), "{}", believed.stderr);
    assert_eq!(believed.json()["doneTotal"], 0);
    for (host, ca) in [
        ("localhost", Some("other.pem")),
        ("localhost", None),
        ("127.0.0.1", Some("ca.pem")),
    ] {
        let ended = redis.stats(host, ca).await;
        assert_eq!(ended.code, Some(1), "{host} {ca:?}: {}", ended.stderr);
        let said = ended.stderr.lines().last().unwrap_or_default();
        assert!(
            said.contains("certificate is not accepted") && said.contains("PENSTOCK_REDIS_CA"),
            "{host} {ca:?}: {said}"
        );
    }
}

#[tokio::test]
async fn a_file_without_a_certificate_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "ca.pem", "nothing");
    let file = file.display().to_string();
    for (url, ca) in [
        ("rediss://localhost", file.as_str()),
        ("rediss://localhost", "/nowhere.pem"),
    ] {
        let settings = [("PENSTOCK_REDIS_URL", url), ("PENSTOCK_REDIS_CA", ca)];
        let ended = run("penstock-admin", ["stats"], &settings, "").await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("PENSTOCK_REDIS_CA"),
            "{}",
            ended.stderr
        );
    }
}

/// What listens there, speaks, and is taken for what it is not.
#[tokio::test]
async fn an_address_with_the_wrong_scheme_is_told_from_one_that_is_away() {
    let redis = RedisServer::start(RedisOptions {
        listen: Listen::Tcp,
        ..RedisOptions::default()
    })
    .await;
    let secure = redis.url().replace("redis://", "rediss://");
    // A server that speaks TLS ends a connection whose first bytes are no greeting of its own.
    let closing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("redis://{}", closing.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = closing.accept().await {
            let _ = stream.read(&mut [0]).await;
        }
    });
    for (url, hint) in [
        (secure, "it may not speak TLS at that port"),
        (plain, "it may speak TLS at that port"),
    ] {
        let settings = [("PENSTOCK_REDIS_URL", url.as_str())];
        let ended = run("penstock-admin", ["stats"], &settings, "").await;
        assert_eq!(ended.code, Some(1), "{url}: {}", ended.stderr);
        assert!(ended.stderr.contains(hint), "{url}: {}", ended.stderr);
    }
}
