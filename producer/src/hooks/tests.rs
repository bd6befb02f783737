//! Webhooks: what is believed, and what the file of them may say.

mod address;
mod file;
mod proof;
mod window;

use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Hooks, HooksError, Place};

/// What is in the file.
fn parse(text: &str) -> Result<Hooks, HooksError> {
    Hooks::parse(text, Path::new("hooks.toml"))
}

/// What is wrong with it.
fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// A key pair, and its public key as configurations have it.
fn key_pair() -> (Ed25519KeyPair, String) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = STANDARD.encode(pair.public_key());
    (pair, public)
}
