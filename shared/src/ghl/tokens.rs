//! Which token a tenant's calls carry.

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The tokens that are configured: one, for every tenant that has no credentials of its own.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    fallback: Option<SecretString>,
}

impl Tokens {
    /// With this token for all tenants, or without any.
    pub fn new(fallback: Option<SecretString>) -> Self {
        Self { fallback }
    }

    /// The token for a tenant's calls, if there is any.
    pub fn of(&self, _tenant: &str) -> Option<&SecretString> {
        self.fallback.as_ref()
    }
}

/// Eight hexadecimal digits that tell tokens apart and tell nothing about them: whether a new one
/// was configured since the old one was refused.
pub fn fingerprint(token: &SecretString) -> String {
    let digest = Sha256::new()
        .chain_update("penstock token\0")
        .chain_update(token.expose_secret())
        .finalize();
    let [a, b, c, d, ..] = digest.0;
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_tokens_apart() {
        let (one, two) = (
            fingerprint(&"pit-one".into()),
            fingerprint(&"pit-two".into()),
        );
        assert_eq!(one.len(), 8);
        assert_ne!(one, two);
        assert_eq!(one, fingerprint(&"pit-one".into()));
    }

    #[test]
    fn every_tenant_has_the_configured_token() {
        let tokens = Tokens::new(Some("pit-one".into()));
        assert_eq!(tokens.of("any").unwrap().expose_secret(), "pit-one");
        assert!(Tokens::default().of("any").is_none());
        assert!(!format!("{tokens:?}").contains("pit-one"));
    }
}
