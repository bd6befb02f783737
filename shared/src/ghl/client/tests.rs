use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;
use crate::{
    ghl::{Limiter, Lookup},
    job::{Job, Payload},
};

const PATIENT: Duration = Duration::from_secs(30);
/// For servers that never finish: nothing is asserted about how long it takes.
const IMPATIENT: Duration = Duration::from_millis(300);

/// A server on a port of its own; `serve` gets every connection, with its number.
async fn server<F, S>(serve: F) -> String
where
    F: Fn(usize, TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, stream));
        }
    });
    format!("http://{address}")
}

/// The next whole request on a connection, or nothing where it ends first.
async fn next_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut chunk = [0; 4_096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

async fn reply(stream: &mut TcpStream, head: &str, body: &str) {
    let length = body.len();
    let reply = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}");
    // The client may have gone.
    let _ = stream.write_all(reply.as_bytes()).await;
}

/// Keeps the connection open, and says nothing, until the client has gone.
async fn hold(stream: &mut TcpStream) {
    while next_request(stream).await.is_some() {}
}

fn client(base_url: &str, timeout: Duration) -> GhlClient {
    GhlClient::new(base_url, timeout, "penstock/test").unwrap()
}

async fn send(client: &GhlClient, request: &Request) -> Result<Answer, CallError> {
    let quota = "1000/10s".parse().unwrap();
    let passage = Limiter::default().pass("ghl/t", quota, quota).unwrap();
    let reply = client.send(passage, &"pit-canary".into(), request).await;
    reply.answer
}

fn note() -> Request {
    let note = json!({"contact": {"id": "c1"}, "body": "hello"});
    let job = json!({"type": "AttachNote", "tenant": "loc", "payload": note});
    match Job::from_value(job).unwrap().payload {
        Payload::AttachNote(note) => Request::create_note(&"c1".parse().unwrap(), &note),
        other => panic!("not a note: {other:?}"),
    }
}

fn search(lookup: Lookup<'_>) -> Request {
    Request::search_duplicate(&"loc".parse().unwrap(), lookup)
}

#[tokio::test]
async fn a_request_is_sent_as_the_document_says() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let base = server(move |_, mut stream| {
        let seen = seen.clone();
        async move {
            while let Some(request) = next_request(&mut stream).await {
                seen.send(request).unwrap();
                reply(&mut stream, "201 Created", r#"{"note":{"id":"n1"}}"#).await;
            }
        }
    })
    .await;
    let client = client(&format!("{base}/api/"), PATIENT);

    assert_eq!(
        send(&client, &note()).await.unwrap().note_id(),
        Ok("n1".to_owned())
    );
    let request = requests.recv().await.unwrap();
    assert!(
        request.starts_with("POST /api/contacts/c1/notes HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with("\r\n\r\n{\"body\":\"hello\"}"),
        "{request}"
    );
    let head = request.to_lowercase();
    for header in [
        "version: 2021-07-28",
        "authorization: bearer pit-canary",
        "content-type: application/json",
        "accept: application/json",
        "user-agent: penstock/test",
    ] {
        assert!(
            head.contains(&format!("\r\n{header}\r\n")),
            "{header} in {request}"
        );
    }

    let search = search(Lookup::Phone(&"+15551234567".parse().unwrap()));
    send(&client, &search).await.unwrap();
    let request = requests.recv().await.unwrap();
    let line = "GET /api/contacts/search/duplicate?locationId=loc&number=%2B15551234567 HTTP/1.1";
    assert!(request.starts_with(line), "{request}");
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = send(&client(&base, PATIENT), &note()).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_failed_tls_handshake_is_not_sent() {
    let base = server(|_, mut stream| async move {
        reply(&mut stream, "200 OK", "{}").await;
        hold(&mut stream).await;
    })
    .await;
    let base = base.replace("http://", "https://");
    // A machine without CA certificates cannot have a client with TLS.
    let Ok(client) = GhlClient::new(&base, PATIENT, "penstock/test") else {
        return;
    };
    let error = send(&client, &note()).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_unanswered() {
    let base = server(|_, mut stream| async move {
        next_request(&mut stream).await;
    })
    .await;
    let error = send(&client(&base, PATIENT), &note()).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered { .. }), "{error:?}");
}

/// The server reads a request on a connection that was used before, and closes it: the case in
/// which many clients try once more.
#[tokio::test]
async fn a_post_on_a_reused_connection_is_never_sent_twice() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let base = server(move |_, mut stream| {
        let seen = Arc::clone(&counter);
        async move {
            while next_request(&mut stream).await.is_some() {
                if seen.fetch_add(1, Ordering::SeqCst) != 0 {
                    return;
                }
                reply(&mut stream, "201 Created", "{}").await;
            }
        }
    })
    .await;
    let client = client(&base, PATIENT);
    send(&client, &note()).await.unwrap();
    let error = send(&client, &note()).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered { .. }), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

/// The server closes each connection after one answer without saying so, while the next call may
/// already be on its way.
#[tokio::test]
async fn calls_that_race_a_closing_connection_arrive_once_at_most() {
    const CALLS: usize = 200;
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let base = server(move |_, mut stream| {
        let seen = Arc::clone(&counter);
        async move {
            if next_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                reply(&mut stream, "201 Created", "{}").await;
            }
        }
    })
    .await;
    let client = client(&base, PATIENT);
    let mut answered = 0;
    for _ in 0..CALLS {
        match send(&client, &note()).await {
            Ok(_) => answered += 1,
            Err(error) => assert!(matches!(error, CallError::Unanswered { .. }), "{error:?}"),
        }
    }
    let seen = seen.load(Ordering::SeqCst);
    assert!(
        (answered..=CALLS).contains(&seen),
        "{answered} answered, {seen} seen"
    );
}

#[tokio::test]
async fn silence_is_unanswered() {
    let base = server(|_, mut stream| async move { hold(&mut stream).await }).await;
    let error = send(&client(&base, IMPATIENT), &note()).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_never_ends_hides_a_success_but_not_a_refusal() {
    let base = server(|number, mut stream| async move {
        next_request(&mut stream).await;
        let status = if number == 0 {
            "201 Created"
        } else {
            "429 Too Many Requests"
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        hold(&mut stream).await;
    })
    .await;
    let client = client(&base, IMPATIENT);
    let error = send(&client, &note()).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered { .. }), "{error:?}");
    let error = send(&client, &note()).await.unwrap_err();
    assert!(matches!(error, CallError::Throttled { .. }), "{error:?}");
}

#[tokio::test]
async fn a_huge_body_is_capped() {
    let base = server(|_, mut stream| async move {
        next_request(&mut stream).await;
        let head = "HTTP/1.1 201 Created\r\ncontent-length: 1000000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![b' '; 65_536];
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let error = send(&client(&base, PATIENT), &note()).await.unwrap_err();
    assert!(
        matches!(error, CallError::TooLong { status: 201 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let base = server(move |_, mut stream| {
        let seen = Arc::clone(&counter);
        async move {
            while next_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                reply(
                    &mut stream,
                    "307 Temporary Redirect\r\nlocation: /elsewhere",
                    "",
                )
                .await;
            }
        }
    })
    .await;
    let error = send(&client(&base, PATIENT), &note()).await.unwrap_err();
    assert!(
        matches!(error, CallError::ServerError { status: 307, .. }),
        "{error:?}"
    );
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn errors_tell_nothing_of_the_request() {
    let base = server(|_, stream| async move { drop(stream) }).await;
    let search = search(Lookup::Email(&"canary@example.com".parse().unwrap()));
    let error = send(&client(&base, PATIENT), &search).await.unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("canary"),
        "{error:?}"
    );
}

#[test]
fn addresses_are_checked() {
    for base in ["", "localhost", "ftp://localhost", "unix:///run/x"] {
        let made = GhlClient::new(base, PATIENT, "penstock/test");
        assert!(matches!(made, Err(ClientError::BaseUrl)), "{base}");
    }
}

/// As in a process that was stopped after the send.
#[tokio::test]
async fn an_answer_that_is_there_counts_though_its_time_is_over() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let (seen, mut requests) = mpsc::unbounded_channel();
    // On a thread of its own: this one stands still.
    let (told, base) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let base = server(move |_, mut stream| {
                let seen = seen.clone();
                async move {
                    while let Some(request) = next_request(&mut stream).await {
                        seen.send(request).unwrap();
                        tokio::time::sleep(TIMEOUT / 2).await;
                        reply(&mut stream, "201 Created", r#"{"note":{"id":"n1"}}"#).await;
                    }
                }
            });
            told.send(base.await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let client = client(&base.recv().unwrap(), TIMEOUT);
    let stop = async {
        requests.recv().await.unwrap();
        std::thread::sleep(TIMEOUT * 2);
    };
    let note = note();
    let (answer, ()) = tokio::join!(send(&client, &note), stop);
    assert_eq!(answer.unwrap().note_id(), Ok("n1".to_owned()));
}
