//! A named pipe that the producer reads as its file: what it gets, and when, is the test's to say.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

/// The pipe; nobody has opened it yet.
pub(crate) struct Pipe {
    directory: TempDir,
}

/// Its writing end: the reader meets the end when this is dropped.
pub(crate) struct Writer(Option<File>);

impl Pipe {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("mkfifo")
            .arg(directory.path().join("jobs"))
            .status();
        assert!(made.unwrap().success(), "mkfifo makes a pipe");
        Self { directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("jobs")
    }

    /// Waits until it is read.
    pub(crate) async fn open(&self) -> Writer {
        let path = self.path();
        let opened = tokio::task::spawn_blocking(move || OpenOptions::new().write(true).open(path));
        Writer(Some(opened.await.unwrap().unwrap()))
    }
}

impl Writer {
    /// Writes, and waits while the pipe is full. False where nobody reads any more.
    pub(crate) async fn write(&mut self, text: impl Into<Vec<u8>>) -> bool {
        let (mut file, text) = (self.0.take().expect("one writes at a time"), text.into());
        let writing = tokio::task::spawn_blocking(move || {
            let written = file.write_all(&text).is_ok();
            (file, written)
        });
        let (file, written) = writing.await.unwrap();
        self.0 = Some(file);
        written
    }
}
