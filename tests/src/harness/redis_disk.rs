//! A disk of a server's own that is slow to sync, of which a power cut takes what was not synced, and that may be full.

use std::fs::{File, OpenOptions, remove_file, write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::preload::preload;

/// What the server calls instead of the system.
const PRELOADED: &str = include_str!("redis_disk.c");

/// The files by which it is known and told.
#[derive(Debug)]
pub(super) struct RedisDisk {
    /// How much of the append-only file is synced.
    synced: File,
    /// There while nothing more can be appended.
    full: PathBuf,
}

impl RedisDisk {
    /// Gives it to the server that is about to be started, with a directory of its own.
    ///
    /// # Panics
    /// When there is no C compiler.
    pub(super) fn give(command: &mut Command, directory: &Path, sync: Duration) -> Self {
        let (path, full) = (directory.join("synced"), directory.join("full"));
        write(&path, 0_i64.to_ne_bytes()).expect("the directory is ours");
        preload(command, directory, "disk", PRELOADED);
        command
            .env("PENSTOCK_TEST_SYNC_TAKES", sync.as_millis().to_string())
            .env("PENSTOCK_TEST_SYNCED", &path)
            .env("PENSTOCK_TEST_FULL", &full);
        let synced = File::open(&path).expect("it was just written");
        Self { synced, full }
    }

    /// Whether it is full from now on.
    pub(super) fn fill(&self, full: bool) {
        let done = if full {
            write(&self.full, "")
        } else {
            remove_file(&self.full)
        };
        done.expect("the directory is ours");
    }

    /// Bytes of the append-only file that are synced; none since the server was started.
    pub(super) fn synced(&self) -> u64 {
        let mut bytes = [0; 8];
        let read = self.synced.read_exact_at(&mut bytes, 0);
        read.expect("the file is there");
        u64::from_ne_bytes(bytes)
    }

    /// Takes the rest of the file, of a server that is gone. Returns how many bytes those were.
    pub(super) fn cut(&self, file: &Path) -> u64 {
        let (synced, file) = (self.synced(), OpenOptions::new().write(true).open(file));
        let file = file.expect("the file can be written");
        let written = file.metadata().expect("it is there").len();
        assert!((1..=written).contains(&synced), "{synced} of {written}");
        file.set_len(synced).expect("the file can be cut");
        written - synced
    }
}
