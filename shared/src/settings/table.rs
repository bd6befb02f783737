//! Every setting there is: its name, its default and what it means. The documented defaults are
//! these, and these are the ones compiled in.

/// One setting, as documented.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable. In the file its key is this name without `PENSTOCK_`, in lower
    /// case: `PENSTOCK_HTTP_TIMEOUT` is `http_timeout`.
    pub name: &'static str,
    /// What holds where nothing is set; `none` where there is no value by default.
    pub default: &'static str,
    /// Whether the value is, or contains, a secret: then it may also come from the file that
    /// `NAME_FILE` names, and is never printed.
    pub secret: bool,
    /// What it sets, in a line.
    pub meaning: &'static str,
}

impl Setting {
    /// The key of this setting in the settings file.
    pub fn key(&self) -> String {
        self.name[PREFIX.len()..].to_ascii_lowercase()
    }
}

/// What every variable begins with.
pub(super) const PREFIX: &str = "PENSTOCK_";
/// The variable that names the settings file; not a setting itself.
pub(super) const CONFIG: &str = "PENSTOCK_CONFIG";
/// Written for "no value".
pub(super) const NONE: &str = "none";

/// Every setting, in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    secret(
        "PENSTOCK_REDIS_URL",
        "redis://127.0.0.1:6379",
        "Redis: `redis://`, `rediss://` (TLS), `redis+unix:///path`, comma-separated nodes of a cluster, or `redis+sentinel://host:26379,host:26379/primary-name` (`rediss+sentinel://` with TLS)",
    ),
    plain(
        "PENSTOCK_REDIS_CA",
        "none",
        "a file of certificates (PEM), one of which must stand behind Redis' own; else one of the system's must",
    ),
    plain(
        "PENSTOCK_REDIS_MEMORY",
        "90%",
        "share of Redis' `maxmemory`, 10% to 100%, beyond which intake refuses: the rest is for what is stored already",
    ),
    plain("PENSTOCK_NAMESPACE", "penstock", "prefix of every key"),
    plain(
        "PENSTOCK_SHARDS",
        "1",
        "hash tags that the tenants are spread over, 1 to 1024; fixed at the first start",
    ),
    plain(
        "PENSTOCK_DURABILITY",
        "everysec",
        "what \"stored\" means: `everysec`, `always` or `replicated:N` (N replicas have it)",
    ),
    plain(
        "PENSTOCK_RETENTION",
        "24h",
        "how long ids, states and results are kept after `done`",
    ),
    plain(
        "PENSTOCK_GHL_BASE_URL",
        "https://services.leadconnectorhq.com",
        "the API, or a sandbox",
    ),
    secret(
        "PENSTOCK_GHL_TOKEN",
        "none",
        "a private integration token for every tenant that has no credentials of its own",
    ),
    plain(
        "PENSTOCK_GHL_CLIENT_ID",
        "none",
        "the app's client id in the API's marketplace: with it, accounts are connected by OAuth",
    ),
    secret(
        "PENSTOCK_GHL_CLIENT_SECRET",
        "none",
        "the app's client secret",
    ),
    plain(
        "PENSTOCK_GHL_REDIRECT_URI",
        "none",
        "the address of `/oauth/callback` of `penstock-producer serve`, as browsers reach it and as the app's page in the marketplace names it",
    ),
    plain(
        "PENSTOCK_GHL_SCOPES",
        "contacts.readonly contacts.write",
        "what is asked for as an account is connected, separated by spaces; `oauth.write` too where companies install the app for their locations",
    ),
    plain(
        "PENSTOCK_GHL_AUTHORIZE_URL",
        "https://marketplace.gohighlevel.com/v2/oauth/chooselocation",
        "the page on which the account is chosen that is connected",
    ),
    plain(
        "PENSTOCK_GHL_REFRESH_AHEAD",
        "1h",
        "how long before its end an OAuth token is renewed, and up to a quarter more by chance; a short-lived one not before half of its life",
    ),
    plain(
        "PENSTOCK_ALLOW_WRITES",
        "ask",
        "whether tenants connected by OAuth may write: `ask`, each of them, or its company, once `penstock-admin tenant allow-writes` was said, or `all`",
    ),
    plain(
        "PENSTOCK_GHL_BURST",
        "100/10s",
        "the most calls per tenant in any such window",
    ),
    plain(
        "PENSTOCK_GHL_DAILY",
        "200000/1d",
        "the most calls per tenant in any such longer window",
    ),
    plain(
        "PENSTOCK_CONNECTIONS",
        "none",
        "a file (TOML) that says where SMSFactor and other systems are, and what proves to them who calls; workers read it as they start: restart them after a change",
    ),
    plain(
        "PENSTOCK_SMS_REPORT_WAIT",
        "1h",
        "how long a text message of which nobody knows whether it was sent waits for a delivery report or a reply; it is never sent again for that",
    ),
    plain(
        "PENSTOCK_CONCURRENCY",
        "64",
        "calls in flight in one worker, 1 to 10000",
    ),
    plain(
        "PENSTOCK_LEASE",
        "5s",
        "a silent worker's jobs are taken over after this",
    ),
    plain(
        "PENSTOCK_HTTP_TIMEOUT",
        "10s",
        "the longest that one API call may take",
    ),
    plain(
        "PENSTOCK_QUARANTINE",
        "30s",
        "how long after the end of a call without an answer the API may still apply it; by job type as `30s,CreateTask=60s`; raised where it proves too short",
    ),
    plain(
        "PENSTOCK_SEARCH_LAG",
        "90s",
        "how long after the end of a call without an answer the API's search may not find the contact that it created; it is looked for no sooner",
    ),
    plain(
        "PENSTOCK_MAX_ATTEMPTS",
        "10",
        "failed attempts before a job is dead, 1 to 1000",
    ),
    plain(
        "PENSTOCK_BACKOFF",
        "1s..10m",
        "first and longest delay between attempts",
    ),
    plain(
        "PENSTOCK_MAX_AGE",
        "none",
        "a job still unfinished this long after it became due is dead",
    ),
    plain(
        "PENSTOCK_MAX_BACKLOG",
        "1000000",
        "unfinished jobs per tenant, beyond which intake refuses; what follows from a job is stored all the same, and pulls and polls wait for room",
    ),
    plain(
        "PENSTOCK_DAILY_PACING",
        "asap",
        "how the day's calls are spent: `asap`, or `spread` evenly over it, but for high priority",
    ),
    plain(
        "PENSTOCK_DAILY_RESERVE",
        "10%",
        "share of the day kept for high priority, 0% to 90%",
    ),
    plain(
        "PENSTOCK_COALESCE",
        "on",
        "merge waiting jobs into fewer calls: `on` or `off`",
    ),
    plain(
        "PENSTOCK_COALESCE_MAX",
        "100",
        "the most jobs, and so the most contacts, of one merged call, 2 to 500",
    ),
    plain(
        "PENSTOCK_AMBIGUOUS",
        "hold",
        "what becomes of a call whose outcome cannot be told: `hold`, `prefer-duplicate` or `prefer-miss`; by job type as `hold,AttachNote=prefer-miss`",
    ),
    plain(
        "PENSTOCK_MARKER",
        "off",
        "a short keyed marker as the last line of notes and tasks, by which their effect is recognised for certain: `on` or `off`",
    ),
    secret(
        "PENSTOCK_MARKER_KEY",
        "none",
        "comma-separated keys of the marker: the first makes it, all recognise it",
    ),
    plain(
        "PENSTOCK_TWINS",
        "report",
        "what becomes of an effect that turns out to be there twice, which only the marker can tell: `report`, or `remove` all but one",
    ),
    plain(
        "PENSTOCK_GRACE",
        "25s",
        "how long a worker that is told to stop may finish its calls",
    ),
    secret(
        "PENSTOCK_API_KEYS",
        "none",
        "comma-separated bearer keys of the HTTP intake; with none it listens on loopback only",
    ),
    plain(
        "PENSTOCK_FLOWS",
        "none",
        "a file (TOML) that says what follows from which event; workers read it again when it changes. One that has none leaves events to others; of `/dev/null` nothing follows",
    ),
    plain(
        "PENSTOCK_STORM",
        "60/1m,300/1h",
        "how many events of one kind about one record may lead to jobs in any window of each of these lengths: those beyond, as of flows that feed each other, are dead letters with the cause `storm`, until none has come for such a window",
    ),
    plain(
        "PENSTOCK_HOOKS",
        "none",
        "a file (TOML) that says which webhooks are taken in, and how their senders prove themselves; the intake reads it as it starts",
    ),
    plain(
        "PENSTOCK_HOOK_WINDOW",
        "24h",
        "how old an event may be that a webhook tells of; at most `PENSTOCK_RETENTION`, within which it is known again",
    ),
    secret(
        "PENSTOCK_ENCRYPTION_KEYS",
        "none",
        "comma-separated keys for what is stored, each `NAME:KEY` with 32 random bytes in base64 (`openssl rand -base64 32`); the first seals, all open",
    ),
    plain(
        "PENSTOCK_ENCRYPT_PAYLOADS",
        "off",
        "seal what jobs are to do, what they came to and what failed, before it is stored: `off` or `on`",
    ),
    plain(
        "PENSTOCK_LOG",
        "info",
        "which log lines are written, such as `info` or `warn,penstock_worker=debug`",
    ),
    plain(
        "PENSTOCK_LOG_FORMAT",
        "text",
        "how log lines are written: `text` or `json`",
    ),
    plain(
        "PENSTOCK_METRICS_LISTEN",
        "none",
        "address of `/metrics`, `/livez` and `/readyz`, such as `127.0.0.1:9464`",
    ),
];

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default,
        secret: false,
        meaning,
    }
}

const fn secret(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default,
        secret: true,
        meaning,
    }
}
