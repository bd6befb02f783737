//! What is fuzzed. Each target reads bytes as a program would, checks what must hold of whatever it was given, and says what it came to.

mod event;
mod intake;
mod response;
mod settings;
mod stored;

use std::{
    fmt::Debug,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Something that reads what others wrote.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and its corpus' directory.
    pub name: &'static str,
    /// Reads an input; what it came to, as a number: equal for inputs that went the same way.
    pub read: fn(&[u8]) -> u64,
}

/// All of them.
pub const TARGETS: [Target; 11] = [
    target("job", intake::job),
    target("lines", intake::lines),
    target("body", intake::body),
    target("response", response::response),
    target("headers", response::headers),
    target("record", stored::record),
    target("journal", stored::journal),
    target("sealed", stored::sealed),
    target("settings", settings::settings),
    target("event", event::event),
    target("hooks", event::hooks),
];

const fn target(name: &'static str, read: fn(&[u8]) -> u64) -> Target {
    Target { name, read }
}

/// What was said, as a number; digits do not count, for places and sizes are no news.
fn said(words: &impl Debug) -> u64 {
    let words = format!("{words:?}");
    let mut hasher = DefaultHasher::new();
    for byte in words
        .bytes()
        .filter(|byte| !byte.is_ascii_digit())
        .take(400)
    {
        byte.hash(&mut hasher);
    }
    hasher.finish()
}
