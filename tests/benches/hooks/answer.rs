//! The least of HTTP that tells an acceptance from anything else.

use tokio::{io::AsyncReadExt as _, net::TcpStream};

/// An answer's end is found by its length; only one that says `accepted` is right.
pub(crate) async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> bool {
    loop {
        if let Some((length, right)) = whole(unread) {
            unread.drain(..length);
            return right;
        }
        let read = stream.read_buf(unread).await.expect("it answers");
        assert!(read > 0, "the connection was closed");
    }
}

fn whole(bytes: &[u8]) -> Option<(usize, bool)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let length: usize = length.parse().ok()?;
    let body = rest.get(..length)?;
    let right = head.starts_with("HTTP/1.1 200 ") && body.contains("\"accepted\":1");
    Some((head.len() + 4 + length, right))
}
