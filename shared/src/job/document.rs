//! A JSON document as it was written: members in order, repeated ones kept, depth bounded.
//!
//! `serde_json::Value` forgets both the order and the repetitions, and a refusal has to name them.

use std::{cell::Cell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fault::{Fault, Faults, Path};

/// Objects and lists inside one another; the deepest valid job (a file field) needs 8.
const MAX_DEPTH: usize = 32;

/// A value and its place in the document's order (the root is 0).
#[derive(Debug)]
pub(super) struct Node {
    pub(super) position: usize,
    pub(super) value: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads JSON text. Whatever is not JSON in UTF-8 is one fault of the whole.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            Fault::whole(format!(
                "not valid UTF-8 at byte {}",
                error.valid_up_to() + 1
            ))
        })?;
        let mut text = serde_json::Deserializer::from_str(text);
        Self::read(&mut text)
            .and_then(|node| text.end().map(|()| node))
            .map_err(|error| Fault::whole(format!("not valid JSON: {}", Located(&error))))
    }

    /// Takes over a value that was built or parsed elsewhere.
    pub(super) fn from_value(value: Value) -> Result<Self, Fault> {
        Self::read(value).map_err(|error| Fault::whole(error.to_string()))
    }

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let next = Cell::new(0);
        Reading {
            next: &next,
            depth: 0,
        }
        .deserialize(from)
    }

    /// What this is called when something else was expected.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Content::Null => "null",
            Content::Bool(_) => "true or false",
            Content::Number(_) => "a number",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Object(_) => "an object",
        }
    }

    /// The same value without order and positions; numbers in their normal form.
    pub(super) fn to_value(&self) -> Value {
        match &self.value {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(value) => Value::Number(normal(value)),
            Content::Text(value) => Value::String(value.clone()),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, node)| (name.clone(), node.to_value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Notes every member that its object has already had: readers disagree on which of the two counts.
    pub(super) fn note_repeated(&self, path: &Path<'_>, faults: &Faults) {
        match &self.value {
            Content::Object(members) => {
                let mut seen = HashSet::with_capacity(members.len());
                for (name, node) in members {
                    let path = Path::Field(path, name);
                    if !seen.insert(name) {
                        faults.note(node.position, &path, "given more than once");
                    }
                    node.note_repeated(&path, faults);
                }
            }
            Content::List(items) => {
                for (index, node) in items.iter().enumerate() {
                    node.note_repeated(&Path::Item(path, index), faults);
                }
            }
            _ => {}
        }
    }
}

/// One form for one number: whole ones without a fraction, so that `100` and `100.0` are the same job.
pub(crate) fn normal(number: &Number) -> Number {
    /// Up to here every whole `f64` is exactly one integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT =>
        {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "whole and within 2^53: nothing is cut off"
            )]
            Number::from(float as i64)
        }
        _ => number.clone(),
    }
}

/// An error's place in one line's terms: a job is mostly a line of a file, and its own line number says nothing.
struct Located<'a>(&'a serde_json::Error);

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.0.line(), self.0.column());
        let text = self.0.to_string();
        let suffix = format!(" at line {line} column {column}");
        f.write_str(text.strip_suffix(&suffix).unwrap_or(&text))?;
        match line {
            0 => Ok(()),
            1 => write!(f, " at column {column}"),
            _ => f.write_str(&suffix),
        }
    }
}

/// Builds the tree, numbering its nodes in the order they are met.
#[derive(Clone, Copy)]
struct Reading<'c> {
    next: &'c Cell<usize>,
    depth: usize,
}

impl Reading<'_> {
    fn node(self, value: Content) -> Node {
        let position = self.next.get();
        self.next.set(position + 1);
        Node { position, value }
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(self.node(Content::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(self.node(Content::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(self.node(Content::Number(value.into())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(self.node(Content::Number(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(self.node(Content::Number(number)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Node, E> {
        Ok(self.node(Content::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let inside = self.deeper()?;
        let mut node = self.node(Content::Null);
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        node.value = Content::List(list);
        Ok(node)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let inside = self.deeper()?;
        let mut node = self.node(Content::Null);
        let mut object = Vec::new();
        while let Some(name) = members.next_key()? {
            object.push((name, members.next_value_seed(inside)?));
        }
        node.value = Content::Object(object);
        Ok(node)
    }
}
