//! No output has a secret in it.

use super::super::history::History;
use super::{Invariant, Violation};

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for output in &history.outputs {
        for (number, line) in output.lines.iter().enumerate() {
            let told = |secret: &&String| line.contains(secret.as_str());
            if history.secrets.iter().any(|secret| told(&secret)) {
                // The line itself is not repeated: this is an output too.
                let evidence = format!("line {} of {} tells a secret", number + 1, output.of);
                found.push(Invariant::Secrets.violated(evidence));
            }
        }
    }
    found
}
