use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    answer::{Issued, TokenError, UserType, read},
    *,
};
use crate::wire::{End, Response};

fn answered(status: u16, body: &[u8], end: End) -> Result<Issued, TokenError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
    read(&Response {
        status,
        headers: &headers,
        body,
        end,
        now: Timestamp::now(),
    })
}

fn said(status: u16, body: &Value) -> Result<Issued, TokenError> {
    answered(status, body.to_string().as_bytes(), End::Whole)
}

/// As the official document has it.
fn documented() -> Value {
    json!({
        "access_token": "ab12dc0ae1234a7898f9ff06d4f69gh",
        "token_type": "Bearer",
        "expires_in": 86399,
        "refresh_token": "xy34dc0ae1234a4858f9ff06d4f66ba",
        "scope": "contacts.readonly contacts.write",
        "userType": "Location",
        "locationId": "l1C08ntBrFjLS0elLIYU",
        "companyId": "co",
        "approvedLocations": ["l1C08ntBrFjLS0elLIYU", 7, "no/location"],
        "userId": "u",
        "isBulkInstallation": "Bearer",
        "whatever": {}
    })
}

#[test]
fn the_documented_answer_is_read() {
    let issued = said(200, &documented()).unwrap();
    assert_eq!(
        issued.access.expose_secret(),
        "ab12dc0ae1234a7898f9ff06d4f69gh"
    );
    assert!(issued.refresh.is_some());
    assert_eq!(issued.life, Duration::from_secs(86_399));
    assert_eq!(issued.scopes, ["contacts.readonly", "contacts.write"]);
    assert_eq!(issued.user_type, Some(UserType::Location));
    assert_eq!(issued.location.unwrap().as_str(), "l1C08ntBrFjLS0elLIYU");
    assert_eq!(issued.company.as_deref(), Some("co"));
    assert_eq!(issued.approved.len(), 1);
}

#[test]
fn all_but_the_token_may_be_missing_or_odd() {
    for odd in [
        json!({"access_token": "t"}),
        json!({"access_token": "t", "expires_in": "soon", "scope": ["x"], "userType": 1, "locationId": "a/b", "refresh_token": null}),
    ] {
        let issued = said(201, &odd).unwrap();
        assert_eq!(issued.life, Duration::from_secs(86_399));
        assert!(issued.refresh.is_none() && issued.location.is_none());
    }
    let life = |told: Value| {
        let answer = json!({"access_token": "t", "expires_in": told});
        said(200, &answer).unwrap().life.as_secs()
    };
    assert_eq!(
        [life(json!("60")), life(json!(-5)), life(json!(1e300))],
        [60, 1, 366 * 86_400]
    );
}

#[test]
fn a_success_without_a_usable_token_has_used_up_what_was_sent() {
    for odd in [
        json!({}),
        json!([]),
        json!({"access_token": 1}),
        json!({"access_token": ""}),
        json!({"access_token": "two words"}),
        json!({"access_token": "x".repeat(9_000)}),
    ] {
        let error = said(200, &odd).unwrap_err();
        assert!(error.may_have_rotated(), "{odd}: {error}");
    }
    let html = answered(200, b"<html>", End::Whole).unwrap_err();
    let cut = answered(200, b"{", End::Cut("gone".into())).unwrap_err();
    let long = answered(200, b"{", End::TooLong).unwrap_err();
    assert!(html.may_have_rotated() && cut.may_have_rotated() && long.may_have_rotated());
}

#[test]
fn a_refusal_is_told_from_a_failure() {
    let invalid =
        json!({"error": "invalid_grant", "error_description": "This refresh token is invalid"});
    for status in [400, 401, 403, 422] {
        let error = said(status, &invalid).unwrap_err();
        let message = "This refresh token is invalid".to_owned();
        assert_eq!(error, TokenError::Refused { status, message });
    }
    for (status, message) in [
        (401, "Invalid JWT"),
        (401, "Invalid token: access token is invalid"),
        (400, "the authorization code is used"),
    ] {
        let error = said(status, &json!({ "message": message })).unwrap_err();
        assert!(matches!(error, TokenError::Refused { .. }), "{error}");
    }
    for status in [408, 500, 502, 503] {
        let error = said(status, &invalid).unwrap_err();
        assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
    }
    // A firewall's page says nothing of a grant.
    let page = answered(403, b"<html>", End::Whole).unwrap_err();
    assert!(matches!(page, TokenError::Unavailable { .. }), "{page}");
    let throttled = said(429, &json!({})).unwrap_err();
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(throttled, TokenError::Throttled { retry_after });
}

/// A grant that is given up has to be connected anew by a person: an answer of somebody else's must not cost all that come due.
#[test]
fn what_says_nothing_of_a_grant_costs_none() {
    let array = json!({"statusCode": 422, "message": ["refresh_token must be a string"], "error": "Unprocessable Entity"});
    for (status, body) in [
        (
            404,
            json!({"message": "Cannot POST /oauth/token", "error": "Not Found", "statusCode": 404}),
        ),
        (
            403,
            json!({"message": "Request blocked", "error": "Forbidden"}),
        ),
        (
            403,
            json!({"message": "The token does not have access to this location."}),
        ),
        (
            405,
            json!({"message": "Method not allowed for /oauth/token"}),
        ),
        (400, json!({"message": "Bad Request"})),
        (
            400,
            json!({"message": "Unexpected token < in JSON at position 0"}),
        ),
        (400, json!({"message": ["grant_type must be a string"]})),
        (
            400,
            json!({"error": "invalid_request", "error_description": "no refresh token"}),
        ),
        (400, json!({"error": "unsupported_grant_type"})),
        (422, array),
        (400, json!([])),
    ] {
        let error = said(status, &body).unwrap_err();
        assert!(
            matches!(error, TokenError::Rejected { .. }),
            "{body}: {error}"
        );
        assert!(!error.may_have_rotated(), "{error}");
        assert!(
            error.to_string().contains("PENSTOCK_GHL_BASE_URL"),
            "{error}"
        );
    }
}

#[test]
fn that_the_app_is_refused_is_no_grants_fault() {
    for body in [
        json!({"error": "invalid_client"}),
        json!({"error": "unauthorized_client", "error_description": "no"}),
        json!({"error": "UnAuthorized!", "error_description": "Invalid client credentials!"}),
        json!({"statusCode": 401, "message": "Invalid client credentials!", "error": "Unauthorized"}),
        json!({"statusCode": 401, "message": "Unauthorized"}),
    ] {
        let error = said(401, &body).unwrap_err();
        assert!(matches!(error, TokenError::AppRefused { .. }), "{error}");
    }
}

#[test]
fn what_was_sent_is_not_repeated() {
    let secret = "c4n4ry-refresh";
    let body = json!({"message": format!("token {secret} is used")});
    let error = said(400, &body).unwrap_err().without(secret);
    assert!(!format!("{error} {error:?}").contains("c4n4ry"), "{error}");
}

fn app() -> App {
    App {
        client_id: "app-1".to_owned(),
        client_secret: "c4n4ry".into(),
        redirect_uri: Some("https://a.example/oauth/callback?x=1".to_owned()),
        scopes: "contacts.readonly contacts.write".to_owned(),
        authorize_url: "https://m.example/v2/oauth/chooselocation".to_owned(),
    }
}

#[test]
fn the_page_to_choose_an_account_is_told_where_to_come_back() {
    let url = app().install_url("st.a-te").unwrap();
    assert_eq!(
        url,
        "https://m.example/v2/oauth/chooselocation?response_type=code&redirect_uri=https%3A%2F%2Fa.example%2Foauth%2Fcallback%3Fx%3D1&client_id=app-1&scope=contacts.readonly%20contacts.write&state=st.a-te"
    );
    let nowhere = App {
        redirect_uri: None,
        ..app()
    };
    assert!(nowhere.install_url("state").is_none());
    assert!(!format!("{:?}", app()).contains("c4n4ry"));
}

#[test]
fn a_form_cannot_be_broken_out_of() {
    assert_eq!(
        form(&[("code", "a&b=c+d %é")]),
        "code=a%26b%3Dc%2Bd%20%25%C3%A9"
    );
}
