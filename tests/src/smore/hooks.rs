//! Webhooks of forms: registering them.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::account::Account;
use super::answer::{error, not_found, read};
use super::forms;
use crate::stand::hook::url_fault;
use crate::stand::{Answer, Change, Content, Hook, Input, Refusal, Scheme, Seal};

const HEADER: &str = "X-Smore-Signature";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
}

fn shown(hook: &Hook) -> Value {
    json!({"id": hook.id, "formId": hook.scope, "url": hook.url, "enabled": hook.live})
}

pub(super) fn all(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let form = input.param("form");
    forms::find(account, form)?;
    let hooks = account.hooks.all().iter();
    let hooks = hooks.filter(|hook| hook.scope.as_deref() == Some(form));
    let hooks: Vec<_> = hooks.map(shown).collect();
    Ok(Answer::json(200, json!({"webhooks": hooks})))
}

/// Registers one. Its secret is shown this once only.
pub(super) fn post(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let form = input.param("form");
    forms::find(account, form)?;
    let Wanted { url } = read(input)?;
    if let Some(fault) = url_fault(&url) {
        return Err(error(422, Some(&format!("url: {fault}"))));
    }
    let secret = account.draw.word(32);
    let hook = Hook {
        id: account.draw.word(10),
        kind: Some("responses".to_owned()),
        scope: Some(form.to_owned()),
        url,
        seal: Seal {
            header: HEADER.into(),
            scheme: Scheme::HmacHex,
            secret: Some(secret.clone().into()),
        },
        posting: Arc::clone(&account.posting),
        live: true,
        last_status: None,
    };
    let mut body = shown(&hook);
    body["webhookSecret"] = secret.into();
    let change = Change::creation("webhook", &hook.id, None, json!({"url": hook.url}));
    account.hooks.add(hook);
    Ok(Answer::json(201, body).changed([change]))
}

pub(super) fn delete(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let (form, id) = (input.param("form"), input.param("id"));
    let hook = account.hooks.get(id);
    if hook.is_none_or(|hook| hook.scope.as_deref() != Some(form)) {
        return Err(not_found("webhook"));
    }
    account.hooks.remove(id);
    let change = Change::write("webhook-delete", id, None, Value::Null);
    Ok(Answer::new(204, Content::Empty).changed([change]))
}
