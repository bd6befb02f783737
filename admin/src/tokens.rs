//! `tokens`: what there is to call the API with. No token is ever shown, only its fingerprint.

mod secret;

use std::collections::HashMap;

use anyhow::{Context as _, anyhow};
use penstock_shared::{
    ghl::{Grant, GrantState, fingerprint},
    job::Tenant,
    program::{Exit, Failure},
    queue::{
        Queue,
        grants::{GrantName, Kind, Listed},
    },
    settings::Settings,
};
use secrecy::SecretString;
use serde::Serialize;

use crate::{
    arguments::{Revoke, Rotate, TokensCommand},
    moment::moment,
    render::{Format, Row},
};

/// As many are good at a time while they are rotated.
const MOST: usize = 2;

/// Does it.
pub(crate) async fn run(
    queue: &Queue,
    settings: &Settings,
    format: Format,
    command: &TokensCommand,
) -> Result<Exit, Failure> {
    match command {
        TokensCommand::List { tenant } => {
            format.rows(&list(queue, settings, tenant.as_ref()).await?)?;
        }
        TokensCommand::Add(given) => {
            let token = secret::read(given.from.as_deref())?;
            format.row(&add(queue, &given.tenant, token).await?)?;
        }
        TokensCommand::Rotate(wanted) => format.row(&rotate(queue, settings, wanted).await?)?,
        TokensCommand::Revoke(wanted) => format.row(&revoke(queue, settings, wanted).await?)?,
    }
    Ok(Exit::Done)
}

/// One tenant's or company's, or what is everybody's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: &'static str,
    id: String,
    state: &'static str,
    /// Fingerprints, the newest first.
    tokens: Vec<String>,
    scopes: String,
    company: Option<String>,
    expires: Option<String>,
    renewed: Option<String>,
    /// What a person has said.
    writes: Option<&'static str>,
    app: Option<String>,
    version: u64,
}

impl Row for Entry {
    const COLUMNS: &'static [&'static str] = &[
        "kind", "id", "state", "tokens", "scopes", "company", "expires", "renewed", "writes",
    ];
}

async fn list(
    queue: &Queue,
    settings: &Settings,
    tenant: Option<&Tenant>,
) -> Result<Vec<Entry>, Failure> {
    let writes = queue.writes().await?;
    let listed = queue.list_grants().await?.into_iter();
    let mut entries: Vec<_> = listed
        .filter(|listed| tenant.is_none_or(|tenant| tenant.as_str() == listed.name.id()))
        .map(|listed| entry(listed, &writes))
        .collect();
    entries.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
    let shared = settings.ghl.token.as_ref().filter(|_| tenant.is_none());
    entries.extend(shared.map(everybodys));
    Ok(entries)
}

fn entry(listed: Listed, writes: &HashMap<String, bool>) -> Entry {
    let name = listed.name;
    let stamps = listed.stamp.split('+').filter(|stamp| !stamp.is_empty());
    Entry {
        kind: name.kind().as_str(),
        id: name.id().to_owned(),
        state: listed.state.as_str(),
        tokens: stamps.map(str::to_owned).collect(),
        scopes: listed.scopes,
        company: listed.company,
        expires: listed.expires_ms.filter(|ms| *ms > 0).map(moment),
        renewed: listed.due_ms.map(moment),
        writes: writes.get(name.id()).copied().map(said),
        app: Some(name.app().to_owned()).filter(|app| !app.is_empty()),
        version: listed.version,
    }
}

fn everybodys(token: &SecretString) -> Entry {
    Entry {
        kind: "shared",
        id: "*".to_owned(),
        state: GrantState::Active.as_str(),
        tokens: vec![fingerprint(token)],
        scopes: String::new(),
        company: None,
        expires: None,
        renewed: None,
        writes: None,
        app: None,
        version: 0,
    }
}

/// What a person has said of writing, in a word.
pub(crate) fn said(writes: bool) -> &'static str {
    if writes { "allowed" } else { "denied" }
}

/// How a tenant's tokens stand now.
#[derive(Debug, Serialize)]
struct Standing {
    tenant: String,
    tokens: Vec<String>,
    changed: bool,
}

impl Row for Standing {
    const COLUMNS: &'static [&'static str] = &["tenant", "tokens", "changed"];
}

fn private(tenant: &Tenant) -> GrantName {
    GrantName::new(Kind::Private, "", tenant.as_str())
}

/// The tokens that are there, without those that were revoked.
fn tokens(grant: Option<&Grant>) -> Vec<SecretString> {
    grant.map(|grant| grant.tokens.clone()).unwrap_or_default()
}

/// Stores what becomes of a tenant's private tokens.
async fn change(
    queue: &Queue,
    tenant: &Tenant,
    change: impl Fn(Vec<SecretString>) -> Option<Vec<SecretString>>,
) -> Result<Standing, Failure> {
    let name = private(tenant);
    let changed = queue
        .change_grant(&name, |stored| {
            let grant = Grant::private(change(tokens(stored))?);
            if grant.tokens.is_empty() {
                return Some((grant.in_state(GrantState::Revoked), None));
            }
            Some((grant, None))
        })
        .await
        .context("the tokens are not changed")?;
    let stored = queue.grant(&name).await?;
    let left = tokens(stored.as_ref().map(|stored| &stored.grant));
    Ok(Standing {
        tenant: tenant.to_string(),
        tokens: left.iter().map(fingerprint).collect(),
        changed,
    })
}

fn is_among(tokens: &[SecretString], token: &SecretString) -> bool {
    let wanted = fingerprint(token);
    tokens.iter().any(|token| fingerprint(token) == wanted)
}

async fn add(queue: &Queue, tenant: &Tenant, token: SecretString) -> Result<Standing, Failure> {
    let stored = queue.grant(&private(tenant)).await?;
    let there = tokens(stored.as_ref().map(|stored| &stored.grant));
    if there.len() >= MOST && !is_among(&there, &token) {
        return Err(Failure::bad_input(anyhow!(
            "{tenant} has {MOST} tokens: `tokens rotate` replaces the older one, `tokens revoke` throws one away"
        )));
    }
    change(queue, tenant, |there| {
        (!is_among(&there, &token)).then(|| [vec![token.clone()], there].concat())
    })
    .await
}

async fn rotate(queue: &Queue, settings: &Settings, wanted: &Rotate) -> Result<Standing, Failure> {
    let tenant = &wanted.given.tenant;
    if wanted.oauth {
        return renew(queue, settings, tenant).await;
    }
    let token = secret::read(wanted.given.from.as_deref())?;
    change(queue, tenant, |there| {
        let newest = there.into_iter().next();
        let is_new = newest
            .as_ref()
            .is_none_or(|newest| fingerprint(newest) != fingerprint(&token));
        is_new.then(|| std::iter::once(token.clone()).chain(newest).collect())
    })
    .await
}

/// Has a location's OAuth token renewed by the workers.
async fn renew(queue: &Queue, settings: &Settings, tenant: &Tenant) -> Result<Standing, Failure> {
    let name = granted(settings, Kind::Location, tenant)?;
    let Some(stored) = queue.grant(&name).await? else {
        return Err(Failure::failed(anyhow!(
            "{tenant} is not connected by OAuth"
        )));
    };
    let stamp = stored.grant.stamp();
    let changed = queue.hasten_grant(&name, &stamp).await?;
    eprintln!("note: a worker renews it now; `tokens list` tells when it has");
    Ok(Standing {
        tenant: tenant.to_string(),
        tokens: vec![stamp],
        changed,
    })
}

async fn revoke(queue: &Queue, settings: &Settings, wanted: &Revoke) -> Result<Standing, Failure> {
    let tenant = &wanted.tenant;
    let kind = if wanted.company {
        Kind::Company
    } else {
        Kind::Location
    };
    if !(wanted.oauth || wanted.company) {
        return change(queue, tenant, |there| {
            let before = there.len();
            let goes = |token: &SecretString| {
                wanted.all || wanted.fingerprint.as_ref() == Some(&fingerprint(token))
            };
            let left: Vec<_> = there.into_iter().filter(|token| !goes(token)).collect();
            (left.len() < before).then_some(left)
        })
        .await;
    }
    let name = granted(settings, kind, tenant)?;
    let taken = match kind {
        Kind::Company => {
            let company = Some(tenant.as_str());
            queue.uninstalled(name.app(), company, None, None).await?
        }
        _ => {
            queue
                .uninstalled(name.app(), None, Some(tenant), None)
                .await?
        }
    };
    Ok(Standing {
        tenant: tenant.to_string(),
        tokens: Vec::new(),
        changed: taken > 0,
    })
}

fn granted(settings: &Settings, kind: Kind, id: &Tenant) -> Result<GrantName, Failure> {
    let app = settings.ghl.app.as_ref().ok_or_else(|| {
        Failure::bad_input(anyhow!(
            "no app is configured: set PENSTOCK_GHL_CLIENT_ID and PENSTOCK_GHL_CLIENT_SECRET"
        ))
    })?;
    Ok(GrantName::new(kind, &app.client_id, id.as_str()))
}
