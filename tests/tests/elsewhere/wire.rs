//! What a call by a connection looks like on the wire, and that redirects lead nowhere: a server that writes down what it is sent.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use penstock_tests::harness::wait_until;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::stage::{PATIENCE, Stage, call};

/// The heads of the requests that came.
pub(crate) type Heads = Arc<Mutex<Vec<String>>>;

/// Says the same to everybody.
pub(crate) async fn server(answer: &'static str) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, heads) = (listener.local_addr().unwrap(), Heads::default());
    let written = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer, Arc::clone(&written)));
        }
    });
    (format!("http://{address}/base"), heads)
}

async fn serve(mut stream: TcpStream, answer: &'static str, heads: Heads) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    heads.lock().push(head.to_owned());
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn headers(head: &str) -> HashMap<String, String> {
    let lines = head.lines().skip(1);
    let pairs = lines.filter_map(|line| line.split_once(": "));
    pairs
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
const MOVED: &str =
    "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const GONE_WRONG: &str =
    "HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_call_carries_what_the_connection_and_the_job_say() {
    let stage = Stage::start().await;
    let (url, heads) = server(OK).await;
    let connections = format!(
        "[connection.crm]\nbase_url = '{url}'\nheader = 'X-Api-Key'\ntoken = 'the-key'\nidempotency_header = 'Idempotency-Key'\n"
    );
    let _worker = stage.worker_with(&connections, &[]).await;
    let more = json!({
        "query": { "q": "a&b" }, "headers": { "X-Source": "penstock" }, "body": { "a": 1 },
    });
    stage
        .enqueue(&[call("job 1", "POST", "/people/Ann Lee", more)])
        .await;
    stage.result("job 1").await;
    let head = heads.lock().pop().unwrap();
    let line = head.lines().next().unwrap();
    assert_eq!(line, "POST /base/people/Ann%20Lee?q=a%26b HTTP/1.1");
    let headers = headers(&head);
    for (name, value) in [
        ("x-api-key", "the-key"),
        ("x-source", "penstock"),
        ("idempotency-key", "acme/job%201"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ] {
        assert_eq!(headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!headers.contains_key("authorization"));
    let mine = json!({ "headers": { "Idempotency-Key": "mine" }, "body": { "a": 1 } });
    stage
        .enqueue(&[call("job 2", "POST", "/people", mine)])
        .await;
    let dead = stage.dead("job 2").await;
    let error = dead.run.text("error").unwrap();
    assert!(error.contains("idempotency-key"), "{error}");
    assert_eq!(heads.lock().len(), 0, "nothing was sent");
}

#[tokio::test]
async fn a_redirect_is_an_error_and_is_not_followed() {
    let stage = Stage::start().await;
    let (url, heads) = server(MOVED).await;
    let connections = format!("[connection.crm]\nbase_url = '{url}'\ntoken = 'the-key'\n");
    let _worker = stage.worker_with(&connections, &[]).await;
    stage.enqueue(&[call("c1", "GET", "/a", json!({}))]).await;
    let dead = stage.dead("c1").await;
    assert_eq!(dead.cause, "rejected");
    assert!(dead.run.text("error").unwrap().contains("redirects"));
    assert_eq!(heads.lock().len(), 1);
}

const BLOCKED: &str =
    "HTTP/1.1 403 Forbidden\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>";

/// Nobody would let the lane go on otherwise: what stands in it cannot be deleted.
#[tokio::test]
async fn a_page_of_a_firewall_stops_one_job_and_no_lane() {
    let stage = Stage::start().await;
    let (url, _) = server(BLOCKED).await;
    let connections = format!("[connection.crm]\nbase_url = '{url}'\ntoken = 'the-key'\n");
    let settings = [("PENSTOCK_MAX_ATTEMPTS", "2")];
    let _worker = stage.worker_with(&connections, &settings).await;
    stage.enqueue(&[call("c1", "PUT", "/a", json!({}))]).await;
    assert_eq!(stage.dead("c1").await.cause, "exhausted");
    assert_eq!(stage.lane("crm").await.why, None);
}

#[tokio::test]
async fn a_breaker_is_probed_by_what_can_be_read_without_harm() {
    let stage = Stage::start().await;
    let (url, heads) = server(GONE_WRONG).await;
    let connections =
        format!("[connection.crm]\nbase_url = '{url}'\ntoken = 'the-key'\nprobe = '/status'\n");
    let _worker = stage.worker_with(&connections, &[]).await;
    let reads: Vec<_> = (0..6)
        .map(|at| call(&format!("r{at}"), "GET", "/a", json!({})))
        .collect();
    stage.enqueue(&reads).await;
    wait_until("the breaker to open", PATIENCE, || async {
        stage.lane("crm").await.breaker_open.then_some(())
    })
    .await;
    stage
        .enqueue(&[call("w", "POST", "/a", json!({})).high()])
        .await;
    wait_until("the probe", PATIENCE, || async {
        let heads = heads.lock();
        let probed = heads
            .iter()
            .any(|head| head.starts_with("GET /base/status"));
        probed.then_some(())
    })
    .await;
    let heads = heads.lock();
    assert!(!heads.iter().any(|head| head.starts_with("POST")));
}
