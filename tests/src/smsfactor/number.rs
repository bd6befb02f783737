//! Numbers as the API takes them: E.164 without the plus.

/// Whether it is one: 8 to 15 digits, the first of them no zero.
pub(super) fn is_valid(value: &str) -> bool {
    (8..=15).contains(&value.len())
        && value.bytes().all(|letter| letter.is_ascii_digit())
        && !value.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_with_their_country_are_a_number() {
        assert!(is_valid("33612345678") && is_valid("4915112345678"));
        for value in [
            "+33612345678",
            "0612345678",
            "33 612345678",
            "336",
            "",
            "3361234567890123",
        ] {
            assert!(!is_valid(value), "{value}");
        }
    }
}
