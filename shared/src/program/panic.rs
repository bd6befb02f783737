//! What is said of a panic. Its text may hold what was being worked on (Rust's own say of a text what stood in it), so only a text that was
//! written in the program is repeated.

use std::{any::Any, io::Write as _, panic};

/// From now on a panic tells where it was, and no more than is known to be harmless.
pub(super) fn tell_less() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        // Where standard error is gone, nobody can be told.
        let _ = writeln!(
            std::io::stderr(),
            "panicked at {place}: {}",
            harmless(info.payload())
        );
    }));
}

fn harmless(payload: &dyn Any) -> &str {
    let literal = payload.downcast_ref::<&'static str>();
    literal
        .copied()
        .unwrap_or("(what it said is left out: there may be personal data in it)")
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn only_literal_texts_are_told() {
        let caught = catch_unwind(|| panic!("a plain text")).unwrap_err();
        assert_eq!(harmless(&*caught), "a plain text");
        let text = String::from("é canary");
        for caught in [
            catch_unwind(|| panic!("of {text}")).unwrap_err(),
            catch_unwind(|| text[1..].len()).unwrap_err(),
        ] {
            assert!(!harmless(&*caught).contains("canary"));
        }
    }
}
