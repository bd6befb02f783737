//! Connections: a bounded number, none of which may dawdle, all of which may finish.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use penstock_shared::program::{Exit, Shutdown};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// The most connections at once; more wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a request's head may take to come, and how long a connection may idle.
const HEAD: Duration = Duration::from_secs(15);
/// After accepting has failed, for want of file descriptors mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// Who has connected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Serves until the first signal, then lets requests finish for as long as `grace`, or until a second signal.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    shutdown: &mut Shutdown,
    grace: Duration,
) -> Exit {
    let connections = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::select! {
        () = accept_all(&listener, &app, &connections, &free) => {}
        _ = shutdown.signalled() => {}
    }
    drop(listener);
    tracing::info!("stopping: requests that are under way are finished");
    tokio::select! {
        () = connections.shutdown() => Exit::Done,
        () = tokio::time::sleep(grace) => {
            tracing::warn!("some requests were cut off: they took longer than PENSTOCK_GRACE");
            Exit::Done
        }
        _ = shutdown.signalled() => Exit::Failed,
    }
}

async fn accept_all(
    listener: &TcpListener,
    app: &Router,
    connections: &GracefulShutdown,
    free: &Arc<Semaphore>,
) {
    // The semaphore is never closed, so there is always a permit at last.
    while let Ok(permit) = Arc::clone(free).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => converse((stream, peer), app.clone(), connections, permit),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn converse(
    (stream, peer): (TcpStream, SocketAddr),
    app: Router,
    connections: &GracefulShutdown,
    permit: OwnedSemaphorePermit,
) {
    // Answers are small and awaited.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<_>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        app.call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        let _permit = permit;
        // Callers that hang up or send no HTTP are their own affair.
        let _ = watched.await;
    });
}
