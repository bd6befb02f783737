//! What goes wrong on purpose, as a socket sees it.

use penstock_tests::sandbox::{Options, Summary};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;

/// A sandbox with one fault and one contact.
async fn with(fault: &str) -> Client {
    let client = Client::of(Options {
        faults: vec![fault.parse().unwrap()],
        ..Options::default()
    })
    .await;
    client.seed("c1");
    client
}

/// Sends a note over a socket of its own, and leaves the answer to the test.
async fn send_note(client: &Client) -> TcpStream {
    let mut socket = TcpStream::connect(client.running.addr()).await.unwrap();
    let body = r#"{"body":"hello"}"#;
    let head = format!(
        "POST /contacts/c1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nVersion: 2021-07-28\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    socket
}

/// Everything that comes until the connection ends.
async fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    bytes
}

fn effects(summary: &Summary) -> u64 {
    summary.effects
}

async fn notes(client: &Client) -> usize {
    client.running.set_faults([]);
    client.get("/contacts/c1/notes").await.1["notes"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_cut_before_sends_nothing_and_does_nothing() {
    let client = with("cut-before").await;
    assert_eq!(rest(send_note(&client).await).await, b"");
    let call = &client.running.calls_after(0)[0];
    assert_eq!(
        (call.status, call.effect.is_some(), call.fault.as_deref()),
        (None, false, Some("cut-before"))
    );
    assert!(call.done_at.is_some());
    assert_eq!(notes(&client).await, 0);
}

#[tokio::test]
async fn a_cut_after_sends_nothing_and_does_it() {
    let client = with("cut-after").await;
    assert_eq!(rest(send_note(&client).await).await, b"");
    let call = &client.running.calls_after(0)[0];
    assert_eq!((call.status, call.effect.is_some()), (None, true));
    assert_eq!(notes(&client).await, 1);
}

#[tokio::test]
async fn a_hang_sends_nothing_while_the_sandbox_lives() {
    for (fault, effect) in [("hang", 0), ("hang-after", 1)] {
        let client = with(fault).await;
        let socket = send_note(&client).await;
        client
            .running
            .until(|summary| summary.calls == 1 && effects(summary) == effect)
            .await;
        let call = &client.running.calls_after(0)[0];
        assert_eq!((call.status, call.done_at), (None, None), "{fault}");
        client.running.stop().await;
        assert_eq!(rest(socket).await, b"", "{fault}");
    }
}

#[tokio::test]
async fn a_late_effect_comes_after_the_cut() {
    let client = with("late=50ms").await;
    assert_eq!(rest(send_note(&client).await).await, b"");
    client.running.until(|summary| effects(summary) == 1).await;
    let call = &client.running.calls_after(0)[0];
    let (done, effect) = (call.done_at.unwrap(), call.effect.as_ref().unwrap());
    assert!(effect.at.since(done).as_millis() >= 50, "{call:?}");
}

#[tokio::test]
async fn what_is_not_due_when_it_stops_never_happens() {
    let client = with("late=1h").await;
    rest(send_note(&client).await).await;
    client.running.stop().await;
}

#[tokio::test]
async fn a_delay_holds_the_effect_back() {
    let client = with("delay=1h").await;
    let _socket = send_note(&client).await;
    client.running.until(|summary| summary.calls == 1).await;
    assert_eq!(notes(&client).await, 0);
}

#[tokio::test]
async fn what_has_arrived_takes_effect_though_its_client_is_gone() {
    let client = with("delay=50ms").await;
    let socket = send_note(&client).await;
    client.running.until(|summary| summary.calls == 1).await;
    drop(socket);
    client.running.until(|summary| effects(summary) == 1).await;
    assert_eq!(notes(&client).await, 1);
}

#[tokio::test]
async fn a_status_comes_without_the_effect_or_with_it() {
    for (fault, status, count) in [
        ("503", 503, 0),
        ("503:effect=yes", 503, 1),
        ("422:effect=yes:message=odd", 422, 1),
    ] {
        let client = with(fault).await;
        let (told, body) = client
            .post("/contacts/c1/notes", json!({"body": "a"}))
            .await;
        assert_eq!((told, &body["statusCode"]), (status, &json!(status)));
        assert_eq!(client.running.summary().effects, count, "{fault}");
    }
    let client = with("401:message=Invalid JWT").await;
    assert_eq!(
        client.get("/contacts/c1").await.1,
        json!({"statusCode": 401, "message": "Invalid JWT", "error": "Unauthorized"})
    );
}

#[tokio::test]
async fn a_page_of_html_comes_with_any_status() {
    for (fault, status) in [("html", 502), ("html:status=200", 200)] {
        let client = with(fault).await;
        let answer = client
            .send(
                reqwest::Method::POST,
                "/contacts/c1/notes",
                &json!({"body": "a"}),
            )
            .await;
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["content-type"].as_bytes()
            ),
            (status, &b"text/html; charset=utf-8"[..])
        );
        assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
        assert_eq!(client.running.summary().effects, 0);
    }
}

#[tokio::test]
async fn garbage_is_a_whole_answer_of_half_a_json() {
    let client = with("garbage").await;
    let answer = client
        .send(
            reqwest::Method::POST,
            "/contacts/c1/notes",
            &json!({"body": "a"}),
        )
        .await;
    assert_eq!(answer.status(), 201);
    assert!(serde_json::from_str::<Value>(&answer.text().await.unwrap()).is_err());
    assert_eq!(notes(&client).await, 1);
}

#[tokio::test]
async fn a_body_is_cut_in_its_middle() {
    let client = with("cut-body").await;
    let answer = client
        .send(
            reqwest::Method::POST,
            "/contacts/c1/notes",
            &json!({"body": "a"}),
        )
        .await;
    assert_eq!(answer.status(), 201);
    assert!(answer.bytes().await.is_err());
    assert_eq!(notes(&client).await, 1);
}

#[tokio::test]
async fn a_slow_body_comes_byte_by_byte() {
    let client = with("slow-body").await;
    let mut answer = client
        .send(
            reqwest::Method::POST,
            "/contacts/c1/notes",
            &json!({"body": "a"}),
        )
        .await;
    let length = answer.content_length().unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(
        (first.len() as u64) < length,
        "{} of {length} bytes at once",
        first.len()
    );
}

#[tokio::test]
async fn a_huge_body_is_as_long_as_asked() {
    let client = with("huge-body:size=1000000").await;
    let answer = client
        .send(
            reqwest::Method::POST,
            "/contacts/c1/notes",
            &json!({"body": "a"}),
        )
        .await;
    assert_eq!(answer.content_length(), None);
    assert_eq!(
        answer.bytes().await.unwrap().len(),
        1_000_000 + r#"{"padding":""#.len()
    );
}

#[tokio::test]
async fn lists_and_searches_lag() {
    let client = with("list-lag=1h").await;
    client
        .post("/contacts/c1/notes", json!({"body": "a"}))
        .await;
    client
        .post(
            "/contacts/c1/tasks",
            json!({"title": "t", "dueDate": "2026-12-01T09:00:00Z", "completed": false}),
        )
        .await;
    let (_, lagging) = client.get("/contacts/c1/notes").await;
    assert_eq!(lagging, json!({"notes": []}));
    assert_eq!(
        client.get("/contacts/c1/tasks").await.1,
        json!({"tasks": []})
    );
    assert_eq!(notes(&client).await, 1);

    client
        .running
        .set_faults(["search-lag=1h".parse().unwrap()]);
    client
        .running
        .seed_contact(&json!({"id": "c2", "locationId": "l", "email": "a@b.example"}))
        .unwrap();
    let search = "/contacts/search/duplicate?locationId=l&email=a@b.example";
    assert_eq!(client.get(search).await.1, json!({"contact": null}));
    assert_eq!(client.get("/contacts/c2").await.0, 200);
    client.running.set_faults([]);
    assert_eq!(client.get(search).await.1["contact"]["id"], "c2");
}

#[tokio::test]
async fn identical_notes_are_told_apart_and_counted() {
    let client = Client::generous().await;
    client.seed("c1");
    for body in ["same", "other", "same"] {
        client
            .post("/contacts/c1/notes", json!({"body": body}))
            .await;
    }
    let summary = client.running.summary();
    assert_eq!((summary.effects, summary.duplicates), (3, 1));
    let repeated = summary.duplicated().next().unwrap();
    assert_eq!(
        (repeated.contact_id.as_deref(), repeated.ids.len()),
        (Some("c1"), 2)
    );
}
