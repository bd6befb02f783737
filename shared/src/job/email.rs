//! E-mail addresses, in the one form in which they are compared.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{fault::Invalid, text::checked_text};

/// RFC 5321, 4.5.3.1: the longest path, less its angle brackets; and the longest local part.
const MAX_ADDRESS: usize = 254;
const MAX_LOCAL: usize = 64;

/// An e-mail address, trimmed and lower-cased.
///
/// The shape is checked as far as every mail system agrees: one `@`, a local part of up to 64 characters without
/// quoting, and a domain of two labels or more, since a contact's address is one on the public net. Characters outside
/// ASCII are allowed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

checked_text!(private Email);

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let address = text.trim().to_lowercase();
        let whole = address
            .split_once('@')
            .is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if !whole {
            return Err(Invalid::new(
                "not an e-mail address; expected one like name@example.com",
            ));
        }
        if address.chars().count() > MAX_ADDRESS {
            return Err(Invalid::new(format!(
                "an e-mail address has at most {MAX_ADDRESS} characters"
            )));
        }
        Ok(Self(address))
    }
}

fn is_local(local: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || r#"()<>[]:;,\"@"#.contains(c);
    (1..=MAX_LOCAL).contains(&local.chars().count())
        && !local.contains(forbidden)
        && local.split('.').all(|atom| !atom.is_empty())
}

fn is_domain(domain: &str) -> bool {
    domain.contains('.') && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.chars().count())
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl JsonSchema for Email {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*$" })
    }
}
