//! The least that can stand for the API: it answers every call after 5 ms, and notes when each contact's came.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::workload;

const LATENCY: Duration = Duration::from_millis(5);

/// It stops when this is dropped.
pub(crate) struct Api {
    address: SocketAddr,
    calls: Arc<Calls>,
    _accepting: AbortOnDropHandle<()>,
}

struct Calls {
    epoch: Instant,
    /// Per contact, the nanoseconds from `epoch` to its call; 0 before that.
    arrivals: Vec<AtomicU64>,
    made: AtomicU32,
}

impl Api {
    /// It knows the contacts 0 to `contacts`.
    pub(crate) async fn start(contacts: u32) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("there is a free port");
        let calls = Arc::new(Calls {
            epoch: Instant::now(),
            arrivals: (0..contacts).map(|_| AtomicU64::new(0)).collect(),
            made: AtomicU32::new(0),
        });
        Self {
            address: listener.local_addr().expect("it listens"),
            calls: Arc::clone(&calls),
            _accepting: AbortOnDropHandle::new(tokio::spawn(accept(listener, calls))),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many calls it has seen.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.made.load(Ordering::SeqCst)
    }

    /// When a contact's call came.
    pub(crate) fn arrival(&self, contact: usize) -> Option<Instant> {
        let nanos = self.calls.arrivals[contact].load(Ordering::SeqCst);
        (nanos > 0).then(|| self.calls.epoch + Duration::from_nanos(nanos))
    }
}

async fn accept(listener: TcpListener, calls: Arc<Calls>) {
    loop {
        let (stream, _) = listener.accept().await.expect("it accepts");
        tokio::spawn(serve(stream, Arc::clone(&calls)));
    }
}

async fn serve(stream: TcpStream, calls: Arc<Calls>) {
    // Answers are small: waiting to fill a packet would be measured.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(Arc::clone(&calls), request));
    // The worker ends the connection.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    calls: Arc<Calls>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (contact, what) = target(request.uri().path());
    calls.note(contact);
    // A body that breaks off is the worker's end.
    let _ = request.into_body().collect().await;
    tokio::time::sleep(LATENCY).await;
    let body = match what.as_str() {
        "notes" => format!(r#"{{"note":{{"id":"note{contact:016}"}}}}"#),
        _ => r#"{"tags":["benchmark"]}"#.to_owned(),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `/contacts/ID/WHAT`.
fn target(path: &str) -> (usize, String) {
    let mut parts = path.split('/').skip(2);
    let contact = parts.next().and_then(workload::contact_number);
    let contact = contact.unwrap_or_else(|| panic!("a call for no contact of ours: {path}"));
    (contact, parts.next().unwrap_or_default().to_owned())
}

impl Calls {
    fn note(&self, contact: usize) {
        let nanos = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.arrivals[contact].store(nanos, Ordering::SeqCst);
        self.made.fetch_add(1, Ordering::SeqCst);
    }
}
