//! What a stand-in for Smore can be started with.

use std::time::Duration;

use secrecy::SecretString;

use crate::sandbox::Quota;
use crate::stand::{self, Scheme};

const MINUTE: Duration = Duration::from_secs(60);
/// How many minutes after each failure a webhook is sent again.
const RETRIES: [u32; 5] = [5, 15, 35, 75, 155];

/// How it behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What every stand-in has.
    pub stand: stand::Options,
    /// The most calls with OAuth in any such window.
    pub oauth: Quota,
    /// The most calls with a personal key in any such window.
    pub personal: Quota,
    /// The most calls to the CRM in any such window.
    pub crm: Quota,
    /// Where the resources are that the pages do not place.
    pub paths: Paths,
    /// The one OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Where it may be redirected to; anywhere, if none is given.
    pub redirect_uri: Option<String>,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// The personal keys that are accepted.
    pub personal_keys: Vec<SecretString>,
    /// The bearer tokens that the CRM accepts; any is when there are none.
    pub crm_tokens: Vec<SecretString>,
    /// How many times faster than documented webhooks are sent again.
    pub hurry: u32,
    /// How long the answer to a webhook may take.
    pub hook_timeout: Duration,
    /// The header that the CRM's webhooks are signed in, where none is ordered.
    pub crm_header: String,
    /// How they are signed, where nothing else is ordered.
    pub crm_scheme: Scheme,
    /// Whether the CRM's webhooks also tell what was changed by calls, as most do.
    pub crm_echo: bool,
}

/// Where resources are.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The page where a user allows access.
    pub authorize: String,
    /// Where codes and refresh tokens become access tokens.
    pub token: String,
    /// What the API's resources are under.
    pub api: String,
}

impl Default for Options {
    fn default() -> Self {
        let per_minute = |calls| Quota {
            calls,
            window: MINUTE,
        };
        Self {
            stand: stand::Options::default(),
            oauth: per_minute(20),
            personal: per_minute(3),
            crm: Quota {
                calls: 100,
                window: Duration::from_secs(10),
            },
            paths: Paths {
                authorize: "/authorize".to_owned(),
                token: "/api/oauth/token".to_owned(),
                api: "/api/v1".to_owned(),
            },
            client_id: "penstock".to_owned(),
            client_secret: "smore-client-secret".into(),
            redirect_uri: None,
            access_ttl: Duration::from_secs(3_600),
            personal_keys: Vec::new(),
            crm_tokens: Vec::new(),
            hurry: 1,
            hook_timeout: Duration::from_secs(10),
            crm_header: "X-Signature".to_owned(),
            crm_scheme: Scheme::HmacHex,
            crm_echo: true,
        }
    }
}

impl Options {
    /// How long after each failure a webhook is sent again.
    pub(super) fn retries(&self) -> Vec<Duration> {
        RETRIES
            .iter()
            .map(|minutes| MINUTE * *minutes / self.hurry.max(1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_sent_again_as_documented() {
        let minutes: Vec<_> = Options::default()
            .retries()
            .iter()
            .map(|span| span.as_secs() / 60)
            .collect();
        assert_eq!(minutes, [5, 15, 35, 75, 155]);
    }
}
