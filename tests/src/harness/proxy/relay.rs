//! One connection through the proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::control::{Control, Verdict};
use super::{Direction, Endpoint, Flow};

/// One read: patterns are looked for in a piece of this size at most.
const PIECE: usize = 64 * 1024;

/// Accepts connections for ever.
pub(super) async fn serve(listener: TcpListener, server: Endpoint, control: Arc<Control>) {
    loop {
        // Out of file descriptors, or a client that left at once: the next one may be luckier.
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        if control.refuses() {
            continue;
        }
        let (server, control) = (server.clone(), Arc::clone(&control));
        let opened = control.opened();
        tokio::spawn(async move {
            tokio::select! {
                () = join(client, &server, &control) => {}
                () = control.wait_for_cut(opened) => {}
            }
            control.closed(opened);
        });
    }
}

/// Carries both ways until one of them ends; a server that is away closes the client's connection.
async fn join(client: TcpStream, server: &Endpoint, control: &Control) {
    // Latency is the test's to add.
    let _ = client.set_nodelay(true);
    match server {
        Endpoint::Tcp(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                let _ = server.set_nodelay(true);
                carry(client.into_split(), server.into_split(), control).await;
            }
        }
        Endpoint::Unix(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                carry(client.into_split(), server.into_split(), control).await;
            }
        }
    }
}

async fn carry(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    control: &Control,
) {
    let doomed = AtomicBool::new(false);
    let requests = carry_requests(client.0, server.1, control, &doomed);
    let replies = carry_replies(server.0, client.1, control, &doomed);
    tokio::select! {
        () = requests => {}
        () = replies => {}
    }
}

async fn carry_requests(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    control: &Control,
    doomed: &AtomicBool,
) {
    let (mut piece, mut passed) = (vec![0; PIECE], 0);
    while let Ok(length @ 1..) = client.read(&mut piece).await {
        match control.judge(&piece[..length]) {
            Verdict::Lose => return,
            Verdict::LoseReply => doomed.store(true, Ordering::SeqCst),
            Verdict::Forward => {}
        }
        let flow = control.flow(Direction::ToServer);
        if !pass(&mut server, &piece[..length], flow, &mut passed).await {
            return;
        }
    }
}

async fn carry_replies(
    mut server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    control: &Control,
    doomed: &AtomicBool,
) {
    let (mut piece, mut passed) = (vec![0; PIECE], 0);
    while let Ok(length @ 1..) = server.read(&mut piece).await {
        if doomed.load(Ordering::SeqCst) {
            control.reply_lost();
            return;
        }
        let flow = control.flow(Direction::ToClient);
        if !pass(&mut client, &piece[..length], flow, &mut passed).await {
            return;
        }
    }
}

/// Sends one piece as its direction says, after so many bytes that have passed; false where the connection is to be closed.
async fn pass(
    target: &mut (impl AsyncWrite + Unpin),
    piece: &[u8],
    flow: Flow,
    passed: &mut u64,
) -> bool {
    let mut length = piece.len();
    match flow {
        Flow::Cut => return false,
        Flow::Blackhole => return true,
        Flow::Delay(delay) => tokio::time::sleep(delay).await,
        Flow::CutAfter(most) => {
            let left = most.saturating_sub(*passed);
            length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        Flow::Pass => {}
    }
    *passed += length as u64;
    target.write_all(&piece[..length]).await.is_ok() && length == piece.len()
}
