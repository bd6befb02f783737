//! What the proxy is told to do, shared between the test and the connections.

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::{Direction, Flow};

/// Messages still to be lost.
#[derive(Debug, Default)]
struct Loss {
    /// So many that are meant pass first.
    spared: usize,
    left: usize,
    pattern: Vec<u8>,
}

impl Loss {
    /// Whether this message is one of them; if so, there is one less.
    fn takes(&mut self, message: &[u8]) -> bool {
        if self.left == 0 || !contains(message, &self.pattern) {
            return false;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        self.left -= 1;
        true
    }
}

#[derive(Debug, Default)]
struct State {
    to_server: Flow,
    to_client: Flow,
    refuse: bool,
    requests: Loss,
    replies: Loss,
    lost: usize,
    connections: usize,
    /// Of these, the ones that a cut has reached but that are not closed yet.
    closing: usize,
}

/// What is to become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Forward,
    Lose,
    /// It goes to the server, and the reply to it is lost.
    LoseReply,
}

#[derive(Debug, Default)]
pub(super) struct Control {
    state: Mutex<State>,
    closed: Condvar,
    /// How often everything was cut. A connection belongs to the number it was opened under, and ends with it.
    cuts: watch::Sender<u64>,
}

impl Control {
    pub(super) fn set(&self, direction: Direction, flow: Flow) {
        let mut state = self.state.lock();
        match direction {
            Direction::ToServer => state.to_server = flow,
            Direction::ToClient => state.to_client = flow,
        }
    }

    pub(super) fn flow(&self, direction: Direction) -> Flow {
        let state = self.state.lock();
        match direction {
            Direction::ToServer => state.to_server,
            Direction::ToClient => state.to_client,
        }
    }

    /// Returns when every connection that was open is closed.
    pub(super) fn cut(&self) {
        let mut state = self.state.lock();
        state.closing = state.connections;
        self.cuts.send_modify(|cuts| *cuts += 1);
        self.closed
            .wait_while(&mut state, |state| state.closing > 0);
    }

    /// Returns when the connection that was opened under this number is to be closed.
    pub(super) async fn wait_for_cut(&self, opened: u64) {
        let mut cuts = self.cuts.subscribe();
        // An error would say that we are gone ourselves.
        let _ = cuts.wait_for(|cuts| *cuts > opened).await;
    }

    pub(super) fn refuse(&self, refuse: bool) {
        self.state.lock().refuse = refuse;
    }

    pub(super) fn refuses(&self) -> bool {
        self.state.lock().refuse
    }

    pub(super) fn lose(&self, direction: Direction, spared: usize, left: usize, pattern: Vec<u8>) {
        let mut state = self.state.lock();
        let loss = Loss {
            spared,
            left,
            pattern,
        };
        match direction {
            Direction::ToServer => state.requests = loss,
            Direction::ToClient => state.replies = loss,
        }
    }

    pub(super) fn judge(&self, request: &[u8]) -> Verdict {
        let mut state = self.state.lock();
        if state.requests.takes(request) {
            state.lost += 1;
            return Verdict::Lose;
        }
        if state.replies.takes(request) {
            Verdict::LoseReply
        } else {
            Verdict::Forward
        }
    }

    pub(super) fn reply_lost(&self) {
        self.state.lock().lost += 1;
    }

    pub(super) fn lost(&self) -> usize {
        self.state.lock().lost
    }

    /// Counts a new connection, and gives it the number to be closed by.
    pub(super) fn opened(&self) -> u64 {
        let mut state = self.state.lock();
        state.connections += 1;
        *self.cuts.borrow()
    }

    pub(super) fn closed(&self, opened: u64) {
        let mut state = self.state.lock();
        state.connections -= 1;
        if *self.cuts.borrow() > opened {
            state.closing -= 1;
            self.closed.notify_all();
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.state.lock().connections
    }
}

fn contains(message: &[u8], pattern: &[u8]) -> bool {
    pattern.is_empty()
        || message
            .windows(pattern.len())
            .any(|window| window == pattern)
}
