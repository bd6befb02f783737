use std::{fs, path::PathBuf};

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::{job::JobType, retry::Backoff};

/// The table of the documentation: a default that changes must change there too.
const DOCUMENTED: &[(&str, &str)] = &[
    ("PENSTOCK_REDIS_URL", "redis://127.0.0.1:6379"),
    ("PENSTOCK_REDIS_CA", "none"),
    ("PENSTOCK_REDIS_MEMORY", "90%"),
    ("PENSTOCK_NAMESPACE", "penstock"),
    ("PENSTOCK_SHARDS", "1"),
    ("PENSTOCK_DURABILITY", "everysec"),
    ("PENSTOCK_RETENTION", "24h"),
    (
        "PENSTOCK_GHL_BASE_URL",
        "https://services.leadconnectorhq.com",
    ),
    ("PENSTOCK_GHL_TOKEN", "none"),
    ("PENSTOCK_GHL_CLIENT_ID", "none"),
    ("PENSTOCK_GHL_CLIENT_SECRET", "none"),
    ("PENSTOCK_GHL_REDIRECT_URI", "none"),
    ("PENSTOCK_GHL_SCOPES", "contacts.readonly contacts.write"),
    (
        "PENSTOCK_GHL_AUTHORIZE_URL",
        "https://marketplace.gohighlevel.com/v2/oauth/chooselocation",
    ),
    ("PENSTOCK_GHL_REFRESH_AHEAD", "1h"),
    ("PENSTOCK_ALLOW_WRITES", "ask"),
    ("PENSTOCK_GHL_BURST", "100/10s"),
    ("PENSTOCK_GHL_DAILY", "200000/1d"),
    ("PENSTOCK_CONNECTIONS", "none"),
    ("PENSTOCK_SMS_REPORT_WAIT", "1h"),
    ("PENSTOCK_CONCURRENCY", "64"),
    ("PENSTOCK_LEASE", "5s"),
    ("PENSTOCK_HTTP_TIMEOUT", "10s"),
    ("PENSTOCK_QUARANTINE", "30s"),
    ("PENSTOCK_SEARCH_LAG", "90s"),
    ("PENSTOCK_MAX_ATTEMPTS", "10"),
    ("PENSTOCK_BACKOFF", "1s..10m"),
    ("PENSTOCK_MAX_AGE", "none"),
    ("PENSTOCK_MAX_BACKLOG", "1000000"),
    ("PENSTOCK_DAILY_PACING", "asap"),
    ("PENSTOCK_DAILY_RESERVE", "10%"),
    ("PENSTOCK_COALESCE", "on"),
    ("PENSTOCK_COALESCE_MAX", "100"),
    ("PENSTOCK_AMBIGUOUS", "hold"),
    ("PENSTOCK_MARKER", "off"),
    ("PENSTOCK_MARKER_KEY", "none"),
    ("PENSTOCK_TWINS", "report"),
    ("PENSTOCK_GRACE", "25s"),
    ("PENSTOCK_API_KEYS", "none"),
    ("PENSTOCK_FLOWS", "none"),
    ("PENSTOCK_STORM", "60/1m,300/1h"),
    ("PENSTOCK_HOOKS", "none"),
    ("PENSTOCK_HOOK_WINDOW", "24h"),
    ("PENSTOCK_ENCRYPTION_KEYS", "none"),
    ("PENSTOCK_ENCRYPT_PAYLOADS", "off"),
    ("PENSTOCK_LOG", "info"),
    ("PENSTOCK_LOG_FORMAT", "text"),
    ("PENSTOCK_METRICS_LISTEN", "none"),
];

fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::load_from(variables.iter().copied())
}

fn complaint(variables: &[(&str, &str)]) -> String {
    load(variables).unwrap_err().to_string()
}

/// A file in a directory that is removed with the returned guard.
fn file(name: &str, content: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    (directory, path.to_str().unwrap().to_owned())
}

#[test]
fn the_documented_defaults_are_the_compiled_ones() {
    let compiled: Vec<_> = SETTINGS.iter().map(|s| (s.name, s.default)).collect();
    assert_eq!(compiled, DOCUMENTED);
}

#[test]
fn defaults_are_valid_and_typed() {
    let settings = load(&[]).unwrap();
    assert_eq!(settings.redis.url.expose_secret(), "redis://127.0.0.1:6379");
    assert_eq!(settings.redis.shards, 1);
    assert_eq!(settings.redis.durability, Durability::Everysec);
    assert_eq!(settings.redis.retention, Duration::from_secs(86_400));
    assert_eq!(settings.ghl.burst, "100/10s".parse().unwrap());
    assert_eq!(settings.ghl.daily, "200000/1d".parse().unwrap());
    assert_eq!(settings.ghl.daily_reserve, 10);
    assert_eq!(settings.ghl.daily_pacing, DailyPacing::Asap);
    assert!(settings.ghl.token.is_none());
    assert_eq!(settings.delivery.concurrency, 64);
    assert_eq!(settings.delivery.max_age, None);
    assert_eq!(
        settings.delivery.ambiguous,
        PerType::all(AmbiguousPolicy::Hold)
    );
    assert!(settings.delivery.coalesce && !settings.delivery.marker);
    assert_eq!(settings.intake.max_backlog, 1_000_000);
    assert!(settings.intake.api_keys.is_empty() && settings.encryption.keys.is_empty());
    assert!(!settings.encryption.payloads);
    assert_eq!(settings.metrics_listen, None);
    assert_eq!(settings.warnings(), Vec::<String>::new());
}

#[test]
fn every_setting_can_be_set() {
    let settings = load(&[
        (
            "PENSTOCK_REDIS_URL",
            "redis+sentinel://a:26379,b:26379/main",
        ),
        ("PENSTOCK_REDIS_MEMORY", "75%"),
        ("PENSTOCK_DURABILITY", "replicated:2"),
        ("PENSTOCK_GHL_BASE_URL", "http://127.0.0.1:8080/"),
        ("PENSTOCK_GHL_TOKEN", "pit-1"),
        ("PENSTOCK_BACKOFF", "10ms..1s"),
        ("PENSTOCK_MAX_AGE", "2h"),
        ("PENSTOCK_DAILY_PACING", "spread"),
        ("PENSTOCK_DAILY_RESERVE", "0%"),
        (
            "PENSTOCK_AMBIGUOUS",
            "prefer-miss, CreateTask=prefer-duplicate",
        ),
        ("PENSTOCK_API_KEYS", "one, two"),
        ("PENSTOCK_LOG", "warn,penstock_worker=debug"),
        ("PENSTOCK_LOG_FORMAT", "json"),
        ("PENSTOCK_METRICS_LISTEN", "[::1]:9464"),
    ])
    .unwrap();
    let replicas = NonZeroU8::new(2).unwrap();
    assert_eq!(settings.redis.durability, Durability::Replicated(replicas));
    assert_eq!(settings.ghl.base_url, "http://127.0.0.1:8080");
    assert_eq!(settings.ghl.token.unwrap().expose_secret(), "pit-1");
    let (first, longest) = (Duration::from_millis(10), Duration::from_secs(1));
    assert_eq!(settings.delivery.backoff, Backoff { first, longest });
    assert_eq!(settings.delivery.max_age, Some(Duration::from_secs(7_200)));
    assert_eq!(
        settings.delivery.ambiguous,
        PerType::all(AmbiguousPolicy::PreferMiss)
            .with(JobType::CreateTask, AmbiguousPolicy::PreferDuplicate)
    );
    assert_eq!(settings.intake.api_keys[1].expose_secret(), "two");
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.metrics_listen, "[::1]:9464".parse().ok());
}

#[test]
fn exceptions_by_job_type_are_checked() {
    for (text, says) in [
        ("CreateTask=hold", "before `CreateTask=hold`"),
        ("hold,CreateTask", "write TYPE=VALUE"),
        ("hold,MakeTask=hold", "no such job type"),
        ("hold,CreateTask=hold,CreateTask=prefer-miss", "named twice"),
        ("hold,CreateTask=never", "`CreateTask=never`: write `hold`"),
        ("never", "write `hold` or `prefer-duplicate`"),
    ] {
        let error = load(&[("PENSTOCK_AMBIGUOUS", text)]).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(says), "{text}: {error}");
        assert!(error.contains("PENSTOCK_AMBIGUOUS"), "{error}");
    }
}

#[test]
fn nonsense_names_its_setting() {
    for (name, value) in [
        ("PENSTOCK_REDIS_URL", "http://localhost"),
        ("PENSTOCK_REDIS_URL", "localhost:6379"),
        ("PENSTOCK_REDIS_URL", "redis://a b"),
        ("PENSTOCK_REDIS_URL", "redis+sentinel://a:26379,b:26379"),
        ("PENSTOCK_REDIS_URL", "redis+sentinel://a:26379,/primary"),
        ("PENSTOCK_REDIS_CA", "/nowhere.pem"),
        ("PENSTOCK_REDIS_MEMORY", "9%"),
        ("PENSTOCK_NAMESPACE", "pen{stock}"),
        ("PENSTOCK_SHARDS", "0"),
        ("PENSTOCK_SHARDS", "1025"),
        ("PENSTOCK_DURABILITY", "replicated:0"),
        ("PENSTOCK_DURABILITY", "maybe"),
        ("PENSTOCK_RETENTION", "none"),
        ("PENSTOCK_GHL_BASE_URL", "ftp://example.com"),
        ("PENSTOCK_GHL_BASE_URL", "services.leadconnectorhq.com"),
        ("PENSTOCK_GHL_BASE_URL", "https://user:word@example.com"),
        ("PENSTOCK_GHL_BASE_URL", "https://example.com/?a=b"),
        ("PENSTOCK_GHL_BASE_URL", "https://example.com/#a"),
        ("PENSTOCK_GHL_TOKEN", "two words"),
        ("PENSTOCK_GHL_BURST", "100"),
        ("PENSTOCK_GHL_DAILY", "0/1d"),
        ("PENSTOCK_CONCURRENCY", "0"),
        ("PENSTOCK_CONCURRENCY", "10001"),
        ("PENSTOCK_COALESCE_MAX", "1"),
        ("PENSTOCK_COALESCE_MAX", "501"),
        ("PENSTOCK_LEASE", "5"),
        ("PENSTOCK_LEASE", "500ms"),
        ("PENSTOCK_HTTP_TIMEOUT", "0s"),
        ("PENSTOCK_QUARANTINE", "2h"),
        ("PENSTOCK_MAX_ATTEMPTS", "1001"),
        ("PENSTOCK_BACKOFF", "10m..1s"),
        ("PENSTOCK_BACKOFF", "0s..1s"),
        ("PENSTOCK_MAX_AGE", "never"),
        ("PENSTOCK_MAX_BACKLOG", "-1"),
        ("PENSTOCK_DAILY_PACING", "slow"),
        ("PENSTOCK_DAILY_RESERVE", "91%"),
        ("PENSTOCK_COALESCE", "yes"),
        ("PENSTOCK_AMBIGUOUS", "guess"),
        ("PENSTOCK_MARKER", "1"),
        ("PENSTOCK_GRACE", "2h"),
        ("PENSTOCK_API_KEYS", "one,,two"),
        ("PENSTOCK_ENCRYPTION_KEYS", "k\u{e9}y"),
        ("PENSTOCK_ENCRYPTION_KEYS", "name:tooshort"),
        ("PENSTOCK_ENCRYPT_PAYLOADS", "yes"),
        ("PENSTOCK_LOG", "verbose"),
        ("PENSTOCK_LOG", "penstock=loud"),
        ("PENSTOCK_LOG_FORMAT", "xml"),
        ("PENSTOCK_METRICS_LISTEN", "localhost"),
    ] {
        let text = complaint(&[(name, value)]);
        assert!(text.starts_with(&format!("{name}: ")), "{text}");
        assert!(text.ends_with("(it comes from the environment)"), "{text}");
    }
}

#[test]
fn contradictions_name_both_settings() {
    let text = complaint(&[("PENSTOCK_GHL_BURST", "100/1d")]);
    assert!(
        text.starts_with("PENSTOCK_GHL_BURST and PENSTOCK_GHL_DAILY"),
        "{text}"
    );
    let text = complaint(&[("PENSTOCK_RETENTION", "10s")]);
    assert!(
        text.starts_with("PENSTOCK_RETENTION and PENSTOCK_QUARANTINE"),
        "{text}"
    );
    let window = [("PENSTOCK_HOOK_WINDOW", "25h"), ("PENSTOCK_HOOKS", "h")];
    let text = complaint(&window);
    assert!(
        text.starts_with("PENSTOCK_HOOK_WINDOW and PENSTOCK_RETENTION"),
        "{text}"
    );
    // Where no webhooks are taken in it says nothing.
    assert!(load(&window[..1]).is_ok());
}

#[test]
fn what_makes_no_sense_alone_names_what_it_needs() {
    for (name, value, needed) in [
        (
            "PENSTOCK_ENCRYPT_PAYLOADS",
            "on",
            "PENSTOCK_ENCRYPTION_KEYS",
        ),
        ("PENSTOCK_MARKER", "on", "PENSTOCK_MARKER_KEY"),
        ("PENSTOCK_TWINS", "remove", "PENSTOCK_MARKER=on"),
    ] {
        let text = complaint(&[(name, value)]);
        assert!(text.starts_with(name), "{text}");
        assert!(text.contains(&format!(" needs {needed}: ")), "{text}");
    }
    let (_guard, path) = file("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let text = complaint(&[("PENSTOCK_REDIS_CA", &path)]);
    assert!(
        text.starts_with("PENSTOCK_REDIS_CA needs PENSTOCK_REDIS_URL: "),
        "{text}"
    );
}

/// Its keys still tell twins of what was sent while it was on.
#[test]
fn twins_are_removed_without_the_marker_only_where_it_was_on_before() {
    let key = "a-long-random-text-of-a-key";
    let settings = load(&[("PENSTOCK_TWINS", "remove"), ("PENSTOCK_MARKER_KEY", key)]);
    let warnings = settings.unwrap().warnings();
    assert!(
        matches!(&warnings[..], [one] if one.contains("PENSTOCK_TWINS") && one.contains("PENSTOCK_MARKER is off")),
        "{warnings:?}"
    );
    let both = [
        ("PENSTOCK_TWINS", "remove"),
        ("PENSTOCK_MARKER", "on"),
        ("PENSTOCK_MARKER_KEY", key),
    ];
    assert_eq!(load(&both).unwrap().warnings(), [""; 0]);
}

#[test]
fn lists_of_keys_say_what_is_expected() {
    for name in ["PENSTOCK_MARKER_KEY", "PENSTOCK_API_KEYS"] {
        let text = complaint(&[(name, ",")]);
        let expected = "write a key, or several separated by commas, none of them empty";
        assert!(text.starts_with(&format!("{name}: {expected}")), "{text}");
    }
    let text = complaint(&[("PENSTOCK_MARKER_KEY", "short")]);
    assert!(text.contains("fewer than 16 characters"), "{text}");
}

#[test]
fn environment_goes_before_file_before_default() {
    let content = "lease = \"7s\"\nconcurrency = 5\ncoalesce = false\napi_keys = [\"a\", \"b\"]\n";
    let (_guard, path) = file("penstock.toml", content);
    let settings = load(&[
        ("PENSTOCK_CONFIG", &path),
        ("PENSTOCK_LEASE", "9s"),
        ("PENSTOCK_CONCURRENCY", ""),
    ])
    .unwrap();
    assert_eq!(settings.delivery.lease, Duration::from_secs(9));
    assert_eq!(settings.delivery.concurrency, 5);
    assert!(!settings.delivery.coalesce);
    assert_eq!(settings.intake.api_keys.len(), 2);
    let text = settings.render();
    assert!(
        text.contains("PENSTOCK_LEASE = \"9s\"  # from environment\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!("PENSTOCK_CONCURRENCY = 5  # from file {path:?}\n")),
        "{text}"
    );
    assert!(
        text.contains("PENSTOCK_MAX_AGE = none  # from default\n"),
        "{text}"
    );
}

#[test]
fn the_file_is_refused_with_the_place_of_the_fault() {
    for (content, expected) in [
        (
            "leese = \"5s\"",
            "unknown key `leese`: did you mean `lease`?",
        ),
        ("lease = 5", "lease: `5` is not a length of time"),
        ("lease = [[1]]", "lease: write a text"),
        ("\nlease = ", "line 2 is not valid TOML"),
        ("[delivery]\nlease = \"5s\"", "unknown key `delivery`"),
    ] {
        let (_guard, path) = file("penstock.toml", content);
        let text = complaint(&[("PENSTOCK_CONFIG", &path)]);
        assert!(text.contains(expected) && text.contains(&path), "{text}");
    }
    let text = complaint(&[("PENSTOCK_CONFIG", "/nowhere/penstock.toml")]);
    assert!(
        text.contains("/nowhere/penstock.toml cannot be read"),
        "{text}"
    );
}

#[test]
fn nothing_is_suggested_for_what_is_like_no_setting() {
    let (_guard, path) = file("penstock.toml", "bogus = 1");
    let text = complaint(&[("PENSTOCK_CONFIG", &path)]);
    assert!(text.ends_with("unknown key `bogus`"), "{text}");
    let warnings = load(&[("PENSTOCK_XYZZY", "1")]).unwrap().warnings();
    assert!(warnings[0].ends_with("has no effect"), "{warnings:?}");
}

#[test]
fn a_broken_file_does_not_show_its_secrets() {
    let (_guard, path) = file("penstock.toml", "ghl_token = \"pit-secret\" lease = 5");
    let text = complaint(&[("PENSTOCK_CONFIG", &path)]);
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn secrets_come_from_files_of_their_own() {
    let (_guard, path) = file("token", "pit-from-file\r\n");
    let settings = load(&[("PENSTOCK_GHL_TOKEN_FILE", &path)]).unwrap();
    assert_eq!(settings.ghl.token.unwrap().expose_secret(), "pit-from-file");

    let text = complaint(&[
        ("PENSTOCK_GHL_TOKEN_FILE", path.as_str()),
        ("PENSTOCK_GHL_TOKEN", "pit-direct"),
    ]);
    assert_eq!(
        text,
        "PENSTOCK_GHL_TOKEN and PENSTOCK_GHL_TOKEN_FILE are both set: unset one of them"
    );
    let text = complaint(&[("PENSTOCK_GHL_TOKEN_FILE", "/nowhere")]);
    assert!(
        text.starts_with("PENSTOCK_GHL_TOKEN_FILE: the file /nowhere cannot be read"),
        "{text}"
    );
    let (_guard, path) = file("torn", "pit one\npit two\n");
    let text = complaint(&[("PENSTOCK_GHL_TOKEN_FILE", &path)]);
    assert!(
        text.ends_with(&format!("(it comes from the file {path})")),
        "{text}"
    );
    let (_guard, path) = file("empty", "\n");
    let text = complaint(&[("PENSTOCK_GHL_TOKEN_FILE", &path)]);
    assert!(text.ends_with("is empty"), "{text}");
}

#[test]
fn a_secret_file_is_found_beside_the_settings_file() {
    let (guard, path) = file("penstock.toml", "ghl_token_file = \"token\"");
    fs::write(PathBuf::from(guard.path()).join("token"), "pit-beside\n").unwrap();
    let settings = load(&[("PENSTOCK_CONFIG", &path)]).unwrap();
    assert_eq!(settings.ghl.token.unwrap().expose_secret(), "pit-beside");
}

#[test]
fn unknown_variables_are_warned_of() {
    let settings = load(&[("PENSTOCK_LEESE", "1s"), ("PENSTOCK_LEASE_FILE", "x")]).unwrap();
    let warnings = settings.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .all(|text| text.ends_with("did you mean PENSTOCK_LEASE?")),
        "{warnings:?}"
    );
}

#[test]
fn doubtful_settings_are_warned_of() {
    let settings = load(&[("PENSTOCK_GRACE", "1s")]).unwrap();
    assert_eq!(settings.warnings().len(), 1);
}

#[test]
fn the_readme_has_every_setting_with_its_default() {
    let readme = include_str!("../../../README.md");
    for setting in SETTINGS {
        let default = match setting.default {
            "none" => "none".to_owned(),
            value => format!("`{value}`"),
        };
        let row = format!("| `{}` | {default} | {} |", setting.name, setting.meaning);
        assert!(readme.contains(&row), "{row}");
    }
}

/// A key for what is stored.
const KEY: &str = "main:Y2FuYXJ5IGNhbmFyeSBjYW5hcnkgY2FuYXJ5IGtleSE=";

#[test]
fn no_secret_is_ever_shown() {
    for url in [
        "redis://:canary@localhost:6379/0",
        "redis://user:canary@a,redis://user:canary@b",
        "redis://:can@ry,canary@localhost",
        "redis://:canary?x@localhost",
        "redis+unix:///run/redis.sock?pass=canary",
        "redis+unix:///run/redis.sock?pass=x@canary",
        "rediss://u:canary#/@host?canary",
    ] {
        let settings = load(&[
            ("PENSTOCK_REDIS_URL", url),
            ("PENSTOCK_GHL_TOKEN", "canary"),
            ("PENSTOCK_API_KEYS", "canary,canary"),
            ("PENSTOCK_ENCRYPTION_KEYS", KEY),
        ])
        .unwrap();
        let shown = format!("{}{settings:?}{:?}", settings.render(), settings.warnings());
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!shown.contains(&KEY[5..]), "{shown}");
    }
    for name in ["REDIS_URL", "GHL_TOKEN", "API_KEYS", "ENCRYPTION_KEYS"] {
        let text = complaint(&[(&format!("PENSTOCK_{name}"), "can ary\u{e9}")]);
        assert!(!text.contains("can ary"), "{text}");
    }
}

#[test]
fn what_is_rendered_tells_hosts_apart() {
    let settings = load(&[("PENSTOCK_REDIS_URL", "rediss://u:p@redis.internal:6380/1")]).unwrap();
    let text = settings.render();
    assert!(
        text.starts_with("PENSTOCK_REDIS_URL = \"rediss://***@redis.internal:6380/1\"  #"),
        "{text}"
    );
    assert_eq!(text.lines().count(), SETTINGS.len());
}

proptest! {
    #[test]
    fn any_value_is_survived(index in 0..SETTINGS.len(), value in ".{0,60}") {
        let _ = load(&[(SETTINGS[index].name, &value)]);
    }
}

#[test]
fn a_token_sent_in_clear_is_warned_of() {
    let warned = |url: &str| {
        let settings = load(&[("PENSTOCK_GHL_BASE_URL", url)]).unwrap();
        let warnings = settings.warnings();
        warnings.iter().any(|warning| warning.contains("in clear"))
    };
    assert!(warned("http://sandbox:4010") && warned("http://10.0.0.7"));
    for url in [
        "https://10.0.0.7",
        "http://127.0.0.1:4010",
        "http://[::1]:4010",
        "http://localhost:4010",
    ] {
        assert!(!warned(url), "{url}");
    }
}

#[test]
fn an_app_is_known_by_its_id_and_its_secret_and_needs_a_key() {
    let key = (
        "PENSTOCK_ENCRYPTION_KEYS",
        "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    let id = ("PENSTOCK_GHL_CLIENT_ID", "app-1");
    let secret = ("PENSTOCK_GHL_CLIENT_SECRET", "c4n4ry");
    let told = complaint(&[id, key]);
    assert!(told.contains("PENSTOCK_GHL_CLIENT_SECRET"), "{told}");
    let told = complaint(&[secret, key]);
    assert!(told.contains("PENSTOCK_GHL_CLIENT_ID"), "{told}");
    let told = complaint(&[id, secret]);
    assert!(told.contains("PENSTOCK_ENCRYPTION_KEYS"), "{told}");
    assert!(!told.contains("c4n4ry"));
    let settings = load(&[id, secret, key]).unwrap();
    let app = settings.ghl.app.as_ref().unwrap();
    assert_eq!(app.client_id, "app-1");
    assert_eq!(app.scopes, "contacts.readonly contacts.write");
    assert!(!settings.render().contains("c4n4ry") && !settings.ghl.all_may_write);
}

#[test]
fn what_an_app_cannot_be_is_refused() {
    for (name, value) in [
        ("PENSTOCK_GHL_CLIENT_ID", "a/b"),
        ("PENSTOCK_GHL_REDIRECT_URI", "ftp://x"),
        ("PENSTOCK_GHL_REDIRECT_URI", "https://x/#y"),
        ("PENSTOCK_GHL_AUTHORIZE_URL", "page"),
        ("PENSTOCK_GHL_REFRESH_AHEAD", "2d"),
        ("PENSTOCK_ALLOW_WRITES", "yes"),
    ] {
        let told = complaint(&[(name, value)]);
        assert!(told.contains(name), "{told}");
    }
}
