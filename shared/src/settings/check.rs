//! What must hold between settings, and what merely deserves a warning.

use std::net::IpAddr;

use secrecy::ExposeSecret as _;

use super::{Settings, SettingsError};
use crate::span;

/// The fewest characters of a marker's key.
const MARKER_KEY: usize = 16;

impl Settings {
    /// Refuses settings that contradict each other.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let (burst, daily) = (self.ghl.burst, self.ghl.daily);
        require(
            burst.window() < daily.window(),
            ["PENSTOCK_GHL_BURST", "PENSTOCK_GHL_DAILY"],
            || format!("the window of {burst} must be shorter than that of {daily}"),
        )?;
        require(
            !self.encryption.payloads || !self.encryption.keys.is_empty(),
            ["PENSTOCK_ENCRYPT_PAYLOADS", "PENSTOCK_ENCRYPTION_KEYS"],
            || "to encrypt payloads a key is needed, and there is none".to_owned(),
        )?;
        let secure = self.redis.url.expose_secret().contains("rediss");
        require(
            self.redis.ca.is_none() || secure,
            ["PENSTOCK_REDIS_CA", "PENSTOCK_REDIS_URL"],
            || "certificates are only looked at with an address that begins with rediss".to_owned(),
        )?;
        require(
            !self.delivery.marker || !self.delivery.marker_keys.is_empty(),
            ["PENSTOCK_MARKER", "PENSTOCK_MARKER_KEY"],
            || "without a key anybody could make a marker: set one, a long random text".to_owned(),
        )?;
        let keys = &self.delivery.marker_keys;
        require(
            keys.iter()
                .all(|key| key.expose_secret().len() >= MARKER_KEY),
            ["PENSTOCK_MARKER_KEY", "PENSTOCK_MARKER"],
            || format!("a key of fewer than {MARKER_KEY} characters can be guessed from a marker"),
        )?;
        let (kept, quarantine) = (self.redis.retention, self.delivery.longest_quarantine());
        // While a lost call may still show up, the record of whose effect is whose must stand; with the marker on it is looked for ten times as long.
        let (times, until) = if self.delivery.marker {
            (10, "ten times ")
        } else {
            (1, "")
        };
        require(
            kept >= quarantine * times,
            ["PENSTOCK_RETENTION", "PENSTOCK_QUARANTINE"],
            || {
                let (kept, quarantine) = (span::render(kept), span::render(quarantine));
                format!(
                    "what is kept for {kept} must outlive {until}the quarantine of {quarantine}"
                )
            },
        )
    }

    /// Settings that are allowed and yet may not be meant.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = String> {
        let (grace, timeout) = (self.delivery.grace, self.ghl.http_timeout);
        let cut = (grace < timeout).then(|| {
            let (grace, timeout) = (span::render(grace), span::render(timeout));
            format!(
                "PENSTOCK_GRACE ({grace}) is shorter than PENSTOCK_HTTP_TIMEOUT ({timeout}): a \
                 worker that is told to stop may cut calls whose outcome is then unknown"
            )
        });
        let open = is_open(&self.ghl.base_url).then(|| {
            "PENSTOCK_GHL_BASE_URL begins with http:// and leads to another machine: tokens and \
             personal data cross the network in clear"
                .to_owned()
        });
        cut.into_iter().chain(open)
    }
}

/// Whether what is sent there can be read on the way.
fn is_open(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && !here
}

fn require(
    holds: bool,
    [name, other]: [&'static str; 2],
    complaint: impl FnOnce() -> String,
) -> Result<(), SettingsError> {
    if holds {
        return Ok(());
    }
    Err(SettingsError::Contradiction {
        name,
        other,
        complaint: complaint(),
    })
}
