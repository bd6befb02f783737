//! The file of webhooks: `[ghl]`, and a table for each other, by its name.
//!
//! ```toml
//! proxies = ["10.0.0.0/8"]
//!
//! [ghl]
//! app_id = "6687b8f4"
//!
//! [smsfactor.main]
//! tenant = "ve9EPM428h8vShlRW1KT"
//! scheme = "secret"
//! secret_file = "smsfactor.secret"
//!
//! [smore.forms]
//! tenant = "ve9EPM428h8vShlRW1KT"
//! secret_env = "SMORE_SECRET"
//!
//! [generic.crm]
//! tenant = "ve9EPM428h8vShlRW1KT"
//! scheme = "hmac-sha256-hex"
//! header = "X-Hub-Signature-256"
//! prefix = "sha256="
//! secret = ["the new one", "the old one, for as long as it is in use"]
//! kind_pointer = "/event"
//! ```

mod ghl;
mod table;

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use toml::Spanned;

use self::{ghl::GhlTable, table::Table};
use super::{Hook, Hooks, HooksError, address::Network, secret};

/// What a table lacks or has too much: the key, and what is wrong.
type Complaint = (&'static str, String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    proxies: Vec<Network>,
    ghl: Option<Spanned<GhlTable>>,
    #[serde(default)]
    smsfactor: BTreeMap<String, Spanned<Table>>,
    #[serde(default)]
    smore: BTreeMap<String, Spanned<Table>>,
    #[serde(default)]
    generic: BTreeMap<String, Spanned<Table>>,
}

/// Whose tables they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Smsfactor,
    Smore,
    Generic,
}

impl Family {
    fn as_str(self) -> &'static str {
        match self {
            Self::Smsfactor => "smsfactor",
            Self::Smore => "smore",
            Self::Generic => "generic",
        }
    }
}

impl Hooks {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, HooksError> {
        let text = secret::read(path).map_err(|problem| HooksError::File {
            path: path.to_owned(),
            problem,
        })?;
        Self::parse(&text, path)
    }

    /// Reads the text of the file that is there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, HooksError> {
        let source = Source { text, path };
        let tables = source.tables()?;
        let ghl = tables.ghl.map(|table| {
            let at = table.span().start;
            ghl::hook(table.into_inner(), path)
                .map_err(|complaint| source.refuse(at, "ghl", complaint))
        });
        Ok(Self {
            proxies: tables.proxies,
            ghl: ghl.transpose()?,
            smsfactor: source.hooks(Family::Smsfactor, tables.smsfactor)?,
            smore: source.hooks(Family::Smore, tables.smore)?,
            generic: source.hooks(Family::Generic, tables.generic)?,
        })
    }
}

/// A path as it stands in the file: what the parser puts in between, to keep a table's place, is no key.
fn written(path: &serde_path_to_error::Path) -> String {
    let keys = path.iter().map(ToString::to_string);
    let keys: Vec<_> = keys.filter(|key| !key.starts_with('$')).collect();
    keys.join(".")
}

/// The file, for naming places in it.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn tables(&self) -> Result<Tables, HooksError> {
        let refuse = |key: &str, error: &toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            // Only the first line of what the parser says: its full report quotes the text around the fault, which may be a secret.
            let problem = error.message().lines().next().unwrap_or_default();
            self.fault(at, key, problem)
        };
        let document =
            toml::Deserializer::parse(self.text).map_err(|error| refuse("not TOML", &error))?;
        serde_path_to_error::deserialize(document)
            .map_err(|error| refuse(&written(error.path()), error.inner()))
    }

    fn hooks(
        &self,
        family: Family,
        tables: BTreeMap<String, Spanned<Table>>,
    ) -> Result<BTreeMap<String, Hook>, HooksError> {
        let hooks = tables.into_iter().map(|(name, table)| {
            let at = table.span().start;
            let hook = table.into_inner().hook(family, &name, self.path);
            let key = format!("{}.{name}", family.as_str());
            let hook = hook.map_err(|complaint| self.refuse(at, &key, complaint))?;
            Ok((name, hook))
        });
        hooks.collect()
    }

    fn refuse(&self, at: usize, table: &str, (key, problem): Complaint) -> HooksError {
        let key = match key {
            "" => table.to_owned(),
            key => format!("{table}.{key}"),
        };
        self.fault(at, &key, &problem)
    }

    fn fault(&self, at: usize, key: &str, problem: &str) -> HooksError {
        let before = self.text.get(..at).unwrap_or_default();
        HooksError::Key {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}
