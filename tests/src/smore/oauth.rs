//! OAuth 2, authorization code flow. A refresh token is good for one use: the answer to it carries the next.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::answer::{error, refused};
use crate::sandbox::Moment;
use crate::sandbox::request::pairs;
use crate::stand::draw::Draw;
use crate::stand::{Answer, Change, Content, Input, Refusal};

const SCOPES: [&str; 7] = [
    "profile:read",
    "forms:read",
    "forms:write",
    "responses:read",
    "responses:write",
    "webhooks:read",
    "webhooks:write",
];

/// What was allowed to whom.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// Codes that were not yet exchanged.
    codes: HashMap<String, Allowed>,
    granted: Vec<Grant>,
}

/// What a user allowed.
#[derive(Clone, Debug)]
struct Allowed {
    redirect_uri: String,
    scopes: Vec<&'static str>,
}

/// A pair of tokens.
#[derive(Debug)]
pub(super) struct Grant {
    access: SecretString,
    /// None once it was used.
    refresh: Option<SecretString>,
    scopes: Vec<&'static str>,
    until: Moment,
}

impl Grant {
    pub(super) fn allows(&self, scope: &str) -> bool {
        self.scopes.contains(&scope)
    }
}

impl Grants {
    /// Whether the token is or was an access token.
    pub(super) fn knows(&self, access: &str) -> bool {
        self.find(access).is_some()
    }

    pub(super) fn living(&self, access: &str, now: Moment) -> Option<&Grant> {
        self.find(access).filter(|grant| now < grant.until)
    }

    fn find(&self, access: &str) -> Option<&Grant> {
        let same = |grant: &&Grant| grant.access.expose_secret() == access;
        self.granted.iter().find(same)
    }

    /// Lets every access token expire, and if it shall every refresh token too.
    pub(super) fn revoke(&mut self, refresh: bool) -> usize {
        for grant in &mut self.granted {
            grant.until = Moment::from_micros(0);
            if refresh {
                grant.refresh = None;
            }
        }
        self.granted.len()
    }
}

/// The page where a user allows access, with a user who always does.
pub(super) fn authorize(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let query = |name| input.request.query(name).unwrap_or_default();
    let wrong = |message: &str| refused(400, "invalid_request", message);
    if query("response_type") != "code" {
        return Err(wrong("response_type must be code"));
    }
    if query("client_id") != account.options.client_id {
        return Err(wrong("client_id is unknown"));
    }
    let uri = query("redirect_uri");
    let registered = account.options.redirect_uri.as_deref();
    let mut target = reqwest::Url::parse(uri).map_err(|_| wrong("redirect_uri is no URL"))?;
    if registered.is_some_and(|registered| registered != uri) {
        return Err(wrong("redirect_uri is not the registered one"));
    }
    let scopes = scopes(query("scope")).ok_or_else(|| {
        let message = format!(
            "scope must be some of {}, comma separated",
            SCOPES.join(",")
        );
        refused(400, "invalid_scope", &message)
    })?;
    let code = account.draw.word(32);
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = input.request.query("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    let allowed = Allowed {
        redirect_uri: uri.to_owned(),
        scopes,
    };
    account.grants.codes.insert(code, allowed);
    let mut answer = Answer::new(302, Content::Empty);
    answer.location = Some(target.into());
    Ok(answer)
}

fn scopes(text: &str) -> Option<Vec<&'static str>> {
    let known = |name: &str| SCOPES.into_iter().find(|scope| *scope == name);
    text.split(',').map(known).collect()
}

/// Exchanges a code or a refresh token.
pub(super) fn token(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    let form = form(input)?;
    let field = |name| form.get(name).and_then(Value::as_str).unwrap_or_default();
    let secret = account.options.client_secret.expose_secret();
    if field("client_id") != account.options.client_id || field("client_secret") != secret {
        return Err(refused(401, "invalid_client", "The client is unknown"));
    }
    let scopes = match field("grant_type") {
        "authorization_code" => exchanged(account, field("code"), field("redirect_uri")),
        "refresh_token" => refreshed(account, field("refresh_token")),
        _ => {
            let message = "grant_type must be authorization_code or refresh_token";
            return Err(refused(400, "unsupported_grant_type", message));
        }
    };
    let message = "The code or token is unknown, was used, or is of another redirect_uri";
    let scopes = scopes.ok_or_else(|| refused(400, "invalid_grant", message))?;
    Ok(granted(account, &scopes, input.now))
}

/// A form, or JSON: which of them is not told.
fn form(input: &Input<'_>) -> Result<Map<String, Value>, Refusal> {
    let body = input.request.body().ok_or_else(|| error(413, None))?;
    if input.request.is_typed("application/x-www-form-urlencoded") {
        return Ok(pairs(&String::from_utf8_lossy(body)));
    }
    let message = "the body must be a form or a JSON object";
    let fields = input.request.json();
    let fields = fields.and_then(|body| body.as_object().cloned());
    fields.ok_or_else(|| refused(400, "invalid_request", message))
}

fn exchanged(account: &mut Account, code: &str, uri: &str) -> Option<Vec<&'static str>> {
    let allowed = account.grants.codes.remove(code)?;
    (allowed.redirect_uri == uri).then_some(allowed.scopes)
}

fn refreshed(account: &mut Account, token: &str) -> Option<Vec<&'static str>> {
    let same = |grant: &&mut Grant| {
        let refresh = grant.refresh.as_ref();
        refresh.is_some_and(|refresh| refresh.expose_secret() == token)
    };
    let grant = account.grants.granted.iter_mut().find(same)?;
    grant.refresh = None;
    Some(grant.scopes.clone())
}

fn granted(account: &mut Account, scopes: &[&'static str], now: Moment) -> Answer {
    let Account {
        draw,
        options,
        grants,
        ..
    } = account;
    let (access, refresh) = (secret(draw), secret(draw));
    let body = json!({
        "access_token": access.expose_secret(), "refresh_token": refresh.expose_secret(), "token_type": "Bearer",
        "expires_in": options.access_ttl.as_secs(), "scope": scopes.join(","),
    });
    grants.granted.push(Grant {
        access,
        refresh: Some(refresh),
        scopes: scopes.to_vec(),
        until: now.plus(options.access_ttl),
    });
    let id = grants.granted.len().to_string();
    let change = Change::write("grant", &id, None, json!({"scope": scopes.join(",")}));
    Answer::json(200, body).changed([change])
}

fn secret(draw: &mut Draw) -> SecretString {
    draw.word(40).into()
}
