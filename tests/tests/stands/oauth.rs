//! Smore: OAuth, and its quotas.

use std::time::Duration;

use penstock_tests::smore::{Account, Options, Paths, Smore};
use reqwest::Url;
use serde_json::{Value, json};

use crate::client::{Client, told};

const REDIRECT: &str = "https://example.com/oauth/callback";
pub(crate) const ALL: &str = "profile:read,forms:read,responses:read,webhooks:read,webhooks:write";

pub(crate) async fn with(options: Options) -> Client<Account> {
    Client::of(Smore::start(options).await.unwrap(), "nobody")
}

/// A client that was allowed these scopes, with quotas that no test reaches by accident.
pub(crate) async fn allowed(options: Options, scope: &str) -> Client<Account> {
    let generous = "100000/1s".parse().unwrap();
    let mut client = with(Options {
        oauth: generous,
        ..options
    })
    .await;
    let code = code(&client, scope).await;
    let (_, tokens) = exchange(&client, &code).await;
    client.token = text(&tokens["access_token"]);
    client
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn authorize(client: &Client<Account>, more: &[(&str, &str)]) -> reqwest::Response {
    let url = Url::parse_with_params(&format!("{}/authorize", client.running.url()), more).unwrap();
    client.http.get(url).send().await.unwrap()
}

async fn code(client: &Client<Account>, scope: &str) -> String {
    let query = [
        ("response_type", "code"),
        ("client_id", "penstock"),
        ("redirect_uri", REDIRECT),
        ("scope", scope),
        ("state", "a b&c"),
    ];
    let answer = authorize(client, &query).await;
    assert_eq!(answer.status(), 302);
    let target = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(target.as_str().starts_with(REDIRECT));
    let pairs: Vec<_> = target.query_pairs().collect();
    assert_eq!(pairs[1], ("state".into(), "a b&c".into()));
    pairs[0].1.to_string()
}

async fn ask(client: &Client<Account>, fields: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/api/oauth/token", client.running.url());
    let body = Url::parse_with_params("http://x/", fields).unwrap();
    let form = client.http.post(url).body(body.query().unwrap().to_owned());
    told(form.header("Content-Type", "application/x-www-form-urlencoded")).await
}

const CLIENT: [(&str, &str); 2] = [
    ("client_id", "penstock"),
    ("client_secret", "smore-client-secret"),
];

async fn exchange(client: &Client<Account>, code: &str) -> (u16, Value) {
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
    ];
    ask(client, &[&CLIENT[..], &grant[..]].concat()).await
}

async fn refresh(client: &Client<Account>, token: &Value) -> (u16, Value) {
    let token = text(token);
    let grant = [("grant_type", "refresh_token"), ("refresh_token", &token)];
    ask(client, &[&CLIENT[..], &grant[..]].concat()).await
}

#[tokio::test]
async fn a_code_becomes_tokens_once() {
    let client = with(Options::default()).await;
    let code = code(&client, "forms:read,responses:read").await;
    let (status, tokens) = exchange(&client, &code).await;
    assert_eq!(
        (
            status,
            &tokens["token_type"],
            &tokens["expires_in"],
            &tokens["scope"]
        ),
        (
            200,
            &json!("Bearer"),
            &json!(3_600),
            &json!("forms:read,responses:read")
        )
    );
    let (status, refusal) = exchange(&client, &code).await;
    assert_eq!((status, &refusal["error"]), (400, &json!("invalid_grant")));
    assert_eq!(client.running.summary().by_operation["token"], 2);
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let client = with(Options::default()).await;
    let (_, first) = exchange(&client, &code(&client, "forms:read").await).await;
    let (status, second) = refresh(&client, &first["refresh_token"]).await;
    assert_eq!((status, &second["scope"]), (200, &json!("forms:read")));
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(
        refresh(&client, &first["refresh_token"]).await.1["error"],
        "invalid_grant"
    );
    // The answer is lost, the token is used up: what a client has to live with.
    client.running.set_faults(["cut-after:op=token"]).unwrap();
    let url = format!("{}/api/oauth/token", client.running.url());
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": second["refresh_token"], "client_id": "penstock", "client_secret": "smore-client-secret",
    });
    assert!(client.http.post(url).json(&body).send().await.is_err());
    client.running.set_faults([]).unwrap();
    assert_eq!(refresh(&client, &second["refresh_token"]).await.0, 400);
    assert_eq!(client.kinds(), ["grant", "grant", "grant"]);
}

#[tokio::test]
async fn wrong_requests_for_a_code_or_a_token_are_refused() {
    let client = with(Options {
        redirect_uri: Some(REDIRECT.to_owned()),
        ..Options::default()
    })
    .await;
    let right = [
        ("response_type", "code"),
        ("client_id", "penstock"),
        ("redirect_uri", REDIRECT),
        ("scope", "forms:read"),
    ];
    for (at, wrong) in [
        (0, "token"),
        (1, "other"),
        (2, "https://evil.example/"),
        (2, "x"),
        (3, "forms:read responses:read"),
        (3, ""),
    ] {
        let mut query = right;
        query[at].1 = wrong;
        let answer = authorize(&client, &query).await;
        assert_eq!(answer.status(), 400, "{wrong}");
    }
    let code = code(&client, "forms:read").await;
    for (fields, error) in [
        (
            vec![("client_id", "penstock"), ("client_secret", "guess")],
            "invalid_client",
        ),
        (CLIENT.to_vec(), "unsupported_grant_type"),
        (
            [
                &CLIENT[..],
                &[("grant_type", "authorization_code"), ("code", "guess")],
            ]
            .concat(),
            "invalid_grant",
        ),
        (
            [
                &CLIENT[..],
                &[("grant_type", "authorization_code"), ("code", &code)],
            ]
            .concat(),
            "invalid_grant",
        ),
    ] {
        assert_eq!(ask(&client, &fields).await.1["error"], error);
    }
}

#[tokio::test]
async fn an_access_token_opens_what_it_was_allowed_until_it_expires() {
    let client = allowed(Options::default(), "forms:read").await;
    assert_eq!(
        client.get("/api/v1/forms").await,
        (200, json!({"forms": []}))
    );
    let (status, refusal) = client.get("/api/v1/profile").await;
    assert_eq!(
        (status, &refusal["error"]),
        (403, &json!("insufficient_scope"))
    );
    client.running.steer("revoke", &json!({})).unwrap();
    let (status, refusal) = client.get("/api/v1/forms").await;
    assert_eq!((status, &refusal["error"]), (401, &json!("unauthorized")));
    let stale = allowed(
        Options {
            access_ttl: Duration::ZERO,
            ..Options::default()
        },
        ALL,
    )
    .await;
    assert_eq!(stale.get("/api/v1/forms").await.0, 401);
}

#[tokio::test]
async fn an_account_has_twenty_calls_a_minute_or_three_with_a_key() {
    let mut client = allowed(
        Options {
            personal_keys: vec!["key".into()],
            ..Options::default()
        },
        ALL,
    )
    .await;
    let defaults = Options::default();
    let stays = |quota: penstock_tests::sandbox::Quota| {
        assert_eq!(quota.window, Duration::from_secs(60));
        penstock_tests::sandbox::Quota {
            window: Duration::from_secs(3_600),
            ..quota
        }
    };
    client.running.set_quota("oauth", stays(defaults.oauth));
    client
        .running
        .set_quota("personal", stays(defaults.personal));
    for token in [client.token.clone(), "key".to_owned()] {
        let least = if token == "key" { 3 } else { 20 };
        client.token = token;
        for _ in 0..least {
            assert_eq!(client.get("/api/v1/forms").await.0, 200);
        }
        let (status, body) = client.get("/api/v1/forms").await;
        assert_eq!((status, &body["error"]), (429, &json!("too_many_requests")));
    }
    assert_eq!(client.running.summary().over_quota, 2);
}

#[tokio::test]
async fn paths_that_are_not_told_are_settings() {
    let mut client = with(Options {
        paths: Paths {
            authorize: "/in".to_owned(),
            token: "/api/tokens".to_owned(),
            api: "/rest".to_owned(),
        },
        personal_keys: vec!["key".into()],
        ..Options::default()
    })
    .await;
    client.token = "key".to_owned();
    assert_eq!(client.get("/rest/forms").await.0, 200);
    assert_eq!(client.get("/in").await.1["error"], "invalid_request");
    assert_eq!(
        client.post("/api/tokens", json!({})).await.1["error"],
        "invalid_client"
    );
    for old in ["/api/v1/forms", "/authorize"] {
        assert_eq!(client.get(old).await.0, 404);
    }
}
