//! The quota, at the door.

use penstock_tests::sandbox::{Options, Terms, Window};
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::client::{Client, LOCATION};

fn options(burst: &str, daily: u32) -> Options {
    let mut options = Options::default();
    options.quota.burst = burst.parse().unwrap();
    options.quota.daily.calls = daily;
    options
}

fn header(headers: &HeaderMap, name: &str) -> u64 {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn headers(client: &Client, path: &str) -> (u16, HeaderMap) {
    let answer = client
        .request(reqwest::Method::GET, path)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test]
async fn every_answer_says_what_is_left() {
    let client = Client::of(options("3/1h", 10)).await;
    client.seed("c1");
    for (path, status, left) in [
        ("/contacts/c1", 200, 2),
        ("/contacts/c1/notes/none", 400, 1),
        ("/contacts/c1", 200, 0),
        ("/contacts/c1", 429, 0),
        ("/contacts/c1", 429, 0),
    ] {
        let (told, headers) = headers(&client, path).await;
        assert_eq!(
            (told, header(&headers, "x-ratelimit-remaining")),
            (status, left)
        );
        assert_eq!(header(&headers, "x-ratelimit-max"), 3);
        assert_eq!(
            header(&headers, "x-ratelimit-interval-milliseconds"),
            3_600_000
        );
        assert_eq!(header(&headers, "x-ratelimit-limit-daily"), 10);
        assert_eq!(
            header(&headers, "x-ratelimit-daily-remaining"),
            7 + left,
            "a 429 consumes nothing of the day either"
        );
        assert_eq!(headers.contains_key("retry-after"), status == 429);
    }
    let summary = client.running.summary();
    assert_eq!(
        (summary.over_quota, summary.by_tenant[LOCATION].over_quota),
        (2, 2)
    );
}

/// Whose quota calls about it use does not change as it goes.
#[tokio::test]
async fn a_contact_that_was_deleted_is_still_its_locations() {
    let client = Client::of(options("3/1h", 10)).await;
    client.seed("c1");
    let delete = client.request(reqwest::Method::DELETE, "/contacts/c1");
    assert_eq!(delete.send().await.unwrap().status().as_u16(), 200);
    headers(&client, "/contacts/c1").await;
    let summary = client.running.summary();
    assert_eq!(summary.by_tenant.len(), 1);
    assert_eq!(summary.by_tenant[LOCATION].calls, 2);
}

#[tokio::test]
async fn a_refusal_says_when_to_return() {
    let client = Client::of(options("1/1h", 10)).await;
    client.seed("c1");
    headers(&client, "/contacts/c1").await;
    let (status, headers) = headers(&client, "/contacts/c1").await;
    assert_eq!(status, 429);
    assert!((1..=3_600).contains(&header(&headers, "retry-after")));
    let (_, body) = client.get("/contacts/c1").await;
    assert_eq!(
        body,
        json!({"statusCode": 429, "message": "Too Many Requests"})
    );
}

#[tokio::test]
async fn the_day_is_counted_too() {
    let client = Client::of(options("100/1ms", 2)).await;
    client.seed("c1");
    for status in [200, 200, 429] {
        assert_eq!(headers(&client, "/contacts/c1").await.0, status);
    }
}

#[tokio::test]
async fn of_many_calls_at_once_exactly_the_quota_gets_in() {
    for window in [Window::Sliding, Window::Fixed] {
        let mut options = options("100/366d", 100_000);
        options.quota.window = window;
        let client = Client::of(options).await;
        client.seed("c1");
        let calls = (0..300).map(|_| client.get("/contacts/c1"));
        let answers = futures::future::join_all(calls).await;
        assert_eq!(
            answers.iter().filter(|(status, _)| *status == 200).count(),
            100
        );
        let summary = client.running.summary();
        assert_eq!(
            (summary.calls, summary.over_quota, summary.statuses["429"]),
            (300, 200, 200)
        );
    }
}

#[tokio::test]
async fn a_call_is_charged_to_the_location_it_is_about() {
    let client = Client::of(options("1/1h", 10)).await;
    client.seed("c1");
    client.get("/contacts/c1").await;
    client.get("/contacts/nobody").await;
    client.get("/contacts/?locationId=other").await;
    client
        .post("/contacts/upsert", json!({"locationId": "third"}))
        .await;
    client.http.get(client.running.url()).send().await.unwrap();
    let tenants: Vec<String> = client
        .running
        .calls_after(0)
        .iter()
        .map(|call| call.tenant.to_string())
        .collect();
    assert_eq!(
        [&tenants[0], &tenants[2], &tenants[3], &tenants[4]],
        [LOCATION, "other", "third", "unknown"]
    );
    assert!(
        tenants[1].starts_with("token-") && !tenants[1].contains("pit"),
        "{}",
        tenants[1]
    );
    assert_eq!(client.running.summary().over_quota, 0);
}

#[tokio::test]
async fn quotas_change_while_it_runs() {
    let client = Client::of(options("1/1h", 10)).await;
    client.seed("c1");
    let get = async || headers(&client, "/contacts/c1").await.0;
    assert_eq!((get().await, get().await), (200, 429));
    client.running.set_quota(Terms {
        burst: "2/1h".parse().unwrap(),
        ..Terms::default()
    });
    assert_eq!((get().await, get().await), (200, 429));
}

#[tokio::test]
async fn a_faulted_call_counts_and_a_faulted_429_is_no_breach() {
    let client = Client::of(Options {
        faults: vec!["429:count=1:retry-after=7".parse().unwrap()],
        ..options("1/1h", 10)
    })
    .await;
    client.seed("c1");
    let (status, first) = headers(&client, "/contacts/c1").await;
    assert_eq!(
        (
            status,
            header(&first, "retry-after"),
            header(&first, "x-ratelimit-remaining")
        ),
        (429, 7, 0)
    );
    assert_eq!(client.running.summary().over_quota, 0);
    assert_eq!(headers(&client, "/contacts/c1").await.0, 429);
    assert_eq!(client.running.summary().over_quota, 1);
}
