//! An official document, as far as tests ask it.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use serde_json::{Map, Value, json};

/// One of the documents, and what is common to all.
pub(super) struct Document {
    whole: Value,
    common: Value,
}

/// One operation as the document has it.
pub(super) struct Described<'a> {
    pub(super) method: String,
    pub(super) path: &'a str,
    pub(super) operation: &'a Value,
}

impl Document {
    /// The document of this name, or a word on why the test does nothing.
    pub(super) fn read(name: &str) -> Option<Self> {
        let Some(folder) = env::var_os("PENSTOCK_GHL_SPEC").map(PathBuf::from) else {
            eprintln!("skipped: PENSTOCK_GHL_SPEC does not name a folder with {name}");
            return None;
        };
        let read =
            |path: &str| serde_json::from_slice(&fs::read(folder.join(path)).unwrap()).unwrap();
        let mut document = Self {
            whole: read(name),
            common: read("common/common-schemas.json"),
        };
        as_json_schema(document.schemas());
        Some(document)
    }

    /// Its schemas, by their names.
    pub(super) fn schemas(&mut self) -> &mut Value {
        &mut self.whole["components"]["schemas"]
    }

    /// Every operation.
    pub(super) fn operations(&self) -> Vec<Described<'_>> {
        let paths = self.whole["paths"].as_object().unwrap();
        let described = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, operation)| Described {
                method: method.to_uppercase(),
                path,
                operation,
            })
        });
        described.collect()
    }

    /// The operation that is called so.
    pub(super) fn described(&self, name: &str) -> Described<'_> {
        let mut all = self.operations().into_iter();
        let found = all.find(|described| described.operation["operationId"] == name);
        found.unwrap_or_else(|| panic!("{name} is not in the document"))
    }

    /// What a reference, if it is one, refers to.
    pub(super) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(target) = schema.get("$ref").and_then(Value::as_str) else {
            return schema;
        };
        let document = if target.starts_with('#') {
            &self.whole
        } else {
            &self.common
        };
        let (_, pointer) = target.split_once('#').unwrap();
        document.pointer(pointer).unwrap()
    }

    /// All that is wrong with a body.
    pub(super) fn faults(&self, schema: &Value, body: &Value) -> Vec<String> {
        let whole = json!({ "allOf": [schema], "components": self.whole["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let faults = validator.iter_errors(body);
        faults
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect()
    }

    /// What the schema describes: all of it, or only what is required, and in each object a member that nobody has heard of.
    pub(super) fn instance(&self, schema: &Value, whole: bool) -> Value {
        let schema = self.resolved(schema);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let required: Vec<_> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .collect();
            let wanted = properties
                .iter()
                .filter(|(name, _)| whole || required.iter().any(|own| *own == *name));
            let mut members: Map<_, _> = wanted
                .map(|(name, property)| (name.clone(), self.instance(property, whole)))
                .collect();
            members.insert("newSinceThen".to_owned(), json!({ "deep": [1, null] }));
            return Value::Object(members);
        }
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        match schema["type"].as_str() {
            Some("array") => json!([self.instance(&schema["items"], whole)]),
            Some("object") => json!({}),
            Some("boolean") => json!(true),
            Some("number") => json!(1),
            _ => json!("text"),
        }
    }
}

impl<'a> Described<'a> {
    /// Whether its path stands for this one.
    pub(super) fn has_path(&self, path: &str) -> bool {
        let (own, wanted): (Vec<_>, Vec<_>) =
            (path.split('/').collect(), self.path.split('/').collect());
        let same = |(own, wanted): (&&str, &&str)| {
            own == wanted || (wanted.starts_with('{') && !own.is_empty())
        };
        own.len() == wanted.len() && own.iter().zip(&wanted).all(same)
    }

    /// The names of what it takes in this place (`query`, `header`): all of them, and those that it cannot do without.
    pub(super) fn parameters(&self, place: &str) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let parameters = self.operation["parameters"].as_array().unwrap().iter();
        let here: Vec<_> = parameters
            .filter(|parameter| parameter["in"] == place)
            .collect();
        let names = |required: bool| {
            let wanted = here
                .iter()
                .filter(|parameter| !required || parameter["required"] == true);
            wanted
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect()
        };
        (names(false), names(true))
    }
}

/// `OpenAPI` 3.0 says `nullable` where JSON Schema has a type; beyond that, what is not described counts as not allowed.
fn as_json_schema(value: &mut Value) {
    if let Value::Object(members) = value {
        if members.remove("nullable") == Some(Value::Bool(true)) {
            let named = members["type"].take();
            members["type"] = json!([named, "null"]);
        }
        if members.contains_key("properties") {
            members.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(as_json_schema),
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}
