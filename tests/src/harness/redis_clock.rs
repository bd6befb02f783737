//! A clock of a server's own, which a test may set: the machine's stays as it is.

use std::fs::{File, write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use parking_lot::Mutex;

use super::preload::preload;

/// What the server asks instead of the system.
const PRELOADED: &str = include_str!("redis_clock.c");

/// What its clock was set by in all, where it sees that.
#[derive(Debug)]
pub(super) struct RedisClock {
    file: File,
    set_by_us: Mutex<i64>,
}

impl RedisClock {
    /// Gives it to the server that is about to be started, with a directory of its own.
    ///
    /// # Panics
    /// When there is no C compiler.
    pub(super) fn give(command: &mut Command, directory: &Path) -> Self {
        let path = directory.join("set_by");
        write(&path, 0_i64.to_ne_bytes()).expect("the directory is ours");
        let file = File::options().write(true).open(&path);
        preload(command, directory, "clock", PRELOADED);
        command.env("PENSTOCK_TEST_CLOCK", path);
        Self {
            file: file.expect("it was just written"),
            set_by_us: Mutex::new(0),
        }
    }

    /// Sets it, ahead or back.
    pub(super) fn set(&self, by_ms: i64) {
        let mut set_by = self.set_by_us.lock();
        *set_by += by_ms * 1000;
        let written = self.file.write_all_at(&set_by.to_ne_bytes(), 0);
        written.expect("the file is there");
    }
}
