//! Webhooks: who may tell of events, how that is proved over the raw bytes, and how those become events.

mod address;
mod file;
mod key;
mod proof;
mod reader;
#[cfg(test)]
mod tests;
mod window;

use std::{collections::BTreeMap, net::IpAddr};

use axum::http::HeaderMap;
use penstock_shared::secret;
pub use penstock_shared::tables::TablesError as HooksError;

use self::{address::Network, proof::Proof, reader::Reader};
pub use self::{reader::NoEvents, window::Window};

/// All that are configured; none, if none is.
#[derive(Debug, Default)]
pub struct Hooks {
    proxies: Vec<Network>,
    ghl: Option<Hook>,
    smsfactor: BTreeMap<String, Hook>,
    smore: BTreeMap<String, Hook>,
    generic: BTreeMap<String, Hook>,
}

/// The address that a webhook is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// `/hooks/ghl`.
    Ghl,
    /// `/hooks/smsfactor`, or one of several by its name.
    Smsfactor(Option<&'a str>),
    /// `/hooks/smore`, or one of several by its name.
    Smore(Option<&'a str>),
    /// `/hooks/NAME`.
    Generic(&'a str),
}

/// One of them.
#[derive(Debug)]
pub struct Hook {
    /// What it is called where it is counted and logged: `ghl`, `smsfactor.NAME`, `smore.NAME` or its own name.
    pub name: String,
    proof: Proof,
    /// The addresses that it is sent from; anywhere, if there are none.
    sources: Vec<Network>,
    /// What is sent, and whose it is.
    pub reader: Reader,
}

impl Hooks {
    /// The hook at this place.
    pub fn at(&self, place: Place<'_>) -> Option<&Hook> {
        match place {
            Place::Ghl => self.ghl.as_ref(),
            Place::Smsfactor(name) => named(&self.smsfactor, name),
            Place::Smore(name) => named(&self.smore, name),
            Place::Generic(name) => self.generic.get(name),
        }
    }

    /// Who has sent a request, as far as those can be believed who have passed it on.
    pub fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        address::sender(peer, headers, &self.proxies)
    }

    /// Those whose senders prove nothing.
    pub fn unproved(&self) -> Vec<&str> {
        let unproved = self.all().filter(|hook| !hook.is_proved());
        unproved.map(|hook| hook.name.as_str()).collect()
    }

    /// What the operator should know, though it stops nothing.
    pub fn warnings(&self) -> Vec<String> {
        let short = self.all().filter(|hook| hook.proof.any_short());
        let short = short.map(|hook| {
            format!(
                "a secret of the hook {} has fewer than {} characters, and can be guessed",
                hook.name,
                secret::SHORT
            )
        });
        let any_app = self.ghl.as_ref().filter(|hook| hook.reader.is_of_any_app());
        let any_app = any_app.map(|_| {
            "hooks: [ghl] has no app_id: GHL signs the events of all applications with one key, so those of any are believed, and an installation that names none counts as yours"
                .to_owned()
        });
        short.chain(any_app).collect()
    }

    /// The names of all.
    pub fn names(&self) -> Vec<&str> {
        self.all().map(|hook| hook.name.as_str()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Hook> {
        let named = [&self.smsfactor, &self.smore, &self.generic];
        let named = named.into_iter().flat_map(BTreeMap::values);
        self.ghl.iter().chain(named)
    }
}

/// The one of this name; without a name the only one there is.
fn named<'a>(hooks: &'a BTreeMap<String, Hook>, name: Option<&str>) -> Option<&'a Hook> {
    match name {
        Some(name) => hooks.get(name),
        None if hooks.len() == 1 => hooks.values().next(),
        None => None,
    }
}

impl Hook {
    /// Whether it may be sent from there.
    pub fn admits(&self, sender: IpAddr) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|network| network.contains(sender))
    }

    /// Whether its sender proves itself at all.
    pub fn is_proved(&self) -> bool {
        !matches!(self.proof, Proof::Nothing)
    }

    /// Whether these bytes come from whoever has the secret.
    pub fn believes(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        self.proof.holds(headers, body)
    }
}
