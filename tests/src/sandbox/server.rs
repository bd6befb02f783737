//! Connections.

use std::pin::pin;
use std::time::Duration;

use http::{Request as HttpRequest, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::{self, House};
use super::control;
use super::reply::{Body, Reply};
use super::request::{Cut, Request};

/// How long calls in flight may go on once the sandbox is to stop.
const GRACE: Duration = Duration::from_secs(2);
/// A client's idle connection is left to it: were it closed here, a request could meet the closing by accident.
const IDLE: Duration = Duration::from_secs(3_600);

/// What ends the serving of connections, and what must end before it has.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// Accepts connections until the sandbox is to stop.
pub(crate) async fn accept<F, A>(listener: TcpListener, door: Door, answer: F)
where
    F: Fn(HttpRequest<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = door.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = connection(stream, door.stop.clone(), answer.clone());
                drop(door.tasks.spawn(served));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again in 100 ms");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection<F, A>(stream: TcpStream, stop: CancellationToken, answer: F)
where
    F: Fn(HttpRequest<Incoming>) -> A,
    A: Future<Output = Result<Response<Body>, Cut>>,
{
    // Answers are small; waiting to fill a packet would only add to the latency that was asked for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(answer);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // How a connection ends is the client's affair, or a fault's.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(GRACE, connection).await;
}

/// Answers a request to the sandbox.
pub(super) async fn answer(
    house: House,
    request: HttpRequest<Incoming>,
) -> Result<Response<Body>, Cut> {
    if control::is_for(request.uri().path()) {
        return control::answer(&house.desk, request).await;
    }
    let request = Request::read(request).await?;
    // On a task of its own: what has arrived takes effect even when its client goes away.
    let reply = house.tasks.spawn(call::run(house.clone(), request)).await;
    match reply {
        Ok(Reply::Send(response)) => Ok(*response),
        Ok(Reply::Cut) | Err(_) => Err(Cut),
        Ok(Reply::Hang) => {
            house.stop.cancelled().await;
            Err(Cut)
        }
    }
}
