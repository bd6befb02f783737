//! What a contact's list says of a call that had no answer.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    ghl::{Answer, CallError, Note, Request, Task},
    job::{AttachNote, ContactId, CreateTask, Line, Payload, Text},
};

use crate::marker;

/// A note dated this much before its intent can still be ours: dates are rounded, and the API has more than one clock.
const CLOCKS: Duration = Duration::from_secs(10);
/// One dated within this before its intent might be ours if a clock is badly wrong: a person looks.
const DOUBT: Duration = Duration::from_secs(3600);

/// The request that lists what the job's call may have made; `None` for what no list shows.
pub fn list(payload: &Payload, contact: &ContactId) -> Option<Request> {
    match payload {
        Payload::AttachNote(_) => Some(Request::list_notes(contact)),
        Payload::CreateTask(_) => Some(Request::list_tasks(contact)),
        Payload::UpsertContact(_) | Payload::AddTags(_) => None,
    }
}

/// A note or a task of the contact, as far as it may be the job's.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// When it was made, by the API's clock; a task does not tell.
    pub added: Option<Timestamp>,
    /// Whether it says what the job says.
    pub same: bool,
    /// The markers in it, anybody's.
    pub markers: Vec<String>,
}

/// Everything in a list.
pub fn seen(payload: &Payload, answer: &Answer) -> Result<Vec<Seen>, CallError> {
    Ok(match payload {
        Payload::AttachNote(wanted) => {
            let notes = answer.notes()?;
            let seen = notes.into_iter().map(|note| Seen {
                same: is_same_note(&note, wanted),
                markers: markers(note.body.as_deref()),
                added: note.date_added,
                id: note.id,
            });
            seen.collect()
        }
        Payload::CreateTask(wanted) => {
            let tasks = answer.tasks()?;
            let seen = tasks.into_iter().map(|task| Seen {
                same: is_same_task(&task, wanted),
                markers: markers(task.body.as_deref()),
                added: None,
                id: task.id,
            });
            seen.collect()
        }
        Payload::UpsertContact(_) | Payload::AddTags(_) => Vec::new(),
    })
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// When the call was sent, ms by the API's clock; `None` if that cannot be told.
    pub since_ms: Option<u64>,
    /// The markers that the job's calls may have carried; empty if none can be known.
    pub markers: Vec<String>,
    /// Whether each of its calls carried one: then nothing without is its own.
    pub all_marked: bool,
    /// Markers that stand in what was to be written: somebody has copied them there, and they tell of nobody.
    pub quoted: Vec<String>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This one is the job's.
    Ours(String),
    /// Nothing.
    Absent,
    /// These may be the job's or not.
    Unclear(Vec<String>),
}

impl Sought {
    /// Whether it carries a marker of the job's.
    fn is_marked(&self, seen: &Seen) -> bool {
        seen.markers
            .iter()
            .any(|marker| self.markers.contains(marker))
    }

    /// Whether it has to be looked at: ours for certain, or the same and not another one's.
    pub fn concerns(&self, seen: &Seen) -> bool {
        if self.is_marked(seen) {
            return true;
        }
        // Of another life of the job its date tells whether it is ours, as if it had none.
        let alike = |marker: &str| {
            self.markers
                .iter()
                .any(|own| marker::are_alike(own, marker))
        };
        let foreign = |marker: &String| !self.quoted.contains(marker) && !alike(marker);
        let anothers = !self.markers.is_empty() && seen.markers.iter().any(foreign);
        seen.same && !anothers && !self.all_marked
    }

    /// What the list says, of which all are left out that are another job's.
    pub fn judge(&self, list: &[Seen]) -> Verdict {
        // Newest first, as the API lists them: of two that are ours for certain the older one is it, and the other its twin.
        let mut marked = list.iter().filter(|seen| self.is_marked(seen));
        if let Some(oldest) = marked.next_back() {
            return Verdict::Ours(oldest.id.clone());
        }
        let (mut ours, mut doubtful) = (Vec::new(), Vec::new());
        for seen in list.iter().filter(|seen| self.concerns(seen)) {
            match self.before_call(seen) {
                Some(age) if age <= CLOCKS => ours.push(seen.id.clone()),
                Some(age) if age > DOUBT => {}
                _ => doubtful.push(seen.id.clone()),
            }
        }
        match (ours.as_slice(), doubtful.as_slice()) {
            ([id], []) => Verdict::Ours(id.clone()),
            ([], []) => Verdict::Absent,
            _ => Verdict::Unclear([ours, doubtful].concat()),
        }
    }

    /// How long before the call it was made, zero if after; `None` if that cannot be told.
    fn before_call(&self, seen: &Seen) -> Option<Duration> {
        let added = u64::try_from(seen.added?.as_millisecond()).unwrap_or(0);
        Some(Duration::from_millis(self.since_ms?.saturating_sub(added)))
    }
}

/// The markers in what a job writes.
pub fn quoted(payload: &Payload) -> Vec<String> {
    markers(match payload {
        Payload::AttachNote(note) => Some(note.body.as_str()),
        Payload::CreateTask(task) => task.body.as_ref().map(Text::as_str),
        Payload::UpsertContact(_) | Payload::AddTags(_) => None,
    })
}

fn markers(body: Option<&str>) -> Vec<String> {
    let found = body.map(marker::found).into_iter().flatten();
    found.map(str::to_owned).collect()
}

/// What the list leaves out tells nothing.
fn says(theirs: Option<&str>, ours: &str) -> bool {
    theirs.is_none_or(|theirs| normal(theirs) == normal(ours))
}

fn is_same_note(note: &Note, wanted: &AttachNote) -> bool {
    let title = wanted.title.as_ref().map(Line::as_str);
    says(note.body.as_deref(), wanted.body.as_str())
        && title.is_none_or(|title| says(note.title.as_deref(), title))
}

fn is_same_task(task: &Task, wanted: &CreateTask) -> bool {
    says(task.title.as_deref(), wanted.title.as_str())
        && task
            .due_date
            .is_none_or(|due| due.as_second() == wanted.due_date.timestamp().as_second())
}

/// A text as it is left by whatever an API may make of it: without markers and HTML's tags, its entities as letters, any white space as one.
fn normal(text: &str) -> String {
    let text = without_tags(&marker::without(text));
    let entities = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    let text = entities
        .iter()
        .fold(text, |text, (entity, letter)| text.replace(entity, letter));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each tag is a space. A `<` that begins none is itself.
fn without_tags(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let tag = after
            .split_once('>')
            .filter(|(tag, _)| tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/'));
        if let Some((_, after)) = tag {
            plain.push(' ');
            rest = after;
        } else {
            plain.push('<');
            rest = after;
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: u64 = 10_000_000;

    fn note(id: &str, age_s: u64) -> Seen {
        let at = i64::try_from(SENT - age_s * 1_000).unwrap();
        Seen {
            id: id.into(),
            added: Timestamp::from_millisecond(at).ok(),
            same: true,
            markers: vec![],
        }
    }

    fn marked(seen: Seen, marker: &str) -> Seen {
        Seen {
            markers: vec![marker.into()],
            ..seen
        }
    }

    fn sought() -> Sought {
        Sought {
            since_ms: Some(SENT),
            ..Sought::default()
        }
    }

    fn unclear(ids: &[&str]) -> Verdict {
        Verdict::Unclear(ids.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_markers_the_date_tells() {
        let ours = Verdict::Ours("n".into());
        assert_eq!(sought().judge(&[note("n", 0)]), ours);
        assert_eq!(sought().judge(&[note("n", 10), note("old", 3_601)]), ours);
        assert_eq!(sought().judge(&[note("n", 11)]), unclear(&["n"]));
        assert_eq!(sought().judge(&[note("n", 3_601)]), Verdict::Absent);
        assert_eq!(
            sought().judge(&[note("n", 0), note("m", 0)]),
            unclear(&["n", "m"])
        );
        let other = Seen {
            same: false,
            ..note("n", 0)
        };
        assert_eq!(sought().judge(&[other]), Verdict::Absent);
    }

    #[test]
    fn where_no_date_can_be_compared_an_equal_one_is_in_doubt_however_old() {
        let task = Seen {
            added: None,
            ..note("t", 0)
        };
        assert_eq!(sought().judge(&[task]), unclear(&["t"]));
        let timeless = Sought::default();
        assert_eq!(timeless.judge(&[note("n", 9_000)]), unclear(&["n"]));
    }

    #[test]
    fn a_marker_tells_for_certain() {
        let sought = Sought {
            markers: vec!["m1".into(), "m2".into()],
            ..sought()
        };
        let ours = Verdict::Ours("n".into());
        // However old, whatever its text, and whatever stands beside it.
        let own = Seen {
            same: false,
            added: None,
            ..marked(note("n", 0), "m2")
        };
        assert_eq!(
            sought.judge(&[note("x", 0), own.clone(), note("y", 60)]),
            ours
        );
        let foreign = marked(note("x", 0), "m9");
        assert_eq!(
            sought.judge(std::slice::from_ref(&foreign)),
            Verdict::Absent
        );
        assert_eq!(sought.judge(&[foreign, own.clone()]), ours);
        assert_eq!(sought.judge(&[marked(note("twin", 0), "m1"), own]), ours);
        assert_eq!(sought.judge(&[note("x", 60)]), unclear(&["x"]));
        let all_marked = Sought {
            all_marked: true,
            ..sought
        };
        assert_eq!(all_marked.judge(&[note("x", 0)]), Verdict::Absent);
    }

    #[test]
    fn of_another_life_of_the_job_the_date_tells() {
        let [own, other] = ["[ps-ABCDEFGHIJKLMNOP]", "[ps-ABCDEFGHIJKLZZZZ]"];
        let sought = Sought {
            markers: vec![own.into()],
            ..sought()
        };
        let ours = Verdict::Ours("n".into());
        assert_eq!(sought.judge(&[marked(note("n", 0), other)]), ours);
        let old = marked(note("old", 3_601), other);
        assert_eq!(sought.judge(std::slice::from_ref(&old)), Verdict::Absent);
        let all_marked = Sought {
            all_marked: true,
            ..sought
        };
        let recent = marked(note("n", 0), other);
        assert_eq!(all_marked.judge(&[recent]), Verdict::Absent);
    }

    #[test]
    fn a_marker_that_the_job_itself_quotes_tells_of_nobody() {
        let sought = Sought {
            markers: vec!["m1".into()],
            quoted: vec!["old".into()],
            ..sought()
        };
        let ours = Verdict::Ours("n".into());
        assert_eq!(sought.judge(&[marked(note("n", 0), "old")]), ours);
        assert_eq!(sought.judge(&[marked(note("n", 0), "m9")]), Verdict::Absent);
    }

    #[test]
    fn texts_are_compared_as_the_api_may_have_left_them() {
        for (theirs, ours) in [
            (" Hello \r\n", "Hello"),
            ("<p>Hello</p><p>you</p>", "Hello\n\nyou"),
            ("Tom &amp; Jerry&nbsp;&lt;3", "Tom & Jerry <3"),
            ("Hello\n\n[ps-ABCDEFGHIJKLMNOP]", "Hello"),
            ("1 < 2", "1 < 2"),
        ] {
            assert!(says(Some(theirs), ours), "{theirs}");
        }
        assert!(!says(Some("Hello you"), "Hello"));
        assert!(says(None, "whatever"));
    }
}
