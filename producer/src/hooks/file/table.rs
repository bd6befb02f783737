//! `[smsfactor.NAME]`, `[smore.NAME]`, `[generic.NAME]`.

use std::path::Path;

use axum::http::HeaderName;
use penstock_shared::{
    event::{GenericRules, Kind, KindRule, Source},
    job::Tenant,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Complaint, Family, ghl::parsed};
use crate::hooks::{
    Hook,
    address::Network,
    key,
    proof::{Proof, Scheme, Secrets},
    reader::Reader,
    secret::{self, Texts},
};

/// Names that stand for something else in the place of a generic one.
const TAKEN: [&str; 3] = ["ghl", "smsfactor", "smore"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    tenant: Tenant,
    scheme: Option<SchemeName>,
    header: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    secret: Texts,
    #[serde(default)]
    secret_file: Texts,
    #[serde(default)]
    secret_env: Texts,
    #[serde(default)]
    key: Texts,
    #[serde(default)]
    key_file: Texts,
    #[serde(default)]
    sources: Vec<Network>,
    /// Of `SMSFactor`'s: what is sent there.
    r#type: Option<String>,
    kind: Option<Kind>,
    kind_pointer: Option<String>,
    id_pointer: Option<String>,
    time_pointer: Option<String>,
    contact_pointer: Option<String>,
    email_pointer: Option<String>,
    phone_pointer: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SchemeName {
    Secret,
    #[serde(rename = "hmac-sha256-hex")]
    HmacHex,
    #[serde(rename = "hmac-sha256-base64")]
    HmacBase64,
    Ed25519,
    None,
}

impl Table {
    pub(super) fn hook(
        mut self,
        family: Family,
        name: &str,
        path: &Path,
    ) -> Result<Hook, Complaint> {
        let source = source(family, name)?;
        self.check_keys(family)?;
        let proof = self.proof(family, path)?;
        let sources = std::mem::take(&mut self.sources);
        let called = match family {
            Family::Generic => name.to_owned(),
            Family::Smsfactor | Family::Smore => format!("{}.{name}", family.as_str()),
        };
        Ok(Hook {
            name: called,
            proof,
            sources,
            reader: self.reader(family, source)?,
        })
    }

    /// A key that has no effect is a mistake.
    fn check_keys(&self, family: Family) -> Result<(), Complaint> {
        let generic = [
            ("kind", self.kind.is_some()),
            ("kind_pointer", self.kind_pointer.is_some()),
            ("id_pointer", self.id_pointer.is_some()),
            ("time_pointer", self.time_pointer.is_some()),
            ("contact_pointer", self.contact_pointer.is_some()),
            ("email_pointer", self.email_pointer.is_some()),
            ("phone_pointer", self.phone_pointer.is_some()),
        ];
        let given = generic
            .into_iter()
            .find(|(_, given)| *given && family != Family::Generic);
        if let Some((key, _)) = given {
            return Err((key, "only generic hooks have it".to_owned()));
        }
        if self.r#type.is_some() && family != Family::Smsfactor {
            return Err(("type", "only SMSFactor's hooks have it".to_owned()));
        }
        Ok(())
    }

    fn proof(&mut self, family: Family, path: &Path) -> Result<Proof, Complaint> {
        let default = (family == Family::Smore).then_some(SchemeName::HmacHex);
        let Some(scheme) = self.scheme.or(default) else {
            let remedy = "missing: write secret, hmac-sha256-hex, hmac-sha256-base64 or ed25519; or none, if its sender cannot prove itself";
            return Err(("scheme", remedy.to_owned()));
        };
        let secrets = self.secrets(path)?;
        let keys = self.keys(path)?;
        check_given(scheme, secrets.is_empty(), keys.is_empty())?;
        if scheme == SchemeName::None {
            return Ok(Proof::Nothing);
        }
        let scheme = match scheme {
            SchemeName::HmacHex => Scheme::HmacHex(Secrets::new(&secrets)),
            SchemeName::HmacBase64 => Scheme::HmacBase64(Secrets::new(&secrets)),
            SchemeName::Ed25519 => Scheme::Ed25519(parsed(&keys, "key", key::ed25519)?),
            SchemeName::Secret | SchemeName::None => Scheme::Secret(Secrets::new(&secrets)),
        };
        Ok(Proof::Header {
            name: self.header(family)?,
            prefix: self.prefix.take().unwrap_or_default(),
            scheme,
        })
    }

    fn secrets(&mut self, path: &Path) -> Result<Vec<SecretString>, Complaint> {
        let inline = std::mem::take(&mut self.secret).into_vec();
        let files = secret::from_files(&self.secret_file, path);
        let files = files.map_err(|problem| ("secret_file", problem))?;
        let variables = secret::from_variables(&self.secret_env);
        let variables = variables.map_err(|problem| ("secret_env", problem))?;
        Ok([inline, files, variables].concat())
    }

    fn keys(&mut self, path: &Path) -> Result<Vec<SecretString>, Complaint> {
        let inline = std::mem::take(&mut self.key).into_vec();
        let files = secret::from_files(&self.key_file, path);
        let files = files.map_err(|problem| ("key_file", problem))?;
        Ok([inline, files].concat())
    }

    fn header(&self, family: Family) -> Result<HeaderName, Complaint> {
        let default = match family {
            Family::Smsfactor => Some("X-SMSFactor-Signature"),
            Family::Smore => Some("X-Smore-Signature"),
            Family::Generic => None,
        };
        let Some(header) = self.header.as_deref().or(default) else {
            let remedy = "missing: write the name of the header in which its sender proves itself";
            return Err(("header", remedy.to_owned()));
        };
        let wrong = |_| ("header", "not the name of a header".to_owned());
        header.parse().map_err(wrong)
    }

    fn reader(self, family: Family, source: Source) -> Result<Reader, Complaint> {
        let tenant = self.tenant;
        Ok(match family {
            Family::Smsfactor => {
                let told = self.r#type.map(|told| told.parse()).transpose();
                let remedy = "write MO, STOP, DLR, CLICKER or BALANCE_ALERT";
                let told = told.map_err(|_| ("type", remedy.to_owned()))?;
                Reader::Smsfactor { tenant, told }
            }
            Family::Smore => Reader::Smore { tenant },
            Family::Generic => {
                let rules = GenericRules {
                    kind: kind(&source, self.kind, self.kind_pointer)?,
                    source,
                    id: pointer("id_pointer", self.id_pointer)?,
                    time: pointer("time_pointer", self.time_pointer)?,
                    contact: pointer("contact_pointer", self.contact_pointer)?,
                    email: pointer("email_pointer", self.email_pointer)?,
                    phone: pointer("phone_pointer", self.phone_pointer)?,
                };
                Reader::Generic { tenant, rules }
            }
        })
    }
}

/// A name becomes a part of an address, of ids and of what is counted.
fn source(family: Family, name: &str) -> Result<Source, Complaint> {
    let source: Source = name
        .parse()
        .map_err(|invalid| ("", format!("its name {invalid}")))?;
    if family == Family::Generic && TAKEN.contains(&name) {
        return Err(("", "its name stands for another sender".to_owned()));
    }
    Ok(source)
}

fn check_given(scheme: SchemeName, no_secret: bool, no_key: bool) -> Result<(), Complaint> {
    let (needs_secret, needs_key) = match scheme {
        SchemeName::None => (false, false),
        SchemeName::Ed25519 => (false, true),
        SchemeName::Secret | SchemeName::HmacHex | SchemeName::HmacBase64 => (true, false),
    };
    match (needs_secret, no_secret, needs_key, no_key) {
        (true, true, ..) => Err((
            "secret",
            "missing: write secret, secret_file or secret_env".to_owned(),
        )),
        (false, false, ..) => Err(("secret", "its scheme needs none".to_owned())),
        (.., true, true) => Err(("key", "missing: write key or key_file".to_owned())),
        (.., false, false) => Err(("key", "its scheme needs none".to_owned())),
        _ => Ok(()),
    }
}

fn kind(source: &Source, fixed: Option<Kind>, at: Option<String>) -> Result<KindRule, Complaint> {
    match (fixed, pointer("kind_pointer", at)?) {
        (Some(_), Some(_)) => Err(("kind", "write either kind or kind_pointer".to_owned())),
        (Some(kind), None) => Ok(KindRule::Fixed(kind)),
        (None, Some(pointer)) => Ok(KindRule::At(pointer)),
        (None, None) => Ok(KindRule::Fixed(Kind::named(&format!("{source}.event")))),
    }
}

fn pointer(key: &'static str, pointer: Option<String>) -> Result<Option<String>, Complaint> {
    match pointer {
        Some(pointer) if !pointer.starts_with('/') => Err((
            key,
            "write a JSON pointer, which begins with a slash, such as /event/id".to_owned(),
        )),
        other => Ok(other),
    }
}
