//! What is asked of the token endpoint, as it is sent, against its official document; and what that says it answers.

use std::{collections::BTreeSet, time::Duration};

use http::{HeaderMap, header::CONTENT_TYPE};
use percent_encoding::percent_decode_str;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::document::Document;
use crate::{
    ghl::{App, GhlClient, Issued, OAuthClient, TokenError, UserType, client as ghl_client, oauth},
    wire::{End, Response},
};

const FORM: &str = "application/x-www-form-urlencoded";
const TOKEN: &str = "get-access-token";
const LOCATION_TOKEN: &str = "get-location-access-token";

fn document() -> Option<Document> {
    Document::read("apps/oauth.json")
}

fn client() -> OAuthClient {
    let client = GhlClient::new("http://127.0.0.1:9", Duration::from_secs(1), "test");
    let app = App {
        client_id: "app-1".to_owned(),
        client_secret: "s&cr=t +%".into(),
        redirect_uri: Some("https://a.example/oauth/callback?x=1".to_owned()),
        scopes: "contacts.readonly".to_owned(),
        authorize_url: "https://m.example/".to_owned(),
    };
    OAuthClient::new(client.unwrap(), app)
}

/// All that can be asked, and what each is in the document.
fn asked() -> Vec<(&'static str, RequestBuilder)> {
    let (client, secret) = (client(), SecretString::from("a secret"));
    let location = "loc".parse().unwrap();
    vec![
        (TOKEN, client.exchanging(&secret)),
        (TOKEN, client.refreshing(&secret, UserType::Location)),
        (TOKEN, client.refreshing(&secret, UserType::Company)),
        (
            LOCATION_TOKEN,
            client.minting(&secret, "company", &location),
        ),
    ]
}

/// The fields of a form.
fn fields(body: &str) -> Value {
    let decoded = |text| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap());
    let fields = pairs.map(|(name, value)| (decoded(name), Value::from(decoded(value))));
    Value::Object(fields.collect::<Map<_, _>>())
}

#[test]
fn token_requests_are_as_the_document_describes_them() {
    let Some(document) = document() else { return };
    for (name, asked) in asked() {
        let (described, request) = (document.described(name), asked.build().unwrap());
        assert_eq!(request.method().as_str(), described.method, "{name}");
        assert!(described.has_path(request.url().path()), "{name}");
        assert_eq!(request.url().query(), None, "{name}");
        assert_eq!(request.headers()[CONTENT_TYPE], FORM, "{name}");
        let content = &described.operation["requestBody"]["content"][FORM];
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let body = fields(std::str::from_utf8(body.unwrap()).unwrap());
        let faults = document.faults(&content["schema"], &body);
        assert_eq!(faults, Vec::<String>::new(), "{name}: {body}");
    }
}

#[test]
fn token_requests_have_the_headers_that_the_document_demands() {
    let Some(document) = document() else { return };
    for (name, asked) in asked() {
        let (described, request) = (document.described(name), asked.build().unwrap());
        let is_signed = described.operation.get("security").is_some();
        let bearer = request.headers().get("authorization");
        assert_eq!(bearer.is_some(), is_signed, "{name}");
        let sent = ghl_client::headers();
        let sent: BTreeSet<_> = sent.keys().map(http::HeaderName::as_str).collect();
        for header in described.parameters("header").1 {
            assert!(
                sent.contains(header.to_lowercase().as_str()),
                "{name}: {header}"
            );
        }
    }
}

/// A request that is not as described is found out.
#[test]
fn a_form_of_another_operation_does_not_fit() {
    let Some(document) = document() else { return };
    let (described, all) = (document.described(LOCATION_TOKEN), asked());
    let request = all.into_iter().next().unwrap().1.build().unwrap();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap();
    let schema = &described.operation["requestBody"]["content"][FORM]["schema"];
    let body = fields(std::str::from_utf8(body).unwrap());
    assert_ne!(document.faults(schema, &body), Vec::<String>::new());
}

fn answered(status: u16, body: &Value) -> Result<Issued, TokenError> {
    let (headers, body) = (HeaderMap::new(), body.to_string());
    oauth::read(&Response {
        status,
        headers: &headers,
        body: body.as_bytes(),
        end: End::Whole,
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

/// Whatever the document leaves out or later adds: tokens are taken out of it, or it is said that there are none.
#[test]
fn every_documented_answer_of_the_token_endpoint_is_read() {
    let Some(document) = document() else { return };
    for name in [TOKEN, LOCATION_TOKEN] {
        let described = document.described(name);
        for (status, response) in described.operation["responses"].as_object().unwrap() {
            let status: u16 = status.parse().unwrap();
            let schema = &response["content"]["application/json"]["schema"];
            for whole in [true, false] {
                let body = document.instance(schema, whole);
                match (status, answered(status, &body)) {
                    (200, Ok(issued)) => agrees(&issued, &body),
                    (400 | 401 | 422, Err(TokenError::Refused { .. })) => {}
                    // It requires no token of a success, and a refusal need not tell whose fault it is.
                    (200, Err(TokenError::Unreadable { .. }))
                    | (401, Err(TokenError::AppRefused { .. }))
                        if !whole => {}
                    (_, other) => panic!("{name} {status} {body}: {other:?}"),
                }
            }
        }
    }
}

/// All that is used of an answer was read.
fn agrees(issued: &Issued, body: &Value) {
    let text = |name: &str| body[name].as_str();
    assert_eq!(Some(issued.access.expose_secret()), text("access_token"));
    let refresh = issued.refresh.as_ref().map(SecretString::expose_secret);
    assert_eq!(refresh, text("refresh_token"));
    assert_eq!(issued.life.as_secs(), body["expires_in"].as_u64().unwrap());
    assert_eq!(Some(issued.scopes.join(" ").as_str()), text("scope"));
    assert_eq!(issued.user_type.map(UserType::as_str), text("userType"));
    assert_eq!(
        issued.location.as_ref().map(crate::job::Tenant::as_str),
        text("locationId")
    );
    assert_eq!(issued.company.as_deref(), text("companyId"));
    let approved = issued
        .approved
        .iter()
        .map(|location| Value::from(location.as_str()));
    let told = body["approvedLocations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(approved.collect::<Vec<_>>(), told);
}
