//! How the API normalises what is written to a contact, and by what it compares contacts.

use serde_json::Value;

/// Addresses in this domain are refused as no email at all, so that a demonstration can have jobs that the API rejects.
const REJECTED_DOMAIN: &str = "rejected.example";

/// A field's value as the API keeps it.
pub(super) fn normal(name: &str, value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    match name {
        "email" => text.trim().into(),
        "phone" => phone(text).into(),
        "dateOfBirth" => birth_date(text)
            .map(|date| format!("{date}T00:00:00.000Z"))
            .into(),
        _ => value.clone(),
    }
}

/// Tags as the API keeps them: lower-cased, trimmed, each once.
pub(super) fn normal_tags(tags: &[Value]) -> Vec<String> {
    let mut normal: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags
        .iter()
        .filter_map(Value::as_str)
        .map(|tag| tag.trim().to_lowercase())
    {
        if !tag.is_empty() && !normal.contains(&tag) {
            normal.push(tag);
        }
    }
    normal
}

/// An email as emails are compared.
pub(super) fn email_key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// An email that can be one, as emails are compared.
pub(super) fn email(text: &str) -> Option<String> {
    let key = email_key(text);
    let (name, domain) = key.rsplit_once('@')?;
    let sound = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    let domain_sound = sound(domain)
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty());
    (sound(name) && domain_sound && domain != REJECTED_DOMAIN && key.len() <= 320).then_some(key)
}

/// A phone number that can be one, without its punctuation: `+1 888-888-8888` is `+18888888888`.
pub(super) fn phone(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .filter(|letter| !" -().".contains(*letter))
        .collect();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    ((5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(plain)
}

/// A date of birth, year or month first, its parts divided by `-`, `/`, `.` or `_`.
pub(super) fn birth_date(text: &str) -> Option<jiff::civil::Date> {
    let divider = text.chars().find(|letter| "-/._".contains(*letter))?;
    let parts: Vec<&str> = text.split(divider).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] if year.len() == 4 => (year, month, day),
        [month, day, year] if year.len() == 4 => (year, month, day),
        _ => return None,
    };
    jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_and_phones_are_compared_in_one_form() {
        assert_eq!(email(" Rosan@Deos.com ").as_deref(), Some("rosan@deos.com"));
        for text in [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b",
            "a@b..c",
            "a b@c.d",
            "a@b@c.d",
            "x@rejected.example",
            "x@Rejected.Example",
        ] {
            assert_eq!(email(text), None, "{text}");
        }
        assert_eq!(phone("+1 (888) 888-8888").as_deref(), Some("+18888888888"));
        for text in [
            "",
            "+",
            "1234",
            "+1234567890123456",
            "+1888x88888",
            "++18888888",
        ] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn every_documented_form_of_a_birth_date_is_read() {
        for text in [
            "1990/09/25",
            "09/25/1990",
            "1990-09-25",
            "09-25-1990",
            "1990.09.25",
            "09.25.1990",
            "1990_09_25",
            "09_25_1990",
        ] {
            assert_eq!(
                birth_date(text).unwrap().to_string(),
                "1990-09-25",
                "{text}"
            );
        }
        for text in [
            "",
            "1990",
            "1990-9",
            "25-09-1990",
            "1990-02-30",
            "1990-09-25-1",
            "90-09-25",
        ] {
            assert_eq!(birth_date(text), None, "{text}");
        }
    }
}
