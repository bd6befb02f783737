//! Telephone numbers as people write them.

use phonenumber::{Mode, country};

/// The number as E.164: as it is written in that country, or with its country's code. `None` if it can be none.
pub(super) fn read(text: &str, country: Option<country::Id>) -> Option<String> {
    /// No number is longer, however it is written.
    const LONGEST: usize = 64;
    if text.len() > LONGEST {
        return None;
    }
    let text: String = text.chars().map(western).collect();
    let text = text.as_str();
    let number = phonenumber::parse(country, text).ok().or_else(|| {
        // SMSFactor's have a country's code and no plus.
        let digits = text.trim();
        let is_plain = digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        (country.is_none() && is_plain)
            .then(|| phonenumber::parse(None, format!("+{digits}")).ok())?
    })?;
    let is_valid = phonenumber::is_valid(&number);
    is_valid.then(|| number.format().mode(Mode::E164).to_string())
}

/// A digit of another script as the one that it stands for.
fn western(c: char) -> char {
    /// The zeros of Arabic, Persian, Devanagari, Bengali and Thai digits, and of wide ones.
    const ZEROS: [u32; 6] = [0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10];
    let digit = ZEROS
        .iter()
        .find_map(|zero| u32::from(c).checked_sub(*zero).filter(|by| *by < 10));
    digit
        .and_then(|digit| char::from_digit(digit, 10))
        .unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_forms_are_read() {
        for (text, country, expected) in [
            ("06 12 34 56 78", Some(country::FR), Some("+33612345678")),
            ("+33 (0)6 12 34 56 78", None, Some("+33612345678")),
            ("0033612345678", Some(country::FR), Some("+33612345678")),
            ("33612345678", None, Some("+33612345678")),
            ("(415) 555-2671", Some(country::US), Some("+14155552671")),
            ("1-415-555-2671", Some(country::US), Some("+14155552671")),
            ("07911 123456", Some(country::GB), Some("+447911123456")),
            ("030 901820", Some(country::DE), Some("+4930901820")),
            ("٠٦ ١٢ ٣٤ ٥٦ ٧٨", Some(country::FR), Some("+33612345678")),
            ("+33612345678", Some(country::US), Some("+33612345678")),
            ("12", Some(country::FR), None),
            ("call me", Some(country::FR), None),
            ("", None, None),
        ] {
            assert_eq!(read(text, country).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_no_number() {
        assert_eq!(read(&"1".repeat(10_000), Some(country::FR)), None);
    }
}
