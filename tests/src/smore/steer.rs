//! What happens outside of the APIs: people answer forms, and work in the CRM.

use std::sync::Arc;

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::crm::{self, Origin};
use super::forms::{self, Form};
use crate::stand::hook::url_fault;
use crate::stand::{Hook, Order, Scheme, Seal, Steered};

pub(super) fn order(account: &mut Account, order: &Order<'_>) -> Option<Result<Steered, String>> {
    let (body, now) = (order.body, order.now);
    let done = match (order.method, order.what) {
        (&Method::POST, "forms") => read(body).and_then(|form| made(account, form)),
        (&Method::POST, "responses") => read(body)
            .and_then(|answered| forms::answer(account, answered, now))
            .map(|(shown, letter)| Steered {
                shown,
                letters: vec![letter],
            }),
        (&Method::POST, "revoke") => read(body).map(|Revoked { refresh }| {
            Steered::quiet(json!({"revoked": account.grants.revoke(refresh)}))
        }),
        (&Method::POST, "hooks") => read(body).and_then(|wanted| hooked(account, wanted)),
        (&Method::POST, "profiles") => {
            read(body).and_then(|fields| crm::profiles::order(account, fields, now))
        }
        (&Method::GET, "profiles") => Ok(Steered::quiet(account.crm.shown())),
        (&Method::POST, "tags") => read(body).and_then(
            |Tagged {
                 profile_id,
                 add,
                 remove,
             }| {
                let user = Origin::User(now);
                crm::tags::change(account, &profile_id, &add, &remove, user).map(steered)
            },
        ),
        (&Method::POST, "notes") => read(body).and_then(|Noted { profile_id, body }| {
            let fields = Map::from_iter([("body".to_owned(), Value::from(body))]);
            crm::entries::note(account, &profile_id, fields, Origin::User(now)).map(steered)
        }),
        _ => return None,
    };
    Some(done)
}

fn read<T: for<'a> Deserialize<'a>>(body: &Value) -> Result<T, String> {
    T::deserialize(body).map_err(|error| format!("the body cannot be read: {error}"))
}

fn steered(done: crm::Done) -> Steered {
    Steered {
        shown: done.shown,
        letters: done.letters,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    id: Option<String>,
    title: String,
}

fn made(account: &mut Account, form: Made) -> Result<Steered, String> {
    let id = form.id.unwrap_or_else(|| account.draw.word(10));
    if account.forms.iter().any(|known| known.id == id) {
        return Err(format!("id: there is a form {id}"));
    }
    let form = Form {
        id,
        title: form.title,
        responses: Vec::new(),
    };
    let shown = form.shown();
    account.forms.push(form);
    Ok(Steered::quiet(shown))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    #[serde(default)]
    refresh: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Tagged {
    profile_id: String,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Noted {
    profile_id: String,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hooked {
    url: String,
    secret: Option<String>,
    kind: Option<String>,
    header: Option<String>,
    scheme: Option<Scheme>,
}

fn hooked(account: &mut Account, wanted: Hooked) -> Result<Steered, String> {
    if let Some(fault) = url_fault(&wanted.url) {
        return Err(format!("url: {fault}"));
    }
    let options = &account.options;
    let header = wanted.header.unwrap_or_else(|| options.crm_header.clone());
    let hook = Hook {
        id: account.draw.word(10),
        kind: wanted.kind,
        scope: Some(crm::SCOPE.to_owned()),
        url: wanted.url,
        seal: Seal {
            header: header.into(),
            scheme: wanted.scheme.unwrap_or(options.crm_scheme),
            secret: wanted.secret.map(SecretString::from),
        },
        posting: Arc::clone(&account.crm_posting),
        live: true,
        last_status: None,
    };
    let shown = json!({"id": hook.id, "url": hook.url, "kind": hook.kind});
    account.hooks.add(hook);
    Ok(Steered::quiet(shown))
}
