//! Where requests to the API may lead, and what may come back: nowhere but where the settings say, and no more than is of use.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use penstock_producer::{Client, Refusal};
use penstock_shared::{
    ghl::{CallError, GhlClient, Limiter, Request},
    job::{Job, Payload},
    settings::Settings,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::stage::{PATIENCE, Stage};

fn note(id: &str, contact: &str) -> String {
    let payload = json!({ "contact": { "id": contact }, "body": "A note" });
    json!({ "id": id, "tenant": "acme", "type": "AttachNote", "payload": payload }).to_string()
}

/// A listener that counts who comes.
async fn trap() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, seen)
}

#[tokio::test]
async fn proxy_variables_are_ignored() {
    let (proxy, seen) = trap().await;
    let stage = Stage::start(&[]).await;
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let worker = names
        .iter()
        .fold(stage.program("penstock-worker", &[]), |program, name| {
            program.env(name, &proxy)
        });
    let _worker = worker.env("NO_PROXY", "").env("REQUEST_METHOD", "").start();
    let upsert = json!({ "id": "a", "tenant": "acme", "type": "UpsertContact", "payload": { "email": "a@example.com" } });
    stage.enqueue(&[upsert.to_string()]).await;
    stage.until("a", "done").await;
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    // The trap works.
    tokio::net::TcpStream::connect(proxy.trim_start_matches("http://"))
        .await
        .unwrap();
    while seen.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ids_that_lead_elsewhere_are_refused_at_the_door() {
    let hostile = [
        "../users",
        "..",
        ".",
        "a/b",
        "a%2fb",
        "%2e%2e",
        "a?x=1",
        "a#b",
        "a\r\nHost: x",
        "a\\b",
        "a b",
        "\0",
        "a\u{2028}b",
    ];
    let stage = Stage::start(&[]).await;
    let lines: Vec<_> = hostile
        .iter()
        .enumerate()
        .map(|(at, id)| note(&format!("n{at}"), id))
        .collect();
    let finished = stage.enqueue(&lines).await;
    let all = format!(
        "{{\"accepted\":0,\"duplicates\":0,\"rejected\":{}}}\n",
        hostile.len()
    );
    assert_eq!(finished.stdout, all, "{}", finished.stderr);
    assert_eq!(finished.code, Some(2));
    for at in 1..=hostile.len() {
        let place = format!("line {at}: payload.contact.id: ");
        assert!(finished.stderr.contains(&place), "{}", finished.stderr);
    }
    let tenants = ["..", ".", "a/b", "a:b", "{a}", "a*", "a\r\nb"];
    let lines =
        tenants.map(|tenant| note("n", "c1").replace("acme", &tenant.escape_default().to_string()));
    let finished = stage.enqueue(&lines).await;
    assert!(finished.stdout.contains("\"accepted\":0"), "{finished:?}");
}

/// What is packed is not asked for, and not unpacked: a few bytes do not become gigabytes.
#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let bomb = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/bomb.gz")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let length = bomb.len();
        let head = format!(
            "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        );
        stream
            .write_all(&[head.as_bytes(), &bomb].concat())
            .await
            .unwrap();
        String::from_utf8(request).unwrap().to_lowercase()
    });
    let client = GhlClient::new(&base, PATIENCE, "penstock/test").unwrap();
    let quota = "10/10s".parse().unwrap();
    let passage = Limiter::default().pass("ghl/t", quota, quota).unwrap();
    let job = Job::parse(note("a", "c1").as_bytes()).unwrap();
    let Payload::AttachNote(note) = job.payload else {
        panic!("not a note");
    };
    let request = Request::create_note(&"c1".parse().unwrap(), &note);
    let reply = client.send(passage, &"pit".into(), &request).await;
    let Err(CallError::Unreadable { message, .. }) = reply.answer else {
        panic!("{reply:?}");
    };
    // Unpacked it would be JSON, and longer than is read.
    assert_eq!(message, "the body is not JSON");
    assert!(!server.await.unwrap().contains("accept-encoding"));
}

/// A program may make a job instead of reading it.
#[tokio::test]
async fn a_job_that_was_made_too_large_is_refused() {
    let stage = Stage::start(&[]).await;
    let url = stage.redis.url();
    let settings = Settings::load_from([("PENSTOCK_REDIS_URL", url.as_str())]).unwrap();
    let client = Client::connect(&settings).await.unwrap();
    let mut job = Job::parse(note("a", "c1").as_bytes()).unwrap();
    let Payload::AttachNote(note) = &mut job.payload else {
        panic!("not a note");
    };
    note.body = "é".repeat(65_536).parse().unwrap();
    let refused = client.enqueue(job.clone()).await.unwrap_err();
    assert!(matches!(refused, Refusal::TooLarge(_)), "{refused}");
    let refused = client.enqueue_all(vec![job]).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("job 0 of the batch: a job may have 65536 bytes"),
        "{refused}"
    );
}
