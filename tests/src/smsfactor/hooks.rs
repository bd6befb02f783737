//! Webhooks: registering them.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::answer::{DATA, not_found, ok, refused};
use super::body::read;
use crate::stand::hook::url_fault;
use crate::stand::{Answer, Change, Hook, Input, Refusal, Seal};

const HEADER: &str = "X-SMSFactor-Signature";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    webhook: Wanted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(rename = "type")]
    kind: Kind,
    url: String,
    signature: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Kind {
    Mo,
    Dlr,
    Stop,
    Clicker,
    BalanceAlert,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Mo => "MO",
            Self::Dlr => "DLR",
            Self::Stop => "STOP",
            Self::Clicker => "CLICKER",
            Self::BalanceAlert => "BALANCE_ALERT",
        }
    }
}

fn shown(hook: &Hook) -> Value {
    json!({
        "webhook_id": hook.id, "type": hook.kind, "url": hook.url, "status": if hook.live { "live" } else { "disabled" },
        "signature": hook.seal.secret.as_ref().map(ExposeSecret::expose_secret), "last_http_code": hook.last_status,
    })
}

fn wanted(input: &Input<'_>) -> Result<Wanted, Refusal> {
    let Body { webhook } = read(input)?;
    match url_fault(&webhook.url) {
        Some(fault) => Err(refused(DATA, &format!("url: {fault}"))),
        None => Ok(webhook),
    }
}

fn change(kind: &'static str, hook: &Hook) -> Change {
    Change::write(
        kind,
        &hook.id,
        None,
        json!({"type": hook.kind, "url": hook.url}),
    )
}

pub(super) fn all(account: &Account) -> Answer {
    let hooks = account.hooks.all().iter().map(shown);
    ok(json!({"webhooks": hooks.collect::<Vec<_>>()}))
}

pub(super) fn post(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let wanted = wanted(input)?;
    let hook = Hook {
        id: account.number().to_string(),
        kind: Some(wanted.kind.name().to_owned()),
        scope: None,
        url: wanted.url,
        seal: Seal {
            header: HEADER.into(),
            scheme: account.scheme,
            secret: wanted.signature.map(SecretString::from),
        },
        posting: Arc::clone(&account.posting),
        live: true,
        last_status: None,
    };
    let answer = ok(json!({"webhook": shown(&hook)})).changed([change("webhook", &hook)]);
    account.hooks.add(hook);
    Ok(answer)
}

pub(super) fn put(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let wanted = wanted(input)?;
    let hook = account.hooks.get_mut(input.param("id"));
    let hook = hook.ok_or_else(|| not_found("webhook"))?;
    hook.kind = Some(wanted.kind.name().to_owned());
    hook.url = wanted.url;
    hook.seal.secret = wanted.signature.map(SecretString::from);
    Ok(ok(json!({"webhook": shown(hook)})).changed([change("webhook-update", hook)]))
}

pub(super) fn delete(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let hook = account.hooks.remove(input.param("id"));
    let hook = hook.ok_or_else(|| not_found("webhook"))?;
    Ok(ok(Value::Null).changed([change("webhook-delete", &hook)]))
}
