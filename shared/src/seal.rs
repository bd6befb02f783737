//! Encryption at rest: what is stored is sealed with the first key of a keyring and bound to its place; every key of the ring opens.
//!
//! AES-256-GCM-SIV with a random nonce: two equal nonces, which chance alone gives hardly ever, would tell only that two texts are equal. A
//! sealed value is: length of the key's name (a byte), name, four bytes that tell keys of one name apart, nonce, ciphertext with its tag.

mod keyring;
#[cfg(test)]
mod tests;

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use self::keyring::CHECK;
pub use self::keyring::{KeyId, Keyring};

/// What a sealed text begins with: a character that no text of ours has.
const MARK: char = '\u{3}';

/// What is sealed, and where it stands: it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// What it is.
    pub purpose: Purpose,
    /// The prefix of every key.
    pub namespace: &'a str,
    /// Whose it is.
    pub tenant: &'a str,
    /// The job's id, or another name that is unique for the purpose.
    pub id: &'a str,
}

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What a job is to do.
    Payload,
    /// What it came to.
    Result,
    /// The end of a job that has to wait.
    Ending,
    /// What failed last.
    Error,
    /// What was found of an ambiguous call.
    Evidence,
    /// A failed attempt.
    History,
    /// Credentials of a tenant.
    Token,
    /// What is known of a record in several systems.
    Link,
    /// What systems have told of it last.
    Told,
    /// What is known of a contact of a list.
    Listed,
    /// What was known of a record that is gone.
    Gone,
}

/// Why something that is sealed cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another program may have the key.
    #[error(
        "it is sealed with the key {0}, which is not among PENSTOCK_ENCRYPTION_KEYS of this program: put it back there, behind the one that seals"
    )]
    Locked(KeyId),
    /// Nobody can open it.
    #[error("it is sealed, and was changed, or moved here from another place")]
    Forged,
    /// It does not even look sealed.
    #[error("it is no sealed value")]
    Malformed,
    /// It cannot be sealed.
    #[error("it cannot be sealed: PENSTOCK_ENCRYPTION_KEYS has no key")]
    NoKey,
}

impl Purpose {
    /// The word that ciphertexts are bound to: stored ones open by it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Result => "result",
            Self::Ending => "ending",
            Self::Error => "error",
            Self::Evidence => "evidence",
            Self::History => "history",
            Self::Token => "token",
            Self::Link => "link",
            Self::Told => "told",
            Self::Listed => "listed",
            Self::Gone => "gone",
        }
    }
}

impl Place<'_> {
    /// Its parts with their lengths, so that no two places have the same bytes.
    fn bound(&self) -> Aad<Vec<u8>> {
        let parts = [self.purpose.as_str(), self.namespace, self.tenant, self.id];
        let parts = parts.map(str::as_bytes);
        let bytes = parts.iter().flat_map(|part| {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            length.to_be_bytes().into_iter().chain(part.iter().copied())
        });
        Aad::from(bytes.collect())
    }
}

impl Keyring {
    /// Seals with the first key.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.first().ok_or(SealError::NoKey)?;
        let mut text = plain.to_vec();
        let nonce = key
            .cipher
            .seal_in_place_append_tag(place.bound(), &mut text);
        let nonce = nonce.map_err(|_| SealError::NoKey)?;
        let name = key.id.name.as_bytes();
        // A name has 32 bytes at the most.
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let head = [&[length], name, &key.id.check, nonce.as_ref()].concat();
        Ok([head, text].concat())
    }

    /// Opens what was sealed at this place with any of the keys.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let sealed = Sealed::parse(sealed).ok_or(SealError::Malformed)?;
        let key = self.find(&sealed.key);
        let key = key.ok_or_else(|| SealError::Locked(sealed.key.clone()))?;
        let mut text = sealed.text.to_vec();
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let plain = key.cipher.open_in_place(nonce, place.bound(), &mut text);
        plain
            .map(|plain| plain.to_vec())
            .map_err(|_| SealError::Forged)
    }

    /// Seals a text; what comes out is a text too.
    pub fn seal_text(&self, place: &Place<'_>, plain: &str) -> Result<String, SealError> {
        let sealed = self.seal(place, plain.as_bytes())?;
        Ok(format!("{MARK}{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// Opens a text that may be sealed. One that is not comes back as it is: there may be both.
    pub fn open_text(&self, place: &Place<'_>, text: String) -> Result<String, SealError> {
        let sealed = text.strip_prefix(MARK);
        let sealed = sealed.and_then(|text| STANDARD_NO_PAD.decode(text).ok());
        let Some(sealed) = sealed.filter(|sealed| Sealed::parse(sealed).is_some()) else {
            return Ok(text);
        };
        String::from_utf8(self.open(place, &sealed)?).map_err(|_| SealError::Forged)
    }
}

/// The key that a value is sealed with.
pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
    Sealed::parse(sealed).map(|sealed| sealed.key)
}

struct Sealed<'a> {
    key: KeyId,
    nonce: [u8; NONCE_LEN],
    text: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (check, rest) = rest.split_first_chunk::<CHECK>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key = KeyId {
            name: keyring::name(std::str::from_utf8(name).ok()?)?,
            check: *check,
        };
        Some(Self {
            key,
            nonce: *nonce,
            text,
        })
    }
}
