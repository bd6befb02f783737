//! What tokens are good for, and how they end.

use std::time::Duration;

use penstock_tests::sandbox::Terms;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, LOCATION, told};
use crate::oauth::{invalid_grant, refresh, text, unauthorised};

async fn get(client: &Client, bearer: &str, path: &str) -> (u16, Value) {
    client.call_as(bearer, Method::GET, path, None).await
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
    client.running.set_quota(Terms {
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
