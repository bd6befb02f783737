//! Settings: where they come from, which make no sense, and that the ones in force are told.

use std::fs;

use penstock_tests::{
    fixture::job,
    harness::{Finished, RedisOptions, run},
};

use crate::{
    service::{Answer, Service},
    stage::{ACME, PATIENCE, PRODUCER, Stage, counts, lines, text},
};

/// As documented; the last ones stand for no value.
const DEFAULTS: [(&str, &str); 48] = [
    ("PENSTOCK_REDIS_URL", "\"redis://127.0.0.1:6379\""),
    ("PENSTOCK_REDIS_CA", "none"),
    ("PENSTOCK_REDIS_MEMORY", "\"90%\""),
    ("PENSTOCK_NAMESPACE", "\"penstock\""),
    ("PENSTOCK_SHARDS", "1"),
    ("PENSTOCK_DURABILITY", "\"everysec\""),
    ("PENSTOCK_RETENTION", "\"24h\""),
    (
        "PENSTOCK_GHL_BASE_URL",
        "\"https://services.leadconnectorhq.com\"",
    ),
    (
        "PENSTOCK_GHL_SCOPES",
        "\"contacts.readonly contacts.write\"",
    ),
    (
        "PENSTOCK_GHL_AUTHORIZE_URL",
        "\"https://marketplace.gohighlevel.com/v2/oauth/chooselocation\"",
    ),
    ("PENSTOCK_GHL_REFRESH_AHEAD", "\"1h\""),
    ("PENSTOCK_ALLOW_WRITES", "\"ask\""),
    ("PENSTOCK_GHL_BURST", "\"100/10s\""),
    ("PENSTOCK_GHL_DAILY", "\"200000/1d\""),
    ("PENSTOCK_CONNECTIONS", "none"),
    ("PENSTOCK_SMS_REPORT_WAIT", "\"1h\""),
    ("PENSTOCK_CONCURRENCY", "64"),
    ("PENSTOCK_LEASE", "\"5s\""),
    ("PENSTOCK_HTTP_TIMEOUT", "\"10s\""),
    ("PENSTOCK_QUARANTINE", "\"30s\""),
    ("PENSTOCK_SEARCH_LAG", "\"90s\""),
    ("PENSTOCK_MAX_ATTEMPTS", "10"),
    ("PENSTOCK_BACKOFF", "\"1s..10m\""),
    ("PENSTOCK_MAX_BACKLOG", "1000000"),
    ("PENSTOCK_DAILY_PACING", "\"asap\""),
    ("PENSTOCK_DAILY_RESERVE", "\"10%\""),
    ("PENSTOCK_COALESCE", "\"on\""),
    ("PENSTOCK_COALESCE_MAX", "100"),
    ("PENSTOCK_AMBIGUOUS", "\"hold\""),
    ("PENSTOCK_MARKER", "\"off\""),
    ("PENSTOCK_MARKER_KEY", "none"),
    ("PENSTOCK_TWINS", "\"report\""),
    ("PENSTOCK_GRACE", "\"25s\""),
    ("PENSTOCK_LOG", "\"info\""),
    ("PENSTOCK_LOG_FORMAT", "\"text\""),
    ("PENSTOCK_GHL_TOKEN", "none"),
    ("PENSTOCK_GHL_CLIENT_ID", "none"),
    ("PENSTOCK_GHL_CLIENT_SECRET", "none"),
    ("PENSTOCK_GHL_REDIRECT_URI", "none"),
    ("PENSTOCK_MAX_AGE", "none"),
    ("PENSTOCK_API_KEYS", "none"),
    ("PENSTOCK_FLOWS", "none"),
    ("PENSTOCK_STORM", "\"60/1m,300/1h\""),
    ("PENSTOCK_HOOKS", "none"),
    ("PENSTOCK_HOOK_WINDOW", "\"24h\""),
    ("PENSTOCK_ENCRYPTION_KEYS", "none"),
    ("PENSTOCK_ENCRYPT_PAYLOADS", "\"off\""),
    ("PENSTOCK_METRICS_LISTEN", "none"),
];

async fn printed(env: &[(&str, &str)]) -> Finished {
    let finished = run(PRODUCER, ["--print-config"], env, "").await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished
}

fn value<'a>(printed: &'a Finished, name: &str) -> &'a str {
    let prefix = format!("{name} = ");
    let line = printed
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("{name} is not told: {}", printed.stdout))
}

#[tokio::test]
async fn the_documented_defaults_hold() {
    let printed = printed(&[]).await;
    for (name, default) in DEFAULTS {
        assert_eq!(value(&printed, name), format!("{default}  # from default"));
    }
    assert_eq!(printed.stdout.lines().count(), DEFAULTS.len());
}

#[tokio::test]
async fn the_environment_goes_over_the_file_and_the_file_over_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.toml");
    let text = "namespace = \"filed\"\nmax_backlog = 7\nshards = 3\napi_keys = [\"canary-1\", \"canary-2\"]\n";
    fs::write(&file, text).unwrap();
    let env = [
        ("PENSTOCK_CONFIG", file.to_str().unwrap()),
        ("PENSTOCK_SHARDS", "5"),
        ("PENSTOCK_LOG", ""),
    ];
    let printed = printed(&env).await;
    assert_eq!(value(&printed, "PENSTOCK_SHARDS"), "5  # from environment");
    assert_eq!(value(&printed, "PENSTOCK_LOG"), "\"info\"  # from default");
    let from = format!("# from file {:?}", file.to_str().unwrap());
    assert_eq!(
        value(&printed, "PENSTOCK_NAMESPACE"),
        format!("\"filed\"  {from}")
    );
    assert_eq!(
        value(&printed, "PENSTOCK_MAX_BACKLOG"),
        format!("7  {from}")
    );
    assert_eq!(
        value(&printed, "PENSTOCK_API_KEYS"),
        format!("\"***\"  {from}")
    );
    assert!(!printed.stdout.contains("canary"), "{}", printed.stdout);
}

#[tokio::test]
async fn nonsense_stops_the_start_and_is_named() {
    for (name, nonsense) in [
        ("PENSTOCK_REDIS_URL", "canary.example.com"),
        ("PENSTOCK_NAMESPACE", "a b"),
        ("PENSTOCK_SHARDS", "0"),
        ("PENSTOCK_SHARDS", "many"),
        ("PENSTOCK_DURABILITY", "sometimes"),
        ("PENSTOCK_DURABILITY", "replicated:0"),
        ("PENSTOCK_RETENTION", "forever"),
        ("PENSTOCK_RETENTION", "1s"),
        ("PENSTOCK_GHL_BASE_URL", "ftp://example.com"),
        ("PENSTOCK_GHL_TOKEN", "canary canary"),
        ("PENSTOCK_GHL_BURST", "lots"),
        ("PENSTOCK_GHL_BURST", "100/2d"),
        ("PENSTOCK_GHL_DAILY", "0/1d"),
        ("PENSTOCK_CONCURRENCY", "0"),
        ("PENSTOCK_LEASE", "5"),
        ("PENSTOCK_HTTP_TIMEOUT", "1ns"),
        ("PENSTOCK_QUARANTINE", "-1s"),
        ("PENSTOCK_MAX_ATTEMPTS", "1001"),
        ("PENSTOCK_BACKOFF", "10m..1s"),
        ("PENSTOCK_MAX_AGE", "old"),
        ("PENSTOCK_MAX_BACKLOG", "0"),
        ("PENSTOCK_DAILY_PACING", "slow"),
        ("PENSTOCK_DAILY_RESERVE", "110%"),
        ("PENSTOCK_COALESCE", "maybe"),
        ("PENSTOCK_AMBIGUOUS", "guess"),
        ("PENSTOCK_MARKER", "1"),
        ("PENSTOCK_GRACE", "2h"),
        ("PENSTOCK_API_KEYS", "canary,,canary"),
        ("PENSTOCK_ENCRYPTION_KEYS", "canary canary"),
        ("PENSTOCK_ENCRYPTION_KEYS", "canary:canary"),
        ("PENSTOCK_ENCRYPT_PAYLOADS", "on"),
        ("PENSTOCK_LOG", "loud"),
        ("PENSTOCK_LOG_FORMAT", "xml"),
        ("PENSTOCK_METRICS_LISTEN", "here"),
        ("PENSTOCK_CONFIG", "/nowhere/penstock.toml"),
    ] {
        let named = if name == "PENSTOCK_CONFIG" {
            nonsense
        } else {
            name
        };
        for args in [
            &["--print-config"][..],
            &["enqueue"],
            &["serve", "--listen", "127.0.0.1:0"],
        ] {
            let finished = run(PRODUCER, args, &[(name, nonsense)], "").await;
            assert_eq!(
                finished.code,
                Some(2),
                "{name}={nonsense} {args:?}: {finished:?}"
            );
            assert!(finished.stderr.contains(named), "{finished:?}");
            assert!(!finished.stderr.contains("canary"), "{finished:?}");
            assert_eq!(finished.stdout, "");
        }
    }
}

#[tokio::test]
async fn a_variable_that_is_no_setting_is_told() {
    let printed = printed(&[("PENSTOCK_MAX_BAKLOG", "5")]).await;
    for part in ["PENSTOCK_MAX_BAKLOG", "did you mean PENSTOCK_MAX_BACKLOG?"] {
        assert!(printed.stderr.contains(part), "{printed:?}");
    }
}

#[tokio::test]
async fn a_secret_may_come_from_a_file() {
    let options = RedisOptions {
        requirepass: Some("canary-pass".to_owned()),
        ..RedisOptions::default()
    };
    let stage = Stage::on(options).await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("url"), stage.redis.url() + "\n").unwrap();
    fs::write(path("keys"), "canary-1,canary-2\r\n").unwrap();
    let (url, keys) = (path("url"), path("keys"));
    let env = [
        ("PENSTOCK_REDIS_URL_FILE", url.as_str()),
        ("PENSTOCK_API_KEYS_FILE", keys.as_str()),
        ("PENSTOCK_GHL_TOKEN_FILE", keys.as_str()),
    ];
    let finished = run(PRODUCER, ["enqueue"], &env, lines([&job("a")])).await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
    let program = env.iter().fold(
        penstock_tests::harness::Program::new(PRODUCER),
        |builder, (name, value)| builder.env(name, value),
    );
    let service = Service::begin(program).await.ready().await;
    service.post(text(&job("b"))).await.problem(401);
    let request = service.posting(text(&job("b"))).bearer_auth("canary-2");
    assert_eq!(Answer::to(request).await.receipts(), [("b", "accepted")]);

    let printed = printed(&env).await;
    for (name, _) in env {
        assert!(value(&printed, name.trim_end_matches("_FILE")).contains("***"));
    }
    assert!(!printed.stdout.contains("canary"), "{}", printed.stdout);
}

#[tokio::test]
async fn a_secrets_file_that_is_of_no_use_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    for name in [
        "PENSTOCK_REDIS_URL",
        "PENSTOCK_API_KEYS",
        "PENSTOCK_GHL_TOKEN",
        "PENSTOCK_ENCRYPTION_KEYS",
    ] {
        let pointer = format!("{name}_FILE");
        for env in [
            vec![(pointer.as_str(), "/nowhere/secret")],
            vec![(pointer.as_str(), empty)],
            vec![(pointer.as_str(), empty), (name, "redis://127.0.0.1:1")],
        ] {
            let finished = run(PRODUCER, ["enqueue"], &env, "").await;
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert!(finished.stderr.contains(&pointer), "{finished:?}");
        }
    }
}

#[tokio::test]
async fn every_key_has_the_namespace() {
    let stage = Stage::start().await;
    stage.redis.flush().await;
    let namespace = [("PENSTOCK_NAMESPACE", "other.place")];
    let finished = stage
        .enqueue_with(&[], &namespace, lines([&job("a")]))
        .await;
    assert_eq!(finished.stdout, counts(1, 0, 0), "{}", finished.stderr);
    let service = Service::start(&stage, &namespace).await;
    assert_eq!(service.post(text(&job("b"))).await.receipts().len(), 1);
    let keys = stage.redis.snapshot().await.0;
    assert!(!keys.is_empty());
    assert!(
        keys.keys().all(|key| key.starts_with("other.place:{0}:")),
        "{keys:?}"
    );
    assert_eq!(stage.count(ACME).await, 0);
}

#[tokio::test]
async fn log_lines_may_be_json() {
    let stage = Stage::start().await;
    let settings = [("PENSTOCK_LOG_FORMAT", "json"), ("PENSTOCK_LOG", "debug")];
    let service = Service::start(&stage, &settings).await;
    let line = service
        .program
        .wait_for_line("connected to Redis", PATIENCE)
        .await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
    let silent = Service::start(&stage, &[("PENSTOCK_LOG", "off")]).await;
    assert_eq!(
        silent.program.stderr().len(),
        1,
        "{:?}",
        silent.program.stderr()
    );
}
