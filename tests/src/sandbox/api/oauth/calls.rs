//! The calls of OAuth, and the page on which a user picks where to install the app.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::grant::Subject;
use super::{Denied, Issued, OAuth};
use crate::sandbox::api::answer::Answer;
use crate::sandbox::api::effect::{Change, Kind};
use crate::sandbox::api::operation::{Done, Input};
use crate::sandbox::api::page::number;
use crate::sandbox::options::Pick;

/// Who is said to have installed the app.
const USER: &str = "sandboxUser0000000001";

/// `POST /oauth/token`
pub(in crate::sandbox::api) fn token(oauth: &mut OAuth, input: &Input<'_>) -> Result<Done, Answer> {
    let text = |name| input.text(name).unwrap_or_default();
    oauth
        .check_client(text("client_id"), text("client_secret"))
        .map_err(Denied::answer)?;
    let (wanted, now) = (input.text("user_type"), input.now);
    let (issued, kind) = match text("grant_type") {
        "authorization_code" => {
            let back = input.text("redirect_uri");
            (
                oauth.exchange(text("code"), wanted, back, now),
                Kind::Tokens,
            )
        }
        "refresh_token" => {
            let issued = oauth.refresh(text("refresh_token"), wanted, now);
            (issued, Kind::TokensRefreshed)
        }
        // The document names it and tells no more: here it is an access token of the company that installed the app.
        _ => {
            let company = Subject::Company(oauth.company.clone());
            (oauth.mint(company, now), Kind::Tokens)
        }
    };
    let issued = issued.map_err(Denied::answer)?;
    let subject = oauth.grants[issued.grant].subject.clone();
    let change = Change::of_access(kind, subject.id());
    Ok(Done::changed(shown(oauth, issued, &subject), change))
}

/// `POST /oauth/locationToken`
pub(in crate::sandbox::api) fn location_token(
    oauth: &mut OAuth,
    input: &Input<'_>,
) -> Result<Done, Answer> {
    check_company(input.caller, input.text("companyId"))?;
    let id = input.text("locationId").unwrap_or_default();
    let subject = Subject::Location(id.to_owned());
    let issued = oauth
        .mint(subject.clone(), input.now)
        .map_err(Denied::answer)?;
    let mut body = shown(oauth, issued, &subject);
    body["appId"] = oauth.app_id().into();
    body["versionId"] = oauth.app_id().into();
    if let Some(fields) = body.as_object_mut() {
        let extra = ["userType", "companyId"];
        fields.retain(|name, _| !extra.contains(&name.as_str()));
    }
    Ok(Done::changed(
        body,
        Change::of_access(Kind::LocationToken, id),
    ))
}

/// `GET /oauth/installedLocations`
pub(in crate::sandbox::api) fn installed_locations(
    oauth: &mut OAuth,
    input: &Input<'_>,
) -> Result<Done, Answer> {
    check_company(input.caller, input.query("companyId"))?;
    if input.query("appId") != Some(oauth.app_id()) {
        return Err(Answer::bad_request("appId must be that of the app"));
    }
    let (skip, limit) = (
        number(input, "skip", 0, 0..=usize::MAX)?,
        number(input, "limit", 20, 1..=500)?,
    );
    let is = |name: &str, found: &str| input.query(name).is_none_or(|wanted| wanted == found);
    let wanted = input.query("query").unwrap_or_default().to_lowercase();
    let found: Vec<Value> = oauth
        .locations
        .iter()
        .filter(|(id, installed)| {
            is("locationId", id)
                && is("isInstalled", &installed.is_some().to_string())
                && id.to_lowercase().contains(&wanted)
        })
        .map(|(id, installed)| {
            let mut shown =
                json!({"_id": id, "name": id, "address": "", "isInstalled": installed.is_some()});
            if let Some(at) = installed {
                shown["installedAt"] = at.rfc3339().into();
            }
            shown
        })
        .collect();
    let page: Vec<&Value> = found.iter().skip(skip).take(limit).collect();
    Ok(Done::read(
        json!({"locations": page, "count": found.len(), "installToFutureLocations": false}),
    ))
}

/// `GET /oauth/chooselocation`: plays the user who is sent there, and sends the browser back with a code and the state.
///
/// The user picks the location that the query names as `locationId`, which the real page does not know; else what the sandbox
/// was told to pick.
pub(in crate::sandbox::api) fn choose_location(
    oauth: &mut OAuth,
    input: &Input<'_>,
) -> Result<Done, Answer> {
    let text = |name| input.query(name).unwrap_or_default();
    let back = text("redirect_uri");
    if text("client_id") != oauth.client_id || !is_web_address(back) {
        return Err(Answer::bad_request(
            "client_id or redirect_uri is not the app's",
        ));
    }
    let named = input.query("locationId").map(str::to_owned);
    let pick = named.map(Pick::Location).or_else(|| oauth.pick.clone());
    let subject = match pick {
        None => return Err(Answer::bad_request("nobody picked a location")),
        Some(Pick::Refuse) => {
            return Ok(Done::redirected(sent_back(
                back,
                "error",
                "access_denied",
                input,
            )));
        }
        Some(Pick::Company) => Subject::Company(oauth.company.clone()),
        Some(Pick::Location(id)) => Subject::Location(id),
    };
    let change = Change::of_access(Kind::Authorization, subject.id());
    let code = oauth.install(subject, input.query("scope"), Some(back), input.now);
    let mut done = Done::redirected(sent_back(back, "code", &code, input));
    done.change = Some(change);
    Ok(done)
}

fn is_web_address(text: &str) -> bool {
    let address = text.parse::<http::Uri>().ok();
    let scheme = address.as_ref().and_then(http::Uri::scheme_str);
    matches!(scheme, Some("http" | "https"))
}

fn sent_back(to: &str, name: &str, value: &str, input: &Input<'_>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let divider = if to.contains('?') { '&' } else { '?' };
    let state = input
        .query("state")
        .map(|state| format!("&state={}", encode(state)));
    format!(
        "{to}{divider}{name}={}{}",
        encode(value),
        state.unwrap_or_default()
    )
}

/// That the caller's token is of the company that it names.
fn check_company(caller: Option<&Subject>, named: Option<&str>) -> Result<(), Answer> {
    if caller.map(Subject::id) == named {
        Ok(())
    } else {
        Err(Answer::bad_request("companyId must be that of the token"))
    }
}

fn shown(oauth: &OAuth, issued: Issued, subject: &Subject) -> Value {
    let mut body = json!({
        "access_token": issued.access, "token_type": "Bearer", "expires_in": oauth.token_life.as_secs(),
        "scope": oauth.grants[issued.grant].scope, "userType": subject.user_type(), "companyId": oauth.company, "userId": USER
    });
    if let Some(refresh) = issued.refresh {
        body["refresh_token"] = refresh.into();
    }
    match subject {
        Subject::Location(id) => body["locationId"] = id.as_str().into(),
        Subject::Company(_) => {
            let installed = oauth.locations.iter().filter(|(_, at)| at.is_some());
            body["approvedLocations"] = installed.map(|(id, _)| id.as_str()).collect();
            body["isBulkInstallation"] = true.into();
        }
    }
    body
}

impl Denied {
    /// The document has a plain 400 for what concerns a grant; the names of RFC 6749 are shown beside it.
    fn answer(self) -> Answer {
        match self {
            Self::Client => Answer::unauthorised("Invalid client credentials!"),
            Self::Grant(why) => {
                let mut answer = Answer::bad_request(&format!("Invalid grant: {why}"));
                answer.body["error"] = "invalid_grant".into();
                answer.body["error_description"] = why.into();
                answer
            }
        }
    }
}
