//! `[ghl]`.

use std::path::Path;

use aws_lc_rs::signature::ParsedPublicKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Complaint;
use crate::hooks::{
    Hook,
    address::Network,
    key,
    proof::Proof,
    reader::Reader,
    secret::{self, Texts},
};

/// All of it may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GhlTable {
    app_id: Option<String>,
    /// Whether what is signed as before is believed too.
    #[serde(default)]
    legacy: bool,
    #[serde(default)]
    key: Texts,
    #[serde(default)]
    key_file: Texts,
    #[serde(default)]
    legacy_key: Texts,
    #[serde(default)]
    legacy_key_file: Texts,
    #[serde(default)]
    sources: Vec<Network>,
}

pub(super) fn hook(table: GhlTable, path: &Path) -> Result<Hook, Complaint> {
    if table
        .app_id
        .as_ref()
        .is_some_and(|app| app.trim().is_empty())
    {
        return Err(("app_id", "write the application's id".to_owned()));
    }
    let legacy_named = !(table.legacy_key.is_empty() && table.legacy_key_file.is_empty());
    if legacy_named && !table.legacy {
        let remedy = "set legacy = true, without which it is not looked at";
        return Err(("legacy_key", remedy.to_owned()));
    }
    let from_files =
        |files: &Texts, key| secret::from_files(files, path).map_err(|problem| (key, problem));
    let files = from_files(&table.key_file, "key_file")?;
    let keys = or_default([table.key.into_vec(), files].concat(), key::GHL_ED25519);
    let keys = parsed(&keys, "key", key::ed25519)?;
    let files = from_files(&table.legacy_key_file, "legacy_key_file")?;
    let legacy = or_default([table.legacy_key.into_vec(), files].concat(), key::GHL_RSA);
    let legacy = parsed(&legacy, "legacy_key", key::rsa)?;
    Ok(Hook {
        name: "ghl".to_owned(),
        proof: Proof::Ghl {
            keys,
            legacy: if table.legacy { legacy } else { Vec::new() },
        },
        sources: table.sources,
        reader: Reader::Ghl {
            app_id: table.app_id,
        },
    })
}

fn or_default(given: Vec<SecretString>, default: &str) -> Vec<SecretString> {
    if given.is_empty() {
        return vec![default.into()];
    }
    given
}

pub(super) fn parsed(
    texts: &[SecretString],
    key: &'static str,
    parse: fn(&str) -> Result<ParsedPublicKey, &'static str>,
) -> Result<Vec<ParsedPublicKey>, Complaint> {
    let keys = texts.iter().map(|text| parse(text.expose_secret()));
    let keys: Result<_, _> = keys.collect();
    keys.map_err(|remedy| (key, remedy.to_owned()))
}
