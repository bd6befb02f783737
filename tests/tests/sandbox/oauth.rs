//! OAuth: who gets tokens.

use penstock_tests::sandbox::{Call, Kind, Options, Pick, Subject};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{CLIENT_ID, CLIENT_SECRET, Client, LOCATION, told};

const BACK: &str = "https://app.example/callback?x=1";

pub(crate) fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap().to_owned()
}

pub(crate) async fn refresh(client: &Client, token: &str) -> (u16, Value) {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    client.tokens(&fields).await
}

pub(crate) fn invalid_grant(why: &str) -> (u16, Value) {
    let message = format!("Invalid grant: {why}");
    (
        400,
        json!({"statusCode": 400, "message": message, "error": "invalid_grant", "error_description": why}),
    )
}

pub(crate) fn unauthorised(message: &str) -> (u16, Value) {
    let body = json!({"statusCode": 401, "message": message, "error": "Unauthorized"});
    (401, body)
}

async fn get(client: &Client, bearer: &str, path: &str) -> (u16, Value) {
    client.call_as(bearer, Method::GET, path, None).await
}

/// The page's answer: its status, and where it sends the browser.
async fn page(client: &Client, query: &str) -> (u16, String) {
    let url = format!("{}/v2/oauth/chooselocation?{query}", client.running.url());
    let answer = client.http.get(url).send().await.unwrap();
    let to = answer.headers().get("location");
    let to = to.map_or("", |to| to.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), to)
}

fn page_query(more: &str) -> String {
    let back = "https%3A%2F%2Fapp.example%2Fcallback%3Fx%3D1";
    format!("response_type=code&client_id={CLIENT_ID}&redirect_uri={back}{more}")
}

#[tokio::test]
async fn the_page_sends_the_browser_back_with_a_code_and_the_state() {
    let client = Client::with_oauth().await;
    let query = page_query("&scope=contacts.readonly&state=a%20b%26c");
    assert_eq!(
        page(&client, &query).await,
        (400, String::new()),
        "nobody picks"
    );
    client
        .marketplace()
        .set_pick(Some(Pick::Location(LOCATION.to_owned())));
    let (status, to) = page(&client, &query).await;
    let code = to.strip_prefix(&format!("{BACK}&code=")).unwrap();
    let code = code.strip_suffix("&state=a%20b%26c").unwrap();
    assert_eq!(status, 302);
    let given = client.exchanged(code).await;
    assert_eq!(
        (
            &given["userType"],
            &given["locationId"],
            &given["scope"],
            &given["expires_in"]
        ),
        (
            &json!("Location"),
            &json!(LOCATION),
            &json!("contacts.readonly"),
            &json!(86_399)
        )
    );
    client.marketplace().set_pick(Some(Pick::Refuse));
    let (_, to) = page(&client, &query).await;
    assert_eq!(to, format!("{BACK}&error=access%5Fdenied&state=a%20b%26c"));
    let (_, to) = page(&client, &page_query("&locationId=another")).await;
    let code = to.strip_prefix(&format!("{BACK}&code=")).unwrap();
    assert_eq!(client.exchanged(code).await["locationId"], "another");
}

#[tokio::test]
async fn the_page_knows_its_app_alone() {
    let client = Client::with_oauth().await;
    client.marketplace().set_pick(Some(Pick::Company));
    for (query, refusal) in [
        (page_query("").replace(CLIENT_ID, "other"), 400),
        (page_query("").replace("https", "javascript"), 400),
        (page_query("").replace("=code", "=token"), 422),
        (page_query("&x=1"), 422),
        ("response_type=code".to_owned(), 422),
    ] {
        assert_eq!(page(&client, &query).await.0, refusal, "{query}");
    }
    assert_eq!(client.marketplace().grants(), []);
}

#[tokio::test]
async fn a_code_is_for_one_use_and_for_where_it_was_sent() {
    let client = Client::with_oauth().await;
    client
        .marketplace()
        .set_pick(Some(Pick::Location(LOCATION.to_owned())));
    let (_, to) = page(&client, &page_query("")).await;
    let code = to.strip_prefix(&format!("{BACK}&code=")).unwrap();
    let exchange = async |more: &[(&str, &str)]| {
        let fields = [("grant_type", "authorization_code"), ("code", code)];
        client.tokens(&[&fields[..], more].concat()).await
    };
    let invalid = invalid_grant("authorization code is invalid");
    let elsewhere = [("redirect_uri", "https://other.example/")];
    assert_eq!(exchange(&elsewhere).await, invalid);
    let company = [("user_type", "Company")];
    assert_eq!(
        exchange(&company).await,
        invalid_grant("user_type is not that of the grant")
    );
    assert_eq!(
        exchange(&[("redirect_uri", BACK), ("user_type", "Location")])
            .await
            .0,
        200
    );
    assert_eq!(exchange(&[]).await, invalid, "it is used up");
    let secret = [
        ("client_id", CLIENT_ID),
        ("client_secret", "wrong"),
        ("grant_type", "authorization_code"),
        ("code", code),
    ];
    let answer = client.send_form("/oauth/token", None, &secret).await;
    assert_eq!(
        told(answer).await,
        unauthorised("Invalid client credentials!")
    );
}

#[tokio::test]
async fn a_refresh_token_is_for_one_use() {
    let client = Client::with_oauth().await;
    client.seed("c1");
    let first = client
        .exchanged(&client.marketplace().install(LOCATION, None))
        .await;
    let (status, second) = refresh(&client, &text(&first, "refresh_token")).await;
    assert_eq!(status, 200);
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    for given in [&first, &second] {
        let (status, _) = get(&client, &text(given, "access_token"), "/contacts/c1").await;
        assert_eq!(status, 200, "the old access token lives on to its end");
    }
    let invalid = invalid_grant("refresh token is invalid");
    assert_eq!(
        refresh(&client, &text(&first, "refresh_token")).await,
        invalid
    );
    assert_eq!(refresh(&client, "refresh-never-given").await, invalid);
    assert_eq!(
        refresh(&client, &text(&second, "refresh_token")).await.0,
        200
    );
    let grants = client.marketplace().grants();
    assert_eq!(
        (
            grants.len(),
            grants[0].tokens,
            grants[0].refreshes,
            grants[0].reuses
        ),
        (1, 3, 2, 1)
    );
    assert_eq!(grants[0].subject, Subject::Location(LOCATION.to_owned()));
}

#[tokio::test]
async fn of_many_refreshes_with_one_token_exactly_one_succeeds() {
    let client = Client::with_oauth().await;
    let first = client
        .exchanged(&client.marketplace().install(LOCATION, None))
        .await;
    let token = text(&first, "refresh_token");
    let all = futures::future::join_all((0..20).map(|_| refresh(&client, &token))).await;
    assert_eq!(all.iter().filter(|(status, _)| *status == 200).count(), 1);
    let grants = client.marketplace().grants();
    assert_eq!((grants[0].refreshes, grants[0].reuses), (1, 19));
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_has_used_the_token_up() {
    let client = Client::with_oauth().await;
    let first = client
        .exchanged(&client.marketplace().install(LOCATION, None))
        .await;
    let token = text(&first, "refresh_token");
    let set = |fault: &str| client.running.set_faults([fault.parse().unwrap()]);
    set(&format!(
        "503:op=get-access-token:count=1:tenant={LOCATION}"
    ));
    assert_eq!(
        refresh(&client, &token).await.0,
        503,
        "and nothing happened"
    );
    set("cut-after:op=get-access-token:count=1");
    let fields = [
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("grant_type", "refresh_token"),
        ("refresh_token", &token),
    ];
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+").replace('&', "%26")))
        .collect();
    let lost = client
        .http
        .post(format!("{}/oauth/token", client.running.url()))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(pairs.join("&"))
        .send()
        .await;
    assert!(lost.is_err());
    assert_eq!(refresh(&client, &token).await.0, 400);
    let calls = client.running.calls_after(0);
    let seen = |call: &Call| {
        let effect = call.effect.as_ref().map(|effect| effect.change.kind);
        (call.operation, call.status, effect)
    };
    assert_eq!(
        calls.iter().map(seen).collect::<Vec<_>>(),
        [
            ("get-access-token", Some(200), Some(Kind::Tokens)),
            ("get-access-token", Some(503), None),
            ("get-access-token", None, Some(Kind::TokensRefreshed)),
            ("get-access-token", Some(400), None),
        ]
    );
    let refreshed = calls[2].effect.as_ref().unwrap();
    assert_eq!(refreshed.change.id.as_deref(), Some(LOCATION));
}

#[tokio::test]
async fn a_token_is_asked_for_by_a_form_alone() {
    let client = Client::with_oauth().await;
    let code = client.marketplace().install(LOCATION, None);
    let body = json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "grant_type": "authorization_code", "code": code});
    assert_eq!(client.post("/oauth/token", body).await.0, 422);
    let (status, told) = client.tokens(&[("grant_type", "password")]).await;
    assert_eq!(
        (status, &told["message"]),
        (
            422,
            &json!([
                "grant_type must be one of the following values: authorization_code, refresh_token, client_credentials"
            ])
        )
    );
    client.exchanged(&code).await;
}

#[tokio::test]
async fn without_an_app_there_is_no_such_thing() {
    let client = Client::of(Options::default()).await;
    assert!(client.running.marketplace().is_none());
    assert_eq!(page(&client, &page_query("&locationId=l")).await.0, 404);
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(client.tokens(&fields).await.0, 404);
    let fields = [("companyId", "c"), ("locationId", "l")];
    let mint = client
        .send_form("/oauth/locationToken", Some("any"), &fields)
        .await;
    assert_eq!(mint.status(), 404);
}
