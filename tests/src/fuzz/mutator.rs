//! Changes to inputs: of single bytes, of parts, by words that mean harm, and by other inputs.

use rand::{Rng, RngExt, rngs::StdRng};

/// No changed input is longer, but for one insertion: of small ones thousands are tried in the time of a large one.
pub(super) const LONGEST: usize = 1 << 12;

/// Words that parsers trip over.
const HARMFUL: [&str; 46] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\\",
    "\0",
    "\r\n",
    "\n",
    "\n\n",
    "=",
    "null",
    "true",
    "NaN",
    "Infinity",
    "-0",
    "1e999",
    "-1",
    "9007199254740993",
    "18446744073709551616",
    "0.1e-400",
    "\\u0000",
    "\\ud800",
    "\\udfff",
    "\u{202e}",
    "\u{feff}",
    "\u{1b}[2J",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-02-30",
    "=cmd|' /C calc'!A0",
    "{}",
    "*",
    "../",
    "%2f",
    "%00",
    "?",
    "#",
    "a@b.co",
    "+15551234567",
    "<!-- pk:AAAA -->",
    "[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
    "é",
];

/// A changed copy of the input; `other` is one to take parts from.
pub(super) fn changed(input: &[u8], other: &[u8], dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..dice.random_range(1..=4) {
        change(&mut bytes, other, dice);
    }
    bytes.truncate(LONGEST * 2);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], dice: &mut StdRng) {
    let at = dice.random_range(0..=bytes.len());
    match dice.random_range(0..8) {
        0 => flip(bytes, dice),
        1 => bytes.truncate(at),
        2 => insert(
            bytes,
            at,
            HARMFUL[dice.random_range(0..HARMFUL.len())].as_bytes(),
        ),
        3 => {
            let part = part(bytes, dice).to_vec();
            insert(bytes, at, &part);
        }
        4 => {
            let part = part(other, dice).to_vec();
            insert(bytes, at, &part);
        }
        5 => {
            let end = (at + dice.random_range(1..=16)).min(bytes.len());
            bytes.drain(at..end);
        }
        6 => {
            let word = HARMFUL[dice.random_range(0..HARMFUL.len())].as_bytes();
            let end = (at + word.len()).min(bytes.len());
            bytes.splice(at..end, word.iter().copied());
        }
        _ => {
            let mut noise = [0; 4];
            dice.fill_bytes(&mut noise);
            insert(bytes, at, &noise);
        }
    }
}

fn flip(bytes: &mut [u8], dice: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let at = dice.random_range(0..bytes.len());
    bytes[at] ^= 1 << dice.random_range(0..8);
}

fn part<'a>(bytes: &'a [u8], dice: &mut StdRng) -> &'a [u8] {
    let from = dice.random_range(0..=bytes.len());
    let to = dice.random_range(from..=bytes.len());
    &bytes[from..to]
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    if bytes.len() < LONGEST {
        bytes.splice(at..at, what.iter().copied());
    }
}
