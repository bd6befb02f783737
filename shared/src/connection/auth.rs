//! What proves who calls.

use std::collections::BTreeMap;

use http::HeaderName;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{ghl, job::Tenant};

/// What proves who calls.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `Authorization: Bearer TOKEN`.
    Bearer(SecretString),
    /// A header of its own.
    Header(HeaderName, SecretString),
    /// A name and a password.
    Basic(String, SecretString),
    /// Nothing.
    Nothing,
}

impl Auth {
    /// Tells it apart from others, and tells nothing about it.
    pub fn fingerprint(&self) -> String {
        self.secret().map_or_else(String::new, ghl::fingerprint)
    }

    /// What nobody may see.
    pub fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Bearer(secret) | Self::Header(_, secret) | Self::Basic(_, secret) => Some(secret),
            Self::Nothing => None,
        }
    }

    pub(super) fn prove(&self, call: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Bearer(token) => call.bearer_auth(token.expose_secret()),
            Self::Header(name, value) => call.header(name, value.expose_secret()),
            Self::Basic(user, password) => call.basic_auth(user, Some(password.expose_secret())),
            Self::Nothing => call,
        }
    }
}

/// What proves it for each tenant.
#[derive(Debug, Clone, Default)]
pub struct PerTenant {
    pub(super) everybodys: Option<Auth>,
    pub(super) own: BTreeMap<Tenant, Auth>,
}

impl PerTenant {
    /// A tenant's own, else everybody's, if there is one.
    pub fn of(&self, tenant: &str) -> Option<&Auth> {
        let own = self.own.iter().find(|(own, _)| own.as_str() == tenant);
        own.map(|(_, auth)| auth).or(self.everybodys.as_ref())
    }
}
