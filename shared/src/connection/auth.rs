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

    /// Whether both prove the same.
    fn is(&self, other: &Self) -> bool {
        let of = |auth: &Self| {
            auth.secret()
                .map(|secret| secret.expose_secret().to_owned())
        };
        of(self) == of(other)
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

    /// Whether what proves it for this tenant is its own, and no other's: then so is the account, as far as that can be told.
    pub fn is_own(&self, tenant: &str) -> bool {
        let (own, others): (Vec<_>, Vec<_>) =
            self.own.iter().partition(|(own, _)| own.as_str() == tenant);
        let Some((_, own)) = own.first() else {
            return false;
        };
        let others = others.into_iter().map(|(_, auth)| auth);
        !others.chain(&self.everybodys).any(|other| other.is(own))
    }

    /// Whether it is the same for both: they share an account.
    pub fn is_shared(&self, one: &str, other: &str) -> bool {
        let both = self.of(one).zip(self.of(other));
        both.is_some_and(|(one, other)| one.is(other))
    }
}
