//! A grant as it is stored: a hash, of which only the secrets are sealed.

use std::collections::HashMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{GrantName, Queue, QueueError, Stored};
use crate::{
    ghl::{Grant, GrantState, Life, fingerprint},
    queue::vault::Drawer,
};

/// What is secret of a grant, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Secrets {
    tokens: Vec<String>,
    refresh: Option<String>,
}

pub(super) mod field {
    pub(in super::super) const SECRETS: &str = "secrets";
    pub(in super::super) const STATE: &str = "state";
    pub(in super::super) const STAMP: &str = "stamp";
    /// The fingerprint of the refresh token.
    pub(in super::super) const TURN: &str = "turn";
    pub(in super::super) const SCOPES: &str = "scopes";
    pub(in super::super) const COMPANY: &str = "company";
    pub(in super::super) const ISSUED: &str = "issued";
    pub(in super::super) const EXPIRES: &str = "expires";
    pub(in super::super) const SINCE: &str = "since";
    pub(in super::super) const VERSION: &str = "version";
}

impl Queue {
    pub(super) fn seal_grant(
        &self,
        name: &GrantName,
        grant: &Grant,
    ) -> Result<HashMap<&'static str, String>, QueueError> {
        let exposed = |token: &SecretString| token.expose_secret().to_owned();
        let secrets = Secrets {
            tokens: grant.tokens.iter().map(exposed).collect(),
            refresh: grant.refresh.as_ref().map(exposed),
        };
        let secrets = serde_json::to_string(&secrets)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let turn = grant.refresh.as_ref().map(fingerprint);
        let life = |moment: fn(Life) -> u64| grant.life.map(moment).unwrap_or_default().to_string();
        Ok(HashMap::from([
            (field::SECRETS, self.place_of(name).seal_token(&secrets)?),
            (field::STATE, grant.state.as_str().to_owned()),
            (field::STAMP, grant.stamp()),
            (field::TURN, turn.unwrap_or_default()),
            (field::SCOPES, grant.scopes.join(" ")),
            (field::COMPANY, grant.company.clone().unwrap_or_default()),
            (field::ISSUED, life(|life| life.issued_ms)),
            (field::EXPIRES, life(|life| life.expires_ms)),
            (field::SINCE, grant.since_ms.to_string()),
        ]))
    }

    /// A grant as it was stored; `None` where none is.
    pub(in crate::queue) fn open_grant(
        &self,
        name: &GrantName,
        mut fields: HashMap<String, String>,
    ) -> Result<Option<Stored>, QueueError> {
        let Some(version) = number(&fields, field::VERSION).filter(|version| *version > 0) else {
            return Ok(None);
        };
        let broken = || QueueError::Unsuitable(format!("the grant {name} cannot be read"));
        let state = state_of(fields.get(field::STATE).map(String::as_str)).ok_or_else(broken)?;
        let secrets = fields.remove(field::SECRETS).ok_or_else(broken)?;
        let secrets = self.place_of(name).open_token(&secrets)?;
        let Secrets { tokens, refresh } = serde_json::from_str(&secrets).map_err(|_| broken())?;
        let life = number(&fields, field::EXPIRES).filter(|expires| *expires > 0);
        let scopes = words(fields.get(field::SCOPES).map_or("", String::as_str));
        let company = fields.remove(field::COMPANY);
        let grant = Grant {
            tokens: tokens.into_iter().map(SecretString::from).collect(),
            refresh: refresh.map(SecretString::from),
            life: life.map(|expires_ms| Life {
                issued_ms: number(&fields, field::ISSUED).unwrap_or_default(),
                expires_ms,
            }),
            scopes,
            company: company.filter(|company| !company.is_empty()),
            since_ms: number(&fields, field::SINCE).unwrap_or_default(),
            state,
        };
        Ok(Some(Stored { version, grant }))
    }

    fn place_of<'a>(&'a self, name: &'a GrantName) -> Drawer<'a> {
        self.vault().of(name.id(), name.as_str())
    }
}

fn number(fields: &HashMap<String, String>, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

pub(super) fn state_of(text: Option<&str>) -> Option<GrantState> {
    let mut states = GrantState::ALL.into_iter();
    states.find(|state| Some(state.as_str()) == text)
}
