//! From texts to [`Settings`].

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::ExposeSecret as _;

use super::{
    Delivery, Elsewhere, Encryption, Ghl, Intake, Log, Redis, Settings, SettingsError,
    source::{Found, Origin, Sources, nearest},
    table::{PREFIX, SETTINGS},
    value::{self, Complaint},
};
use crate::{ghl::App, quota::Quota};

/// The settings file that is used, if it is there, when `PENSTOCK_CONFIG` names none.
const FALLBACK_FILE: &str = "penstock.toml";

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

impl Settings {
    /// The effective settings of this process.
    pub fn load() -> Result<Self, SettingsError> {
        let mut environment = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let name = name.to_owned();
            match value.into_string() {
                Ok(value) => environment.insert(name, value),
                Err(_) => return Err(SettingsError::NotText { name }),
            };
        }
        let fallback = PathBuf::from(FALLBACK_FILE);
        let fallback = fallback.exists().then_some(fallback);
        Self::from_sources(Sources::read(&environment, fallback.as_deref())?)
    }

    /// The settings that these variables alone would give (and the file that they may name).
    pub fn load_from<N, V>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SettingsError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let variables = variables.into_iter();
        let environment = variables.map(|(name, value)| (name.into(), value.into()));
        Self::from_sources(Sources::read(&environment.collect(), None::<&Path>)?)
    }

    /// What the operator should know, though it stops nothing.
    pub fn warnings(&self) -> Vec<String> {
        let unknown = self.sources.unknown.iter().map(|name| {
            let known = nearest(name, SETTINGS.iter().map(|setting| setting.name));
            let meant = known.map_or_else(String::new, |known| format!(": did you mean {known}?"));
            format!("{name} is no setting and has no effect{meant}")
        });
        unknown.chain(self.doubtful()).collect()
    }

    fn from_sources(sources: Sources) -> Result<Self, SettingsError> {
        let settings = Self {
            redis: redis(&sources)?,
            ghl: ghl(&sources)?,
            elsewhere: Elsewhere {
                connections: read(&sources, "CONNECTIONS", |text| {
                    value::optional(text, |path| Ok(PathBuf::from(path)))
                })?,
                sms_report_wait: read(&sources, "SMS_REPORT_WAIT", |text| {
                    value::duration(text, SECOND..=7 * DAY)
                })?,
            },
            delivery: delivery(&sources)?,
            intake: Intake {
                max_backlog: read(&sources, "MAX_BACKLOG", |text| {
                    value::whole(text, 1..=1_000_000_000)
                })?,
                api_keys: read(&sources, "API_KEYS", value::secrets)?,
                flows: read(&sources, "FLOWS", |text| {
                    value::optional(text, |path| Ok(PathBuf::from(path)))
                })?,
                storm: read(&sources, "STORM", storm)?,
                hooks: read(&sources, "HOOKS", |text| {
                    value::optional(text, |path| Ok(PathBuf::from(path)))
                })?,
                hook_window: read(&sources, "HOOK_WINDOW", |text| {
                    value::duration(text, 2 * MINUTE..=366 * DAY)
                })?,
            },
            encryption: Encryption {
                keys: read(&sources, "ENCRYPTION_KEYS", value::keyring)?,
                payloads: read(&sources, "ENCRYPT_PAYLOADS", value::switch)?,
            },
            log: Log {
                filter: read(&sources, "LOG", value::log_filter)?,
                format: read(&sources, "LOG_FORMAT", value::log_format)?,
            },
            metrics_listen: read(&sources, "METRICS_LISTEN", |text| {
                value::optional(text, value::address)
            })?,
            sources,
        };
        settings.check()?;
        Ok(settings)
    }
}

fn redis(sources: &Sources) -> Result<Redis, SettingsError> {
    Ok(Redis {
        url: read(sources, "REDIS_URL", value::redis_url)?,
        ca: read(sources, "REDIS_CA", |text| {
            value::optional(text, value::certificates)
        })?,
        memory: read(sources, "REDIS_MEMORY", |text| {
            value::percent(text, 10..=100)
        })?,
        namespace: read(sources, "NAMESPACE", value::namespace)?,
        shards: read(sources, "SHARDS", |text| value::whole(text, 1..=1024))?,
        durability: read(sources, "DURABILITY", value::durability)?,
        retention: read(sources, "RETENTION", |text| {
            value::duration(text, SECOND..=366 * DAY)
        })?,
    })
}

/// As many as there are windows of a length that people think in.
const MOST_STORM_QUOTAS: usize = 4;

fn storm(text: &str) -> Result<Vec<Quota>, String> {
    let quotas: Vec<_> = text.split(',').map(|one| quota(one.trim())).collect();
    if quotas.len() > MOST_STORM_QUOTAS {
        return Err(format!(
            "write {MOST_STORM_QUOTAS} quotas at the most, separated by commas"
        ));
    }
    quotas.into_iter().collect()
}

fn quota(text: &str) -> Result<Quota, String> {
    text.parse::<Quota>().map_err(|error| error.to_string())
}

fn ghl(sources: &Sources) -> Result<Ghl, SettingsError> {
    Ok(Ghl {
        base_url: read(sources, "GHL_BASE_URL", value::base_url)?,
        token: read(sources, "GHL_TOKEN", |text| {
            value::optional(text, value::token)
        })?,
        app: app(sources)?,
        refresh_ahead: read(sources, "GHL_REFRESH_AHEAD", |text| {
            value::duration(text, SECOND..=20 * HOUR)
        })?,
        all_may_write: read(sources, "ALLOW_WRITES", value::allow_writes)?,
        burst: read(sources, "GHL_BURST", quota)?,
        daily: read(sources, "GHL_DAILY", quota)?,
        daily_pacing: read(sources, "DAILY_PACING", value::pacing)?,
        daily_reserve: read(sources, "DAILY_RESERVE", |text| {
            value::percent(text, 0..=90)
        })?,
        http_timeout: read(sources, "HTTP_TIMEOUT", |text| {
            value::duration(text, 100 * MILLISECOND..=5 * MINUTE)
        })?,
    })
}

/// The app, if there is one: id and secret are of no use without each other.
fn app(sources: &Sources) -> Result<Option<App>, SettingsError> {
    let client_id = read(sources, "GHL_CLIENT_ID", |text| {
        value::optional(text, value::client_id)
    })?;
    let client_secret = read(sources, "GHL_CLIENT_SECRET", |text| {
        value::optional(text, value::token)
    })?;
    let redirect_uri = read(sources, "GHL_REDIRECT_URI", |text| {
        value::optional(text, value::page)
    })?;
    let scopes = read(sources, "GHL_SCOPES", value::scopes)?;
    let authorize_url = read(sources, "GHL_AUTHORIZE_URL", value::page)?;
    let names = ["PENSTOCK_GHL_CLIENT_ID", "PENSTOCK_GHL_CLIENT_SECRET"];
    let lacks = |[name, other]: [&'static str; 2]| SettingsError::Missing {
        name,
        other,
        complaint: "the app is known by both of them",
    };
    match (client_id, client_secret) {
        (Some(client_id), Some(client_secret)) => Ok(Some(App {
            client_id,
            client_secret,
            redirect_uri,
            scopes,
            authorize_url,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(lacks(names)),
        (None, Some(_)) => Err(lacks([names[1], names[0]])),
    }
}

fn delivery(sources: &Sources) -> Result<Delivery, SettingsError> {
    Ok(Delivery {
        concurrency: read(sources, "CONCURRENCY", |text| {
            value::whole(text, 1..=10_000)
        })?,
        // Renewed at a third: below a second, one slow answer of Redis would lose every lease.
        lease: read(sources, "LEASE", |text| {
            value::duration(text, SECOND..=10 * MINUTE)
        })?,
        quarantine: read(sources, "QUARANTINE", |text| {
            value::per_type(text, |text| value::duration(text, 100 * MILLISECOND..=HOUR))
        })?,
        search_lag: read(sources, "SEARCH_LAG", |text| {
            value::duration(text, 100 * MILLISECOND..=HOUR)
        })?,
        max_attempts: read(sources, "MAX_ATTEMPTS", |text| {
            value::whole(text, 1..=1_000)
        })?,
        backoff: read(sources, "BACKOFF", |text| {
            value::backoff(text, 10 * MILLISECOND..=DAY)
        })?,
        max_age: read(sources, "MAX_AGE", |text| {
            value::optional(text, |text| value::duration(text, SECOND..=3_660 * DAY))
        })?,
        coalesce: read(sources, "COALESCE", value::switch)?,
        coalesce_max: read(sources, "COALESCE_MAX", |text| value::whole(text, 2..=500))?,
        ambiguous: read(sources, "AMBIGUOUS", |text| {
            value::per_type(text, value::ambiguous)
        })?,
        marker: read(sources, "MARKER", value::switch)?,
        marker_keys: read(sources, "MARKER_KEY", value::marker_keys)?,
        remove_twins: read(sources, "TWINS", value::twins)?,
        grace: read(sources, "GRACE", |text| {
            value::duration(text, Duration::ZERO..=HOUR)
        })?,
    })
}

/// Reads one setting, by its name without `PENSTOCK_`.
fn read<T>(
    sources: &Sources,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, Complaint>,
) -> Result<T, SettingsError> {
    let found = find(sources, name);
    read(found.text.expose_secret()).map_err(|complaint| SettingsError::Value {
        name: match found.origin {
            Origin::File(_) => found.setting.key(),
            Origin::Environment | Origin::Secret(_) | Origin::Default => {
                found.setting.name.to_owned()
            }
        },
        complaint,
        origin: found.origin.to_string(),
    })
}

#[expect(
    clippy::expect_used,
    reason = "names are literals of this file, and every test of it passes through here"
)]
fn find<'a>(sources: &'a Sources, name: &str) -> &'a Found {
    let mut all = sources.found.iter();
    all.find(|found| found.setting.name[PREFIX.len()..] == *name)
        .expect("every setting that is read is in the table")
}
