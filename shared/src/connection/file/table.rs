//! One connection as the file has it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::Deserialize;

use super::{
    Known, SMSFACTOR_IS,
    proof::{self, AuthName, TenantTable},
};
use crate::{
    connection::{Connection, Forbidden},
    job::Tenant,
    quota::{Quota, Quotas},
    secret::Texts,
    settings, span,
    tables::Complaint,
};

/// What a call may take.
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(300);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    base_url: Option<String>,
    pub(super) auth: Option<AuthName>,
    pub(super) header: Option<String>,
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) token: Texts,
    #[serde(default)]
    pub(super) token_file: Texts,
    #[serde(default)]
    pub(super) token_env: Texts,
    quota: Option<String>,
    daily: Option<String>,
    timeout: Option<String>,
    idempotency_header: Option<String>,
    forbidden: Option<Forbidden>,
    probe: Option<String>,
    #[serde(default)]
    pub(super) tenants: BTreeMap<Tenant, TenantTable>,
}

impl Table {
    /// A key that has no effect is a mistake.
    pub(super) fn smsfactor(self, path: &Path) -> Result<Connection, Complaint> {
        let given = [
            ("auth", self.auth.is_some()),
            ("header", self.header.is_some()),
            ("idempotency_header", self.idempotency_header.is_some()),
            ("forbidden", self.forbidden.is_some()),
            ("probe", self.probe.is_some()),
        ];
        if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err((
                key,
                "SMSFactor has none: it takes a bearer token, and says itself what it refuses"
                    .to_owned(),
            ));
        }
        self.connection(&SMSFACTOR_IS, path)
    }

    pub(super) fn connection(self, known: &Known, path: &Path) -> Result<Connection, Complaint> {
        let auth = self.per_tenant(path)?;
        let base_url = self.base_url.as_deref().or(known.base_url);
        let Some(base_url) = base_url else {
            return Err(("base_url", "missing: write where it leads".to_owned()));
        };
        let timeout = self.timeout.as_deref().map(span::parse).transpose();
        let timeout = timeout.map_err(|error| ("timeout", error.to_string()))?;
        if timeout.is_some_and(|timeout| !TIMEOUTS.contains(&timeout)) {
            return Err(("timeout", "write 100ms to 5m".to_owned()));
        }
        let header = self.idempotency_header.as_deref().map(proof::header);
        let probe = self.probe.as_deref().map(str::parse).transpose();
        Ok(Connection {
            base_url: settings::base_url(base_url).map_err(|problem| ("base_url", problem))?,
            quotas: quotas(
                self.quota.as_deref().unwrap_or(known.quota),
                self.daily.as_deref(),
            )?,
            timeout,
            auth,
            idempotency_header: header
                .transpose()
                .map_err(|problem| ("idempotency_header", problem))?,
            forbidden: self.forbidden.unwrap_or_default(),
            probe: probe.map_err(|invalid| ("probe", format!("{invalid}")))?,
        })
    }
}

/// A short window's and a longer one's; where nothing is said of the longer one, all that the short one allows.
fn quotas(short: &str, long: Option<&str>) -> Result<(Quota, Quota), Complaint> {
    let quota = |key: &'static str, text: &str| {
        text.parse::<Quota>()
            .map_err(|error| (key, error.to_string()))
    };
    let short = quota("quota", short)?;
    let Some(long) = long else {
        return Ok((short, Quotas::UNLIMITED.1));
    };
    let long = quota("daily", long)?;
    if short.window() >= long.window() {
        let problem = format!("the window of {short} must be shorter than that of {long}");
        return Err(("daily", problem));
    }
    Ok((short, long))
}
