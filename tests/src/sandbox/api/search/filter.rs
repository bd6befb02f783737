//! Filters of a search, and groups of them.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::one_of;
use crate::sandbox::api::contact::Contact;

/// The fields that can be searched by, and `customFields.ID`.
const FIELDS: [&str; 24] = [
    "id",
    "address",
    "assigned",
    "businessId",
    "city",
    "companyName",
    "country",
    "dateAdded",
    "dateOfBirth",
    "dateUpdated",
    "dnd",
    "email",
    "firstNameLowerCase",
    "followers",
    "fullNameLowerCase",
    "lastNameLowerCase",
    "phone",
    "postalCode",
    "source",
    "state",
    "tags",
    "timezone",
    "type",
    "website",
];

const OPERATORS: &str = "eq, not_eq, contains, not_contains, exists, not_exists, range";

const BOUNDS: [&str; 4] = ["gte", "gt", "lte", "lt"];

/// One condition, or several.
#[derive(Debug)]
pub(super) enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// A field's value, or its opposite.
    Term {
        field: String,
        test: Test,
        negated: bool,
    },
}

/// What a field's value must be like.
#[derive(Debug)]
pub(super) enum Test {
    /// Equal to it, or to one of several; of a list, one item is enough.
    Equals(Value),
    /// A text that has it as a part, or a list that has it as an item.
    Contains(Value),
    /// There at all.
    Exists,
    /// A date between these milliseconds, both included.
    Within(i64, i64),
}

impl Filter {
    /// Those of a body, all of which must hold.
    pub(super) fn all(filters: &[Value]) -> Result<Vec<Self>, String> {
        let each = filters.iter().enumerate();
        each.map(|(at, filter)| Self::read(&format!("filters.{at}"), filter))
            .collect()
    }

    /// `{field, operator, value}` or `{group, filters}`; JSON that was read is nested no deeper than its reader allows.
    fn read(place: &str, filter: &Value) -> Result<Self, String> {
        let Value::Object(filter) = filter else {
            return Err(format!("{place} must be an object"));
        };
        if filter.contains_key("group") {
            group(place, filter)
        } else {
            term(place, filter)
        }
    }

    pub(super) fn admits(&self, contact: &Contact) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.admits(contact)),
            Self::Or(filters) => filters.iter().any(|filter| filter.admits(contact)),
            Self::Term {
                field,
                test,
                negated,
            } => test.passes(&contact.value(field)) != *negated,
        }
    }
}

fn group(place: &str, filter: &Map<String, Value>) -> Result<Filter, String> {
    only(place, filter, &["group", "filters"])?;
    let Some(Value::Array(filters)) = filter.get("filters") else {
        return Err(format!("{place}.filters must be an array"));
    };
    let filters = filters.iter().enumerate();
    let filters = filters
        .map(|(at, filter)| Filter::read(&format!("{place}.filters.{at}"), filter))
        .collect::<Result<_, _>>()?;
    match filter.get("group").and_then(Value::as_str) {
        Some("AND") => Ok(Filter::And(filters)),
        Some("OR") => Ok(Filter::Or(filters)),
        _ => Err(one_of(&format!("{place}.group"), "AND, OR")),
    }
}

fn term(place: &str, filter: &Map<String, Value>) -> Result<Filter, String> {
    only(place, filter, &["field", "operator", "value"])?;
    let field = filter.get("field").and_then(Value::as_str);
    let known = |field: &&str| FIELDS.contains(field) || field.starts_with("customFields.");
    let field = field
        .filter(known)
        .ok_or_else(|| one_of(&format!("{place}.field"), &FIELDS.join(", ")))?;
    let operator = filter.get("operator").and_then(Value::as_str);
    let (operator, negated) = match operator.and_then(|operator| operator.strip_prefix("not_")) {
        Some(opposite) => (Some(opposite), true),
        None => (operator, false),
    };
    let value = || {
        let value = filter.get("value").filter(|value| !value.is_null());
        value
            .cloned()
            .ok_or_else(|| format!("{place}.value should not be empty"))
    };
    let test = match operator {
        Some("eq") => Test::Equals(value()?),
        Some("contains") => Test::Contains(value()?),
        Some("exists") => Test::Exists,
        Some("range") if !negated => range(place, &value()?)?,
        _ => return Err(one_of(&format!("{place}.operator"), OPERATORS)),
    };
    Ok(Filter::Term {
        field: field.to_owned(),
        test,
        negated,
    })
}

fn only(place: &str, filter: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    match filter.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => {
            let name: String = name.chars().take(100).collect();
            Err(format!("{place}.property {name} should not exist"))
        }
        None => Ok(()),
    }
}

/// `{gte, gt, lte, lt}`, each a date or milliseconds.
fn range(place: &str, value: &Value) -> Result<Test, String> {
    let Some(bounds) = value.as_object().filter(|bounds| !bounds.is_empty()) else {
        return Err(format!("{place}.value must be an object"));
    };
    only(&format!("{place}.value"), bounds, &BOUNDS)?;
    let (mut least, mut most) = (i64::MIN, i64::MAX);
    for (name, bound) in bounds {
        let bound = millis(bound)
            .ok_or_else(|| format!("{place}.value.{name} must be a valid ISO 8601 date string"))?;
        match name.as_str() {
            "gte" => least = least.max(bound),
            "gt" => least = least.max(bound.saturating_add(1)),
            "lte" => most = most.min(bound),
            _ => most = most.min(bound.saturating_sub(1)),
        }
    }
    Ok(Test::Within(least, most))
}

fn millis(date: &Value) -> Option<i64> {
    let written = || {
        let date = jiff::Timestamp::from_str(date.as_str()?).ok()?;
        Some(date.as_millisecond())
    };
    date.as_i64().or_else(written)
}

impl Test {
    fn passes(&self, found: &Value) -> bool {
        match self {
            Self::Equals(wanted) => any(found, wanted, same),
            Self::Contains(wanted) if found.is_array() => any(found, wanted, same),
            Self::Contains(wanted) => any(found, wanted, has_part),
            Self::Exists => !is_empty(found),
            Self::Within(least, most) => {
                millis(found).is_some_and(|date| (*least..=*most).contains(&date))
            }
        }
    }
}

/// Whether one of the values found is as one of those wanted.
fn any(found: &Value, wanted: &Value, fits: fn(&Value, &Value) -> bool) -> bool {
    let wanted = each(wanted);
    each(found)
        .iter()
        .any(|found| wanted.iter().any(|wanted| fits(found, wanted)))
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        value => std::slice::from_ref(value),
    }
}

fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::String(found), Value::String(wanted)) => {
            found.to_lowercase() == wanted.to_lowercase()
        }
        _ => found == wanted,
    }
}

fn has_part(found: &Value, wanted: &Value) -> bool {
    let lower = |value: &Value| value.as_str().map(str::to_lowercase);
    lower(found)
        .zip(lower(wanted))
        .is_some_and(|(found, wanted)| found.contains(&wanted))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::clock::Moment;

    fn contact() -> Contact {
        let at = Moment::from_micros(1_700_000_000_000_000);
        let mut contact = Contact::new("c1".into(), "l".into(), 1, at);
        let body = json!({
            "name": "Ann Deo", "email": "Ann@deos.example", "tags": ["vip", "new"], "dnd": true,
            "customFields": [{"id": "f", "field_value": "red"}]
        });
        contact.write(body.as_object().unwrap(), at);
        contact
    }

    fn admits(filter: &Value) -> Result<bool, String> {
        let filters = Filter::all(std::slice::from_ref(filter))?;
        Ok(filters.iter().all(|filter| filter.admits(&contact())))
    }

    fn is(field: &str, operator: &str, value: &Value) -> Value {
        json!({"field": field, "operator": operator, "value": value})
    }

    #[test]
    fn each_operator_means_what_it_says() {
        for (field, operator, value, admitted) in [
            ("email", "eq", json!("ann@DEOS.example"), true),
            (
                "email",
                "eq",
                json!(["x@y.example", "ann@deos.example"]),
                true,
            ),
            ("email", "not_eq", json!("ann@deos.example"), false),
            ("email", "contains", json!("deos"), true),
            ("fullNameLowerCase", "contains", json!("ann d"), true),
            ("email", "not_contains", json!("deos"), false),
            ("tags", "eq", json!("VIP"), true),
            ("tags", "contains", json!(["x", "new"]), true),
            ("tags", "contains", json!("ne"), false),
            ("dnd", "eq", json!(true), true),
            ("city", "exists", json!(null), false),
            ("city", "not_exists", json!(null), true),
            ("city", "eq", json!("X"), false),
            ("followers", "exists", json!(null), false),
            ("customFields.f", "eq", json!("red"), true),
            (
                "dateAdded",
                "range",
                json!({"gte": "2023-11-14T22:13:20Z"}),
                true,
            ),
            (
                "dateAdded",
                "range",
                json!({"gt": 1_700_000_000_000_u64}),
                false,
            ),
            (
                "dateAdded",
                "range",
                json!({"gte": 0, "lt": "2024-01-01T00:00:00Z"}),
                true,
            ),
            ("email", "range", json!({"gte": 0}), false),
        ] {
            let told = admits(&is(field, operator, &value));
            assert_eq!(told, Ok(admitted), "{field} {operator} {value}");
        }
    }

    #[test]
    fn groups_are_all_or_any() {
        let (yes, no) = (
            is("tags", "eq", &json!("vip")),
            is("tags", "eq", &json!("x")),
        );
        for (group, admitted) in [("AND", false), ("OR", true)] {
            let filter =
                json!({"group": group, "filters": [yes, {"group": "AND", "filters": [no]}]});
            assert_eq!(admits(&filter), Ok(admitted), "{group}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_place() {
        for (filter, place) in [
            (json!(1), "filters.0 must be an object"),
            (is("x", "eq", &json!(1)), "filters.0.field must be one of"),
            (
                is("tags", "like", &json!(1)),
                "filters.0.operator must be one of",
            ),
            (
                is("dateAdded", "not_range", &json!({"gt": 1})),
                "filters.0.operator",
            ),
            (
                is("tags", "eq", &json!(null)),
                "filters.0.value should not be empty",
            ),
            (
                is("dateAdded", "range", &json!(1)),
                "filters.0.value must be an object",
            ),
            (
                is("dateAdded", "range", &json!({"gt": "soon"})),
                "filters.0.value.gt must be",
            ),
            (
                is("dateAdded", "range", &json!({"ge": 1})),
                "filters.0.value.property ge should not exist",
            ),
            (
                json!({"field": "tags", "op": "eq"}),
                "filters.0.property op should not exist",
            ),
            (
                json!({"group": "XOR", "filters": []}),
                "filters.0.group must be one of",
            ),
            (json!({"group": "OR"}), "filters.0.filters must be an array"),
            (
                json!({"group": "OR", "filters": [1]}),
                "filters.0.filters.0 must be an object",
            ),
        ] {
            let told = admits(&filter).unwrap_err();
            assert!(told.starts_with(place), "{filter}: {told}");
        }
    }
}
