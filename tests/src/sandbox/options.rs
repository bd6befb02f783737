//! What a sandbox can be started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::span;

const DAY: Duration = Duration::from_secs(86_400);

/// How a sandbox behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The quotas that every tenant has.
    pub quota: Terms,
    /// How long an answer takes, half of it before the effect and half after.
    pub latency: Latency,
    /// The bearer tokens that are accepted in every location; any is when there are none and OAuth is off.
    pub tokens: Vec<SecretString>,
    /// The app that may be installed by OAuth, which is off without one.
    pub oauth: Option<OAuthTerms>,
    /// What ids and random choices are drawn from.
    pub seed: u64,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// The locations' setting "Allow Duplicate Contact".
    pub allow_duplicates: bool,
    /// How a contact, note or task that does not exist is answered; field reports name both.
    pub unknown: Unknown,
    /// How far the API's clock is ahead of this machine's; negative if it is behind.
    pub clock: SignedDuration,
    /// How many calls the ledger keeps before it drops the oldest.
    pub ledger_cap: usize,
    /// Whether the ledger keeps what was written too, for whoever runs the sandbox in the own process.
    pub keep_contents: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            quota: Terms::default(),
            latency: Latency::default(),
            tokens: Vec::new(),
            oauth: None,
            seed: 0,
            faults: Vec::new(),
            allow_duplicates: false,
            unknown: Unknown::BadRequest,
            clock: SignedDuration::ZERO,
            ledger_cap: 1_000_000,
            keep_contents: false,
        }
    }
}

/// An app, and the company whose users may install it.
#[derive(Clone, Debug)]
pub struct OAuthTerms {
    /// The app's client id; what is before its first `-` is the app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: SecretString,
    /// The company's id.
    pub company_id: String,
    /// How long access tokens live.
    pub token_life: Duration,
    /// What the user picks who is sent to the authorisation page.
    pub pick: Option<Pick>,
}

impl OAuthTerms {
    /// How long access tokens live, as documented.
    pub const TOKEN_LIFE: Duration = Duration::from_secs(86_399);

    /// An app whose tokens live as long as documented; nobody picks anything yet.
    pub fn new(client_id: &str, client_secret: SecretString) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret,
            company_id: "sandboxCompany000001".to_owned(),
            token_life: Self::TOKEN_LIFE,
            pick: None,
        }
    }
}

/// What a user picks who is asked where to install the app; as JSON `{"location":"ID"}`, `"company"` or `"refuse"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// This location.
    Location(String),
    /// The company, with all of its locations.
    Company,
    /// None: the app is refused.
    Refuse,
}

/// The quotas in force, and how their windows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The short quota.
    pub burst: Quota,
    /// The long quota.
    pub daily: Quota,
    /// How the windows of both lie.
    pub window: Window,
}

impl Default for Terms {
    /// What the API documents: 100 calls in 10 s and 200,000 in a day.
    fn default() -> Self {
        Self {
            burst: Quota {
                calls: 100,
                window: Duration::from_secs(10),
            },
            daily: Quota {
                calls: 200_000,
                window: DAY,
            },
            window: Window::Sliding,
        }
    }
}

/// At most so many calls in a window of that length; written `100/10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Quota {
    /// Calls in one window, at least 1.
    pub calls: u32,
    /// The window's length, more than zero.
    pub window: Duration,
}

impl Quota {
    /// Reads a daily quota: a number of calls, or any quota such as `200000/1d`.
    pub fn daily(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            text.parse()
        } else {
            format!("{text}/1d").parse()
        }
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (calls, window) = text
            .split_once('/')
            .ok_or_else(|| format!("`{text}` is no quota: write calls/window, such as 100/10s"))?;
        let calls = calls.parse().ok().filter(|calls| *calls > 0);
        let calls = calls.ok_or_else(|| {
            format!(
                "`{text}` is no quota: the calls must be a whole number from 1 to {}",
                u32::MAX
            )
        })?;
        let window = span::parse(window)?;
        if window.is_zero() || window > DAY * 366 {
            return Err(format!(
                "`{text}` is no quota: the window must be longer than zero and at most 366d"
            ));
        }
        Ok(Self { calls, window })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.calls, span::format(self.window))
    }
}

impl From<Quota> for String {
    fn from(quota: Quota) -> Self {
        quota.to_string()
    }
}

impl TryFrom<String> for Quota {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// How a quota's windows lie in time. The API does not document which it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// Every span of the window's length counts, wherever it starts.
    Sliding,
    /// Windows follow one another, aligned to the epoch of the server's clock.
    Fixed,
}

/// How long an answer takes, drawn evenly from a range; written `5ms..50ms` or `20ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// The least.
    pub least: Duration,
    /// The most.
    pub most: Duration,
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most) = (span::parse(least)?, span::parse(most)?);
        if least > most {
            return Err(format!(
                "`{text}` is no range: the first span must not be the longer one"
            ));
        }
        Ok(Self { least, most })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}..{}",
            span::format(self.least),
            span::format(self.most)
        )
    }
}

/// How what does not exist is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Unknown {
    /// As most field reports say.
    #[value(name = "400")]
    BadRequest,
    /// As others say.
    #[value(name = "404")]
    NotFound,
}

impl Unknown {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotFound => 404,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_read_back_as_written() {
        for text in ["100/10s", "1/1ms", "200000/1d"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
        assert_eq!(Quota::daily("25").unwrap().to_string(), "25/1d");
        assert_eq!(Quota::daily("5/2h").unwrap().to_string(), "5/2h");
    }

    #[test]
    fn what_is_no_quota_is_refused() {
        for text in [
            "",
            "100",
            "0/10s",
            "-1/10s",
            "100/0s",
            "100/10",
            "5000000000/1s",
            "1/400d",
            "1/2/3s",
        ] {
            assert!(text.parse::<Quota>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn latency_is_a_value_or_a_range() {
        let latency: Latency = "5ms..50ms".parse().unwrap();
        assert_eq!(
            (latency.least, latency.most),
            (Duration::from_millis(5), Duration::from_millis(50))
        );
        assert_eq!("20ms".parse::<Latency>().unwrap().to_string(), "20ms..20ms");
        for text in ["50ms..5ms", "5ms..", "..", "5"] {
            assert!(text.parse::<Latency>().is_err(), "{text} was accepted");
        }
    }
}
