//! A real TCP proxy, to be put before Redis or the API and then made to misbehave.

mod control;
mod relay;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Endpoint;
use control::Control;

/// A way through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: replies.
    ToClient,
}

/// What becomes of the bytes going one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// They pass.
    #[default]
    Pass,
    /// They vanish, and the connection stays open.
    Blackhole,
    /// The connection is closed as soon as there are any.
    Cut,
    /// They pass, each piece this much later.
    Delay(Duration),
    /// They pass up to so many on each connection, of its whole life; with the next it is closed.
    CutAfter(u64),
}

/// A running proxy on a loopback port of its own, on a thread of its own: it works whatever the test's runtime is
/// doing. Everything can be changed while it runs, from any thread. Dropping it closes every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    control: Arc<Control>,
    // Dropped with the proxy: the thread ends.
    _running: oneshot::Sender<()>,
}

impl Proxy {
    /// Starts a proxy before `server`, e.g. a [`super::RedisServer::endpoint`] or the address of a sandbox.
    ///
    /// # Panics
    /// When no port or thread is to be had.
    pub fn start(server: impl Into<Endpoint>) -> Self {
        let listener = super::port::free_listener();
        listener
            .set_nonblocking(true)
            .expect("a listener can be made asynchronous");
        let address = listener.local_addr().expect("a listener has an address");
        let control = Arc::new(Control::default());
        let (running, dropped) = oneshot::channel::<()>();
        let (server, shared) = (server.into(), Arc::clone(&control));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(async {
                let listener =
                    TcpListener::from_std(listener).expect("the listener is asynchronous");
                tokio::select! {
                    () = relay::serve(listener, server, shared) => {}
                    _ = dropped => {}
                }
            });
        });
        Self {
            address,
            control,
            _running: running,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a Redis without a password behind it.
    pub fn redis_url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The base URL of an API behind it.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says what becomes of the bytes going one way, on every connection there is or will be.
    pub fn set(&self, direction: Direction, flow: Flow) {
        self.control.set(direction, flow);
    }

    /// Closes every connection that is open now, and returns when they are closed; new ones are welcome.
    pub fn cut(&self) {
        self.control.cut();
    }

    /// Whether new connections are closed at once, as those of a server that is away. Open ones stay: see
    /// [`Self::cut`].
    pub fn refuse(&self, refuse: bool) {
        self.control.refuse(refuse);
    }

    /// All passes again, on new connections: none that has lost bytes may go on, since TCP never does that.
    pub fn heal(&self) {
        self.refuse(true);
        self.cut();
        self.set(Direction::ToServer, Flow::Pass);
        self.set(Direction::ToClient, Flow::Pass);
        self.refuse(false);
    }

    /// Loses the next `count` requests that contain `pattern` (in one piece; empty for any): their connection is
    /// closed and the server never sees them.
    pub fn lose_requests(&self, count: usize, pattern: impl Into<Vec<u8>>) {
        self.control
            .lose(Direction::ToServer, 0, count, pattern.into());
    }

    /// Loses the replies to the next `count` requests that contain `pattern` (in one piece; empty for any): the
    /// server gets the request, its next reply is swallowed and the connection is closed.
    pub fn lose_replies(&self, count: usize, pattern: impl Into<Vec<u8>>) {
        self.control
            .lose(Direction::ToClient, 0, count, pattern.into());
    }

    /// As [`Self::lose_requests`], for one request only: the first that contains `pattern` after `spared` others that do.
    pub fn lose_request_after(&self, spared: usize, pattern: impl Into<Vec<u8>>) {
        self.control
            .lose(Direction::ToServer, spared, 1, pattern.into());
    }

    /// As [`Self::lose_replies`], for one reply only: to the first request that contains `pattern` after `spared` others
    /// that do.
    pub fn lose_reply_after(&self, spared: usize, pattern: impl Into<Vec<u8>>) {
        self.control
            .lose(Direction::ToClient, spared, 1, pattern.into());
    }

    /// How many requests and replies were lost so far by [`Self::lose_requests`] and [`Self::lose_replies`].
    pub fn lost(&self) -> usize {
        self.control.lost()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.control.connections()
    }
}
