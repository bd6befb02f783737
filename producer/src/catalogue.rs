//! `penstock-producer catalogue`: every trigger and every action with its fields, from the code itself.

use std::fmt::Write as _;

use clap::Args;
use penstock_shared::{
    flow::trigger::{TRIGGERS, Trigger},
    job::{JobType, schemas},
    program::{Exit, Failure, print},
};
use serde_json::{Value, json};

/// How to print it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// One JSON document instead of a text
    #[arg(long)]
    json: bool,
    /// Only the trigger or the action of this name
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let wanted = |name: &str| {
        let only = arguments.name.as_deref();
        only.is_none_or(|only| only.eq_ignore_ascii_case(name))
    };
    let triggers: Vec<Entry> = TRIGGERS.iter().map(trigger).collect();
    let actions = schemas()
        .into_iter()
        .filter_map(|(name, schema)| action(&name, &schema));
    let actions: Vec<Entry> = actions.collect();
    let keep = |entries: &[Entry]| -> Vec<Entry> {
        entries
            .iter()
            .filter(|entry| wanted(&entry.name))
            .cloned()
            .collect()
    };
    let (found_triggers, found_actions) = (keep(&triggers), keep(&actions));
    if found_triggers.is_empty() && found_actions.is_empty() {
        let name = arguments.name.as_deref().unwrap_or_default();
        return Err(Failure::bad_input(anyhow::anyhow!(
            "no trigger and no action is called {name}"
        )));
    }
    if arguments.json {
        let entries = |entries: &[Entry]| entries.iter().map(Entry::to_json).collect::<Value>();
        let document = json!({
            "triggers": entries(&found_triggers),
            "actions": entries(&found_actions),
        });
        print(&format!("{document:#}\n"))?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (title, entries) in [("Triggers", &found_triggers), ("Actions", &found_actions)] {
        if entries.is_empty() {
            continue;
        }
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{title}\n");
        for entry in entries {
            entry.write(&mut text);
        }
    }
    let _ = writeln!(
        text,
        "{} triggers, {} actions",
        triggers.len(),
        actions.len()
    );
    print(&text)?;
    Ok(Exit::Done)
}

/// A trigger or an action.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    about: String,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    kind: String,
    required: bool,
    about: String,
}

impl Entry {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "{} — {}", self.name, self.about);
        for field in &self.fields {
            let required = if field.required { ", required" } else { "" };
            let (name, kind, about) = (&field.name, &field.kind, &field.about);
            let _ = writeln!(text, "    {name} ({kind}{required}): {about}");
        }
        text.push('\n');
    }

    fn to_json(&self) -> Value {
        let fields = self.fields.iter().map(|field| {
            json!({ "name": field.name, "kind": field.kind, "required": field.required, "about": field.about })
        });
        json!({ "name": self.name, "about": self.about, "fields": fields.collect::<Vec<_>>() })
    }
}

fn trigger(trigger: &Trigger) -> Entry {
    let fields = trigger.fields().map(|field| Field {
        name: format!("data.{}", field.name),
        kind: field.kind().to_owned(),
        required: false,
        about: field.about.to_owned(),
    });
    Entry {
        name: trigger.kind.to_owned(),
        about: trigger.about.to_owned(),
        fields: fields.collect(),
    }
}

/// The action that makes a job of this type, if people may; the schema of all types is none.
fn action(name: &str, schema: &Value) -> Option<Entry> {
    name.parse::<JobType>()
        .ok()
        .filter(|job_type| job_type.is_public())?;
    let mut payload = schema.pointer("/properties/payload")?;
    if let Some(at) = payload.get("$ref").and_then(Value::as_str) {
        payload = schema.pointer(at.trim_start_matches('#'))?;
    }
    let required: Vec<_> = payload["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let fields = payload["properties"]
        .as_object()?
        .iter()
        .map(|(name, field)| Field {
            name: name.clone(),
            kind: kind(field, schema),
            required: required.contains(&&json!(name)),
            about: line(&field["description"]),
        });
    Some(Entry {
        name: name.to_owned(),
        about: line(&payload["description"]),
        fields: fields.collect(),
    })
}

/// What kind of value a schema asks for, in a word.
fn kind(field: &Value, schema: &Value) -> String {
    if let Some(at) = field.get("$ref").and_then(Value::as_str) {
        let meant = schema.pointer(at.trim_start_matches('#'));
        return meant.map_or_else(String::new, |meant| kind(meant, schema));
    }
    let name = |name: &Value| match name.as_str() {
        Some("string") => "text".to_owned(),
        Some("array") => "list".to_owned(),
        Some("integer") => "number".to_owned(),
        Some(name) => name.to_owned(),
        None => String::new(),
    };
    match &field["type"] {
        Value::Array(names) => names.iter().map(name).collect::<Vec<_>>().join(" or "),
        Value::Null if field.get("properties").is_some() => "object".to_owned(),
        Value::Null => {
            let branches = ["anyOf", "oneOf"]
                .iter()
                .find_map(|of| field[*of].as_array());
            let mut kinds: Vec<_> = branches
                .into_iter()
                .flatten()
                .map(|one| kind(one, schema))
                .collect();
            kinds.retain(|kind| !kind.is_empty());
            kinds.dedup();
            if kinds.is_empty() {
                "any".to_owned()
            } else {
                kinds.join(" or ")
            }
        }
        one => name(one),
    }
}

/// A description's first line.
fn line(description: &Value) -> String {
    let text = description.as_str().unwrap_or_default();
    text.split("\n\n")
        .next()
        .unwrap_or_default()
        .replace('\n', " ")
}
