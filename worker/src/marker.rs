//! The marker: the last line of a note's or a task's body, by which a read-back knows an effect of ours for certain. It is keyed, so nobody
//! who reads one can make another.

use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use penstock_shared::{
    job::{JobType, Payload},
    queue::record,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::assignment::Assignment;

/// What a marker begins with.
const OPEN: &str = "[ps-";
/// What it ends with.
const CLOSE: char = ']';
/// Letters that tell the job and the call, and after them those that tell which job of this id it is; of five bits each.
const OF_JOB: usize = 12;
const OF_LIFE: usize = 4;
const LETTERS: usize = OF_JOB + OF_LIFE;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// So many intents more than the journal knows of are recognised: a Redis that went back in time has forgotten some.
const FORGOTTEN: u32 = 128;

/// Makes and knows markers. The first key makes them; all of them know them, so that keys can be changed.
#[derive(Debug)]
pub struct Marker {
    keys: Vec<SecretString>,
    /// Whether any are made; those that were made before are known all the same.
    on: bool,
}

/// Whose effect it is. With the payload in it, an id that is used again for another job has other markers.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// Whose job.
    pub tenant: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its payload's fingerprint.
    pub fingerprint: [u8; 8],
    /// When it was due first, ms: an id that is used again for the same payload, once its job is forgotten, is another job.
    pub life_ms: u64,
}

impl<'a> Maker<'a> {
    /// The job itself.
    pub fn of(job: &'a Assignment) -> Self {
        let record = &job.claimed.record;
        Self {
            tenant: job.reference().tenant(),
            id: job.reference().id(),
            fingerprint: record::fingerprint(record),
            life_ms: job.claimed.life_ms(),
        }
    }
}

/// Whether two markers tell of one job and call, be it of another life of the id: a job that Redis has forgotten, and its producer has repeated, is
/// due at another time.
pub fn are_alike(one: &str, other: &str) -> bool {
    let of_job = one.get(..OPEN.len() + OF_JOB);
    of_job.is_some_and(|of_job| other.starts_with(of_job))
}

impl Marker {
    /// With these keys; without one nothing is marked, and nothing known.
    pub fn new(keys: &[SecretString], on: bool) -> Self {
        let keys = keys.to_vec();
        Self { keys, on }
    }

    /// Whether it knows any marker.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether notes and tasks get markers.
    pub fn is_on(&self) -> bool {
        self.on && self.has_keys()
    }

    /// The marker of a job's call, by the number of its intent.
    pub fn make(&self, maker: Maker<'_>, number: u32) -> Option<String> {
        let key = self.keys.first().filter(|_| self.on)?;
        Some(write(key, maker, number))
    }

    /// Every marker that may be the job's, which has had so many intents.
    pub fn all(&self, maker: Maker<'_>, intents: u32) -> Vec<String> {
        let numbers = 1..=intents.saturating_add(FORGOTTEN);
        numbers
            .flat_map(|number| self.keys.iter().map(move |key| write(key, maker, number)))
            .collect()
    }
}

fn write(key: &SecretString, maker: Maker<'_>, number: u32) -> String {
    // A key may have any length.
    let Ok(mut of_job) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return String::new();
    };
    // Tenants and ids hold no control characters: no two makers are written alike.
    for part in [maker.tenant, maker.id] {
        of_job.update(part.as_bytes());
        of_job.update(&[0]);
    }
    of_job.update(&maker.fingerprint);
    of_job.update(&number.to_be_bytes());
    let of_life = of_job.clone().chain_update(maker.life_ms.to_be_bytes());
    let (of_job, of_life) = (letters(of_job, OF_JOB), letters(of_life, OF_LIFE));
    format!("{OPEN}{of_job}{of_life}{CLOSE}")
}

fn letters(mac: Hmac<Sha256>, count: usize) -> String {
    let digest = mac.finalize().into_bytes();
    let bytes = digest.iter().take(count);
    bytes
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

/// Whether such a job makes what has room for a marker.
pub fn is_carried_by(job_type: JobType) -> bool {
    matches!(job_type, JobType::AttachNote | JobType::CreateTask)
}

/// The payload with the marker in its body, as its last line; `None` if it would not fit.
pub fn marked(payload: &Payload, marker: &str) -> Option<Payload> {
    match payload {
        Payload::AttachNote(note) => {
            let mut note = note.clone();
            note.body = appended(note.body.as_str(), marker).parse().ok()?;
            Some(Payload::AttachNote(note))
        }
        Payload::CreateTask(task) => {
            let mut task = task.clone();
            let body = task.body.as_ref().map_or("", |body| body.as_str());
            task.body = Some(appended(body, marker).parse().ok()?);
            Some(Payload::CreateTask(task))
        }
        _ => None,
    }
}

fn appended(body: &str, marker: &str) -> String {
    match body.trim_end() {
        "" => marker.to_owned(),
        body => format!("{body}\n\n{marker}"),
    }
}

/// A text with its entities as letters, and without what an API puts into long words so that they may be broken.
fn unbroken(text: &str) -> String {
    let text = html_escape::decode_html_entities(text);
    let text = text.replace("<wbr>", "").replace("<wbr/>", "");
    text.replace(
        [
            '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}',
        ],
        "",
    )
}

/// The markers in a text, anybody's, wherever the API has put them, be their brackets written as entities.
pub fn found(text: &str) -> Vec<String> {
    let text = unbroken(text);
    places(&text).map(|place| text[place].to_owned()).collect()
}

/// A text, its entities as letters, without the markers in it.
pub fn without(text: &str) -> String {
    let text = unbroken(text);
    let (mut plain, mut end) = (String::with_capacity(text.len()), 0);
    for place in places(&text) {
        plain.push_str(&text[end..place.start]);
        end = place.end;
    }
    plain + &text[end..]
}

/// Where markers stand in a text: no two share a letter.
fn places(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(OPEN).filter_map(|(at, _)| {
        let place = at..at + OPEN.len() + LETTERS + CLOSE.len_utf8();
        let letters = text.get(place.clone())?[OPEN.len()..].strip_suffix(CLOSE)?;
        let known = |byte| ALPHABET.contains(&byte);
        letters.bytes().all(known).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MAKER: Maker<'_> = Maker {
        tenant: "acme",
        id: "call-1",
        fingerprint: [7; 8],
        life_ms: 1,
    };

    fn marker(keys: &[&str]) -> Marker {
        let keys: Vec<_> = keys.iter().map(|key| (*key).into()).collect();
        Marker::new(&keys, true)
    }

    fn made(keys: &[&str], maker: Maker<'_>, number: u32) -> String {
        marker(keys).make(maker, number).unwrap()
    }

    fn note(body: &str) -> Payload {
        let note = json!({"contact": {"id": "c1"}, "body": body});
        Payload::parse(JobType::AttachNote, note.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn no_two_intents_jobs_tenants_payloads_or_keys_have_one_marker() {
        let mut all = marker(&["k1"]).all(MAKER, 3);
        assert_eq!(all.len(), 3 + FORGOTTEN as usize);
        let others = [
            Maker {
                life_ms: 2,
                ..MAKER
            },
            Maker {
                tenant: "other",
                ..MAKER
            },
            Maker {
                id: "call-2",
                ..MAKER
            },
            Maker {
                fingerprint: [8; 8],
                ..MAKER
            },
        ];
        all.extend(others.map(|maker| made(&["k1"], maker, 1)));
        all.push(made(&["k2"], MAKER, 1));
        all.sort();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn two_lives_of_one_job_have_markers_that_are_alike() {
        let marker = |life_ms, number| made(&["k"], Maker { life_ms, ..MAKER }, number);
        assert!(are_alike(&marker(1, 1), &marker(2, 1)));
        assert!(!are_alike(&marker(1, 1), &marker(1, 2)));
    }

    #[test]
    fn an_old_key_still_knows_its_markers() {
        let old = made(&["old"], MAKER, 2);
        let changed = marker(&["new", "old"]);
        assert!(changed.all(MAKER, 2).contains(&old));
        assert_ne!(made(&["new", "old"], MAKER, 2), old);
        // Turned off, it makes none, and knows those that were made.
        let off = Marker::new(&["old".into()], false);
        assert_eq!(off.make(MAKER, 2), None);
        assert!(off.all(MAKER, 2).contains(&old));
    }

    #[test]
    fn a_marker_is_found_whatever_the_api_makes_of_the_text() {
        let marker = made(&["k"], MAKER, 1);
        for text in [
            format!("Hello\n\n{marker}"),
            format!("<p>Hello</p><p>{marker}</p>"),
            format!("Hello {marker} "),
            format!(
                "Hello {}",
                marker.replace('[', "&#91;").replace(']', "&#x5D;")
            ),
            format!("Hello {}&#8203;{}", &marker[..9], &marker[9..]),
            format!("Hello {}<wbr>{}", &marker[..9], &marker[9..]),
            marker.clone(),
        ] {
            assert_eq!(found(&text), [marker.as_str()], "{text}");
            assert!(!without(&text).contains(OPEN));
        }
        for text in [
            "[ps-]",
            "[ps-abc",
            "[ps-0123456789ABCDEF]",
            "[ps-ÄÄÄÄÄÄÄÄ]",
            "[ps-ABCDEFGHIJKLMNOPQ]",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn it_is_the_last_line_or_left_out_where_it_does_not_fit() {
        let Some(Payload::AttachNote(marked_note)) = marked(&note("Hello \n"), "[ps-X]") else {
            panic!("it fits");
        };
        assert_eq!(marked_note.body.as_str(), "Hello\n\n[ps-X]");
        assert_eq!(
            marked(&note(&"x".repeat(65_530)), "[ps-ABCDEFGHIJKLMNOP]"),
            None
        );
    }
}
