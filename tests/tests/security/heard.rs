//! What was heard and read of programs and Redis, and the search for canaries in it.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use penstock_tests::harness::{Finished, Program};

use crate::stage::{CANARY, KEY, PATIENCE, PHONE, TOKEN};

/// Everything that was said, with whose words it is.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Vec<(String, Vec<u8>)>);

impl Heard {
    pub(crate) fn hear(&mut self, whose: impl Into<String>, words: impl Into<Vec<u8>>) {
        self.0.push((whose.into(), words.into()));
    }

    pub(crate) fn finished(&mut self, whose: &str, finished: &Finished) {
        self.hear(whose, finished.stdout.clone());
        self.hear(whose, finished.stderr.clone());
    }

    pub(crate) async fn ended(&mut self, mut program: Program) {
        program.sigterm();
        program.wait_exit(PATIENCE).await;
        let said = [program.stdout(), program.stderr()].concat().join("\n");
        assert!(!said.is_empty());
        self.hear(program.name().to_owned(), said);
    }

    /// The first place at which a canary is.
    pub(crate) fn found(&self) -> Option<String> {
        let needles = needles();
        self.0.iter().find_map(|(whose, words)| {
            let lower = words.to_ascii_lowercase();
            let (needle, at) = needles.iter().find_map(|(needle, exact)| {
                let text = if *exact { words } else { &lower };
                let found = text
                    .windows(needle.len())
                    .position(|part| part == *needle)?;
                Some((needle, found))
            })?;
            let context = &words[at.saturating_sub(200)..words.len().min(at + 100)];
            let (needle, context) = (
                String::from_utf8_lossy(needle),
                String::from_utf8_lossy(context),
            );
            Some(format!("{needle} in {whose}: …{context}…"))
        })
    }

    pub(crate) fn is_clean(&self) {
        assert_eq!(self.found(), None);
    }
}

/// What is looked for, and whether its case counts: the canary also as base64 has it, wherever it begins.
fn needles() -> Vec<(Vec<u8>, bool)> {
    let mut needles = vec![
        (CANARY.as_bytes().to_vec(), false),
        (PHONE.as_bytes()[2..].to_vec(), false),
        (KEY.as_bytes().to_vec(), true),
    ];
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode("x".repeat(before) + CANARY);
        let certain = encoded.len() - usize::from(before != 0) * 2;
        needles.push((
            encoded.as_bytes()[before * 2 - before / 2..certain].to_vec(),
            true,
        ));
    }
    needles
}

#[test]
fn the_search_finds_what_is_hidden_in_base64() {
    for before in 0..7 {
        let mut heard = Heard::default();
        let hidden = STANDARD_NO_PAD.encode("#".repeat(before) + "a " + CANARY + " sings");
        heard.hear("base64", hidden);
        assert!(heard.found().is_some(), "{before}");
    }
    let mut heard = Heard::default();
    heard.hear("nothing", TOKEN.replace(CANARY, "canary"));
    heard.is_clean();
}
