//! Which token a tenant's calls carry.

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::{Grant, GrantState};

/// Where a tenant's credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Private integration tokens of its own.
    Private,
    /// It was connected by OAuth.
    OAuth,
    /// `PENSTOCK_GHL_TOKEN`, which is everybody's who has none.
    Shared,
}

impl Origin {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::OAuth => "oauth",
            Self::Shared => "shared",
        }
    }
}

/// One token, ready for a call.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// What the call carries.
    pub token: SecretString,
    /// What tells it apart.
    pub fingerprint: String,
}

impl From<&SecretString> for Bearer {
    fn from(token: &SecretString) -> Self {
        Self {
            token: token.clone(),
            fingerprint: fingerprint(token),
        }
    }
}

/// What a tenant's calls may carry.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where they come from; `None`: there are none.
    pub origin: Option<Origin>,
    /// The tokens, the one to be tried first before the others; there may be none (yet).
    pub bearers: Vec<Bearer>,
    /// Tells them apart from others.
    pub stamp: String,
    /// What they may do; empty if that is not known.
    pub scopes: Vec<String>,
    /// How the grant stands.
    pub state: GrantState,
    /// Whether calls may change anything.
    pub may_write: bool,
}

/// What is known of a tenant.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its private integration tokens.
    pub private: Option<Grant>,
    /// What it was granted by OAuth.
    pub granted: Option<Grant>,
    /// What a person has said about writing.
    pub writes: Option<bool>,
    /// What a person has said so of the company of a location that was granted by OAuth: it counts where nothing was said of the location itself.
    pub company_writes: Option<bool>,
}

impl Credentials {
    /// Its own private tokens, else what it was granted by OAuth, else what is everybody's. What was taken back is not replaced by that: whoever took
    /// it back meant it. Who was connected by OAuth may write when somebody has said so of it or of its company, or where `all` may.
    pub fn choose(known: &Known, fallback: Option<&SecretString>, all: bool) -> Self {
        let is_left =
            |grant: &&Grant| grant.state != GrantState::Revoked || known.granted.is_none();
        if let Some(private) = known.private.as_ref().filter(is_left) {
            return Self::of(Origin::Private, private, known.writes.unwrap_or(true));
        }
        if let Some(granted) = &known.granted {
            let said = known.writes.or(known.company_writes);
            return Self::of(Origin::OAuth, granted, said.unwrap_or(all));
        }
        let shared = Grant::private(fallback.cloned().into_iter().collect());
        let may_write = known.writes.unwrap_or(true);
        Self {
            origin: fallback.map(|_| Origin::Shared),
            ..Self::of(Origin::Shared, &shared, may_write)
        }
    }

    fn of(origin: Origin, grant: &Grant, may_write: bool) -> Self {
        Self {
            origin: Some(origin),
            bearers: grant.tokens.iter().map(Bearer::from).collect(),
            stamp: grant.stamp(),
            scopes: grant.scopes.clone(),
            state: grant.state,
            may_write,
        }
    }

    /// The one after this token that was refused, if there is another.
    pub fn after(&self, refused: &[String]) -> Option<&Bearer> {
        let mut bearers = self.bearers.iter();
        bearers.find(|bearer| !refused.contains(&bearer.fingerprint))
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

    fn grant(tokens: &[&str]) -> Grant {
        Grant::private(tokens.iter().map(|token| (*token).into()).collect())
    }

    fn chosen(known: &Known, all: bool) -> (Option<Origin>, Option<String>, bool) {
        let fallback = "pit-shared".into();
        let chosen = Credentials::choose(known, Some(&fallback), all);
        let first = chosen.bearers.first();
        let first = first.map(|bearer| bearer.token.expose_secret().to_owned());
        (chosen.origin, first, chosen.may_write)
    }

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
    fn a_tenants_own_tokens_go_before_what_is_everybodys() {
        let mut known = Known::default();
        let shared = (Some(Origin::Shared), Some("pit-shared".into()), true);
        assert_eq!(chosen(&known, false), shared);
        known.granted = Some(grant(&["granted"]));
        let granted = (Some(Origin::OAuth), Some("granted".into()), false);
        assert_eq!(chosen(&known, false), granted);
        known.private = Some(grant(&["pit-new", "pit-old"]));
        let private = (Some(Origin::Private), Some("pit-new".into()), true);
        assert_eq!(chosen(&known, false), private);
    }

    #[test]
    fn who_was_connected_by_oauth_reads_until_somebody_says_more() {
        let known = |writes| Known {
            granted: Some(grant(&["granted"])),
            writes,
            ..Known::default()
        };
        let may = |writes, all| chosen(&known(writes), all).2;
        assert_eq!(
            [may(None, false), may(None, true), may(Some(true), false)],
            [false, true, true]
        );
        assert!(!may(Some(false), true));
    }

    #[test]
    fn what_is_said_of_a_company_counts_for_its_locations() {
        let may = |writes, company_writes| {
            let known = Known {
                granted: Some(grant(&["granted"])),
                writes,
                company_writes,
                ..Known::default()
            };
            chosen(&known, false).2
        };
        assert!(may(None, Some(true)) && may(Some(true), Some(false)));
        assert!(!may(Some(false), Some(true)) && !may(None, Some(false)));
        let by_hand = Known {
            private: Some(grant(&["pit-own"])),
            company_writes: Some(false),
            ..Known::default()
        };
        assert!(chosen(&by_hand, false).2, "it does not go by its company");
    }

    #[test]
    fn what_was_taken_back_is_not_replaced_by_what_is_everybodys() {
        let revoked = || Some(grant(&["own"]).in_state(GrantState::Revoked));
        let mut known = Known {
            granted: revoked(),
            ..Known::default()
        };
        assert_eq!(chosen(&known, true), (Some(Origin::OAuth), None, true));
        known = Known {
            private: revoked(),
            ..Known::default()
        };
        assert_eq!(chosen(&known, true), (Some(Origin::Private), None, true));
        known.granted = Some(grant(&["granted"]));
        let granted = (Some(Origin::OAuth), Some("granted".into()), true);
        assert_eq!(chosen(&known, true), granted);
    }

    #[test]
    fn of_two_tokens_the_other_is_left_when_one_is_refused() {
        let fallback = None;
        let known = Known {
            private: Some(grant(&["pit-new", "pit-old"])),
            ..Known::default()
        };
        let chosen = Credentials::choose(&known, fallback, false);
        let new = fingerprint(&"pit-new".into());
        let old = fingerprint(&"pit-old".into());
        let next = chosen.after(std::slice::from_ref(&new)).unwrap();
        assert_eq!(next.fingerprint, old);
        assert!(chosen.after(&[new, old]).is_none());
        assert!(!format!("{chosen:?}").contains("pit-"));
    }
}
