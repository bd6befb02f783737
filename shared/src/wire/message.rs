//! An API's words about a failure, made fit for logs, tables and dead letters.

use serde_json::Value;

/// The most characters of a message.
const MAX_CHARS: usize = 300;
/// How many characters of a text are looked at. What follows could never be shown.
const MAX_READ: usize = 4_096;
/// So many digits make a phone number (E.164 numbers have 8 to 15; local ones may have 7).
const PHONE_DIGITS: usize = 7;
/// A text of fewer characters is a word that the API may use itself; of a longer one so many tell that it is repeated.
const SHORTEST_REPEATED: usize = 5;
const TOLD_APART: usize = 12;
/// Words of this length are taken for tokens; the API's ids have up to 24 characters.
const TOKEN_CHARS: usize = 32;

/// What an error body says: `message` (an array joined by ", "), else `error`, else `detail`.
pub(crate) fn of(body: &Value) -> Option<String> {
    ["message", "error", "detail"]
        .iter()
        .filter_map(|key| text(body.get(key)?))
        .find(|text| !text.trim().is_empty())
        .map(|text| clean(&text))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(head(text).to_owned()),
        Value::Array(items) => {
            let texts = items.iter().take(50).filter_map(Value::as_str).map(head);
            Some(texts.collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

/// Takes out control characters and whatever may be an email, a phone number or a token, and
/// shortens the rest.
pub(crate) fn clean(text: &str) -> String {
    let plain: String = head(text).chars().map(printable).collect();
    let words = plain.split_inclusive(is_boundary).map(without_secret);
    let shown = without_phones(&words.collect::<String>());
    match shown.char_indices().nth(MAX_CHARS) {
        None => shown,
        Some(_) => shown.chars().take(MAX_CHARS - 1).chain(['…']).collect(),
    }
}

/// The message without a text that the request held, as far as the message repeats it from the text's beginning on.
pub(crate) fn without(message: &str, text: &str) -> String {
    let plain: String = head(text).trim().chars().map(printable).collect();
    let start: String = plain.chars().take(TOLD_APART).collect();
    if start.chars().count() < SHORTEST_REPEATED {
        return message.to_owned();
    }
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(&start) {
        shown.push_str(&rest[..at]);
        shown.push_str("[text]");
        rest = &rest[at..];
        let same = rest.chars().zip(plain.chars());
        let same = same.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8());
        rest = &rest[same.sum::<usize>()..];
    }
    shown + rest
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

fn head(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_READ);
    end.map_or(text, |(end, _)| &text[..end])
}

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || "\"'`<>(),;:[]{}|=&".contains(c)
}

/// One word with the boundary after it.
fn without_secret(word: &str) -> String {
    let bare = word.trim_end_matches(is_boundary);
    let boundary = &word[bare.len()..];
    if bare.contains('@') || bare.contains("%40") {
        return format!("[email]{boundary}");
    }
    let long = bare.chars().count() >= TOKEN_CHARS;
    if long || ["pit-", "eyJ"].iter().any(|start| bare.starts_with(start)) {
        return format!("[token]{boundary}");
    }
    word.to_owned()
}

/// Replaces runs of digits, and of what is written between the digits of a phone number.
fn without_phones(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        let (before, run) = rest.split_at(start);
        let length = run.find(|c: char| !is_phone_part(c)).unwrap_or(run.len());
        let (run, after) = run.split_at(length);
        // The spaces and dots after the last digit belong to the sentence.
        let number = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        shown.push_str(before);
        if digits >= PHONE_DIGITS {
            shown.push_str("[phone]");
            shown.push_str(&run[number.len()..]);
        } else {
            shown.push_str(run);
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn is_phone_part(c: char) -> bool {
    c.is_ascii_digit() || "+-.() /".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn words_come_from_message_error_or_detail() {
        for (body, expected) in [
            (json!({"message": "Bad Request"}), Some("Bad Request")),
            (json!({"message": ["a", "b"], "error": "c"}), Some("a, b")),
            (json!({"message": [], "error": "c"}), Some("c")),
            (json!({"message": " ", "detail": "d"}), Some("d")),
            (
                json!({"message": {"a": 1}, "error": 5, "detail": "d"}),
                Some("d"),
            ),
            (json!({"error": "c", "detail": "d"}), Some("c")),
            (json!({}), None),
            (json!([1]), None),
            (Value::Null, None),
        ] {
            assert_eq!(of(&body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn personal_data_and_tokens_are_taken_out() {
        for (text, expected) in [
            (
                "email jo.doe+x@example.com is taken",
                "email [email] is taken",
            ),
            ("\"jo@example.com\", 'ann@b.co'", "\"[email]\", '[email]'"),
            ("email=jo%40example.com&x", "email=[email]&x"),
            ("call +1 (415) 555-2671 now", "call [phone] now"),
            ("phone:+14155552671.", "phone:[phone]."),
            ("Bearer eyJhbGciOi.abc.def failed", "Bearer [token] failed"),
            ("token pit-12345678-abcd", "token [token]"),
            ("0123456789abcdef0123456789abcdef", "[token]"),
            ("a\u{1b}[2Jb\r\nc", "a [2Jb  c"),
            (
                "Contact with id ve9EPM428h8vShlRW1KT not found",
                "Contact with id ve9EPM428h8vShlRW1KT not found",
            ),
            (
                "at most 100 items, status 422.",
                "at most 100 items, status 422.",
            ),
        ] {
            assert_eq!(clean(text), expected);
        }
    }

    #[test]
    fn long_texts_are_shortened() {
        let long = "word ".repeat(10_000);
        assert_eq!(clean(&long).chars().count(), MAX_CHARS);
        assert_eq!(clean(&"x".repeat(MAX_READ * 2)), "[token]");
    }

    #[test]
    fn what_the_request_said_is_not_repeated() {
        let note = "Jane is ill,\nand wants to be called on Monday";
        for (message, shown) in [
            ("body too long", "body too long"),
            (
                "cannot save Jane is ill, and wants to be called on Monday!",
                "cannot save [text]!",
            ),
            // Cut short, and twice.
            (
                "Jane is ill, and … or Jane is ill, and wants",
                "[text]… or [text]",
            ),
        ] {
            assert_eq!(without(&clean(message), note), shown);
        }
        assert_eq!(without("a tag of vip", "vip"), "a tag of vip");
        assert_eq!(without("é-été-é-été-é", "é-été-é"), "[text]-été-é");
    }

    proptest! {
        #[test]
        fn any_text_is_made_fit(text in any::<String>(), email in "[a-z]{1,8}@[a-z]{1,8}\\.com", phone in "\\+[1-9][0-9]{7,14}") {
            let shown = clean(&format!("{text} {email} {phone}"));
            prop_assert!(shown.chars().count() <= MAX_CHARS);
            prop_assert!(!shown.contains(char::is_control));
            prop_assert!(!shown.contains(&email) && !shown.contains(&phone));
        }
    }
}
