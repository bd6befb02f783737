//! A custom field of a contact and its new value.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::{
    document::{self, Content},
    fault::Noted,
    list::List,
    read::{Place, Read},
    text::{ForeignId, Line, Prose},
};

/// One custom field, named by its id, its key or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["id"] }, { "required": ["key"] }]))]
pub struct CustomField {
    /// The field's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ForeignId>,
    /// The field's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ForeignId>,
    /// Its new value.
    pub field_value: FieldValue,
}

/// The value of a custom field, of a kind that fits the field: the API knows which, this does not.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Text, large text, or the one option chosen.
    Text(Prose),
    /// A number or an amount of money.
    Number(Number),
    /// A box ticked or not.
    Bool(bool),
    /// The options chosen, up to 500.
    Texts(List<Line, 0, 500>),
    /// Files, by their ids, as the API described them when they were uploaded.
    Files(Map<String, Value>),
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Number(_) => f.write_str("Number"),
            Self::Bool(_) => f.write_str("Bool"),
            Self::Texts(texts) => write!(f, "Texts({})", texts.len()),
            Self::Files(files) => write!(f, "Files({})", files.len()),
        }
    }
}

impl Read for CustomField {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let named = fields.has("id") || fields.has("key");
        let id = fields.optional("id");
        let key = fields.optional("key");
        let field_value = fields.required("field_value");
        fields.finish();
        if !named {
            return Err(place.fault("id or key is needed"));
        }
        Ok(Self {
            id,
            key,
            field_value: field_value?,
        })
    }
}

impl Read for FieldValue {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        match &place.node.value {
            Content::Text(_) => Prose::read(place).map(Self::Text),
            Content::Number(number) => Ok(Self::Number(document::normal(number))),
            Content::Bool(value) => Ok(Self::Bool(*value)),
            Content::List(_) => List::read(place).map(Self::Texts),
            Content::Object(_) => match place.node.to_value() {
                Value::Object(files) => Ok(Self::Files(files)),
                _ => Err(place.fault("expected an object")),
            },
            Content::Null => {
                Err(place.fault("null is not allowed here; an empty string clears the field"))
            }
        }
    }
}

impl JsonSchema for FieldValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FieldValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            generator.subschema_for::<Prose>(),
            { "type": "number" },
            { "type": "boolean" },
            generator.subschema_for::<List<Line, 0, 500>>(),
            { "type": "object" },
        ] })
    }
}
