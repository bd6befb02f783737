//! Webhooks that were registered, and how a message to one is signed.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

/// How a signature is made from the secret and the raw body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The secret itself.
    Literal,
    /// HMAC-SHA256 in lowercase hexadecimal.
    HmacHex,
    /// HMAC-SHA256 in base64.
    HmacBase64,
}

impl Scheme {
    /// The header's value for this body.
    pub fn sign(self, secret: &SecretString, body: &[u8]) -> String {
        let secret = secret.expose_secret();
        match self {
            Self::Literal => secret.to_owned(),
            Self::HmacHex => hex(&mac(secret, body)),
            Self::HmacBase64 => STANDARD.encode(mac(secret, body)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn mac(secret: &str, body: &[u8]) -> Vec<u8> {
    // A key may have any length, so this never fails; were it to, an empty signature fits nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return Vec::new();
    };
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

/// What a message is sealed with.
#[derive(Clone, Debug)]
pub struct Seal {
    /// The header that carries the signature.
    pub header: Arc<str>,
    /// How it is made.
    pub scheme: Scheme,
    /// From what; none if messages go unsigned.
    pub secret: Option<SecretString>,
}

/// How messages are sent.
#[derive(Clone, Debug)]
pub struct Posting {
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long after each failure it is tried again; then it is given up.
    pub retries: Vec<Duration>,
    /// Whether an answer of 404 or 410 disables the webhook at once.
    pub gone_disables: bool,
}

/// A registered webhook.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its id, as the API gives it.
    pub id: String,
    /// The one kind of message that it gets; none for all.
    pub kind: Option<String>,
    /// The one thing that it is about, such as a form; none for all.
    pub scope: Option<String>,
    /// Where messages go.
    pub url: String,
    /// How they are sealed.
    pub seal: Seal,
    /// How they are sent.
    pub posting: Arc<Posting>,
    /// Whether messages are sent at all.
    pub live: bool,
    /// The status of the newest answer.
    pub last_status: Option<u16>,
}

/// A message for whoever registered for its kind.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its kind.
    pub kind: &'static str,
    /// What it is about.
    pub scope: Option<String>,
    /// Its body.
    pub body: Value,
}

/// All registered webhooks, in the order of their registration.
#[derive(Debug, Default)]
pub struct Hooks(Vec<Hook>);

impl Hooks {
    /// Registers one.
    pub fn add(&mut self, hook: Hook) {
        self.0.push(hook);
    }

    /// All of them.
    pub fn all(&self) -> &[Hook] {
        &self.0
    }

    /// The one of that id.
    pub fn get(&self, id: &str) -> Option<&Hook> {
        self.0.iter().find(|hook| hook.id == id)
    }

    /// The one of that id, to change it.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Hook> {
        self.0.iter_mut().find(|hook| hook.id == id)
    }

    /// Removes the one of that id, if there is one.
    pub fn remove(&mut self, id: &str) -> Option<Hook> {
        let at = self.0.iter().position(|hook| hook.id == id)?;
        Some(self.0.remove(at))
    }

    /// Those that a letter goes to.
    pub(super) fn for_letter<'a>(&'a self, letter: &'a Letter) -> impl Iterator<Item = &'a Hook> {
        self.0.iter().filter(|hook| hook.live && hook.wants(letter))
    }
}

impl Hook {
    fn wants(&self, letter: &Letter) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == letter.kind)
            && (self.scope.is_none() || self.scope == letter.scope)
    }
}

/// What is wrong with the address of a webhook, if anything is. Only this machine may be reached without TLS.
pub fn url_fault(url: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(url) else {
        return Some("it is no URL");
    };
    let host = url.host_str().unwrap_or_default();
    let here = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    match url.scheme() {
        "https" => None,
        "http" if here => None,
        _ => Some("it must be https (or http on this machine)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_made_as_named() {
        let secret = SecretString::from("key");
        let body = b"The quick brown fox jumps over the lazy dog";
        for (scheme, signature) in [
            (Scheme::Literal, "key"),
            (
                Scheme::HmacHex,
                "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
            ),
            (
                Scheme::HmacBase64,
                "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=",
            ),
        ] {
            assert_eq!(scheme.sign(&secret, body), signature);
        }
    }

    #[test]
    fn only_this_machine_is_reached_without_tls() {
        for url in [
            "https://a.example/x",
            "http://127.0.0.1:1/",
            "http://[::1]/",
        ] {
            assert_eq!(url_fault(url), None, "{url}");
        }
        for url in ["http://a.example/x", "ftp://127.0.0.1/", "nowhere", ""] {
            assert!(url_fault(url).is_some(), "{url}");
        }
    }
}
