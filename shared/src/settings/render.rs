//! The effective settings as text, for `--print-config`.

use std::fmt::Write as _;

use secrecy::ExposeSecret as _;

use super::{
    Settings,
    source::{Found, Origin},
    table::NONE,
};

const REDACTED: &str = "***";

impl Settings {
    /// Every setting, one a line: `NAME = value  # from environment|file PATH|default`, with
    /// secrets redacted.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for found in &self.sources.found {
            let origin = match &found.origin {
                Origin::File(path) | Origin::Secret(path) => {
                    format!("file {:?}", path.display().to_string())
                }
                other => other.to_string(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{} = {}  # from {origin}",
                found.setting.name,
                shown(found)
            );
        }
        text
    }
}

fn shown(found: &Found) -> String {
    let text = found.text.expose_secret();
    if text == NONE {
        return text.to_owned();
    }
    match (found.setting.secret, found.setting.name) {
        (true, "PENSTOCK_REDIS_URL") => format!("{:?}", without_password(text)),
        (true, _) => format!("{REDACTED:?}"),
        (false, _) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.to_owned(),
        (false, _) => format!("{text:?}"),
    }
}

/// The address without what may be a password. Everything up to the last `@` goes, for a password
/// may itself hold any of the characters that part an address; so does everything after a `?`.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("redis", url));
    let visible = match (rest.rfind('@'), rest.find('?')) {
        (None, None) => rest.to_owned(),
        (None, Some(query)) => format!("{}?{REDACTED}", &rest[..query]),
        (Some(at), None) => format!("{REDACTED}@{}", &rest[at + 1..]),
        (Some(at), Some(query)) if at < query => {
            format!("{REDACTED}@{}?{REDACTED}", &rest[at + 1..query])
        }
        (Some(_), Some(_)) => REDACTED.to_owned(),
    };
    format!("{scheme}://{visible}")
}
