//! Answers as the API writes them unless it is asked for JSON.

use serde_json::Value;

pub(super) const TYPE: &str = "application/xml; charset=utf-8";

/// The document that says what this JSON says.
pub(super) fn document(body: &Value) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    element(&mut text, "response", body);
    text
}

/// An element; of an array one for each item, and an empty one for none.
fn element(text: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                element(text, name, item);
            }
        }
        _ => {
            text.extend(["<", name, ">"]);
            content(text, value);
            text.extend(["</", name, ">"]);
        }
    }
}

fn content(text: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                element(text, name, value);
            }
        }
        Value::String(value) => text.push_str(&html_escape::encode_safe(value)),
        Value::Array(_) => {}
        value => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_says_what_the_json_says() {
        let body =
            json!({"status": 1, "list": [{"id": "a"}, {"id": "<&>"}], "none": [], "at": null});
        let text = document(&body);
        let (_, text) = text.split_once('\n').unwrap();
        assert_eq!(
            text,
            "<response><at>null</at><list><id>a</id></list><list><id>&lt;&amp;&gt;</id></list><none></none><status>1</status></response>"
        );
    }
}
