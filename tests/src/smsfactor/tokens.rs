//! The account's tokens.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::answer::{not_found, ok};
use super::body::read;
use super::paris;
use crate::sandbox::Moment;
use crate::stand::{Answer, Change, Input, Refusal};

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    id: u64,
    name: String,
    pub(super) secret: SecretString,
    made: Option<Moment>,
    ttl: Option<u64>,
    allowed_ips: Option<Vec<String>>,
}

impl Token {
    /// One that was there from the start; it has no id that it could be deleted by.
    pub(super) fn given(secret: SecretString) -> Self {
        Self {
            id: 0,
            name: "given".to_owned(),
            secret,
            made: None,
            ttl: None,
            allowed_ips: None,
        }
    }

    fn ends(&self) -> Option<Moment> {
        Some(self.made?.plus(Duration::from_secs(self.ttl?)))
    }

    pub(super) fn lives_at(&self, now: Moment) -> bool {
        self.ends().is_none_or(|end| now < end)
    }

    fn shown(&self, now: Moment) -> Value {
        json!({
            "name": self.name, "api_token_id": self.id, "created_at": self.made.map(paris::stamp),
            "expired_at": self.ends().map(paris::stamp), "ttl": self.ttl,
            "is_active": u8::from(self.lives_at(now)).to_string(), "allowed_ips": self.allowed_ips,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    token: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    ttl: Option<u64>,
    allowed_ips: Option<Vec<String>>,
}

pub(super) fn all(account: &Account, now: Moment) -> Answer {
    let tokens = account.tokens.iter().map(|token| token.shown(now));
    ok(json!({"tokens": tokens.collect::<Vec<_>>()}))
}

/// Makes one. It is shown this once only.
pub(super) fn post(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let Body { token: wanted } = read(input)?;
    let token = Token {
        id: account.number(),
        name: wanted.name,
        secret: account.draw.word(40).into(),
        made: Some(input.now),
        ttl: wanted.ttl,
        allowed_ips: wanted.allowed_ips,
    };
    let id = token.id.to_string();
    let change = Change::creation("token", &id, None, json!({"name": token.name}));
    let told = json!({"token": token.secret.expose_secret(), "token_id": id});
    account.tokens.push(token);
    Ok(ok(told).changed([change]))
}

pub(super) fn delete(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let id = input.param("id");
    let made = |token: &Token| token.made.is_some() && token.id.to_string() == id;
    let at = account.tokens.iter().position(made);
    account.tokens.remove(at.ok_or_else(|| not_found("token"))?);
    let change = Change::write("token-delete", id, None, Value::Null);
    Ok(ok(Value::Null).changed([change]))
}
