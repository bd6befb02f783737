//! Functions of the system that a server is to find in our wording: compiled, and loaded before the system's.

use std::fs::write;
use std::path::Path;
use std::process::Command;

/// The server that is about to be started asks these functions instead of the system's.
///
/// # Panics
/// When there is no C compiler.
pub(super) fn preload(command: &mut Command, directory: &Path, name: &str, code: &str) {
    let source = directory.join(name).with_extension("c");
    let library = source.with_extension("so");
    write(&source, code).expect("the directory is ours");
    let done = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    let done = done.unwrap_or_else(|error| panic!("cc cannot be started: {error}"));
    assert!(done.success(), "cc could not compile {}", source.display());
    command.env("LD_PRELOAD", library);
}
