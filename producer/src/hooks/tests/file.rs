//! The file: what it may say, and what is said of what it may not.

use std::{fs, path::Path};

use super::{Hooks, Place, parse, refusal};

const WHOLE: &str = r#"
proxies = ["10.0.0.0/8"]

[ghl]
app_id = "app"
legacy = true
sources = ["203.0.113.7"]

[smsfactor.replies]
tenant = "loc"
scheme = "secret"
secret = ["a secret that is long enough"]
type = "MO"

[smsfactor.reports]
tenant = "loc"
scheme = "secret"
header = "X-Token"
secret = "a secret that is long enough"

[smore.forms]
tenant = "loc"
secret = "a secret that is long enough"

[generic.crm]
tenant = "loc"
scheme = "none"
kind_pointer = "/event"
id_pointer = "/id"
time_pointer = "/at"
contact_pointer = "/contact/ghl"
email_pointer = "/contact/email"
phone_pointer = "/contact/phone"
"#;

#[test]
fn each_table_is_a_hook() {
    let hooks = parse(WHOLE).unwrap();
    assert_eq!(
        hooks.names(),
        [
            "ghl",
            "smsfactor.replies",
            "smsfactor.reports",
            "smore.forms",
            "crm"
        ]
    );
    let name = |place| hooks.at(place).map(|hook| hook.name.as_str());
    assert_eq!(name(Place::Ghl), Some("ghl"));
    assert_eq!(
        name(Place::Smsfactor(Some("reports"))),
        Some("smsfactor.reports")
    );
    // Which of two is meant must be said; of one it need not.
    assert_eq!(name(Place::Smsfactor(None)), None);
    assert_eq!(name(Place::Smore(None)), Some("smore.forms"));
    assert_eq!(name(Place::Smore(Some("other"))), None);
    assert_eq!(name(Place::Generic("crm")), Some("crm"));
    assert_eq!(name(Place::Generic("forms")), None);
    assert_eq!(hooks.unproved(), ["crm"]);
    assert_eq!(hooks.warnings(), Vec::<String>::new());
    assert!(parse("").unwrap().names().is_empty());
}

#[test]
fn what_is_doubtful_is_warned_of() {
    let hooks = parse("[ghl]\n[smore.a]\ntenant = 't'\nsecret = 'short'").unwrap();
    let warnings = hooks.warnings().join("\n");
    for part in ["smore.a", "fewer than 16", "app_id"] {
        assert!(warnings.contains(part), "{warnings}");
    }
    assert!(!warnings.contains("short"), "{warnings}");
}

/// A text, and the line, the key and the words by which it is refused.
type Fault = (&'static str, usize, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    ("[ghl", 1, "not TOML", ""),
    ("\n[ghl]\nap_id = 'x'", 3, "ghl", "unknown field `ap_id`"),
    ("\n\n[other]", 3, "other", "unknown field"),
    ("[ghl]\napp_id = ' '", 1, "ghl.app_id", "write"),
    ("[ghl]\nkey = 'x'", 1, "ghl.key", "Ed25519"),
    (
        "[ghl]\nlegacy_key = 'x'",
        1,
        "ghl.legacy_key",
        "legacy = true",
    ),
    (
        "[ghl]\nlegacy = true\nlegacy_key = 'x'",
        1,
        "ghl.legacy_key",
        "RSA",
    ),
    ("proxies = ['here']", 1, "proxies", "203.0.113.7"),
    (
        "[smore.a]\nsecret = 'x'",
        1,
        "smore.a",
        "missing field `tenant`",
    ),
    ("[smore.a]\ntenant = 'a b'", 2, "smore.a.tenant", "1 to 128"),
    ("[smore.a]\ntenant = 't'", 1, "smore.a.secret", "missing"),
    ("[smore.'A B']\ntenant = 't'", 1, "smore.A B", "lower-case"),
    (
        "[smsfactor.a]\ntenant = 't'",
        1,
        "smsfactor.a.scheme",
        "missing",
    ),
    (
        "[smore.a]\ntenant = 't'\nkind = 'k'\nsecret = 's'",
        1,
        "smore.a.kind",
        "only generic",
    ),
    (
        "[smore.a]\ntenant = 't'\ntype = 'MO'\nsecret = 's'",
        1,
        "smore.a.type",
        "only SMSFactor",
    ),
    (
        "[smsfactor.a]\ntenant = 't'\nscheme = 'none'\ntype = '?!'",
        1,
        "smsfactor.a.type",
        "MO",
    ),
    (
        "[generic.ghl]\ntenant = 't'\nscheme = 'none'",
        1,
        "generic.ghl",
        "another sender",
    ),
];

/// Those of a table of its own, whose tenant is there.
const FAULTS_OF_CRM: &[Fault] = &[
    ("scheme = 'rot13'", 3, "scheme", "hmac-sha256-hex"),
    ("scheme = 'secret'\nsecret = 's'", 1, "header", "missing"),
    (
        "scheme = 'secret'\nsecret = 's'\nheader = 'a b'",
        1,
        "header",
        "not the name",
    ),
    ("scheme = 'none'\nsecret = 's'", 1, "secret", "needs none"),
    (
        "scheme = 'secret'\nkey = 's'\nsecret = 's'",
        1,
        "key",
        "needs none",
    ),
    ("scheme = 'ed25519'\nheader = 'x'", 1, "key", "missing"),
    (
        "scheme = 'secret'\nsecret = ''",
        4,
        "secret",
        "none of them empty",
    ),
    (
        "scheme = 'secret'\nsecret = []",
        4,
        "secret",
        "none of them empty",
    ),
    (
        "scheme = 'secret'\nsecret_file = 'nowhere'",
        1,
        "secret_file",
        "cannot be read",
    ),
    (
        "scheme = 'secret'\nsecret_env = 'PENSTOCK_NOWHERE'",
        1,
        "secret_env",
        "is not set",
    ),
    (
        "scheme = 'none'\nid_pointer = 'id'",
        1,
        "id_pointer",
        "begins with a slash",
    ),
    ("scheme = 'none'\nkind = 'a b'", 4, "kind", "1 to 64"),
    (
        "scheme = 'none'\nkind = 'k'\nkind_pointer = '/k'",
        1,
        "kind",
        "either",
    ),
];

fn check_fault(text: &str, line: usize, key: &str, problem: &str) {
    let told = refusal(text);
    let expected = format!("hooks.toml, line {line}: {key}");
    assert!(told.starts_with(&expected), "{told}\nis not: {expected}");
    assert!(told.contains(problem), "{told}\nsays nothing of: {problem}");
}

#[test]
fn a_fault_is_told_by_file_line_and_key() {
    for (text, line, key, problem) in FAULTS {
        check_fault(text, *line, key, problem);
    }
    for (text, line, key, problem) in FAULTS_OF_CRM {
        let text = format!("[generic.crm]\ntenant = 't'\n{text}");
        check_fault(&text, *line, &format!("generic.crm.{key}"), problem);
    }
}

#[test]
fn no_secret_is_ever_told() {
    for text in [
        "[smore.a]\ntenant = 't'\nsecret = 4711471147",
        "[smore.a]\ntenant = 't'\nsecret = 4711471147.5",
        "[smore.a]\ntenant = 't'\nsecret = true\nkind = '4711471147'",
        "[smore.a]\ntenant = 't'\nsecret = { a = '4711471147' }",
        "[smore.a]\ntenant = 't'\nsecret = '4711471147",
        "[smore.a]\ntenant = 't'\nsecret = ['4711471147', '']",
        "[generic.a]\ntenant = 't'\nscheme = 'ed25519'\nheader = 'x'\nkey = '4711471147'",
    ] {
        let told = refusal(text);
        assert!(!told.contains("4711471147"), "{told}");
    }
    let hooks = parse("[smore.a]\ntenant = 't'\nsecret = '4711471147'").unwrap();
    assert!(!format!("{hooks:?}").contains("4711471147"));
}

#[test]
fn secrets_come_from_files_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hooks.toml");
    fs::write(folder.path().join("secret"), "from a file\n").unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(&path, "[smore.a]\ntenant = 't'\nsecret_file = 'secret'").unwrap();
    assert_eq!(Hooks::load(&path).unwrap().names(), ["smore.a"]);
    fs::write(
        &path,
        "[smore.a]\ntenant = 't'\nsecret_file = ['secret', 'empty']",
    )
    .unwrap();
    let told = Hooks::load(&path).unwrap_err().to_string();
    assert!(
        told.contains("smore.a.secret_file") && told.contains("is empty"),
        "{told}"
    );
    let told = Hooks::load(Path::new("/nowhere/hooks.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("PENSTOCK_HOOKS") && told.contains("/nowhere/hooks.toml"),
        "{told}"
    );
}
