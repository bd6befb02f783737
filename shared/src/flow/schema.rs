//! What a job's payload may hold, by the schema of its type: a misspelt or missing field is found before any event comes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    fault::Faults,
    written::{self, Kind, Written},
};
use crate::job::{self, JobType};

/// The schema of a job type's payload.
pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn of(job_type: JobType) -> Self {
        let mut all = job::schemas().into_iter();
        let found = all.find(|(name, _)| name == job_type.as_str());
        Self(found.map(|(_, schema)| schema).unwrap_or_default())
    }

    /// Notes what the payload has and may not have, and what it lacks.
    pub(super) fn check(&self, payload: &Written, path: &str, faults: &Faults) {
        if let Some(schema) = self.0.pointer("/properties/payload") {
            self.look(schema, payload, path, faults);
        }
    }

    fn look(&self, schema: &Value, written: &Written, path: &str, faults: &Faults) {
        let shapes = self.shapes(schema);
        match &written.kind {
            Kind::Table(members) => {
                let has_members = |shape: &&&Value| shape.get("properties").is_some();
                let objects: Vec<&Value> = shapes.iter().filter(has_members).copied().collect();
                let names: BTreeSet<_> = objects.iter().flat_map(|shape| names(shape)).collect();
                if objects.is_empty() {
                    return;
                }
                for member in members {
                    let path = format!("{path}.{}", member.name);
                    let mut within = objects.iter();
                    let within = within.find_map(|shape| shape["properties"].get(&member.name));
                    if let Some(schema) = within {
                        self.look(schema, &member.value, &path, faults);
                    } else {
                        let said = written::unknown(&member.name, names.iter().copied());
                        faults.note(member.line, &path, said);
                    }
                }
                if shapes.len() == 1 {
                    note_missing(objects[0], written, path, faults);
                }
            }
            Kind::List(items) => {
                let Some(schema) = shapes.iter().find_map(|shape| shape.get("items")) else {
                    return;
                };
                for (index, item) in items.iter().enumerate() {
                    self.look(schema, item, &format!("{path}[{index}]"), faults);
                }
            }
            Kind::Plain(_) | Kind::Text(_) => {}
        }
    }

    /// The schemas one of which a value must keep, with references followed.
    fn shapes<'s>(&'s self, schema: &'s Value) -> Vec<&'s Value> {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let found = name.strip_prefix('#').and_then(|at| self.0.pointer(at));
            return found.map(|found| self.shapes(found)).unwrap_or_default();
        }
        let branches = ["oneOf", "anyOf"].iter().find_map(|name| schema.get(*name));
        match branches.and_then(Value::as_array) {
            // What only says which of its fields are needed has none of its own.
            Some(branches) if schema.get("properties").is_none() => branches
                .iter()
                .flat_map(|branch| self.shapes(branch))
                .collect(),
            _ => vec![schema],
        }
    }
}

fn names(shape: &Value) -> impl Iterator<Item = &str> {
    let properties = shape["properties"].as_object().into_iter().flatten();
    properties.map(|(name, _)| name.as_str())
}

fn note_missing(shape: &Value, written: &Written, path: &str, faults: &Faults) {
    let Kind::Table(members) = &written.kind else {
        return;
    };
    let required = shape["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.iter().any(|member| member.name == name) {
            faults.note(written.line, &format!("{path}.{name}"), "missing");
        }
    }
}
