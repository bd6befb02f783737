//! The file of connections: `[smsfactor]`, and a table for each other, by its name.
//!
//! ```toml
//! [smsfactor]
//! token_file = "smsfactor.token"
//! quota = "10/1s"
//!
//! [smsfactor.tenants.ve9EPM428h8vShlRW1KT]
//! token_env = "SMSFACTOR_TOKEN_OF_ACME"
//!
//! [connection.smore]
//! token_env = "SMORE_TOKEN"
//!
//! [connection.crm]
//! base_url = "https://crm.example/api"
//! header = "X-Api-Key"
//! token_file = "crm.key"
//! quota = "100/1m"
//! daily = "20000/1d"
//! timeout = "20s"
//! idempotency_header = "Idempotency-Key"
//! probe = "/status"
//! ```

use std::{collections::BTreeMap, path::Path, time::Duration};

use http::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toml::Spanned;

use super::{Auth, Connection, Connections, PerTenant};
use crate::{
    job::{ConnectionName, Tenant},
    quota::{Quota, Quotas},
    secret::{self, Texts},
    settings, span,
    tables::{self, Complaint, Source, TablesError},
};

/// The setting that names the file.
const SETTING: &str = "PENSTOCK_CONNECTIONS";
/// The connection that needs no address.
const SMORE: &str = "smore";

/// Where one leads and how much of it there is, where the file does not say.
struct Known {
    base_url: Option<&'static str>,
    quota: &'static str,
}

const SMSFACTOR_IS: Known = Known {
    base_url: Some("https://api.smsfactor.com"),
    quota: "10/1s",
};
const SMORE_IS: Known = Known {
    base_url: Some("https://smore.im/api/v1"),
    quota: "20/1m",
};
const OTHERS_ARE: Known = Known {
    base_url: None,
    quota: "10/1s",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    smsfactor: Option<Spanned<Table>>,
    #[serde(default)]
    connection: BTreeMap<String, Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    base_url: Option<String>,
    auth: Option<AuthName>,
    header: Option<String>,
    user: Option<String>,
    #[serde(default)]
    token: Texts,
    #[serde(default)]
    token_file: Texts,
    #[serde(default)]
    token_env: Texts,
    quota: Option<String>,
    daily: Option<String>,
    timeout: Option<String>,
    idempotency_header: Option<String>,
    probe: Option<String>,
    #[serde(default)]
    tenants: BTreeMap<Tenant, TenantTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantTable {
    user: Option<String>,
    #[serde(default)]
    token: Texts,
    #[serde(default)]
    token_file: Texts,
    #[serde(default)]
    token_env: Texts,
}

/// The places in which a table may have its secret.
#[derive(Clone, Copy)]
struct Proof<'a> {
    inline: &'a Texts,
    files: &'a Texts,
    variables: &'a Texts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AuthName {
    Bearer,
    Header,
    Basic,
    None,
}

impl Connections {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, TablesError> {
        let text = tables::load(path, SETTING)?;
        Self::parse(&text, path)
    }

    /// Reads the text of the file that is there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TablesError> {
        let source = Source { text, path };
        let tables: Tables = source.tables()?;
        let smsfactor = tables.smsfactor.map(|table| {
            let at = table.span().start;
            let read = table.into_inner().smsfactor(path);
            read.map_err(|complaint| source.refuse(at, "smsfactor", &complaint))
        });
        let others = tables.connection.into_iter().map(|(name, table)| {
            let at = table.span().start;
            let read = named(&name, table.into_inner(), path);
            let key = format!("connection.{name}");
            read.map_err(|complaint| source.refuse(at, &key, &complaint))
        });
        Ok(Self {
            smsfactor: smsfactor.transpose()?,
            others: others.collect::<Result<_, _>>()?,
        })
    }
}

fn named(name: &str, table: Table, path: &Path) -> Result<(ConnectionName, Connection), Complaint> {
    let known = if name == SMORE {
        &SMORE_IS
    } else {
        &OTHERS_ARE
    };
    let name = name
        .parse()
        .map_err(|invalid| ("", format!("its name {invalid}")))?;
    Ok((name, table.connection(known, path)?))
}

impl Table {
    /// A key that has no effect is a mistake.
    fn smsfactor(self, path: &Path) -> Result<Connection, Complaint> {
        let given = [
            ("auth", self.auth.is_some()),
            ("header", self.header.is_some()),
            ("idempotency_header", self.idempotency_header.is_some()),
            ("probe", self.probe.is_some()),
        ];
        if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err((
                key,
                "SMSFactor has none: it takes a bearer token".to_owned(),
            ));
        }
        self.connection(&SMSFACTOR_IS, path)
    }

    fn connection(self, known: &Known, path: &Path) -> Result<Connection, Complaint> {
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
        let header = self.idempotency_header.as_deref().map(header);
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
            probe: probe.map_err(|invalid| ("probe", format!("{invalid}")))?,
        })
    }

    fn per_tenant(&self, path: &Path) -> Result<PerTenant, Complaint> {
        let scheme = self.scheme();
        if scheme == AuthName::None && !(self.proof().is_empty() && self.tenants.is_empty()) {
            return Err(("auth", "none takes no token".to_owned()));
        }
        let user = self.user.as_deref();
        let own = self.tenants.iter().map(|(tenant, table)| {
            let auth = self.auth(scheme, table.user.as_deref().or(user), table.proof(), path)?;
            let missing = || ("tenants", format!("{} has no token", tenant.as_str()));
            Ok((tenant.clone(), auth.ok_or_else(missing)?))
        });
        let own: BTreeMap<_, _> = own.collect::<Result<_, Complaint>>()?;
        let everybodys = self.auth(scheme, user, self.proof(), path)?;
        if everybodys.is_none() && own.is_empty() {
            let remedy = "missing: write token, token_file or token_env; or auth = \"none\", if it asks for none";
            return Err(("token", remedy.to_owned()));
        }
        Ok(PerTenant { everybodys, own })
    }

    fn proof(&self) -> Proof<'_> {
        Proof {
            inline: &self.token,
            files: &self.token_file,
            variables: &self.token_env,
        }
    }

    fn scheme(&self) -> AuthName {
        let default = match (&self.header, &self.user) {
            (Some(_), _) => AuthName::Header,
            (None, Some(_)) => AuthName::Basic,
            (None, None) => AuthName::Bearer,
        };
        self.auth.unwrap_or(default)
    }

    fn auth(
        &self,
        scheme: AuthName,
        user: Option<&str>,
        proof: Proof<'_>,
        path: &Path,
    ) -> Result<Option<Auth>, Complaint> {
        let given = |key: &'static str, value: bool, wanted: AuthName| {
            (value && scheme != wanted).then(|| (key, "its auth needs none".to_owned()))
        };
        let needless = given("header", self.header.is_some(), AuthName::Header)
            .or_else(|| given("user", user.is_some(), AuthName::Basic));
        if let Some(complaint) = needless {
            return Err(complaint);
        }
        if scheme == AuthName::None {
            return Ok(Some(Auth::Nothing));
        }
        let Some(secret) = proof.secret(path)? else {
            return Ok(None);
        };
        Ok(Some(match scheme {
            AuthName::Header => {
                let name = self.header.as_deref().unwrap_or_default();
                let name = header(name).map_err(|problem| ("header", problem))?;
                Auth::Header(name, secret)
            }
            AuthName::Basic => {
                let missing = || {
                    (
                        "user",
                        "missing: write the name beside the password".to_owned(),
                    )
                };
                Auth::Basic(user.ok_or_else(missing)?.to_owned(), secret)
            }
            AuthName::Bearer | AuthName::None => Auth::Bearer(secret),
        }))
    }
}

/// What a call may take.
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(300);

impl TenantTable {
    fn proof(&self) -> Proof<'_> {
        Proof {
            inline: &self.token,
            files: &self.token_file,
            variables: &self.token_env,
        }
    }
}

impl Proof<'_> {
    fn is_empty(self) -> bool {
        self.inline.is_empty() && self.files.is_empty() && self.variables.is_empty()
    }

    fn secret(self, path: &Path) -> Result<Option<SecretString>, Complaint> {
        let files = secret::from_files(self.files, path);
        let files = files.map_err(|problem| ("token_file", problem))?;
        let variables = secret::from_variables(self.variables);
        let variables = variables.map_err(|problem| ("token_env", problem))?;
        let mut all = [self.inline.as_slice(), &files, &variables].concat();
        if all.len() > 1 {
            return Err(("token", "there are several: write one".to_owned()));
        }
        let secret = all.pop();
        let fits =
            |secret: &SecretString| http::HeaderValue::from_str(secret.expose_secret()).is_ok();
        if secret.as_ref().is_some_and(|secret| !fits(secret)) {
            return Err(("token", "no header can carry it".to_owned()));
        }
        Ok(secret)
    }
}

fn header(name: &str) -> Result<HeaderName, String> {
    let name: HeaderName = name
        .parse()
        .map_err(|_| "not the name of a header".to_owned())?;
    Ok(name)
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
