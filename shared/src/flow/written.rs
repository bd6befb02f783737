//! A value as a file has it: with the line that it begins in, so that whatever is wrong can be pointed to.

use serde_json::{Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::fault::{Fault, Faults};

/// Tables and lists inside one another; a job may have no more.
const MOST_DEPTH: usize = 30;

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Plain(Value),
    Text(String),
    List(Vec<Written>),
    Table(Vec<Member>),
}

/// A member of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Written,
}

impl Written {
    /// What a document in TOML says.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            Fault::new(line_of(text, at), "", error.message())
        })?;
        table(document.get_ref(), 1, text, 0)
    }

    /// What kind of value it is, in words.
    pub(super) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Plain(Value::Bool(_)) => "true or false",
            Kind::Plain(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }
}

fn table(members: &DeTable<'_>, line: usize, text: &str, depth: usize) -> Result<Written, Fault> {
    let read = members.iter().map(|(name, value)| {
        Ok(Member {
            name: name.get_ref().to_string(),
            line: line_of(text, name.span().start),
            value: value_of(value, text, depth + 1)?,
        })
    });
    let mut members = read.collect::<Result<Vec<_>, Fault>>()?;
    // The parser sorts them by name; people read them as they stand.
    members.sort_by_key(|member| member.line);
    Ok(Written {
        line,
        kind: Kind::Table(members),
    })
}

fn value_of(value: &Spanned<DeValue<'_>>, text: &str, depth: usize) -> Result<Written, Fault> {
    let line = line_of(text, value.span().start);
    if depth > MOST_DEPTH {
        return Err(Fault::new(
            line,
            "",
            format!("more than {MOST_DEPTH} levels deep"),
        ));
    }
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Text(text.to_string()),
        DeValue::Boolean(value) => Kind::Plain((*value).into()),
        DeValue::Integer(number) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            let read = read.map_err(|_| Fault::new(line, "", "a number that is too large"))?;
            Kind::Plain(read.into())
        }
        DeValue::Float(number) => {
            let read = number.as_str().parse().ok().and_then(Number::from_f64);
            Kind::Plain(Value::Number(
                read.ok_or_else(|| Fault::new(line, "", "not a number"))?,
            ))
        }
        DeValue::Datetime(moment) => Kind::Text(moment.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| value_of(item, text, depth + 1));
            Kind::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(members) => return table(members, line, text, depth),
    };
    Ok(Written { line, kind })
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// A table's members, asked for by name; what was not asked for is a fault.
pub(super) struct Table<'a> {
    path: String,
    line: usize,
    members: &'a [Member],
    known: Vec<&'static str>,
    faults: &'a Faults,
}

impl<'a> Table<'a> {
    /// The members of a value that must be a table; `None` notes that it is none.
    pub(super) fn of(value: &'a Written, path: &str, faults: &'a Faults) -> Option<Self> {
        let Kind::Table(members) = &value.kind else {
            faults.note(
                value.line,
                path,
                format!("expected a table, found {}", value.what()),
            );
            return None;
        };
        Some(Self {
            path: path.to_owned(),
            line: value.line,
            members,
            known: Vec::new(),
            faults,
        })
    }

    /// The line that it begins in.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The line of a member; the table's own if it is not there.
    pub(super) fn line_of(&self, name: &str) -> usize {
        let found = self.members.iter().find(|member| member.name == name);
        found.map_or(self.line, |member| member.line)
    }

    /// Where a member stands.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }

    /// A member, if it is there.
    pub(super) fn find(&mut self, name: &'static str) -> Option<&'a Written> {
        self.known.push(name);
        let found = self.members.iter().find(|member| member.name == name);
        found.map(|member| &member.value)
    }

    /// A member that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Option<&'a Written> {
        let found = self.find(name);
        if found.is_none() {
            self.faults.note(self.line, &self.path_of(name), "missing");
        }
        found
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, name: &'static str) -> Option<(&'a str, usize)> {
        let value = self.find(name)?;
        self.as_text(name, value)
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, name: &'static str) -> Option<(&'a str, usize)> {
        let value = self.required(name)?;
        self.as_text(name, value)
    }

    /// A yes or no, if it is there.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.find(name)?;
        if let Kind::Plain(Value::Bool(flag)) = value.kind {
            return Some(flag);
        }
        let said = format!("expected true or false, found {}", value.what());
        self.faults.note(value.line, &self.path_of(name), said);
        None
    }

    /// One text, or a list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Vec<(&'a str, usize)> {
        let Some(value) = self.find(name) else {
            return Vec::new();
        };
        let items = match &value.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let texts = items.iter().filter_map(|item| self.as_text(name, item));
        texts.collect()
    }

    fn as_text(&self, name: &str, value: &'a Written) -> Option<(&'a str, usize)> {
        if let Kind::Text(text) = &value.kind {
            return Some((text, value.line));
        }
        let said = format!("expected a text, found {}", value.what());
        self.faults.note(value.line, &self.path_of(name), said);
        None
    }

    /// Tables that stand one after the other under a name.
    pub(super) fn tables(&mut self, name: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.find(name) else {
            return Vec::new();
        };
        let Kind::List(items) = &value.kind else {
            let path = self.path_of(name);
            let said = format!("expected [[{name}]] tables, found {}", value.what());
            self.faults.note(value.line, &path, said);
            return Vec::new();
        };
        let tables = items.iter().enumerate().filter_map(|(index, item)| {
            let path = format!("{}[{index}]", self.path_of(name));
            Table::of(item, &path, self.faults)
        });
        tables.collect()
    }

    /// Notes every member that nobody asked for.
    pub(super) fn finish(self) {
        for member in self.members {
            if self.known.contains(&member.name.as_str()) {
                continue;
            }
            let said = unknown(&member.name, self.known.iter().copied());
            self.faults
                .note(member.line, &self.path_of(&member.name), said);
        }
    }
}

/// Says what was probably meant.
pub(super) fn unknown<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    /// Less alike names mean something else.
    const ALIKE: f64 = 0.8;
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    let best = known
        .map(|known| (likeness(known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((alike, meant)) if alike >= ALIKE => format!("unknown; did you mean {meant}?"),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text =
            "a = 1\n\n[[flow]]\nname = 'x'\n\n  [flow.payload]\n  b = [\n    'c',\n    'd',\n  ]\n";
        let written = Written::parse(text).unwrap();
        let faults = Faults::default();
        let mut table = Table::of(&written, "", &faults).unwrap();
        assert_eq!(table.find("a").unwrap().line, 1);
        let mut flows = table.tables("flow");
        assert_eq!(flows[0].text("name"), Some(("x", 4)));
        let payload = flows[0].find("payload").unwrap();
        let mut payload = Table::of(payload, "payload", &faults).unwrap();
        assert_eq!(payload.texts("b"), [("c", 8), ("d", 9)]);
    }

    #[test]
    fn what_is_no_toml_is_pointed_to() {
        let fault = Written::parse("a = 1\nb = \n").unwrap_err();
        assert_eq!(fault.line, 2);
    }

    #[test]
    fn what_was_not_asked_for_is_a_fault() {
        let written = Written::parse("naem = 'x'\n").unwrap();
        let faults = Faults::default();
        let mut table = Table::of(&written, "", &faults).unwrap();
        assert_eq!(table.text("name"), None);
        table.finish();
        let said: Vec<_> = faults.all().iter().map(ToString::to_string).collect();
        assert_eq!(said, ["line 1: naem: unknown; did you mean name?"]);
    }
}
