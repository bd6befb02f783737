//! A connection on which the test says every byte, and when.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::stage::PATIENCE;

/// An HTTP/1.1 connection, by hand.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends the head of a request with so many bytes to come, and waits until they are asked for: then the request
    /// is in the program's hands.
    pub(crate) async fn announce(&mut self, length: usize) {
        self.announce_as(&format!("content-length: {length}")).await;
    }

    /// The same without saying how many bytes there will be.
    pub(crate) async fn announce_unknown(&mut self) {
        self.announce_as("transfer-encoding: chunked").await;
    }

    async fn announce_as(&mut self, length: &str) {
        let start = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue";
        self.send(format!("{start}\r\n{length}\r\n\r\n")).await;
        assert_eq!(self.reply().await.status, 100);
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(&mut self, method: &str, path: &str) {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.send(head).await;
    }

    /// The next response.
    pub(crate) async fn reply(&mut self) -> Reply {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break self.unread.drain(..end + 4).collect::<Vec<u8>>();
            }
            assert!(self.read().await, "the connection ended before a response");
        };
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        while self.unread.len() < length {
            assert!(self.read().await, "the connection ended within a response");
        }
        let body: Vec<u8> = self.unread.drain(..length).collect();
        Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    /// Waits until the other side has closed, with nothing more to say.
    pub(crate) async fn closed(&mut self) {
        self.let_go().await;
        assert_eq!(String::from_utf8_lossy(&self.unread), "");
    }

    /// Waits until the other side has closed, whatever it says before.
    pub(crate) async fn let_go(&mut self) {
        while self.read().await {}
    }

    /// Reads some more; false at the end.
    async fn read(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        // A reset is an end too.
        read.expect("the other side says something")
            .is_ok_and(|length| length > 0)
    }
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}
