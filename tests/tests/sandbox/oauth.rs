//! OAuth: who gets tokens, what they are good for, and how they end.

use std::time::Duration;

use penstock_tests::sandbox::{Call, Kind, Options, Pick, Subject};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{CLIENT_ID, CLIENT_SECRET, Client, LOCATION, told};

const BACK: &str = "https://app.example/callback?x=1";

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap().to_owned()
}

async fn refresh(client: &Client, token: &str) -> (u16, Value) {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    client.tokens(&fields).await
}

fn invalid_grant(why: &str) -> (u16, Value) {
    let message = format!("Invalid grant: {why}");
    (
        400,
        json!({"statusCode": 400, "message": message, "error": "invalid_grant", "error_description": why}),
    )
}

fn unauthorised(message: &str) -> (u16, Value) {
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
async fn an_access_token_ends_with_its_time_or_before() {
    let client = Client::with_oauth().await;
    client.seed("c1");
    let marketplace = client.marketplace();
    let given = client.exchanged(&marketplace.install(LOCATION, None)).await;
    let bearer = text(&given, "access_token");
    assert_eq!(get(&client, &bearer, "/contacts/c1").await.0, 200);
    marketplace.expire(LOCATION);
    assert_eq!(
        get(&client, &bearer, "/contacts/c1").await,
        unauthorised("Invalid JWT")
    );
    marketplace.set_token_life(Duration::from_secs(60));
    let (_, given) = refresh(&client, &text(&given, "refresh_token")).await;
    assert_eq!(given["expires_in"], 60);
    let bearer = text(&given, "access_token");
    assert_eq!(get(&client, &bearer, "/contacts/c1").await.0, 200);
    assert!(marketplace.revoke(&bearer));
    assert_eq!(
        get(&client, &bearer, "/contacts/c1").await,
        unauthorised("Invalid JWT")
    );
    assert!(marketplace.revoke(&text(&given, "refresh_token")));
    assert_eq!(
        refresh(&client, &text(&given, "refresh_token")).await,
        invalid_grant("refresh token is invalid")
    );
    assert!(!marketplace.revoke("never-given"));
    marketplace.set_token_life(Duration::ZERO);
    let given = client.exchanged(&marketplace.install(LOCATION, None)).await;
    let bearer = text(&given, "access_token");
    assert_eq!(
        get(&client, &bearer, "/contacts/c1").await,
        unauthorised("Invalid JWT")
    );
}

#[tokio::test]
async fn a_token_is_good_for_its_location_and_scope() {
    let client = Client::with_oauth().await;
    client.seed("c1");
    let foreign = json!({"id": "foreign", "locationId": "another"});
    client.running.seed_contact(&foreign).unwrap();
    let marketplace = client.marketplace();
    let of = async |scope| {
        let code = marketplace.install(LOCATION, Some(scope));
        text(&client.exchanged(&code).await, "access_token")
    };
    let (reads, writes) = (of("contacts.readonly").await, of("contacts.write").await);
    let no_scope = unauthorised("The token is not authorized for this scope.");
    let elsewhere = (
        403,
        json!({"statusCode": 403, "message": "The token does not have access to this location."}),
    );
    let note = async |bearer: &str, id: &str| {
        let path = format!("/contacts/{id}/notes");
        let body = Some(json!({"body": "b"}));
        client.call_as(bearer, Method::POST, &path, body).await
    };
    assert_eq!(get(&client, &reads, "/contacts/c1").await.0, 200);
    assert_eq!(note(&reads, "c1").await, no_scope);
    assert_eq!(note(&writes, "c1").await.0, 201);
    assert_eq!(get(&client, &writes, "/contacts/c1").await, no_scope);
    assert_eq!(note(&writes, "foreign").await, elsewhere);
    assert_eq!(
        get(&client, &reads, "/contacts/?locationId=another").await,
        elsewhere
    );
    assert_eq!(get(&client, &reads, "/contacts/nobody").await.0, 400);
    let upsert = Some(json!({"locationId": "another", "email": "a@b.example"}));
    let upsert = client
        .call_as(&writes, Method::POST, "/contacts/upsert", upsert)
        .await;
    assert_eq!(upsert, elsewhere);
    assert_eq!(
        note("pit-test", "foreign").await.0,
        201,
        "a static token is as before"
    );
    assert_eq!(
        note("other", "c1").await,
        unauthorised("Invalid token: access token is invalid")
    );
}

#[tokio::test]
async fn a_company_mints_tokens_for_its_locations() {
    let client = Client::with_oauth().await;
    client.seed("c1");
    let marketplace = client.marketplace();
    let company = marketplace.company();
    marketplace.add_location("bare");
    let location = text(
        &client.exchanged(&marketplace.install(LOCATION, None)).await,
        "access_token",
    );
    let code = marketplace.install_for_company(None);
    marketplace.uninstall("bare");
    let given = client.exchanged(&code).await;
    assert_eq!(
        (
            &given["userType"],
            &given["companyId"],
            &given["approvedLocations"]
        ),
        (&json!("Company"), &json!(company), &json!([LOCATION]))
    );
    let bearer = text(&given, "access_token");
    let mismatch = unauthorised("Token's user type mismatch!");
    assert_eq!(get(&client, &bearer, "/contacts/c1").await, mismatch);
    let mint = async |bearer: &str, company: &str, location: &str| {
        let fields = [("companyId", company), ("locationId", location)];
        told(
            client
                .send_form("/oauth/locationToken", Some(bearer), &fields)
                .await,
        )
        .await
    };
    for wrong in [location.as_str(), "pit-test"] {
        assert_eq!(mint(wrong, &company, LOCATION).await, mismatch);
    }
    assert_eq!(mint(&bearer, "another", LOCATION).await.0, 400);
    assert_eq!(
        mint(&bearer, &company, "bare").await,
        invalid_grant("the app is not installed in that location")
    );
    let (status, minted) = mint(&bearer, &company, LOCATION).await;
    assert_eq!((status, minted.get("refresh_token")), (200, None));
    let minted = text(&minted, "access_token");
    assert_eq!(get(&client, &minted, "/contacts/c1").await.0, 200);
    marketplace.uninstall(LOCATION);
    for ended in [&minted, &location] {
        assert_eq!(
            get(&client, ended, "/contacts/c1").await,
            unauthorised("Invalid JWT")
        );
    }
    marketplace.uninstall(&company);
    assert_eq!(
        mint(&bearer, &company, LOCATION).await,
        unauthorised("Invalid JWT")
    );
    assert_eq!(
        refresh(&client, &text(&given, "refresh_token")).await.0,
        400
    );
}

#[tokio::test]
async fn a_company_sees_where_its_app_is() {
    let client = Client::with_oauth().await;
    let marketplace = client.marketplace();
    for at in 1..=3 {
        marketplace.install(&format!("loc{at}"), None);
    }
    marketplace.uninstall("loc2");
    let bearer = client
        .exchanged(&marketplace.install_for_company(None))
        .await;
    marketplace.uninstall("loc2");
    let bearer = text(&bearer, "access_token");
    let path = format!(
        "/oauth/installedLocations?companyId={}&appId=app1",
        marketplace.company()
    );
    let listed = async |more: &str| {
        let (_, told) = get(&client, &bearer, &format!("{path}{more}")).await;
        let found = told["locations"].as_array().unwrap().iter();
        let ids: Vec<String> = found.map(|location| text(location, "_id")).collect();
        (ids.join(" "), told["count"].as_u64().unwrap())
    };
    assert_eq!(listed("").await, ("loc1 loc2 loc3".to_owned(), 3));
    assert_eq!(listed("&skip=1&limit=1").await, ("loc2".to_owned(), 3));
    assert_eq!(
        listed("&isInstalled=true").await,
        ("loc1 loc3".to_owned(), 2)
    );
    assert_eq!(listed("&locationId=loc3").await, ("loc3".to_owned(), 1));
    let (_, told) = get(&client, &bearer, &path).await;
    assert!(told["locations"][0]["installedAt"].is_string());
    for wrong in [
        "/oauth/installedLocations?companyId=x&appId=app1".to_owned(),
        path.replace("app1", "app2"),
    ] {
        assert_eq!(get(&client, &bearer, &wrong).await.0, 400);
    }
}

#[tokio::test]
async fn the_companys_own_credentials_give_a_token_of_it() {
    let client = Client::with_oauth().await;
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(
        client.tokens(&fields).await,
        invalid_grant("the app is not installed")
    );
    client.marketplace().install_for_company(None);
    let (status, given) = client.tokens(&fields).await;
    assert_eq!(
        (status, &given["userType"], given.get("refresh_token")),
        (200, &json!("Company"), None)
    );
}

#[tokio::test]
async fn calls_about_access_use_nobodys_quota() {
    let client = Client::with_oauth().await;
    client.running.set_quota(penstock_tests::sandbox::Terms {
        burst: "1/1h".parse().unwrap(),
        ..Default::default()
    });
    client.seed("c1");
    let mut given = client
        .exchanged(&client.marketplace().install(LOCATION, None))
        .await;
    for _ in 0..3 {
        given = refresh(&client, &text(&given, "refresh_token")).await.1;
    }
    let bearer = text(&given, "access_token");
    assert_eq!(get(&client, &bearer, "/contacts/c1").await.0, 200);
    assert_eq!(
        get(&client, &bearer, "/contacts/nobody").await.0,
        429,
        "it is its token's location's"
    );
    let summary = client.running.summary();
    let calls = |tenant: &str| summary.by_tenant[tenant].calls;
    assert_eq!((calls("oauth"), calls(LOCATION)), (4, 2));
    let fields = [("grant_type", "refresh_token")];
    let answer = client.send_form("/oauth/token", None, &fields).await;
    assert!(answer.headers().get("x-ratelimit-remaining").is_none());
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
