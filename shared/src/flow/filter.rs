//! What templates can do with a value, beside what the engine brings along.

use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, Value};

use super::phone::read as number;
use crate::{
    job::{self, Email},
    span,
};

/// Gives all of them to an engine.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("digits", digits);
    environment.add_filter("phone", phone);
    environment.add_filter("plus", plus);
    environment.add_filter("at", at);
    environment.add_filter("shorten", shorten);
    environment.add_filter("email", email);
    environment.add_filter("after", after);
    environment.add_filter("has_word", has_word);
    environment.add_filter("starts_with_word", starts_with_word);
    environment.add_filter("answer", answer);
    environment.add_filter("segment", segment);
}

/// What one of them has said of its own accord: that is about the template, and nothing that it saw.
pub(super) fn said(error: &Error) -> Option<String> {
    let said = error.detail()?.strip_prefix(OWN)?;
    Some(said.to_owned())
}

/// What the messages of our own filters begin with.
const OWN: &str = "\u{1}";

fn refused(message: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{OWN}{message}"))
}

/// `| digits`: the digits alone, as `SMSFactor` wants numbers.
fn digits(text: &Value) -> String {
    let text = text_of(text).unwrap_or_default();
    text.chars().filter(char::is_ascii_digit).collect()
}

/// `| phone('FR')`: a telephone number as E.164, read as it is written in that country; nothing if it is none.
fn phone(text: &Value, country: Option<&str>) -> Result<Value, Error> {
    let country = country.map(str::parse).transpose();
    let country = country.map_err(|_| refused("phone: not the two letters of a country"))?;
    let number = text_of(text).and_then(|text| number(&text, country));
    Ok(number.map_or(Value::UNDEFINED, Value::from))
}

/// `| plus('1d')`: a moment so much later.
fn plus(moment: &str, by: &str) -> Result<String, Error> {
    let moment = timestamp(moment)?;
    let by = span::parse(by).map_err(|error| refused(format!("plus: {error}")))?;
    let later = moment
        .checked_add(by)
        .map_err(|_| refused("plus: too far away"))?;
    Ok(later.to_string())
}

/// `| at('09:00', 'Europe/Paris')`: that time of the moment's day there.
fn at(moment: &str, time: &str, zone: &str) -> Result<String, Error> {
    let zone = TimeZone::get(zone).map_err(|_| refused("at: no such time zone"))?;
    let time = time
        .parse::<jiff::civil::Time>()
        .map_err(|_| refused("at: not a time such as 09:00"))?;
    let there = timestamp(moment)?.to_zoned_datetime(zone.clone());
    let moved = there.date().to_datetime(time).to_zoned_datetime(zone);
    let moved = moved.map_err(|_| refused("at: no such time on that day"))?;
    Ok(moved.timestamp().to_string())
}

/// `| shorten(100)`: no more than so many characters.
fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}

fn timestamp(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|_| refused("not a moment in time"))
}

/// `| email`: the first e-mail address in a text; nothing if there is none.
fn email(text: &Value) -> Value {
    let text = text_of(text).unwrap_or_default();
    let around = |c: char| ",;:<>()[]\"'.!?".contains(c);
    let words = text
        .split_whitespace()
        .map(|word| word.trim_matches(around));
    let mut emails = words.filter(|word| word.parse::<Email>().is_ok());
    emails.next().map_or(Value::UNDEFINED, Value::from)
}

/// `| has_word('call me')`: whether a text has these words one after the other, in whichever case and with whatever between them.
fn has_word(text: &Value, words: &str) -> bool {
    text_of(text).is_some_and(|text| place_of(&text, words).is_some())
}

/// `| starts_with_word('join')`: whether a text begins with these words.
fn starts_with_word(text: &Value, words: &str) -> bool {
    let text = text_of(text).unwrap_or_default();
    let mut said = words_of(&text).map(|(word, _)| word);
    words_of(words).all(|(word, _)| said.next() == Some(word))
}

/// `| after('join')`: what follows these words in a text; nothing where they are not in it.
fn after(text: &Value, words: &str) -> Value {
    let text = text_of(text).unwrap_or_default();
    let end = place_of(&text, words);
    let rest = end.and_then(|end| text.get(end..));
    rest.map_or(Value::UNDEFINED, |rest| {
        Value::from(rest.trim_matches(|c: char| c.is_whitespace() || ",;:.!".contains(c)))
    })
}

/// A text, or a number as it is written; events are as their senders make them.
fn text_of(value: &Value) -> Option<String> {
    let is_text = value.as_str().is_some() || value.is_number();
    is_text.then(|| value.to_string())
}

/// Where these words end in a text.
fn place_of(text: &str, words: &str) -> Option<usize> {
    let wanted: Vec<_> = words_of(words).map(|(word, _)| word).collect();
    let found: Vec<_> = words_of(text).collect();
    let mut places = found.windows(wanted.len().max(1));
    let place = places.find(|place| place.iter().map(|(word, _)| word).eq(&wanted))?;
    place.last().map(|(_, end)| *end)
}

/// The words of a text in lower case, and where each ends.
fn words_of(text: &str) -> impl Iterator<Item = (String, usize)> {
    let mut start = None;
    let ends = text.char_indices().chain([(text.len(), ' ')]);
    ends.filter_map(move |(at, c)| {
        if c.is_alphanumeric() {
            start.get_or_insert(at);
            return None;
        }
        let word = text.get(start.take()?..at)?;
        Some((word.to_lowercase(), at))
    })
}

/// `data.answers | answer('name')`: the value of the first answer whose question has these words; nothing if there is none.
fn answer(answers: &Value, words: &str) -> Result<Value, Error> {
    if answers.is_undefined() || answers.is_none() {
        return Ok(Value::UNDEFINED);
    }
    for answer in answers.try_iter()? {
        if has_word(&answer.get_attr("question")?, words) {
            return answer.get_attr("value");
        }
    }
    Ok(Value::UNDEFINED)
}

/// `| segment`: the same, if it is one segment of a path and no more; else the template fails. An id that others have made could lead to
/// something else than what the path names before it. It is not percent-encoded instead: some server on the way would decode it.
fn segment(text: &Value) -> Result<Value, Error> {
    let Some(text) = text_of(text) else {
        return Ok(Value::UNDEFINED);
    };
    if !job::is_segment(&text) {
        let why = r"segment: not one segment of a path: it is empty, '.' or '..', or has one of '/', '\', '?', '#', '%'";
        return Err(refused(why));
    }
    Ok(Value::from(text))
}

#[cfg(test)]
mod tests {
    use minijinja::{context, value::Serde};
    use serde_json::json;

    use crate::flow::engine::Engine;

    fn evaluated(source: &str) -> Option<serde_json::Value> {
        let answers = json!([
            { "question": "Your e-mail?", "value": "ada@example.com" }, { "question": "And your NAME?", "value": "Ada" },
        ]);
        let context = context! {
            data => context! { message => "CALL me, now", answers => Serde(answers) },
            now => "2026-11-23T22:00:00Z",
        };
        Engine::new().evaluate(source, &context).unwrap()
    }

    #[test]
    fn filters_know_times_and_numbers() {
        assert_eq!(
            evaluated("now | plus('1d')"),
            Some(json!("2026-11-24T22:00:00Z"))
        );
        assert_eq!(
            evaluated("now | at('09:00', 'Europe/Paris')"),
            Some(json!("2026-11-23T08:00:00Z"))
        );
        assert_eq!(
            evaluated("'06 12 34 56 78' | phone('FR')"),
            Some(json!("+33612345678"))
        );
        assert_eq!(evaluated("'hello' | phone('FR')"), None);
        assert_eq!(evaluated("'+33 6 12' | digits"), Some(json!("33612")));
        assert_eq!(evaluated("data.message | shorten(5)"), Some(json!("CALL…")));
    }

    #[test]
    fn what_people_write_is_found() {
        let text = "'Join: 李小龍 <li@example.cn>, please'";
        for (source, expected) in [
            (format!("{text} | email"), Some(json!("li@example.cn"))),
            (
                format!("{text} | after('JOIN')"),
                Some(json!("李小龍 <li@example.cn>, please")),
            ),
            (format!("{text} | after('joi')"), None),
            ("'no address @ all' | email".to_owned(), None),
            (
                "'Please CALL, me!' | has_word('call me')".to_owned(),
                Some(json!(true)),
            ),
            (
                "'recall me' | has_word('call me')".to_owned(),
                Some(json!(false)),
            ),
            ("'call' | has_word('')".to_owned(), Some(json!(false))),
            (
                "'Join: me' | starts_with_word('join')".to_owned(),
                Some(json!(true)),
            ),
            (
                "'I do not want to join' | starts_with_word('join')".to_owned(),
                Some(json!(false)),
            ),
            (
                "data.answers | answer('name')".to_owned(),
                Some(json!("Ada")),
            ),
            ("data.answers | answer('age')".to_owned(), None),
            ("data.nothing | answer('age')".to_owned(), None),
            ("data.nothing | phone('FR')".to_owned(), None),
            (
                "33612345678 | phone".to_owned(),
                Some(json!("+33612345678")),
            ),
            ("data.nothing | email".to_owned(), None),
        ] {
            assert_eq!(evaluated(&source), expected, "{source}");
        }
    }

    #[test]
    fn a_segment_of_a_path_leads_nowhere_else() {
        let evaluate = |source: &str| Engine::new().evaluate(source, &context! {});
        for (source, expected) in [
            ("'p-1.a;b' | segment", Some(json!("p-1.a;b"))),
            ("7 | segment", Some(json!("7"))),
            ("nothing | segment", None),
        ] {
            assert_eq!(evaluate(source).unwrap(), expected, "{source}");
        }
        for text in ["1/../admin", "..", ".", "..;a", " ..", "a%2fb", "a?b", ""] {
            let error = evaluate(&format!("'{text}' | segment")).unwrap_err();
            let told = error.to_string();
            assert!(told.starts_with("segment: "), "{text}: {told}");
        }
    }
}
