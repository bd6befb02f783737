use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

const OLD: &str = "old:b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "new:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

fn ring(keys: &str) -> Keyring {
    Keyring::parse(keys).unwrap()
}

fn place(id: &str) -> Place<'_> {
    Place {
        purpose: Purpose::Payload,
        namespace: "penstock",
        tenant: "acme",
        id,
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_at_its_place(plain in vec(any::<u8>(), 0..300), id in ".{0,20}") {
        let sealed = ring(OLD).seal(&place(&id), &plain).unwrap();
        prop_assert_eq!(ring(OLD).open(&place(&id), &sealed), Ok(plain));
    }

    #[test]
    fn it_opens_at_no_other_place(a in "[ab/]{0,4}", b in "[ab/]{0,4}", c in "[ab/]{0,4}", d in "[ab/]{0,4}") {
        let purpose = Purpose::Payload;
        let one = Place { purpose, namespace: "n", tenant: &a, id: &b };
        let other = Place { purpose, namespace: "n", tenant: &c, id: &d };
        let sealed = ring(OLD).seal(&one, b"text").unwrap();
        let opened = ring(OLD).open(&other, &sealed);
        if one == other {
            prop_assert_eq!(opened, Ok(b"text".to_vec()));
        } else {
            prop_assert_eq!(opened, Err(SealError::Forged));
        }
    }

    #[test]
    fn no_byte_can_be_changed(plain in vec(any::<u8>(), 0..60), at in any::<Index>(), bit in 0..8_u8) {
        let mut sealed = ring(OLD).seal(&place("a"), &plain).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(ring(OLD).open(&place("a"), &sealed).is_err());
    }

    #[test]
    fn nothing_can_be_cut_off_or_added(plain in vec(any::<u8>(), 0..60), at in any::<Index>(), more in 0..=255_u8) {
        let mut sealed = ring(OLD).seal(&place("a"), &plain).unwrap();
        prop_assert!(ring(OLD).open(&place("a"), &sealed[..at.index(sealed.len())]).is_err());
        sealed.push(more);
        prop_assert_eq!(ring(OLD).open(&place("a"), &sealed), Err(SealError::Forged));
    }

    #[test]
    fn whatever_bytes_come_are_refused(bytes in vec(any::<u8>(), 0..120), text in ".{0,60}") {
        prop_assert!(ring(OLD).open(&place("a"), &bytes).is_err());
        prop_assert_eq!(ring(OLD).open_text(&place("a"), text.clone()), Ok(text));
    }
}

#[test]
fn each_purpose_and_each_namespace_is_a_place() {
    let sealed = ring(OLD).seal(&place("a"), b"text").unwrap();
    let as_token = Place {
        purpose: Purpose::Token,
        ..place("a")
    };
    let elsewhere = Place {
        namespace: "sandbox",
        ..place("a")
    };
    for other in [as_token, elsewhere] {
        assert_eq!(ring(OLD).open(&other, &sealed), Err(SealError::Forged));
    }
}

#[test]
fn a_token_is_sealed_for_its_tenant() {
    let of = |tenant| Place {
        purpose: Purpose::Token,
        tenant,
        ..place("ghl")
    };
    let sealed = ring(NEW).seal_text(&of("acme"), "refresh-token").unwrap();
    assert!(!sealed.contains("refresh"));
    let opened = ring(NEW).open_text(&of("acme"), sealed.clone());
    assert_eq!(opened.as_deref(), Ok("refresh-token"));
    let stolen = ring(NEW).open_text(&of("other"), sealed);
    assert_eq!(stolen, Err(SealError::Forged));
}

#[test]
fn keys_are_rotated_by_putting_a_new_one_in_front() {
    let both = ring(&format!("{NEW}, {OLD}"));
    let by_old = ring(OLD).seal(&place("a"), b"text").unwrap();
    let by_both = both.seal(&place("a"), b"text").unwrap();
    assert_eq!(both.open(&place("a"), &by_old).unwrap(), b"text");
    assert_eq!(ring(NEW).open(&place("a"), &by_both).unwrap(), b"text");
    let refused = ring(NEW).open(&place("a"), &by_old).unwrap_err();
    assert_eq!(refused, SealError::Locked(key_of(&by_old).unwrap()));
    assert!(refused.to_string().contains("the key old ("), "{refused}");
}

/// Else what it cannot open would count as broken, not as another's.
#[test]
fn another_key_of_the_same_name_is_another_key() {
    let sealed = ring(OLD).seal(&place("a"), b"text").unwrap();
    let namesake = ring(&NEW.replace("new:", "old:"));
    let refused = namesake.open(&place("a"), &sealed).unwrap_err();
    assert!(matches!(refused, SealError::Locked(_)), "{refused}");
}

#[test]
fn the_same_text_is_never_sealed_the_same() {
    let seal = || ring(OLD).seal(&place("a"), b"text").unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn without_a_key_nothing_is_sealed() {
    let sealed = Keyring::default().seal(&place("a"), b"text");
    assert_eq!(sealed, Err(SealError::NoKey));
}

#[test]
fn a_text_may_be_sealed_or_not() {
    let text = ring(OLD).seal_text(&place("a"), "text").unwrap();
    assert_eq!(
        ring(OLD).open_text(&place("a"), text.clone()),
        Ok("text".into())
    );
    assert!(matches!(
        ring(NEW).open_text(&place("a"), text),
        Err(SealError::Locked(_))
    ));
    for plain in ["", "text", "\u{3}", "\u{3}text", "\u{3}AAAA"] {
        let opened = ring(OLD).open_text(&place("a"), plain.into());
        assert_eq!(opened.as_deref(), Ok(plain));
    }
}

#[test]
fn what_is_no_key_is_refused_with_the_remedy_alone() {
    let key = "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
    for text in [
        String::new(),
        key.to_owned(),
        format!(":{key}"),
        format!("a b:{key}"),
        format!("{}:{key}", "n".repeat(33)),
        "short:c2VjcmV0".to_owned(),
        "name:secret".to_owned(),
        format!("a:{key},"),
        format!("a:{key}="),
    ] {
        let refused = Keyring::parse(&text).unwrap_err();
        assert!(refused.contains("openssl rand -base64 32"), "{refused}");
        assert!(!refused.contains("c2VjcmV0") && !refused.contains("secret"));
        assert!(!refused.contains(key), "{refused}");
    }
    for twice in [
        format!("{OLD},{}", NEW.replace("new:", "old:")),
        format!("{OLD},{}", OLD.replace("old:", "new:")),
    ] {
        let refused = Keyring::parse(&twice).unwrap_err();
        assert!(refused.contains("no two keys"), "{refused}");
    }
}

#[test]
fn keys_are_never_shown() {
    let shown = format!("{:?}", ring(OLD));
    assert!(shown.contains("old") && !shown.contains("b2xk"), "{shown}");
    assert!(
        !shown.contains("old old") && !shown.contains("111, 108"),
        "{shown}"
    );
}
