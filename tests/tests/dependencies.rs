//! What the dependency tree may hold, by deny.toml, wherever the tests run: cargo-deny looks closer, but is not installed everywhere.

use std::{collections::BTreeSet, env, fs, path::PathBuf, process::Command};

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("it is in the workspace").to_owned()
}

/// The packages that are built here, as cargo tells of them.
fn packages() -> Vec<Value> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let host = Command::new(&cargo).args(["-vV"]).output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(["--filter-platform", host.unwrap()])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn rules() -> toml::Table {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    text.parse().unwrap()
}

fn allowed(rules: &toml::Table) -> BTreeSet<String> {
    let allowed = rules["licenses"]["allow"].as_array().unwrap();
    allowed
        .iter()
        .map(|license| license.as_str().unwrap().to_owned())
        .collect()
}

/// Whether a licence expression (SPDX, or with the slash of old) can be met with what is allowed.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = either(&mut words, allowed);
    met && words.is_empty()
}

fn either(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, allowed);
    while words.pop_if(|word| *word == "OR").is_some() {
        met |= both(words, allowed);
    }
    met
}

fn both(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.pop_if(|word| *word == "AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.pop() else {
        return false;
    };
    if word == "(" {
        let met = either(words, allowed);
        return words.pop() == Some(")") && met;
    }
    // A licence with an exception is another one, under the name of both.
    match words
        .pop_if(|next| *next == "WITH")
        .and_then(|_| words.pop())
    {
        Some(exception) => allowed.contains(&format!("{word} WITH {exception}")),
        None => allowed.contains(word),
    }
}

#[test]
fn every_licence_is_allowed() {
    let allowed = allowed(&rules());
    let packages = packages();
    assert!(packages.len() > 100, "{}", packages.len());
    for package in packages {
        let license = package["license"].as_str().unwrap_or_default();
        assert!(
            is_met(license, &allowed),
            "{} has the licence {license:?}",
            package["id"]
        );
    }
}

#[test]
fn no_banned_crate_is_there() {
    let rules = rules();
    let banned = rules["bans"]["deny"].as_array().unwrap();
    let banned: Vec<_> = banned
        .iter()
        .map(|ban| ban["crate"].as_str().unwrap())
        .collect();
    assert!(!banned.is_empty());
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(&name), "{name} is banned by deny.toml");
    }
}

#[test]
fn all_come_from_the_one_registry_or_are_our_own() {
    for package in packages() {
        let source = package["source"].as_str();
        let ours = package["name"].as_str().unwrap().starts_with("penstock-");
        assert_eq!(source.is_none(), ours, "{}", package["id"]);
        assert!(
            source.is_none_or(|source| source == CRATES_IO),
            "{source:?}"
        );
    }
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for met in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "ISC AND (GPL-3.0 OR MIT)",
        "(MIT)",
    ] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "MIT WITH X-exception",
        "(MIT",
        "MIT ISC",
        "ISC AND (GPL-3.0 OR BSD)",
    ] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
