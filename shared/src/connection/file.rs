//! The file of connections: `[smsfactor]`, and a table for each other, by its name.
//!
//! ```toml
//! [smsfactor]
//! token_file = "smsfactor.token"
//! quota = "10/1s"
//!
//! [smsfactor.tenants.ve9EPM428h8vShlRW1KT]
//! token_env = "SMSFACTOR_TOKEN_OF_ACME"
//!
//! [connection.smore]
//! token_env = "SMORE_TOKEN"
//!
//! [connection.crm]
//! base_url = "https://crm.example/api"
//! header = "X-Api-Key"
//! token_file = "crm.key"
//! quota = "100/1m"
//! daily = "20000/1d"
//! timeout = "20s"
//! idempotency_header = "Idempotency-Key"
//! forbidden = "hold"
//! probe = "/status"
//! ```

mod proof;
mod table;

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use toml::Spanned;

use self::table::Table;
use super::{Connection, Connections};
use crate::{
    job::ConnectionName,
    tables::{self, Complaint, Source, TablesError},
};

/// The setting that names the file.
const SETTING: &str = "PENSTOCK_CONNECTIONS";
/// The connection that needs no address.
const SMORE: &str = "smore";

/// Where one leads and how much of it there is, where the file does not say.
struct Known {
    base_url: Option<&'static str>,
    quota: &'static str,
}

const SMSFACTOR_IS: Known = Known {
    base_url: Some("https://api.smsfactor.com"),
    quota: "10/1s",
};
const SMORE_IS: Known = Known {
    base_url: Some("https://smore.im/api/v1"),
    quota: "20/1m",
};
const OTHERS_ARE: Known = Known {
    base_url: None,
    quota: "10/1s",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    smsfactor: Option<Spanned<Table>>,
    #[serde(default)]
    connection: BTreeMap<String, Spanned<Table>>,
}

impl Connections {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, TablesError> {
        let text = tables::load(path, SETTING)?;
        Self::parse(&text, path)
    }

    /// Reads the text of the file that is there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TablesError> {
        let source = Source { text, path };
        let tables: Tables = source.tables()?;
        let smsfactor = tables.smsfactor.map(|table| {
            let at = table.span().start;
            let read = table.into_inner().smsfactor(path);
            read.map_err(|complaint| source.refuse(at, "smsfactor", &complaint))
        });
        let others = tables.connection.into_iter().map(|(name, table)| {
            let at = table.span().start;
            let read = named(&name, table.into_inner(), path);
            let key = format!("connection.{name}");
            read.map_err(|complaint| source.refuse(at, &key, &complaint))
        });
        Ok(Self {
            smsfactor: smsfactor.transpose()?,
            others: others.collect::<Result<_, _>>()?,
        })
    }
}

fn named(name: &str, table: Table, path: &Path) -> Result<(ConnectionName, Connection), Complaint> {
    let known = if name == SMORE {
        &SMORE_IS
    } else {
        &OTHERS_ARE
    };
    let name = name
        .parse()
        .map_err(|invalid| ("", format!("its name {invalid}")))?;
    Ok((name, table.connection(known, path)?))
}
