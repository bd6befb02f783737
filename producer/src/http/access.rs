//! Who may call.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{Intake, problem::Problem};

/// The bearer keys, as digests: of equal length, so that comparing them tells nothing about a key.
pub(super) struct Keys {
    digests: Vec<[u8; 32]>,
    any_short: bool,
}

/// A key with fewer characters can be guessed.
pub(super) const SHORT: usize = 16;

impl Keys {
    pub(super) fn new(keys: &[SecretString]) -> Self {
        let digest = |key: &SecretString| Sha256::digest(key.expose_secret()).into();
        let is_short = |key: &SecretString| key.expose_secret().len() < SHORT;
        Self {
            digests: keys.iter().map(digest).collect(),
            any_short: keys.iter().any(is_short),
        }
    }

    /// Whether one of them can be guessed.
    pub(super) fn any_short(&self) -> bool {
        self.any_short
    }

    pub(super) fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether this is one of them; takes the same time whichever it is.
    fn admit(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        let any = self
            .digests
            .iter()
            .fold(Choice::from(0), |any, key| any | key.ct_eq(&given));
        any.into()
    }
}

/// Lets a request through that brings a key or, where there are none, that no web page can have sent.
pub(super) async fn check(
    State(intake): State<Arc<Intake>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if intake.keys.is_empty() {
        check_local(request.headers())?;
    } else {
        check_key(&intake.keys, request.headers())?;
    }
    Ok(next.run(request).await)
}

fn check_key(keys: &Keys, headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some((scheme, key)) = value.and_then(|value| value.split_once(' ')) else {
        return Err(Problem::unauthorized(
            "send a key of PENSTOCK_API_KEYS as `Authorization: Bearer KEY`",
        ));
    };
    if scheme.eq_ignore_ascii_case("bearer") && keys.admit(key.trim()) {
        Ok(())
    } else {
        Err(Problem::unauthorized(
            "this is not one of the keys in PENSTOCK_API_KEYS",
        ))
    }
}

/// Loopback keeps strangers out, but not the pages in a browser on this machine: those send an origin, or a host name
/// that was made to point here.
fn check_local(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers
        .get(header::HOST)
        .map(|host| host.to_str().unwrap_or_default());
    if headers.contains_key(header::ORIGIN) || !host.is_none_or(is_loopback) {
        return Err(Problem::forbidden(
            "without PENSTOCK_API_KEYS only programs on this machine may call, by its loopback address",
        ));
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_are_admitted() {
        let keys = Keys::new(&["first".into(), "second".into()]);
        assert!(keys.admit("first") && keys.admit("second"));
        for wrong in ["", "firs", "firstx", "First", "first,second"] {
            assert!(!keys.admit(wrong), "{wrong}");
        }
    }

    #[test]
    fn loopback_has_several_names() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "10.0.0.1:80",
            "[::2]",
            "127.0.0.1.example.com",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
