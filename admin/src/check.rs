//! `check`: whether a tenant's jobs could run. What is found is printed, and nothing is changed.

use jiff::Timestamp;
use penstock_shared::{
    ghl::{
        Bearer, CallError, Credentials, GhlClient, GrantState, Limiter, Lookup, Origin, Reply,
        Request,
    },
    job::{Email, Tenant},
    program::{Exit, Failure, VERSION},
    queue::{Queue, reference::Lane},
    quota::RateReport,
    settings::Settings,
    span,
};
use serde::Serialize;

use crate::render::{Format, Row};

/// Nobody has it: `.invalid` is nobody's (RFC 2606).
const NOBODY: &str = "penstock-check@example.invalid";
/// What jobs need.
const NEEDED: [&str; 2] = ["contacts.readonly", "contacts.write"];
/// A clock that is off by more is worth a word: due times are read by it.
const LARGE_MS: i64 = 5_000;

/// Checks, prints, and fails if jobs could not run.
pub(crate) async fn check(
    queue: &Queue,
    settings: &Settings,
    format: Format,
    tenant: &Tenant,
) -> Result<Exit, Failure> {
    let app = settings.ghl.app.as_ref().map(|app| app.client_id.as_str());
    let known = queue.known_of(tenant.as_str(), app).await?;
    let fallback = settings.ghl.token.as_ref();
    let credentials = Credentials::choose(&known, fallback, settings.ghl.all_may_write);
    let mut findings = vec![origin(&credentials), writing(&credentials, tenant)];
    let mut replies = Vec::new();
    for bearer in &credentials.bearers {
        let reply = call(queue, settings, tenant, bearer).await?;
        replies.push((bearer.fingerprint.as_str(), reply));
    }
    let (read, missing) = read(&replies);
    findings.extend(read);
    findings.push(scopes(&credentials, missing));
    findings.extend(lane(queue, tenant).await?);
    let could_run = findings.iter().all(|finding| finding.ok != Some(false));
    format.rows(&findings)?;
    Ok(if could_run { Exit::Done } else { Exit::Failed })
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    what: &'static str,
    /// Whether jobs can run as far as this is concerned; null: it only is told.
    ok: Option<bool>,
    detail: String,
}

impl Row for Finding {
    const COLUMNS: &'static [&'static str] = &["what", "ok", "detail"];
}

impl Finding {
    fn new(what: &'static str, ok: bool, detail: impl Into<String>) -> Self {
        Self {
            what,
            ok: Some(ok),
            detail: detail.into(),
        }
    }

    fn told(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            ok: None,
            detail: detail.into(),
        }
    }
}

fn origin(credentials: &Credentials) -> Finding {
    let stamp = &credentials.stamp;
    match (credentials.origin, credentials.state) {
        (None, _) => Finding::new(
            "credentials",
            false,
            "none: set PENSTOCK_GHL_TOKEN, `tokens add` one of its own, or connect it by OAuth",
        ),
        (Some(Origin::OAuth), GrantState::Revoked) => {
            Finding::new("credentials", false, "its OAuth grant was taken back")
        }
        (Some(Origin::Private), GrantState::Revoked) => Finding::new(
            "credentials",
            false,
            "its private tokens were revoked, and PENSTOCK_GHL_TOKEN does not take their place: `tokens add` gives it another",
        ),
        (Some(Origin::OAuth), GrantState::NeedsAuthorisation) => Finding::new(
            "credentials",
            false,
            format!("its OAuth grant ({stamp}) is not renewed any more: connect it again"),
        ),
        (Some(_), _) if stamp.is_empty() => Finding::new(
            "credentials",
            false,
            "its token has not been made yet: is a worker running?",
        ),
        (Some(origin), _) => Finding::new(
            "credentials",
            true,
            format!("{} ({stamp})", origin.as_str()),
        ),
    }
}

fn writing(credentials: &Credentials, tenant: &Tenant) -> Finding {
    if credentials.may_write {
        return Finding::new("writing", true, "it may write");
    }
    let remedy = format!(
        "it may only read: `penstock-admin tenant allow-writes {tenant}` lets its jobs write"
    );
    Finding::new("writing", false, remedy)
}

/// Reads a contact that is not there: the least that the API can be asked.
async fn call(
    queue: &Queue,
    settings: &Settings,
    tenant: &Tenant,
    bearer: &Bearer,
) -> Result<Reply, Failure> {
    let quotas = (settings.ghl.burst, settings.ghl.daily);
    if let Some(wait) = queue.take_permit(tenant.as_str(), quotas).await? {
        let wait = span::render(wait);
        return Err(Failure::failed(anyhow::anyhow!(
            "the tenant's quota is used up: ask again in {wait}"
        )));
    }
    let agent = format!("penstock/{VERSION}");
    let (base, timeout) = (&settings.ghl.base_url, settings.ghl.http_timeout);
    let client = GhlClient::new(base, timeout, &agent).map_err(Failure::bad_input)?;
    let email: Email = NOBODY.parse().map_err(anyhow::Error::new)?;
    let request = Request::search_duplicate(tenant, Lookup::Email(&email));
    let lane = Lane::ghl(tenant.as_str());
    let passage = Limiter::default().pass(lane.as_str(), quotas.0, quotas.1)?;
    Ok(client.send(passage, &bearer.token, &request).await)
}

/// What the calls have told, one with each token, and the scope without which none may read. Of two tokens one suffices: the other is tried first or
/// helps out while they are rotated, and jobs run.
fn read(replies: &[(&str, Reply)]) -> (Vec<Finding>, Option<&'static str>) {
    let can_read = replies.iter().any(|(_, reply)| reads(reply));
    let mut findings = Vec::new();
    for (which, reply) in replies {
        findings.push(match &reply.answer {
            Err(error) if !reads(reply) => {
                let told = format!("{which}: {error}");
                if can_read {
                    Finding::told("contacts", format!("{told}; another token helps out"))
                } else {
                    Finding::new("contacts", false, told)
                }
            }
            _ => Finding::new("contacts", true, format!("{which} reads contacts")),
        });
        findings.push(quota(&reply.rate));
        findings.extend(reply.date.map(|date| clock(date, Timestamp::now())));
    }
    let lacks = !can_read && replies.iter().any(|(_, reply)| lacks_scope(reply));
    (findings, lacks.then_some(NEEDED[0]))
}

fn reads(reply: &Reply) -> bool {
    // That nobody has this email is an answer, too.
    matches!(reply.answer, Ok(_) | Err(CallError::ContactNotFound { .. }))
}

/// Whether the API refuses to read for want of a scope.
fn lacks_scope(reply: &Reply) -> bool {
    matches!(
        &reply.answer,
        Err(CallError::Unauthorized { message, permanent: true, .. }) if message.to_lowercase().contains("scope")
    )
}

fn scopes(credentials: &Credentials, refused: Option<&str>) -> Finding {
    let known = &credentials.scopes;
    let lacks = |scope: &&str| {
        let is_told = !known.is_empty() && !known.iter().any(|one| one == scope);
        is_told || refused == Some(*scope)
    };
    let missing: Vec<_> = NEEDED.into_iter().filter(lacks).collect();
    if !missing.is_empty() {
        let missing = missing.join(" ");
        return Finding::new("scopes", false, format!("missing: {missing}"));
    }
    if known.is_empty() {
        let detail = "not told by the API for this kind of token; contacts.write shows with the first job that writes";
        return Finding::told("scopes", detail);
    }
    Finding::new("scopes", true, known.join(" "))
}

fn quota(rate: &RateReport) -> Finding {
    let number = |number: Option<u32>| number.map_or("?".to_owned(), |number| number.to_string());
    if *rate == RateReport::default() {
        return Finding::told("quota", "the API sent no quota headers");
    }
    let window = rate.interval.map_or("?".to_owned(), span::render);
    Finding::told(
        "quota",
        format!(
            "{} of {} calls are left in {window}, {} of {} in a day",
            number(rate.burst_remaining),
            number(rate.burst_limit),
            number(rate.daily_remaining),
            number(rate.daily_limit)
        ),
    )
}

fn clock(there: Timestamp, here: Timestamp) -> Finding {
    // The API's is told in whole seconds.
    let ahead = here.as_millisecond() - there.as_millisecond();
    let detail = format!("this machine's clock is {ahead} ms ahead of the API's, to the second");
    if ahead.abs() > LARGE_MS {
        return Finding::told("clock", format!("{detail}: set one of them"));
    }
    Finding::told("clock", detail)
}

/// What holds the tenant's jobs, whoever may call.
async fn lane(queue: &Queue, tenant: &Tenant) -> Result<Option<Finding>, Failure> {
    let status = queue.lane_status(&Lane::ghl(tenant.as_str())).await?;
    if status.paused {
        let detail = "a person paused it: `tenant resume` lets it go on";
        return Ok(Some(Finding::new("lane", false, detail)));
    }
    let held = status.held_until_ms.is_some();
    let why = status.why.filter(|_| held);
    Ok(why.map(|why| {
        let told = format!("it is held ({why}): `job why` of one of its jobs says more");
        Finding::told("lane", told)
    }))
}

#[cfg(test)]
mod tests {
    use penstock_shared::ghl::{Grant, Known};

    use super::*;

    fn granted(scopes: &[&str]) -> Credentials {
        let grant = Grant {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Grant::private(vec!["c4n4ry".into()])
        };
        let known = Known {
            granted: Some(grant),
            ..Known::default()
        };
        Credentials::choose(&known, None, false)
    }

    #[test]
    fn missing_scopes_are_named() {
        let found = scopes(&granted(&["contacts.readonly", "other"]), None);
        assert_eq!(found.detail, "missing: contacts.write");
        assert_eq!(found.ok, Some(false));
        let all = scopes(&granted(&NEEDED), None);
        assert_eq!(all.ok, Some(true));
        assert_eq!(scopes(&granted(&[]), None).ok, None);
        let refused = scopes(&granted(&[]), Some(NEEDED[0]));
        assert_eq!(refused.detail, "missing: contacts.readonly");
    }

    #[test]
    fn while_tokens_are_rotated_one_suffices() {
        let reply = |answer| Reply {
            answer,
            rate: RateReport::default(),
            date: None,
        };
        let good = || {
            let message = "nobody".to_owned();
            reply(Err(CallError::ContactNotFound {
                status: 404,
                message,
            }))
        };
        let refused = || {
            reply(Err(CallError::Unauthorized {
                status: 401,
                message: "The token is not authorized for this scope.".to_owned(),
                permanent: true,
            }))
        };
        let found = |replies: &[(&str, Reply)]| {
            let (findings, missing) = read(replies);
            let contacts = findings.iter().filter(|one| one.what == "contacts");
            let oks: Vec<_> = contacts.map(|one| one.ok).collect();
            (oks, missing)
        };
        let both = [("old", refused()), ("new", good())];
        assert_eq!(found(&both), (vec![None, Some(true)], None));
        let neither = [("old", refused()), ("new", refused())];
        let failed = (vec![Some(false); 2], Some(NEEDED[0]));
        assert_eq!(found(&neither), failed);
    }

    #[test]
    fn who_may_only_read_is_told_how_to_write() {
        let found = writing(&granted(&NEEDED), &"loc".parse().unwrap());
        assert!(found.detail.contains("allow-writes loc") && found.ok == Some(false));
    }

    #[test]
    fn a_clock_that_is_wrong_is_told() {
        let (there, here) = (Timestamp::from_second(1_000), Timestamp::from_second(1_060));
        let told = clock(there.unwrap(), here.unwrap()).detail;
        assert!(
            told.contains("60000 ms") && told.contains("set one"),
            "{told}"
        );
    }
}
