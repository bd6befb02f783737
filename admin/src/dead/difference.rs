//! Where two payloads differ.

use serde_json::Value;

/// The paths at which they differ, such as `contact.email`. A list is one value.
pub(super) fn paths(old: &Value, new: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare("", old, new, &mut paths);
    paths.sort();
    paths
}

fn compare(path: &str, old: &Value, new: &Value, paths: &mut Vec<String>) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        if old != new {
            paths.push(path.to_owned());
        }
        return;
    };
    for name in before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(*name)))
    {
        let below = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) => compare(&below, old, new, paths),
            _ => paths.push(below),
        }
    }
}

/// The value at a path.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_difference_has_its_path() {
        let old = json!({ "contact": { "email": "a@b.c" }, "tags": ["x"], "title": "same", "body": "gone" });
        let new = json!({ "contact": { "phone": "+1" }, "tags": ["y"], "title": "same" });
        let expected = ["body", "contact.email", "contact.phone", "tags"];
        assert_eq!(paths(&old, &new), expected);
        assert_eq!(paths(&old, &old), [""; 0]);
        assert_eq!(at(&old, "contact.email"), Some(&json!("a@b.c")));
    }
}
