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

use penstock_shared::tables::{self, Complaint, Source};
use serde::Deserialize;
use toml::Spanned;

use self::{ghl::GhlTable, table::Table};
use super::{Hook, Hooks, HooksError, address::Network};

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
        let text = tables::load(path, "PENSTOCK_HOOKS")?;
        Self::parse(&text, path)
    }

    /// Reads the text of the file that is there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, HooksError> {
        let source = Source { text, path };
        let tables: Tables = source.tables()?;
        let ghl = tables.ghl.map(|table| {
            let at = table.span().start;
            ghl::hook(table.into_inner(), path)
                .map_err(|complaint| source.refuse(at, "ghl", &complaint))
        });
        Ok(Self {
            proxies: tables.proxies,
            ghl: ghl.transpose()?,
            smsfactor: hooks(source, Family::Smsfactor, tables.smsfactor)?,
            smore: hooks(source, Family::Smore, tables.smore)?,
            generic: hooks(source, Family::Generic, tables.generic)?,
        })
    }
}

fn hooks(
    source: Source<'_>,
    family: Family,
    tables: BTreeMap<String, Spanned<Table>>,
) -> Result<BTreeMap<String, Hook>, HooksError> {
    let hooks = tables.into_iter().map(|(name, table)| {
        let at = table.span().start;
        let hook = table.into_inner().hook(family, &name, source.path);
        let key = format!("{}.{name}", family.as_str());
        let hook = hook.map_err(|complaint| source.refuse(at, &key, &complaint))?;
        Ok((name, hook))
    });
    hooks.collect()
}
