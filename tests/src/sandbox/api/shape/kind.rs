//! What a field's value must be, and how the API complains about another.

use std::str::FromStr;

use serde_json::Value;

use super::not_here;
use crate::sandbox::api::normal::{birth_date, email, phone};

/// What a field's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox::api) enum Kind {
    Text,
    Flag,
    Strings,
    /// At most so many of them.
    FewStrings(usize),
    /// An array of anything; the operation looks into it.
    List,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number from the first to the second.
    Number(u64, u64),
    Email,
    Phone,
    /// An ISO 8601 date with time and offset.
    Instant,
    BirthDate,
    CustomFields,
    /// Do-not-disturb settings: the channels, and the states that one can have.
    Disturbance(&'static [&'static str], &'static [&'static str]),
}

impl Kind {
    pub(super) fn fault(self, name: &str) -> String {
        match self {
            Self::Text => format!("{name} must be a string"),
            Self::Flag => format!("{name} must be a boolean value"),
            Self::Strings | Self::FewStrings(_) | Self::List | Self::CustomFields => {
                format!("{name} must be an array")
            }
            Self::OneOf(texts) => {
                format!(
                    "{name} must be one of the following values: {}",
                    texts.join(", ")
                )
            }
            Self::Number(..) => {
                format!("{name} must be a number conforming to the specified constraints")
            }
            Self::Email => format!("{name} must be an email"),
            Self::Phone => format!("{name} must be a valid phone number"),
            Self::Instant => format!("{name} must be a valid ISO 8601 date string"),
            Self::BirthDate => format!("{name} must be a valid date"),
            Self::Disturbance(..) => format!("{name} must be an object"),
        }
    }

    pub(super) fn faults(self, name: &str, value: &Value) -> Vec<String> {
        match (self, value) {
            (Self::Strings | Self::FewStrings(_), Value::Array(items))
                if !items.iter().all(Value::is_string) =>
            {
                vec![format!("each value in {name} must be a string")]
            }
            (Self::FewStrings(most), Value::Array(items)) if items.len() > most => {
                vec![format!("{name} must contain no more than {most} elements")]
            }
            (Self::Number(least, most), Value::Number(number)) => {
                beyond(number.as_u64(), least, most)
                    .map(|fault| format!("{name} {fault}"))
                    .into_iter()
                    .collect()
            }
            (Self::CustomFields, Value::Array(items)) => items
                .iter()
                .enumerate()
                .flat_map(|(at, item)| custom_field(&format!("{name}.{at}"), item))
                .collect(),
            (Self::Disturbance(channels, states), Value::Object(settings)) => settings
                .iter()
                .flat_map(|(channel, setting)| {
                    disturbance(name, channel, setting, channels, states)
                })
                .collect(),
            _ if self.accepts(value) => Vec::new(),
            _ => vec![self.fault(name)],
        }
    }

    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
            Self::Flag => value.is_boolean(),
            Self::Strings | Self::FewStrings(_) | Self::List => value.is_array(),
            Self::Email => value.as_str().is_some_and(|text| email(text).is_some()),
            Self::Phone => value.as_str().is_some_and(|text| phone(text).is_some()),
            Self::Instant => value
                .as_str()
                .is_some_and(|text| jiff::Timestamp::from_str(text).is_ok()),
            Self::BirthDate => value
                .as_str()
                .is_some_and(|text| birth_date(text).is_some()),
            Self::Number(..) | Self::CustomFields | Self::Disturbance(..) => false,
        }
    }
}

fn beyond(number: Option<u64>, least: u64, most: u64) -> Option<String> {
    match number {
        None => Some("must be an integer number".to_owned()),
        Some(number) if number < least => Some(format!("must not be less than {least}")),
        Some(number) if number > most => Some(format!("must not be greater than {most}")),
        Some(_) => None,
    }
}

/// `{id or key, field_value}`; the value may be of any type.
fn custom_field(place: &str, item: &Value) -> Vec<String> {
    let Value::Object(item) = item else {
        return vec![format!("{place} must be an object")];
    };
    let mut faults: Vec<String> = item
        .keys()
        .filter(|key| !["id", "key", "field_value"].contains(&key.as_str()))
        .map(|key| not_here(place, key))
        .collect();
    let named = ["id", "key"]
        .iter()
        .filter_map(|key| item.get(*key))
        .any(Value::is_string);
    if !named {
        faults.push(format!("{place}.id must be a string"));
    }
    faults
}

/// `{status, message, code}` of one channel.
fn disturbance(
    name: &str,
    channel: &str,
    setting: &Value,
    channels: &[&str],
    states: &[&str],
) -> Vec<String> {
    if !channels.contains(&channel) {
        return vec![not_here(name, channel)];
    }
    let place = format!("{name}.{channel}");
    let Value::Object(setting) = setting else {
        return vec![format!("{place} must be an object")];
    };
    let mut faults: Vec<String> = setting
        .keys()
        .filter(|key| !["status", "message", "code"].contains(&key.as_str()))
        .map(|key| not_here(&place, key))
        .collect();
    if !setting
        .get("status")
        .and_then(Value::as_str)
        .is_some_and(|status| states.contains(&status))
    {
        faults.push(format!(
            "{place}.status must be one of the following values: {}",
            states.join(", ")
        ));
    }
    faults
}
