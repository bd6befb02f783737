//! The lines that a program writes, kept for waiting on.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

/// More lines than this are not kept: a program gone wild must not fill the memory.
const KEPT: usize = 200_000;

/// One output stream, read on a thread of its own until it ends.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    kept: Arc<Mutex<Vec<String>>>,
    grown: watch::Receiver<()>,
}

impl Lines {
    pub(super) fn of(stream: impl Read + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (signal, grown) = watch::channel(());
        let target = Arc::clone(&kept);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                let mut lines = target.lock();
                if lines.len() < KEPT {
                    lines.push(text);
                }
                drop(lines);
                // Nobody may be waiting.
                let _ = signal.send(());
            }
        });
        Self { kept, grown }
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.kept.lock().clone()
    }

    /// The first line from number `from` on that contains `pattern`: waits for it until `timeout` or the stream's end.
    pub(super) async fn wait_for(
        &self,
        pattern: &str,
        from: usize,
        timeout: Duration,
    ) -> Result<String, &'static str> {
        let mut grown = self.grown.clone();
        let search = async {
            loop {
                let ended = grown.has_changed().is_err();
                grown.mark_unchanged();
                if let Some(line) = self
                    .kept
                    .lock()
                    .iter()
                    .skip(from)
                    .find(|line| line.contains(pattern))
                {
                    return Ok(line.clone());
                }
                if ended {
                    return Err("its output ended");
                }
                // An error says that the stream ended: the next round looks a last time.
                let _ = grown.changed().await;
            }
        };
        tokio::time::timeout(timeout, search)
            .await
            .unwrap_or(Err("the time was up"))
    }

    /// Waits until the stream has ended, so that everything written is there.
    pub(super) async fn ended(&self) {
        let mut grown = self.grown.clone();
        while grown.changed().await.is_ok() {}
    }
}
