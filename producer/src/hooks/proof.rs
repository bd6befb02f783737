//! How a sender proves itself: by what stands in a header over the raw bytes of the body. Nothing of these is parsed before.

use std::fmt;

use aws_lc_rs::{hmac, signature::ParsedPublicKey};
use axum::http::{HeaderMap, HeaderName};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::secret;

/// GHL's own header, and the one that it used before.
const GHL_SIGNATURE: HeaderName = HeaderName::from_static("x-ghl-signature");
const GHL_LEGACY: HeaderName = HeaderName::from_static("x-wh-signature");
/// What GHL writes where it has nothing to write.
const NOT_THERE: &str = "N/A";

/// Base64 with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a sender proves itself.
pub(super) enum Proof {
    /// As GHL does it.
    Ghl {
        keys: Vec<ParsedPublicKey>,
        /// None, where what is signed as before is not believed.
        legacy: Vec<ParsedPublicKey>,
    },
    /// By what stands in one header.
    Header {
        name: HeaderName,
        /// What stands before it, such as `sha256=`.
        prefix: String,
        scheme: Scheme,
    },
    /// Not at all.
    Nothing,
}

/// What stands in the header.
pub(super) enum Scheme {
    /// One of these secrets.
    Secret(Secrets),
    /// The body's HMAC-SHA256 with one of them, in hexadecimal.
    HmacHex(Secrets),
    /// The same in base64.
    HmacBase64(Secrets),
    /// The body's signature by one of these keys, in base64.
    Ed25519(Vec<ParsedPublicKey>),
}

/// Secrets that are valid at once: while one is replaced there are two.
pub(super) struct Secrets {
    /// Of equal length, so that comparing them tells nothing about a secret.
    digests: Vec<[u8; 32]>,
    keys: Vec<hmac::Key>,
    any_short: bool,
}

impl Secrets {
    pub(super) fn new(secrets: &[SecretString]) -> Self {
        let bytes = secrets
            .iter()
            .map(|secret| secret.expose_secret().as_bytes());
        Self {
            digests: bytes
                .clone()
                .map(|secret| Sha256::digest(secret).into())
                .collect(),
            any_short: bytes.clone().any(|secret| secret.len() < secret::SHORT),
            keys: bytes
                .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret))
                .collect(),
        }
    }

    fn is_one(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        any(self.digests.iter().map(|digest| digest.ct_eq(&given)))
    }

    /// Whether it is the body's code with one of them, as `written`.
    fn is_code(&self, given: &str, body: &[u8], written: impl Fn(&[u8]) -> String) -> bool {
        any(self.keys.iter().map(|key| {
            let code = written(hmac::sign(key, body).as_ref());
            code.as_bytes().ct_eq(given.as_bytes())
        }))
    }
}

/// Whether any holds; takes the same time whichever it is.
fn any(choices: impl Iterator<Item = Choice>) -> bool {
    choices
        .fold(Choice::from(0), |any, choice| any | choice)
        .into()
}

impl Proof {
    /// Whether these bytes come from whoever can prove it.
    pub(super) fn holds(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        match self {
            Self::Ghl { keys, legacy } => match single(headers, &GHL_SIGNATURE) {
                // Whatever else is there: a forged one is no reason to believe another.
                Said::Once(signature) => is_signed(keys, body, signature),
                Said::Never => match single(headers, &GHL_LEGACY) {
                    Said::Once(signature) => is_signed(legacy, body, signature),
                    Said::Never | Said::Otherwise => false,
                },
                Said::Otherwise => false,
            },
            Self::Header {
                name,
                prefix,
                scheme,
            } => match single(headers, name) {
                Said::Once(value) => value
                    .strip_prefix(prefix.as_str())
                    .is_some_and(|value| scheme.holds(value, body)),
                Said::Never | Said::Otherwise => false,
            },
            Self::Nothing => true,
        }
    }

    /// Whether a secret can be guessed.
    pub(super) fn any_short(&self) -> bool {
        match self {
            Self::Header { scheme, .. } => match scheme {
                Scheme::Secret(secrets)
                | Scheme::HmacHex(secrets)
                | Scheme::HmacBase64(secrets) => secrets.any_short,
                Scheme::Ed25519(_) => false,
            },
            Self::Ghl { .. } | Self::Nothing => false,
        }
    }
}

impl Scheme {
    fn holds(&self, value: &str, body: &[u8]) -> bool {
        match self {
            Self::Secret(secrets) => secrets.is_one(value),
            Self::HmacHex(secrets) => secrets.is_code(&value.to_ascii_lowercase(), body, hex),
            Self::HmacBase64(secrets) => {
                let unpadded = |text: &str| text.trim_end_matches('=').to_owned();
                secrets.is_code(&unpadded(value), body, |code| {
                    unpadded(&BASE64.encode(code))
                })
            }
            Self::Ed25519(keys) => is_signed(keys, body, value),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn is_signed(keys: &[ParsedPublicKey], body: &[u8], signature: &str) -> bool {
    let Ok(signature) = BASE64.decode(signature) else {
        return false;
    };
    keys.iter()
        .any(|key| key.verify_sig(body, &signature).is_ok())
}

/// What a header says.
enum Said<'a> {
    Once(&'a str),
    /// It is not there, or says that there is nothing.
    Never,
    /// It is there twice, or is no text: who reads it first decides what it says, so it says nothing.
    Otherwise,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Said<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Never,
        (Some(value), None) => match value.to_str().map(str::trim) {
            Ok("" | NOT_THERE) => Said::Never,
            Ok(value) => Said::Once(value),
            Err(_) => Said::Otherwise,
        },
        (Some(_), Some(_)) => Said::Otherwise,
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ghl { .. } => "Ghl",
            Self::Header { scheme, .. } => match scheme {
                Scheme::Secret(_) => "Secret",
                Scheme::HmacHex(_) => "HmacHex",
                Scheme::HmacBase64(_) => "HmacBase64",
                Scheme::Ed25519(_) => "Ed25519",
            },
            Self::Nothing => "Nothing",
        })
    }
}
