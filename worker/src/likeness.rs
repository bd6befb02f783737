//! How like a text of the API's is to one that was sent: an API may alter what it keeps.

use std::collections::HashMap;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use crate::marker;

/// A text of which less than this is left may be the beginning of many.
const BEGINNING: usize = 20;
/// So many per cent in common, of pairs of letters, make it doubtful that there were two texts, if they have the same digits: an API reads tags and entities
/// in its own way.
const COMMON: usize = 85;
/// In so many letters a tag with quotes has to end.
const TAG: usize = 256;
/// No entity's name is longer.
const NAME: usize = 32;
/// So many of what may be entities are looked at.
const PIECES: usize = 512;

/// How like what is there is to what was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The same.
    Equal,
    /// It may be the same, altered.
    Alike,
    /// Something else.
    Other,
}

/// A text that was to be written, in all the forms in which it is compared: a list may have very many to compare it with.
#[derive(Debug)]
pub struct Wanted<'a> {
    text: &'a str,
    normal: String,
    forms: [String; 2],
    /// What is left where whatever begins like a tag was taken for one.
    stripped: String,
    nameless: Nameless,
}

impl<'a> Wanted<'a> {
    /// Prepares it.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            normal: normal(&without_tags(text)),
            forms: forms(text),
            stripped: letters(&without_brackets(text)),
            nameless: Nameless::new(text),
        }
    }

    /// How like it is to what is there.
    pub fn likeness(&self, theirs: &str) -> Likeness {
        if normal(&without_tags(theirs)) == self.normal {
            return of_tags(theirs, self.text);
        }
        let theirs = forms(theirs);
        if theirs.iter().any(|left| self.nameless.may_be(left)) {
            return Likeness::Alike;
        }
        let mut pairs = theirs
            .iter()
            .flat_map(|one| self.forms.iter().map(move |other| (one, other)));
        if pairs.any(|(one, other)| are_alike(one, other)) || are_alike(&theirs[1], &self.stripped)
        {
            Likeness::Alike
        } else {
            Likeness::Other
        }
    }
}

/// What looks like a tag may have been none, and what looks like none may have been taken for one.
fn forms(text: &str) -> [String; 2] {
    [letters(&without_tags(text)), letters(text)]
}

/// How like those are that are the same but for their tags. An API may add or drop these; if both have some, they say as much as letters do.
fn of_tags(theirs: &str, ours: &str) -> Likeness {
    let has_tags = |text: &str| without_tags(text) != text;
    if has_tags(theirs) && has_tags(ours) && normal(theirs) != normal(ours) {
        return Likeness::Alike;
    }
    Likeness::Equal
}

/// A text as an API leaves it that takes whatever begins like an entity for one: browsers read their names without a semicolon, too, if more letters
/// follow. A page's address may hold some. What an entity stands for may be a letter.
#[derive(Debug, Default)]
struct Nameless {
    begin: String,
    /// What may be an entity's name, and what follows it.
    pieces: Vec<(String, String)>,
    /// How many bytes are left of it at the least.
    least: usize,
}

impl Nameless {
    fn new(text: &str) -> Self {
        let text = html_escape::decode_html_entities(text);
        let mut pieces = text.split('&');
        let begin = letters(pieces.next().unwrap_or_default());
        let pieces: Vec<_> = pieces.map(Self::piece).collect();
        // A hostile text is no more work than any other as long as it.
        if pieces.len() > PIECES {
            return Self::default();
        }
        let tails: usize = pieces.iter().map(|(_, tail)| tail.len()).sum();
        Self {
            least: begin.len() + tails,
            begin,
            pieces,
        }
    }

    fn piece(piece: &str) -> (String, String) {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '#';
        let end = piece.find(|c| !is_name(c)).unwrap_or(piece.len());
        let name = piece[..end].trim_start_matches('#').to_ascii_lowercase();
        (name, letters(&piece[end..]))
    }

    /// Whether all that is missing of it may be such names.
    fn may_be(&self, left: &str) -> bool {
        if self.pieces.is_empty() || left.len() < self.least || !left.starts_with(&self.begin) {
            return false;
        }
        let mut ends = vec![self.begin.len()];
        for (name, tail) in &self.pieces {
            let mut next = Vec::new();
            for start in ends {
                // The name has gone but for what it is not, and may have become a letter.
                let rests = (0..=name.len().min(NAME)).map(|from| &name[from..]);
                for rest in rests {
                    let letter = left[start..].chars().next().map_or(0, char::len_utf8);
                    for start in [start, start + letter] {
                        let after = left[start..].strip_prefix(rest);
                        let after = after.and_then(|after| after.strip_prefix(tail.as_str()));
                        next.extend(after.map(|after| left.len() - after.len()));
                    }
                }
            }
            if next.is_empty() {
                return false;
            }
            next.sort_unstable();
            next.dedup();
            next.truncate(NAME);
            ends = next;
        }
        ends.contains(&left.len())
    }
}

/// Whether they are the same, or one was cut off, or but little of it is otherwise.
fn are_alike(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if one == other {
        return true;
    }
    let counts = [short, long].map(|text| text.chars().count());
    if counts[0] < BEGINNING {
        return false;
    }
    if long.starts_with(short) {
        return true;
    }
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let [few, many] = counts.map(pairs);
    let all = few + many;
    // Where one is much shorter too few can be the same, whatever they say.
    let most = few.min(many);
    let is_much = |common: usize| 200 * common >= COMMON * all;
    is_much(most) && digits(one) == digits(other) && is_much(common_pairs(one, other))
}

/// How many pairs of neighbours so many letters are.
fn pairs(letters: usize) -> usize {
    letters.saturating_sub(1)
}

/// How many pairs of neighbouring letters they have in common, each as often as both have it: half of what Sørensen and Dice measure.
fn common_pairs(one: &str, other: &str) -> usize {
    let mut left: HashMap<(char, char), usize> = HashMap::new();
    for pair in one.chars().zip(one.chars().skip(1)) {
        *left.entry(pair).or_default() += 1;
    }
    let is_left = |pair: &(char, char)| {
        let count = left.get_mut(pair).filter(|count| **count > 0);
        count.map(|count| *count -= 1).is_some()
    };
    other
        .chars()
        .zip(other.chars().skip(1))
        .filter(is_left)
        .count()
}

/// A text as it is left by whatever an API may make of it: without markers, its entities as letters, letters that are written in several ways in
/// one, any white space as one.
fn normal(text: &str) -> String {
    let text = marker::without(text);
    let text = ComposingNormalizerBorrowed::new_nfkc().normalize(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is left of a text when all but letters and digits is dropped, and what is written above and below them.
fn letters(text: &str) -> String {
    let text = marker::without(text);
    let text = DecomposingNormalizerBorrowed::new_nfkd().normalize(&text);
    let letters = text.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Each tag is a space. A `<` that begins none is itself. What follows it is looked through once, however long it is.
fn without_tags(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        if !begins_tag(after) {
            plain.push('<');
            rest = after;
            continue;
        }
        let Some(after) = after_tag(after) else {
            return plain + "<" + after;
        };
        plain.push(' ');
        rest = after;
    }
    plain + rest
}

/// What is left of it where whatever begins like a tag, of whichever name, was taken for one.
fn without_brackets(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('<');
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        plain.push_str(after_tag(piece).unwrap_or(piece));
    }
    plain
}

/// What stands behind the tag that a text begins with. A `>` within quotes does not end it, unless they are too long.
fn after_tag(text: &str) -> Option<&str> {
    let mut quote = None;
    let is_end = |(_, c): &(usize, char)| {
        match quote {
            None if *c == '"' || *c == '\'' => quote = Some(*c),
            Some(open) if open == *c => quote = None,
            _ => {}
        }
        quote.is_none() && *c == '>'
    };
    let end = text.char_indices().take(TAG).find(is_end);
    let end = end.map(|(at, _)| at).or_else(|| text.find('>'))?;
    text.get(end + 1..)
}

/// Whether what stands behind a `<` is a tag's name, or a comment. An address of mail or of a page in such brackets is none.
fn begins_tag(text: &str) -> bool {
    let name = text.strip_prefix('/').unwrap_or(text);
    let end = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let is_named = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && end.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/');
    is_named || text.starts_with("!--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(theirs: &str, ours: &str) -> Likeness {
        Wanted::new(ours).likeness(theirs)
    }

    #[test]
    fn texts_are_compared_as_the_api_may_have_left_them() {
        for (theirs, ours) in [
            (" Hello \r\n", "Hello"),
            ("<p>Hello</p><p>you</p>", "Hello\n\nyou"),
            ("Tom &amp; Jerry&nbsp;&lt;3", "Tom & Jerry <3"),
            ("it&#x27;s &apos;it&#39;", "it's 'it'"),
            ("Caf&eacute;", "Café"),
            ("Cafe\u{301} ﬁn", "Café fin"),
            ("Hello\n\n[ps-ABCDEFGHIJKLMNOP]", "Hello"),
            ("Hello<br>&lsqb;ps-ABCDEFGHIJKLMNOP&rbrack;", "Hello"),
            ("1 < 2", "1 < 2"),
            ("Hello<br/> <!-- seen --> you", "Hello you"),
            ("Hello you", "<p>Hello <b>you</b></p>"),
            ("<p class=\"a>b\">Hello you</p>", "Hello you"),
            ("Called him", "Called <a title=\"a>b\">him</a>"),
            ("<p>Hello  <b>you</b></p>", "<p>Hello <b>you</b></p>"),
        ] {
            assert_eq!(of_texts(theirs, ours), Likeness::Equal, "{theirs}");
        }
    }

    #[test]
    fn very_many_entities_are_looked_through_once() {
        for pieces in [PIECES, 100_000] {
            let text = "a&".repeat(pieces);
            let may_be = Nameless::new(&text).may_be(&letters(&text));
            assert!(!may_be, "{pieces} are too many");
        }
    }

    /// A hostile text is no more work than any other as long as it.
    #[test]
    fn very_many_brackets_are_looked_through_once() {
        for piece in ["<a", "<a ", "<1>", "</", "<\""] {
            let text = piece.repeat(1_000_000);
            assert!(without_tags(&text).len() <= text.len());
            assert!(without_brackets(&text).len() <= text.len());
        }
    }

    #[test]
    fn what_was_altered_is_alike() {
        for (theirs, ours) in [
            ("Thanks ", "Thanks 🎉"),
            ("Thanks!", "**Thanks**"),
            ("HELLO, you", "Hello\nyou"),
            ("Cafe", "Café"),
            ("a&lt;b and c&gt;d", "a<b and c>d"),
            ("ad", "a<b and c>d"),
            // What stands in brackets may be a name.
            ("Call <Bob Roe> back", "Call <Ann Lee> back"),
            (
                "Called about the broken boi…",
                "Called about the broken boiler",
            ),
            (
                "Called about the broken boiler. Sent from Penstock",
                "Called about the broken boiler",
            ),
            ("?", "🎉"),
            // Tags and entities, as browsers read them.
            ("Called him", "Called<o:p></o:p> <st1:PersonName>him"),
            (
                "See https://x.io/?a=1§ion=2¬ify=1©=3",
                "See https://x.io/?a=1&section=2&notify=1&copy=3",
            ),
            ("Order from A&B", "Order from A&ampB"),
            ("Café über", "Caf&eacute &uuml;ber"),
            (
                "Позвонил насчёт сломанного котла, перезвонит завтра",
                "Позвонил насчёт сломанного катла, перезвонит завтра",
            ),
        ] {
            assert_eq!(of_texts(theirs, ours), Likeness::Alike, "{theirs}");
        }
    }

    #[test]
    fn what_says_something_else_is_another() {
        for (theirs, ours) in [
            ("Hello you", "Hello"),
            ("Call 1", "Call 2"),
            ("Mail from <ann@example.com>", "Mail from <bob@example.com>"),
            ("", "Hello"),
            (
                "Called about the broken boiler",
                "Called about the broken window",
            ),
            ("Jerry", "Tom &amp Jerry"),
            ("AT&T ticket 123", "AT&T ticket 1234"),
            (
                "Follow up: invoice 1001 is overdue",
                "Follow up: invoice 1002 is overdue",
            ),
        ] {
            assert_eq!(of_texts(theirs, ours), Likeness::Other, "{theirs}");
        }
    }
}
