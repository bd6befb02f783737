//! A disk of a server's own that is slow to sync, and of which a power cut takes what was not synced.

use std::fs::{File, OpenOptions, write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::preload::preload;

/// What the server calls instead of the system.
const PRELOADED: &str = include_str!("redis_disk.c");

/// How much of the append-only file is synced, where the server says so.
#[derive(Debug)]
pub(super) struct RedisDisk {
    file: File,
}

impl RedisDisk {
    /// Gives it to the server that is about to be started, with a directory of its own.
    ///
    /// # Panics
    /// When there is no C compiler.
    pub(super) fn give(command: &mut Command, directory: &Path, sync: Duration) -> Self {
        let path = directory.join("synced");
        write(&path, 0_i64.to_ne_bytes()).expect("the directory is ours");
        preload(command, directory, "disk", PRELOADED);
        command
            .env("PENSTOCK_TEST_SYNC_TAKES", sync.as_millis().to_string())
            .env("PENSTOCK_TEST_SYNCED", &path);
        let file = File::open(&path).expect("it was just written");
        Self { file }
    }

    /// Bytes of the append-only file that are synced; none since the server was started.
    fn synced(&self) -> u64 {
        let mut bytes = [0; 8];
        let read = self.file.read_exact_at(&mut bytes, 0);
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
