//! `acl`: the users that Redis should know, one for each role.

use std::{collections::HashMap, fmt::Write as _, path::Path};

use anyhow::Context as _;
use penstock_shared::{
    program::{self, Exit, Failure},
    queue::acl::{ROLES, Role},
    settings::Settings,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    arguments::Acl,
    render::{Format, Row},
};

/// Prints the users, for `redis-cli` or for the file that Redis' `aclfile` names.
pub(crate) fn print(settings: &Settings, format: Format, acl: &Acl) -> Result<Exit, Failure> {
    let passwords = match &acl.passwords_from {
        Some(file) => passwords(file).map_err(Failure::bad_input)?,
        None => HashMap::new(),
    };
    let namespace = acl
        .namespace
        .as_deref()
        .unwrap_or(&settings.redis.namespace);
    let mut text = String::new();
    let mut users = Vec::new();
    for role in ROLES {
        let user = format!("{}-{}", acl.user_prefix, role.as_str());
        let rules = role.rules(namespace, settings.redis.shards);
        let password = passwords.get(role.as_str()).map(String::as_str);
        let verb = if acl.file { "user" } else { "ACL SETUSER" };
        let said = if acl.file {
            unquoted(&rules, password)
        } else {
            quoted(&rules, password)
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{verb} {user} {said}");
        users.push(Entry {
            user,
            role: role.as_str(),
            rules: unquoted(&rules, password),
        });
    }
    if ROLES
        .iter()
        .any(|role| !passwords.contains_key(role.as_str()))
    {
        eprintln!(
            "users without a password (--passwords-from) are off: `ACL SETUSER NAME on >WORD` turns one on"
        );
    }
    match format {
        Format::Table => program::print(&text)?,
        _ => format.rows(&users)?,
    }
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Entry {
    user: String,
    role: &'static str,
    rules: String,
}

impl Row for Entry {
    const COLUMNS: &'static [&'static str] = &["user", "role", "rules"];
}

/// In a file one line is one user: `reset` has no meaning there.
fn unquoted(rules: &str, password: Option<&str>) -> String {
    rules.replacen("reset on", &state(password), 1)
}

/// Nobody gets in as a user that has no password yet.
fn state(password: Option<&str>) -> String {
    password.map_or("off".to_owned(), |password| format!("on {password}"))
}

/// For `redis-cli`, which parts words at spaces: a selector is one word.
fn quoted(rules: &str, password: Option<&str>) -> String {
    let rules = rules.replacen("reset on", &format!("reset {}", state(password)), 1);
    rules.replace('(', "\"(").replace(')', ")\"")
}

/// `role:password` lines. What is printed of a password is its SHA-256, which Redis takes in its place.
fn passwords(file: &Path) -> anyhow::Result<HashMap<String, String>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut passwords = HashMap::new();
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let parts = line
            .split_once(':')
            .filter(|(role, word)| is_role(role.trim()) && !word.trim().is_empty());
        let Some((role, password)) = parts else {
            let roles = ROLES.map(Role::as_str).join(", ");
            anyhow::bail!(
                "{}, line {}: write ROLE:PASSWORD, the role being one of {roles}",
                file.display(),
                at + 1
            );
        };
        let digest = Sha256::digest(password.trim());
        let hex = digest
            .iter()
            .fold("#".to_owned(), |hex, byte| format!("{hex}{byte:02x}"));
        passwords.insert(role.trim().to_owned(), hex);
    }
    Ok(passwords)
}

fn is_role(name: &str) -> bool {
    ROLES.iter().any(|role| role.as_str() == name)
}
