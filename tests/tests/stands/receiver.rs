//! Somebody who receives webhooks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// What it answers next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    Status(u16),
    Nothing,
}

/// What it got.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) headers: HeaderMap,
    pub(crate) raw: Bytes,
}

impl Message {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    fn mac(&self, secret: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&self.raw);
        mac.finalize().into_bytes().to_vec()
    }

    pub(crate) fn mac_hex(&self, secret: &str) -> String {
        let mac = self.mac(secret);
        mac.iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    pub(crate) fn mac_base64(&self, secret: &str) -> String {
        STANDARD.encode(self.mac(secret))
    }
}

#[derive(Debug, Default)]
struct Book {
    next: VecDeque<Next>,
    got: Vec<Message>,
}

/// A server of its own. What it was not told to answer it answers with 200.
#[derive(Debug)]
pub(crate) struct Receiver {
    book: Arc<Mutex<Book>>,
    pub(crate) url: String,
}

impl Receiver {
    pub(crate) async fn answering(next: impl IntoIterator<Item = Next>) -> Self {
        let book = Book {
            next: next.into_iter().collect(),
            got: Vec::new(),
        };
        let book = Arc::new(Mutex::new(book));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { book, url }
    }

    pub(crate) fn got(&self) -> Vec<Message> {
        self.book.lock().unwrap().got.clone()
    }
}

async fn receive(
    State(book): State<Arc<Mutex<Book>>>,
    headers: HeaderMap,
    raw: Bytes,
) -> StatusCode {
    let next = {
        let mut book = book.lock().unwrap();
        book.got.push(Message { headers, raw });
        book.next.pop_front()
    };
    match next.unwrap_or(Next::Status(200)) {
        Next::Status(status) => StatusCode::from_u16(status).unwrap(),
        Next::Nothing => std::future::pending().await,
    }
}
