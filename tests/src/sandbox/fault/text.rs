//! A fault as text, both ways.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Fault, FaultKind};
use crate::sandbox::api::operation;
use crate::sandbox::span;

const GIB: u64 = 1 << 30;
const KINDS: &str = "a status from 400 to 599, duplicate=ID, html, cut-before, cut-after, cut-body, hang, hang-after, late=SPAN, garbage, slow-body, huge-body, \
                     delay=SPAN, list-lag=SPAN, search-lag=SPAN";

impl FromStr for Fault {
    type Err = String;

    /// Reads a fault of the sandbox.
    fn from_str(text: &str) -> Result<Self, String> {
        let operations: Vec<_> = operation::names().collect();
        Self::read(text, &SANDBOX, &operations)
    }
}

/// Which kinds of fault a stand-in has.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// As its refusals list them.
    pub(crate) kinds: &'static str,
    pub(crate) has: fn(&FaultKind) -> bool,
}

const SANDBOX: Dialect = Dialect {
    kinds: KINDS,
    has: |kind| !matches!(kind, FaultKind::Code { .. }),
};

impl Fault {
    /// Reads a fault of a stand-in that has these kinds and operations.
    pub(crate) fn read(text: &str, dialect: &Dialect, operations: &[&str]) -> Result<Self, String> {
        let mut parts = split(text).into_iter();
        let head = parts.next().unwrap_or_default();
        let mut keys = Keys::read(parts).map_err(|error| format!("fault `{text}`: {error}"))?;
        let fault = read(&head, &mut keys, dialect, operations)
            .map_err(|error| format!("fault `{text}`: {error}"))?;
        match keys.0.first() {
            Some((key, _)) => Err(format!(
                "fault `{text}`: `{key}=` means nothing here (`--help` lists what does)"
            )),
            None => Ok(fault),
        }
    }
}

fn read(
    head: &str,
    keys: &mut Keys,
    dialect: &Dialect,
    operations: &[&str],
) -> Result<Fault, String> {
    let kind = kind(head, keys, dialect.kinds)?;
    if !(dialect.has)(&kind) {
        return Err(no_kind(head, dialect.kinds));
    }
    let mut fault = Fault::always(kind);
    fault.op = keys.take("op").filter(|op| op != "*");
    if let Some(op) = fault.op.as_deref().filter(|op| !operations.contains(op)) {
        return Err(format!(
            "`op={op}` is no operation; there are {}",
            operations.join(", ")
        ));
    }
    fault.tenant = keys.take("tenant");
    fault.contact = keys.take("contact");
    fault.after = keys.number("after")?.unwrap_or(0);
    fault.count = keys.number("count")?;
    fault.chance = match keys.take("p") {
        Some(p) => p
            .parse()
            .ok()
            .filter(|p| (0.0..=1.0).contains(p))
            .ok_or_else(|| format!("`p={p}` must be a number from 0 to 1"))?,
        None => 1.0,
    };
    Ok(fault)
}

fn no_kind(head: &str, kinds: &str) -> String {
    format!("`{head}` is no kind of fault; there are {kinds}")
}

fn kind(head: &str, keys: &mut Keys, kinds: &str) -> Result<FaultKind, String> {
    let (name, value) = head
        .split_once('=')
        .map_or((head, None), |(name, value)| (name, Some(value)));
    let span = || {
        value
            .ok_or_else(|| format!("`{name}` needs a span, such as `{name}=2s`"))
            .and_then(span::parse)
    };
    let kind = match name {
        "duplicate" => {
            let id = value.filter(|id| !id.is_empty());
            let id = id.ok_or("`duplicate` needs a contact's id, such as `duplicate=c1`")?;
            return Ok(FaultKind::Duplicate(id.to_owned()));
        }
        "code" => {
            let code = value.and_then(|code| code.parse().ok());
            let code = code.ok_or("`code` needs a body's status, such as `code=-8`")?;
            let effect = keys.yes("effect")?;
            return Ok(FaultKind::Code { code, effect });
        }
        "late" => return span().map(FaultKind::Late),
        "delay" => return span().map(FaultKind::Delay),
        "list-lag" => return span().map(FaultKind::ListLag),
        "search-lag" => return span().map(FaultKind::SearchLag),
        "cut-before" => FaultKind::CutBefore,
        "cut-after" => FaultKind::CutAfter,
        "cut-body" => FaultKind::CutBody,
        "hang" => FaultKind::Hang,
        "hang-after" => FaultKind::HangAfter,
        "garbage" => FaultKind::Garbage,
        "slow-body" => FaultKind::SlowBody,
        "huge-body" => FaultKind::HugeBody(keys.number("size")?.unwrap_or(GIB)),
        "html" => FaultKind::Html {
            status: keys.status("status", 200)?.unwrap_or(502),
            effect: keys.yes("effect")?,
        },
        status => FaultKind::Status {
            status: status_of(status, 400).ok_or_else(|| no_kind(status, kinds))?,
            retry_after: keys.header("retry-after")?,
            message: keys.take("message"),
            effect: keys.yes("effect")?,
        },
    };
    if value.is_some() {
        Err(format!("`{name}` takes no value"))
    } else {
        Ok(kind)
    }
}

fn status_of(text: &str, least: u16) -> Option<u16> {
    text.parse()
        .ok()
        .filter(|status| (least..=599).contains(status))
}

/// The keys given, in order; each is taken once, so that what is left over is unknown.
struct Keys(Vec<(String, String)>);

impl Keys {
    fn read(parts: impl Iterator<Item = String>) -> Result<Self, String> {
        let pair = |part: String| {
            part.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .ok_or(part)
        };
        parts
            .map(pair)
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|part| format!("`{part}` is no key=value"))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    fn number(&mut self, key: &str) -> Result<Option<u64>, String> {
        let number = |text: String| {
            text.parse()
                .map_err(|_| format!("`{key}={text}` must be a whole number"))
        };
        self.take(key).map(number).transpose()
    }

    fn status(&mut self, key: &str, least: u16) -> Result<Option<u16>, String> {
        let status = |text: String| {
            status_of(&text, least)
                .ok_or_else(|| format!("`{key}={text}` must be a status from {least} to 599"))
        };
        self.take(key).map(status).transpose()
    }

    fn yes(&mut self, key: &str) -> Result<bool, String> {
        match self.take(key).as_deref() {
            None | Some("no") => Ok(false),
            Some("yes") => Ok(true),
            Some(other) => Err(format!("`{key}={other}` must be yes or no")),
        }
    }

    fn header(&mut self, key: &str) -> Result<Option<String>, String> {
        let header = |text: String| {
            http::HeaderValue::from_str(&text)
                .map(|_| text)
                .map_err(|_| format!("`{key}=` cannot be a header's value"))
        };
        self.take(key).map(header).transpose()
    }
}

/// Splits at every `:` that is not escaped, and undoes the escapes.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' => parts.push(String::new()),
            '\\' => parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.extend(letters.next())),
            letter => parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.push(letter)),
        }
    }
    parts
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\:")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        for (key, value) in [
            ("op", &self.op),
            ("tenant", &self.tenant),
            ("contact", &self.contact),
        ] {
            write_text(f, key, value.as_deref())?;
        }
        if self.after > 0 {
            write!(f, ":after={}", self.after)?;
        }
        if self.chance < 1.0 {
            write!(f, ":p={}", self.chance)?;
        }
        self.count
            .map_or(Ok(()), |count| write!(f, ":count={count}"))
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spanned = |f: &mut fmt::Formatter<'_>, name: &str, span: Duration| {
            write!(f, "{name}={}", span::format(span))
        };
        match self {
            Self::Status {
                status,
                retry_after,
                message,
                effect,
            } => {
                write!(f, "{status}")?;
                write_text(f, "retry-after", retry_after.as_deref())?;
                write_text(f, "message", message.as_deref())?;
                write_text(f, "effect", effect.then_some("yes"))
            }
            Self::Html { status, effect } => {
                write!(f, "html:status={status}")?;
                write_text(f, "effect", effect.then_some("yes"))
            }
            Self::Code { code, effect } => {
                write!(f, "code={code}")?;
                write_text(f, "effect", effect.then_some("yes"))
            }
            Self::Duplicate(id) => write!(f, "duplicate={}", escape(id)),
            Self::CutBefore => f.write_str("cut-before"),
            Self::CutAfter => f.write_str("cut-after"),
            Self::CutBody => f.write_str("cut-body"),
            Self::Hang => f.write_str("hang"),
            Self::HangAfter => f.write_str("hang-after"),
            Self::Garbage => f.write_str("garbage"),
            Self::SlowBody => f.write_str("slow-body"),
            Self::HugeBody(size) => write!(f, "huge-body:size={size}"),
            Self::Late(span) => spanned(f, "late", *span),
            Self::Delay(span) => spanned(f, "delay", *span),
            Self::ListLag(span) => spanned(f, "list-lag", *span),
            Self::SearchLag(span) => spanned(f, "search-lag", *span),
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, key: &str, value: Option<&str>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, ":{key}={}", escape(value)))
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

impl TryFrom<String> for Fault {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_back_as_written() {
        for text in [
            "503:p=0.1",
            "429:retry-after=2:count=3",
            r"429:retry-after=Wed, 21 Oct 2037 07\:28\:00 GMT",
            r"401:message=Invalid JWT\\",
            "422:effect=yes:op=create-contact",
            "duplicate=c1:op=upsert-contact",
            "cut-before:op=create-note:count=1",
            "cut-after:tenant=loc1",
            "cut-body",
            "hang:after=5",
            "hang-after",
            "html:status=200:effect=yes",
            "late=5s:contact=abc",
            "garbage",
            "slow-body",
            "huge-body:size=1000",
            "delay=3s",
            "list-lag=2s:op=get-all-notes",
            "search-lag=1m",
        ] {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
        }
        assert_eq!(
            "html:op=*".parse::<Fault>().unwrap().to_string(),
            "html:status=502"
        );
    }

    #[test]
    fn what_is_no_fault_is_refused_with_its_place() {
        for (text, place) in [
            ("", "`` is no kind"),
            ("200", "`200` is no kind"),
            ("600", "`600` is no kind"),
            ("explode", "`explode` is no kind"),
            ("code=-8", "`code=-8` is no kind"),
            ("late", "needs a span"),
            ("duplicate", "needs a contact's id"),
            ("delay=3", "no span of time"),
            ("hang=3s", "takes no value"),
            ("503:p=2", "p=2"),
            ("503:p=NaN", "p=NaN"),
            ("503:count=-1", "count=-1"),
            ("503:often", "`often` is no key=value"),
            ("503:status=2", "`status=`"),
            ("503:op=fly", "`op=fly` is no operation"),
            ("html:status=99", "status=99"),
            ("429:retry-after=a\nb", "retry-after"),
            ("503:p=0.1:p=0.2", "`p=`"),
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
