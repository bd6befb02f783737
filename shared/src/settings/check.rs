//! What must hold between settings, and what merely deserves a warning.

use std::net::IpAddr;

use secrecy::ExposeSecret as _;

use super::{Settings, SettingsError};
use crate::span;

impl Settings {
    /// Refuses settings that contradict each other, and those that make no sense without another.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let (burst, daily) = (self.ghl.burst, self.ghl.daily);
        require(
            burst.window() < daily.window(),
            ["PENSTOCK_GHL_BURST", "PENSTOCK_GHL_DAILY"],
            || format!("the window of {burst} must be shorter than that of {daily}"),
        )?;
        self.complete()?;
        self.check_hooks()?;
        let (kept, quarantine) = (self.redis.retention, self.delivery.longest_quarantine());
        // While a lost call may still be looked for, two quarantines and some time after it, by a sweep ten, the record of whose effect is whose
        // must stand.
        let (timeout, lease) = (self.ghl.http_timeout, self.delivery.lease);
        require(
            kept >= (quarantine + timeout) * 10 + lease,
            ["PENSTOCK_RETENTION", "PENSTOCK_QUARANTINE"],
            || {
                let [kept, quarantine, timeout, lease] =
                    [kept, quarantine, timeout, lease].map(span::render);
                format!(
                    "what is kept for {kept} must outlive ten times the quarantine of {quarantine} and PENSTOCK_HTTP_TIMEOUT ({timeout}) together, and PENSTOCK_LEASE ({lease})"
                )
            },
        )
    }

    /// An event that is taken in while it is no longer known could be told of twice.
    fn check_hooks(&self) -> Result<(), SettingsError> {
        let (window, kept) = (self.intake.hook_window, self.redis.retention);
        require(
            self.intake.hooks.is_none() || window <= kept,
            ["PENSTOCK_HOOK_WINDOW", "PENSTOCK_RETENTION"],
            || {
                let [window, kept] = [window, kept].map(span::render);
                format!(
                    "what is {window} old is taken in, and what is done is known for {kept}: make the first at most the second"
                )
            },
        )
    }

    /// Refuses settings that make no sense without another.
    fn complete(&self) -> Result<(), SettingsError> {
        let marker = !self.delivery.marker_keys.is_empty();
        needs(
            !self.encryption.payloads || !self.encryption.keys.is_empty(),
            ["PENSTOCK_ENCRYPT_PAYLOADS", "PENSTOCK_ENCRYPTION_KEYS"],
            "set a key to seal payloads with",
        )?;
        needs(
            self.ghl.app.is_none() || !self.encryption.keys.is_empty(),
            ["PENSTOCK_GHL_CLIENT_ID", "PENSTOCK_ENCRYPTION_KEYS"],
            "tokens are stored sealed: set a key",
        )?;
        let secure = self.redis.url.expose_secret().contains("rediss");
        needs(
            self.redis.ca.is_none() || secure,
            ["PENSTOCK_REDIS_CA", "PENSTOCK_REDIS_URL"],
            "certificates are only looked at with an address that begins with rediss",
        )?;
        needs(
            !self.delivery.marker || marker,
            ["PENSTOCK_MARKER", "PENSTOCK_MARKER_KEY"],
            "without a key anybody could make a marker: set one, a long random text",
        )?;
        needs(
            !self.delivery.remove_twins || self.delivery.marker || marker,
            ["PENSTOCK_TWINS=remove", "PENSTOCK_MARKER=on"],
            "only the marker tells twins from somebody's identical text; leave it at `report`, or turn the marker on",
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
        let unmarked = (self.delivery.remove_twins && !self.delivery.marker).then(|| {
            "PENSTOCK_TWINS is `remove`, but PENSTOCK_MARKER is off: only twins of what was sent \
             with a marker before are found and removed"
                .to_owned()
        });
        cut.into_iter().chain(open).chain(unmarked)
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

fn needs(
    holds: bool,
    [name, other]: [&'static str; 2],
    complaint: &'static str,
) -> Result<(), SettingsError> {
    if holds {
        return Ok(());
    }
    Err(SettingsError::Missing {
        name,
        other,
        complaint,
    })
}
