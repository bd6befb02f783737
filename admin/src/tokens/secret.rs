//! A token, from a file or standard input.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use penstock_shared::program::Failure;
use secrecy::{ExposeSecret as _, SecretString};

/// No token comes near this.
const MOST_BYTES: u64 = 8 * 1024;

/// The one token that is there, without what surrounds it.
pub(crate) fn read(from: Option<&Path>) -> Result<SecretString, Failure> {
    let source: Box<dyn Read> = if let Some(path) = from {
        let file = File::open(path).with_context(|| format!("--from {}", path.display()));
        Box::new(file.map_err(Failure::bad_input)?)
    } else {
        if io::stdin().is_terminal() {
            eprintln!("paste the token, then press Enter and Ctrl-D:");
        }
        Box::new(io::stdin().lock())
    };
    let mut text = String::new();
    source
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .context("the token cannot be read")
        .map_err(Failure::bad_input)?;
    let text = SecretString::from(text);
    let token = text.expose_secret().trim();
    let fits = !token.is_empty() && token.len() as u64 <= MOST_BYTES;
    if !fits || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::bad_input(anyhow!(
            "that is no token: one has no spaces, line breaks or letters outside ASCII, and up to {MOST_BYTES} bytes"
        )));
    }
    Ok(token.into())
}
