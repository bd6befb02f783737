//! The keys that seal and open.

use std::{fmt, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM_SIV, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

/// The bytes of a key.
const KEY: usize = 32;
/// The bytes that tell keys of one name apart.
pub(super) const CHECK: usize = 4;
/// The longest name.
const LONGEST_NAME: usize = 32;
const REMEDY: &str = "write each as NAME:KEY, NAME being up to 32 of the characters A-Z a-z 0-9 . _ - and KEY 32 random bytes in base64, \
                      which `openssl rand -base64 32` gives; separate several by commas";

/// Keys for what is stored. The first seals, all open; so a new one is put in front, and an old one is kept until nothing needs it.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<Arc<Key>>,
}

/// Which key: its name and some bytes of its hash, so that a key that only has the right name is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId {
    pub(super) name: String,
    pub(super) check: [u8; CHECK],
}

pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) cipher: RandomizedNonceKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = u32::from_be_bytes(self.check);
        write!(f, "{} ({check:08x})", self.name)
    }
}

impl Keyring {
    /// Reads keys as they stand in the setting. What is wrong is told without any of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let keys = text.split(',').map(|key| Key::parse(key.trim()));
        let keys = keys.collect::<Option<Vec<_>>>().ok_or(REMEDY)?;
        for (at, key) in keys.iter().enumerate() {
            let same = |other: &Key| other.id.name == key.id.name || other.id.check == key.id.check;
            if keys[..at].iter().any(same) {
                return Err("no two keys may have the same name, or be the same".to_owned());
            }
        }
        Ok(Self {
            keys: keys.into_iter().map(Arc::new).collect(),
        })
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn first(&self) -> Option<&Key> {
        self.keys.first().map(AsRef::as_ref)
    }

    pub(super) fn find(&self, id: &KeyId) -> Option<&Key> {
        self.keys
            .iter()
            .map(AsRef::as_ref)
            .find(|key| key.id == *id)
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let (label, key) = text.split_once(':')?;
        let key = Zeroizing::new(STANDARD.decode(key).ok()?);
        if key.len() != KEY {
            return None;
        }
        let digest = Sha256::new()
            .chain_update("penstock key")
            .chain_update(&*key)
            .finalize();
        let id = KeyId {
            name: name(label)?,
            check: *digest.first_chunk()?,
        };
        let cipher = RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).ok()?;
        Some(Self { id, cipher })
    }
}

/// A name that a key may have.
pub(super) fn name(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(allowed);
    fits.then(|| text.to_owned())
}
