//! What single values mean: text in, a typed value or a complaint out. No complaint repeats a
//! secret's text.

use std::{
    fmt::Display, net::SocketAddr, num::NonZeroU8, ops::RangeInclusive, sync::Arc, time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::EnvFilter;

use super::{DailyPacing, Durability, LogFormat, table::NONE};
use crate::{
    job::{JobType, PerType},
    outcome::AmbiguousPolicy,
    retry::Backoff,
    seal::Keyring,
    span,
};

/// What is wrong with a value, and what to write instead.
pub(super) type Complaint = String;

/// `none`, or a value.
pub(super) fn optional<T>(
    text: &str,
    read: impl FnOnce(&str) -> Result<T, Complaint>,
) -> Result<Option<T>, Complaint> {
    if text == NONE {
        Ok(None)
    } else {
        read(text).map(Some)
    }
}

pub(super) fn whole<T>(text: &str, range: RangeInclusive<T>) -> Result<T, Complaint>
where
    T: std::str::FromStr + PartialOrd + Display,
{
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            format!(
                "write a whole number from {} to {}",
                range.start(),
                range.end()
            )
        })
}

/// A share of a hundred, written `10%`.
pub(super) fn percent(text: &str, range: RangeInclusive<u8>) -> Result<u8, Complaint> {
    let (least, most) = (*range.start(), *range.end());
    whole(text.strip_suffix('%').unwrap_or(text), range)
        .map_err(|_| format!("write a share from {least}% to {most}%"))
}

pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, Complaint> {
    let span = span::parse(text).map_err(|error| error.to_string())?;
    if range.contains(&span) {
        return Ok(span);
    }
    let (least, most) = (span::render(*range.start()), span::render(*range.end()));
    Err(format!(
        "`{text}` is out of range: write a time from {least} to {most}"
    ))
}

pub(super) fn backoff(text: &str, range: RangeInclusive<Duration>) -> Result<Backoff, Complaint> {
    let (first, longest) = span::parse_range(text).map_err(|error| error.to_string())?;
    if range.contains(&first) && range.contains(&longest) {
        return Ok(Backoff { first, longest });
    }
    let (least, most) = (span::render(*range.start()), span::render(*range.end()));
    Err(format!("both ends are times from {least} to {most}"))
}

pub(super) fn switch(text: &str) -> Result<bool, Complaint> {
    choice(text, &[("on", true), ("off", false)])
}

/// Whether twins are removed.
pub(super) fn twins(text: &str) -> Result<bool, Complaint> {
    choice(text, &[("report", false), ("remove", true)])
}

pub(super) fn pacing(text: &str) -> Result<DailyPacing, Complaint> {
    choice(
        text,
        &[("asap", DailyPacing::Asap), ("spread", DailyPacing::Spread)],
    )
}

pub(super) fn ambiguous(text: &str) -> Result<AmbiguousPolicy, Complaint> {
    choice(
        text,
        &AmbiguousPolicy::ALL.map(|policy| (policy.as_str(), policy)),
    )
}

/// A value for all job types, then exceptions: `VALUE,TYPE=VALUE,…`.
pub(super) fn per_type<T: Copy>(
    text: &str,
    read: impl Fn(&str) -> Result<T, Complaint>,
) -> Result<PerType<T>, Complaint> {
    let mut parts = text.split(',').map(str::trim);
    let default = parts.next().unwrap_or_default();
    if default.contains('=') {
        return Err(format!(
            "write the value for all types before `{default}`, then exceptions as TYPE=VALUE"
        ));
    }
    let mut values = PerType::all(read(default)?);
    let mut named = Vec::new();
    for part in parts {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}` is no exception: write TYPE=VALUE"))?;
        let job_type: JobType = name
            .trim()
            .parse()
            .map_err(|error| format!("`{part}`: {error}"))?;
        if named.contains(&job_type) {
            return Err(format!("{job_type} is named twice"));
        }
        let value = read(value.trim()).map_err(|complaint| format!("`{part}`: {complaint}"))?;
        values = values.with(job_type, value);
        named.push(job_type);
    }
    Ok(values)
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Complaint> {
    choice(
        text,
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
    )
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Complaint> {
    let chosen = choices.iter().find(|(name, _)| *name == text);
    chosen.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        format!("write {}", names.join(" or "))
    })
}

pub(super) fn durability(text: &str) -> Result<Durability, Complaint> {
    let replicas = |count: &str| count.parse::<NonZeroU8>().ok().map(Durability::Replicated);
    match text {
        "everysec" => Some(Durability::Everysec),
        "always" => Some(Durability::Always),
        _ => text.strip_prefix("replicated:").and_then(replicas),
    }
    .ok_or_else(|| "write `everysec`, `always` or `replicated:N` with N from 1 to 255".to_owned())
}

/// The prefix of every key, as `PENSTOCK_NAMESPACE` has it: letters that mean nothing to Redis' patterns and hash tags. An error says what to write.
pub fn namespace(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "write 1 to 64 of the characters A-Z a-z 0-9 . _ -".to_owned())
}

/// Checks that the address could be one; what kind of Redis it names is the queue's business.
pub(super) fn redis_url(text: &str) -> Result<SecretString, Complaint> {
    const SCHEMES: [&str; 6] = [
        "redis",
        "rediss",
        "redis+unix",
        "unix",
        "redis+sentinel",
        "rediss+sentinel",
    ];
    let known = |(scheme, rest): (&str, &str)| SCHEMES.contains(&scheme) && !rest.is_empty();
    let is_address = |part: &str| part.split_once("://").is_some_and(known);
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !clean || !is_address(text) {
        return Err(
            "write an address that begins with redis://, rediss://, redis+unix://, unix://, \
             redis+sentinel:// or rediss+sentinel://"
                .to_owned(),
        );
    }
    if let Some((_, place)) = text.split_once("+sentinel://") {
        return sentinels(place).map(|()| text.into());
    }
    // A password may hold a comma too.
    let mut nodes = text.split(',').skip(1);
    if !text.contains('@') && nodes.any(|node| !is_address(node)) {
        return Err(
            "write every node of a cluster as an address of its own, such as \
             redis://10.0.0.1:6379,redis://10.0.0.2:6379"
                .to_owned(),
        );
    }
    Ok(text.into())
}

/// Sentinels, and the name by which they know the primary.
fn sentinels(place: &str) -> Result<(), Complaint> {
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
    let name = path.split(['/', '?']).next().unwrap_or_default();
    if name.is_empty() || hosts.split(',').any(str::is_empty) {
        return Err(
            "write the Sentinels and the name by which they know the primary, such as \
             redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/primary"
                .to_owned(),
        );
    }
    Ok(())
}

/// The certificates in a file.
pub(super) fn certificates(path: &str) -> Result<Arc<[u8]>, Complaint> {
    let pem = std::fs::read(path).map_err(|error| format!("{path:?} cannot be read: {error}"))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(begin.len()).any(|part| part == begin) {
        return Err(format!(
            "{path:?} holds no certificate: it has one `-----BEGIN CERTIFICATE-----` or more (PEM)"
        ));
    }
    Ok(pem.into())
}

/// The API's address without a slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, Complaint> {
    let uri: http::Uri = text.parse().map_err(|_| {
        "write an address such as `https://services.leadconnectorhq.com`".to_owned()
    })?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("the address begins with https:// or http://".to_owned());
    }
    let authority = uri.authority().map(http::uri::Authority::as_str);
    if authority.is_none_or(|authority| authority.contains('@')) {
        return Err("leave user name and password out of the address".to_owned());
    }
    if text.contains(['?', '#']) {
        return Err("leave everything from `?` or `#` on out of the address".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The address of a page: one that a browser is sent to.
pub(super) fn page(text: &str) -> Result<String, Complaint> {
    let uri: http::Uri = text.parse().map_err(|_| {
        "write an address such as `https://hooks.example/oauth/callback`".to_owned()
    })?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("the address begins with https:// or http://".to_owned());
    }
    if text.contains('#') {
        return Err("leave everything from `#` on out of the address".to_owned());
    }
    Ok(text.to_owned())
}

/// The name of an app, which becomes a part of keys.
pub(super) fn client_id(text: &str) -> Result<String, Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let sound = (1..=128).contains(&text.len()) && text.chars().all(fits);
    sound
        .then(|| text.to_owned())
        .ok_or_else(|| "write 1 to 128 of the characters A-Z a-z 0-9 . _ -".to_owned())
}

/// Words separated by spaces.
pub(super) fn scopes(text: &str) -> Result<String, Complaint> {
    let words: Vec<_> = text.split_whitespace().collect();
    let sound = |word: &&str| word.bytes().all(|byte| byte.is_ascii_graphic());
    if words.is_empty() || !words.iter().all(sound) {
        return Err("write scopes separated by spaces, such as `contacts.readonly`".to_owned());
    }
    Ok(words.join(" "))
}

/// Whether all may write.
pub(super) fn allow_writes(text: &str) -> Result<bool, Complaint> {
    choice(text, &[("ask", false), ("all", true)])
}

/// A bearer token: what may stand in a header, without spaces.
pub(super) fn token(text: &str) -> Result<SecretString, Complaint> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.into())
        .ok_or_else(|| "a token has no spaces, line breaks or letters outside ASCII".to_owned())
}

/// Comma-separated keys that people make up; `none` is none.
pub(super) fn secrets(text: &str) -> Result<Vec<SecretString>, Complaint> {
    let all = optional(text, |text| {
        text.split(',').map(|one| token(one.trim())).collect()
    });
    all.map(Option::unwrap_or_default).map_err(|_| {
        "write a key, or several separated by commas, none of them empty: a key has no spaces, line breaks or letters outside ASCII"
            .to_owned()
    })
}

/// The fewest characters of a marker's key.
const MARKER_KEY: usize = 16;

/// Keys of the marker: whoever reads one must not be able to guess them.
pub(super) fn marker_keys(text: &str) -> Result<Vec<SecretString>, Complaint> {
    let keys = secrets(text)?;
    let long = |key: &SecretString| key.expose_secret().len() >= MARKER_KEY;
    let sound = keys.iter().all(long);
    sound.then_some(keys).ok_or_else(|| {
        format!("a key of fewer than {MARKER_KEY} characters can be guessed from a marker: write a long random text")
    })
}

/// Keys for what is stored; `none` is none.
pub(super) fn keyring(text: &str) -> Result<Keyring, Complaint> {
    optional(text, Keyring::parse).map(Option::unwrap_or_default)
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Complaint> {
    text.parse()
        .map_err(|_| "write an IP address and a port, such as `127.0.0.1:9464`".to_owned())
}

/// A filter in the syntax of `tracing_subscriber::EnvFilter`.
pub(super) fn log_filter(text: &str) -> Result<String, Complaint> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // The filter would take a mistyped level for a module's name, and log nothing of the rest.
    let mistyped = |part: &&str| {
        let word = part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        word && !LEVELS.contains(&part.to_ascii_lowercase().as_str())
    };
    let remedy = "write a level (error, warn, info, debug, trace or off) or MODULE=LEVEL, separated by commas";
    if let Some(part) = text.split(',').map(str::trim).find(mistyped) {
        return Err(format!("`{part}` is not a level: {remedy}"));
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}: {remedy}")),
    }
}
