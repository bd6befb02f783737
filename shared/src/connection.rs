//! Ways to other systems than GHL: `SMSFactor`, and whatever a connection leads to.

mod auth;
mod client;
mod file;
mod forbidden;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use http::HeaderName;

pub use self::{
    auth::{Auth, PerTenant},
    client::{Answered, ConnectionClient},
    forbidden::Forbidden,
};
use crate::{
    job::{CallPath, ConnectionName, HttpCall},
    quota::Quota,
};

/// Every way that this worker knows.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// That to `SMSFactor`.
    pub smsfactor: Option<Connection>,
    /// The others.
    pub others: BTreeMap<ConnectionName, Connection>,
}

/// Where one leads, and how much of it there is.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The address: http or https, without a slash at its end, a query or credentials.
    pub base_url: String,
    /// The most calls of an account in a short window, and in a longer one.
    pub quotas: (Quota, Quota),
    /// The longest that one call may take; as long as one to GHL unless said.
    pub timeout: Option<Duration>,
    /// What proves who calls.
    pub auth: PerTenant,
    /// The header in which it takes a key by which it knows a repeated call again.
    pub idempotency_header: Option<HeaderName>,
    /// What a 403 says.
    pub forbidden: Forbidden,
    /// What can be read of it without harm, to see whether it answers again.
    pub probe: Option<CallPath>,
}

impl Connection {
    /// The first of a job's headers that is the connection's own: its proof, or the key by which it knows a repeated call again.
    pub fn own_header<'a>(&self, auth: &Auth, call: &'a HttpCall) -> Option<&'a str> {
        let proof = match auth {
            Auth::Header(name, _) => Some(name),
            Auth::Bearer(_) | Auth::Basic(..) | Auth::Nothing => None,
        };
        let own = proof.into_iter().chain(&self.idempotency_header);
        let own: Vec<_> = own.map(HeaderName::as_str).collect();
        call.header_of(&own)
    }
}
