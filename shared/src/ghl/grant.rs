//! What somebody was given to call the API with: by OAuth, or as private integration tokens.

use std::time::Duration;

use secrecy::SecretString;

use super::{Issued, fingerprint};
use crate::span::millis;

/// How a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// It is good, as far as is known.
    Active,
    /// The API does not renew it any more: somebody has to connect the account anew.
    NeedsAuthorisation,
    /// It was taken back.
    Revoked,
}

impl GrantState {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Active, Self::NeedsAuthorisation, Self::Revoked];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NeedsAuthorisation => "needs-authorisation",
            Self::Revoked => "revoked",
        }
    }
}

/// From when to when a token may be used. In ms of Redis' clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it was given out, at the latest.
    pub issued_ms: u64,
    /// When it ends.
    pub expires_ms: u64,
}

impl Life {
    /// When it is to be renewed: `ahead` of its end and up to a quarter of that before, by `jitter` (0 to 1), so that what was given out together
    /// is not renewed together; but not in the first half of its life.
    pub fn due_ms(self, ahead: Duration, jitter: f64) -> u64 {
        let early = ahead + ahead.mul_f64(jitter.clamp(0.0, 1.0) / 4.0);
        let half = self.issued_ms + self.expires_ms.saturating_sub(self.issued_ms) / 2;
        self.expires_ms.saturating_sub(millis(early)).max(half)
    }
}

/// What somebody was given to call the API with.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What calls carry: one by OAuth, or none yet; private ones may be two while they are rotated, the newest first.
    pub tokens: Vec<SecretString>,
    /// What gives the next token, once.
    pub refresh: Option<SecretString>,
    /// How long the token may be used; private ones do not end by themselves.
    pub life: Option<Life>,
    /// What calls may do with it; empty if that is not known.
    pub scopes: Vec<String>,
    /// The company that a location belongs to.
    pub company: Option<String>,
    /// Since when the account is connected, however often its token was renewed since. In ms of Redis' clock; 0: that is not known.
    pub since_ms: u64,
    /// How it stands.
    pub state: GrantState,
}

impl Grant {
    /// Private integration tokens, the newest first.
    pub fn private(tokens: Vec<SecretString>) -> Self {
        Self {
            tokens,
            refresh: None,
            life: None,
            scopes: Vec::new(),
            company: None,
            since_ms: 0,
            state: GrantState::Active,
        }
    }

    /// An account that was connected now, and for which a token has to be made first.
    pub fn awaited(company: Option<String>, now_ms: u64) -> Self {
        Self {
            company,
            since_ms: now_ms,
            ..Self::private(Vec::new())
        }
    }

    /// What has come now, in the place of what was there: what an answer does not say stays.
    #[must_use]
    pub fn renewed(&self, issued: &Issued, now_ms: u64) -> Self {
        Self {
            tokens: vec![issued.access.clone()],
            refresh: issued.refresh.clone().or_else(|| self.refresh.clone()),
            life: Some(Life {
                issued_ms: now_ms,
                expires_ms: now_ms.saturating_add(millis(issued.life)),
            }),
            scopes: if issued.scopes.is_empty() {
                self.scopes.clone()
            } else {
                issued.scopes.clone()
            },
            company: issued.company.clone().or_else(|| self.company.clone()),
            since_ms: self.since_ms,
            state: GrantState::Active,
        }
    }

    /// The same grant in another state. What was taken back has no tokens any more.
    #[must_use]
    pub fn in_state(&self, state: GrantState) -> Self {
        let mut grant = Self {
            state,
            ..self.clone()
        };
        if state == GrantState::Revoked {
            (grant.tokens, grant.refresh, grant.life) = (Vec::new(), None, None);
        }
        grant
    }

    /// Tells its tokens apart from all others, and tells nothing about them.
    pub fn stamp(&self) -> String {
        let each: Vec<_> = self.tokens.iter().map(fingerprint).collect();
        each.join("+")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(seconds: u64) -> Life {
        Life {
            issued_ms: 1_000,
            expires_ms: 1_000 + seconds * 1_000,
        }
    }

    #[test]
    fn a_token_is_renewed_ahead_of_its_end() {
        let (day, hour) = (life(86_400), Duration::from_secs(3_600));
        assert_eq!(day.due_ms(hour, 0.0), 1_000 + 82_800_000);
        assert_eq!(day.due_ms(hour, 1.0), 1_000 + 81_900_000);
    }

    #[test]
    fn one_of_a_short_life_is_used_for_half_of_it() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(life(10).due_ms(hour, 0.5), 6_000);
    }

    #[test]
    fn what_is_taken_back_has_no_tokens() {
        let grant = Grant::private(vec!["pit-one".into(), "pit-two".into()]);
        assert_eq!(grant.stamp().len(), 17);
        let gone = grant.in_state(GrantState::Revoked);
        assert_eq!((gone.stamp().as_str(), gone.tokens.len()), ("", 0));
        assert!(!format!("{grant:?}").contains("pit-"));
    }
}
