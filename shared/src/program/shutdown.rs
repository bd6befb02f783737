//! Being told to stop.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: a supervisor wants the program to stop.
    Terminate,
    /// SIGINT: someone pressed Ctrl-C.
    Interrupt,
}

/// The signals that tell a program to stop, one after another: the first asks for an orderly end,
/// a second for an end at once.
#[derive(Debug)]
pub struct Shutdown {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Shutdown {
    /// Listens from now on: the signals no longer end the process by themselves.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal. Safe to drop and call again: no signal is lost, though several
    /// of one kind that come together may count as one.
    pub async fn signalled(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal as Raw, raise};

    #[tokio::test]
    async fn a_second_signal_is_seen() {
        let mut shutdown = Shutdown::listen().unwrap();
        raise(Raw::SIGTERM).unwrap();
        assert_eq!(shutdown.signalled().await, Signal::Terminate);
        raise(Raw::SIGINT).unwrap();
        assert_eq!(shutdown.signalled().await, Signal::Interrupt);
        raise(Raw::SIGTERM).unwrap();
        assert_eq!(shutdown.signalled().await, Signal::Terminate);
    }
}
