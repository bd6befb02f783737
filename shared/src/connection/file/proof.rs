//! What proves who calls, as the file has it.

use std::{collections::BTreeMap, path::Path};

use http::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::table::Table;
use crate::{
    connection::{Auth, PerTenant},
    secret::{self, Texts},
    tables::Complaint,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthName {
    Bearer,
    Header,
    Basic,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantTable {
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

impl Table {
    pub(super) fn per_tenant(&self, path: &Path) -> Result<PerTenant, Complaint> {
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

pub(super) fn header(name: &str) -> Result<HeaderName, String> {
    let name: HeaderName = name
        .parse()
        .map_err(|_| "not the name of a header".to_owned())?;
    Ok(name)
}
