//! The filters and tests that a template applies, as it is written: the engine looks for them only as it comes to them.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied<'a> {
    /// `… | name`.
    Filter(&'a str),
    /// `… is name`.
    Test(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(char),
}

/// Those of a template, which stand between its braces.
pub(super) fn in_text(source: &str) -> Vec<Applied<'_>> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(opening) = rest.find('{') {
        rest = &rest[opening + 1..];
        let end = match rest.chars().next() {
            Some('{') => closing(rest, "}}"),
            Some('%') => closing(rest, "%}"),
            Some('#') => {
                rest = rest.find("#}").map_or("", |end| &rest[end..]);
                continue;
            }
            _ => continue,
        };
        found.extend(in_code(&rest[1..end]));
        rest = &rest[end..];
    }
    found
}

/// Those of an expression.
pub(super) fn in_code(code: &str) -> Vec<Applied<'_>> {
    let mut found = Vec::new();
    let mut before = Token::Sign(' ');
    for token in tokens(code) {
        match (before, token) {
            (Token::Sign('|'), Token::Word(name)) => found.push(Applied::Filter(name)),
            (Token::Word("is"), Token::Word("not")) => continue,
            (Token::Word("is"), Token::Word(name)) => found.push(Applied::Test(name)),
            _ => {}
        }
        before = token;
    }
    found
}

/// Where what is open is closed, outside of texts.
fn closing(code: &str, sign: &str) -> usize {
    let mut at = 1;
    while at < code.len() && !code[at..].starts_with(sign) {
        at += one(&code[at..]);
    }
    at
}

fn tokens(code: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = code;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let (token, after) = rest.split_at(one(rest));
        rest = after;
        Some(if is_of_word(first) {
            Token::Word(token)
        } else {
            Token::Sign(first)
        })
    })
}

/// How long what it begins with is: a text in quotes, a word, or one letter.
fn one(code: &str) -> usize {
    match code.chars().next() {
        None => 0,
        Some(quote @ ('\'' | '"')) => {
            let mut is_escaped = false;
            let end = code[1..].find(|letter| {
                let is_end = letter == quote && !is_escaped;
                is_escaped = letter == '\\' && !is_escaped;
                is_end
            });
            end.map_or(code.len(), |end| end + 2)
        }
        Some(letter) if is_of_word(letter) => {
            let end = code.find(|letter| !is_of_word(letter));
            end.unwrap_or(code.len())
        }
        Some(letter) => letter.len_utf8(),
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::{
        Applied::{Filter, Test},
        *,
    };

    #[test]
    fn what_is_applied_is_found_and_no_text_is_taken_for_it() {
        assert_eq!(
            in_code(
                "'a | b is c' in data.x|lower and y is not defined and z is startingwith('it\\'s | d')"
            ),
            [Filter("lower"), Test("defined"), Test("startingwith")]
        );
        assert_eq!(in_code("data.is.not | first"), [Filter("first")]);
        assert_eq!(
            in_text(
                "a | b {{ '}}' | one }} is c {# | two #}{% if é is three %} { | d }{% endif %}{{ x | four"
            ),
            [Filter("one"), Test("three"), Filter("four")]
        );
    }
}
