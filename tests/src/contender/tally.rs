//! What was done, as the benchmark reads it from standard output.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;

use super::note::now_micros;

/// How often it is told.
const EVERY: Duration = Duration::from_millis(50);

/// Counts since the start of the program; moments are microseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Tally {
    begun: AtomicU64,
    ended: AtomicU64,
    done: AtomicU64,
    /// Those that were not told yet.
    latencies: Mutex<Vec<u64>>,
}

impl Tally {
    /// A job begins.
    pub(super) fn begin(&self) {
        if self.begun.load(Ordering::Relaxed) == 0 {
            // Whoever comes second was not the first.
            let _ =
                self.begun
                    .compare_exchange(0, now_micros(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// A job that was made then begins now.
    pub(super) fn waited_since(&self, made_at: u64) {
        let latency = now_micros().saturating_sub(made_at);
        self.latencies.lock().push(latency);
    }

    /// A job is done.
    pub(super) fn end(&self) {
        self.ended.store(now_micros(), Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// The line of a process: `S`, its number, jobs done, when the first began, when the last ended, latencies.
    fn line(&self, done: u64) -> String {
        let latencies: Vec<String> = std::mem::take(&mut *self.latencies.lock())
            .iter()
            .map(ToString::to_string)
            .collect();
        format!(
            "S {} {done} {} {} {}",
            process::id(),
            self.begun.load(Ordering::Relaxed),
            self.ended.load(Ordering::Relaxed),
            latencies.join(",")
        )
    }
}

/// Tells what has changed for as long as the program runs, on a thread of its own: a busy runtime must not hold it up.
pub(super) fn report(tally: Arc<Tally>) {
    println!("READY");
    thread::spawn(move || {
        let mut told = 0;
        loop {
            thread::sleep(EVERY);
            let done = tally.done.load(Ordering::Relaxed);
            if done != told {
                println!("{}", tally.line(done));
                told = done;
            }
        }
    });
}
