//! Each scheme: good, forged, cut, with another key, in another header.

use aws_lc_rs::{
    encoding::AsDer as _,
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Hooks, Place, key_pair, parse};

const BODY: &[u8] = br#"{"type":"ContactCreate","locationId":"loc"}"#;

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn believed(hooks: &Hooks, place: Place<'_>, all: &[(&str, &str)], body: &[u8]) -> bool {
    hooks.at(place).unwrap().believes(&headers(all), body)
}

/// A good signature is believed, and nothing that is not quite it.
fn check(hooks: &Hooks, place: Place<'_>, header: &str, good: &str, others: &[&str]) {
    let holds = |all: &[(&str, &str)]| believed(hooks, place, all, BODY);
    assert!(holds(&[(header, good)]));
    assert!(holds(&[(header, &format!(" {good} "))]));
    let cut = &good[..good.len() - 4];
    for wrong in [cut, "", "N/A", "nonsense", &format!("{good}AAAA")]
        .iter()
        .chain(others)
    {
        assert!(!holds(&[(header, wrong)]), "{wrong}");
    }
    assert!(!holds(&[]));
    assert!(!holds(&[("x-another-signature", good)]));
    // Who of two readers takes the first and who the last is not known.
    assert!(!holds(&[(header, good), (header, "nonsense")]));
    assert!(!holds(&[(header, good), (header, good)]));
    for other in [
        &BODY[1..],
        &BODY[..BODY.len() - 1],
        b"",
        &[BODY, b" "].concat(),
    ] {
        let is_literal = believed(hooks, place, &[(header, good)], b"anything at all");
        let same = believed(hooks, place, &[(header, good)], other);
        assert_eq!(same, is_literal);
    }
}

fn signed(pair: &Ed25519KeyPair, body: &[u8]) -> String {
    STANDARD.encode(pair.sign(body))
}

#[test]
fn ghl_signs_with_ed25519() {
    let (pair, public) = key_pair();
    let (other, _) = key_pair();
    let hooks = parse(&format!("[ghl]\nkey = \"{public}\"")).unwrap();
    let forged = signed(&other, BODY);
    check(
        &hooks,
        Place::Ghl,
        "X-GHL-Signature",
        &signed(&pair, BODY),
        &[&forged],
    );
}

#[test]
fn ghls_own_keys_are_the_default() {
    let (pair, _) = key_pair();
    let hooks = parse("[ghl]\nlegacy = true").unwrap();
    let forged = signed(&pair, BODY);
    assert!(!believed(
        &hooks,
        Place::Ghl,
        &[("X-GHL-Signature", &forged)],
        BODY
    ));
}

/// Signs as GHL did before.
fn legacy() -> (String, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        BODY,
        &mut signature,
    )
    .unwrap();
    let der = pair.public_key().as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        STANDARD.encode(der.as_ref())
    );
    (STANDARD.encode(signature), pem)
}

#[test]
fn what_is_signed_as_before_is_believed_where_it_is_switched_on() {
    const NEW: &str = "X-GHL-Signature";
    const OLD: &str = "X-WH-Signature";
    let ((pair, public), (signature, pem)) = (key_pair(), legacy());
    let on = format!("[ghl]\nlegacy = true\nkey = \"{public}\"\nlegacy_key = '''{pem}'''");
    let on = parse(&on).unwrap();
    let off = parse(&format!("[ghl]\nkey = \"{public}\"")).unwrap();
    check(&on, Place::Ghl, OLD, &signature, &[&legacy().0]);
    let holds = |hooks, all: &[(&str, &str)]| believed(hooks, Place::Ghl, all, BODY);
    assert!(!holds(&off, &[(OLD, &signature)]));
    let good = signed(&pair, BODY);
    assert!(holds(&on, &[(NEW, &good), (OLD, "N/A")]));
    assert!(holds(&on, &[(NEW, &good), (OLD, "nonsense")]));
    assert!(holds(&on, &[(NEW, "N/A"), (OLD, &signature)]));
    // One that is there and wrong is not made good by another.
    assert!(!holds(&on, &[(NEW, "nonsense"), (OLD, &signature)]));
    assert!(!holds(&on, &[(NEW, &signature), (OLD, &signature)]));
    assert!(!holds(&on, &[(OLD, &good)]));
}

fn code(secret: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, BODY).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const SECRET: &str = "a secret that is long enough";

#[test]
fn smore_signs_with_hmac_in_hexadecimal() {
    let hooks = format!("[smore.forms]\ntenant = \"t\"\nsecret = \"{SECRET}\"");
    let hooks = parse(&hooks).unwrap();
    let good = hex(&code(SECRET));
    let others = [hex(&code("another")), STANDARD.encode(code(SECRET))];
    let others = [others[0].as_str(), &others[1]];
    check(
        &hooks,
        Place::Smore(None),
        "X-Smore-Signature",
        &good,
        &others,
    );
    let upper = good.to_uppercase();
    assert!(believed(
        &hooks,
        Place::Smore(Some("forms")),
        &[("X-Smore-Signature", &upper)],
        BODY
    ));
}

/// That it agrees with others' implementations: the second of RFC 4231's.
#[test]
fn the_code_is_that_of_the_standard() {
    let hooks = parse("[smore.a]\ntenant = \"t\"\nsecret = \"Jefe\"").unwrap();
    let code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let body = b"what do ya want for nothing?";
    assert!(believed(
        &hooks,
        Place::Smore(None),
        &[("X-Smore-Signature", code)],
        body
    ));
}

#[test]
fn smsfactors_scheme_is_configured() {
    const HEADER: &str = "X-SMSFactor-Signature";
    let with = |scheme: &str| {
        let text =
            format!("[smsfactor.a]\ntenant = \"t\"\nscheme = \"{scheme}\"\nsecret = \"{SECRET}\"");
        parse(&text).unwrap()
    };
    let place = Place::Smsfactor(None);
    check(
        &with("secret"),
        place,
        HEADER,
        SECRET,
        &[&hex(&code(SECRET))],
    );
    let base64 = STANDARD.encode(code(SECRET));
    check(
        &with("hmac-sha256-base64"),
        place,
        HEADER,
        &base64,
        &[SECRET],
    );
    let unpadded = base64.trim_end_matches('=');
    assert!(believed(
        &with("hmac-sha256-base64"),
        place,
        &[(HEADER, unpadded)],
        BODY
    ));
    check(
        &with("hmac-sha256-hex"),
        place,
        HEADER,
        &hex(&code(SECRET)),
        &[SECRET, &base64],
    );
}

#[test]
fn others_name_their_header() {
    let (pair, public) = key_pair();
    let text = format!(
        "[generic.crm]\ntenant = \"t\"\nscheme = \"ed25519\"\nheader = \"X-Crm\"\nprefix = \"v1=\"\nkey = \"{public}\""
    );
    let hooks = parse(&text).unwrap();
    let good = format!("v1={}", signed(&pair, BODY));
    check(
        &hooks,
        Place::Generic("crm"),
        "x-crm",
        &good,
        &[&signed(&pair, BODY)],
    );
}

#[test]
fn several_secrets_are_valid_at_once() {
    let (old, old_public) = key_pair();
    let (new, new_public) = key_pair();
    let text = format!(
        "[ghl]\nkey = [\"{new_public}\", \"{old_public}\"]\n[smore.a]\ntenant = \"t\"\nsecret = [\"new\", \"old\"]"
    );
    let hooks = parse(&text).unwrap();
    for pair in [&old, &new] {
        assert!(believed(
            &hooks,
            Place::Ghl,
            &[("X-GHL-Signature", &signed(pair, BODY))],
            BODY
        ));
    }
    for secret in ["new", "old"] {
        let code = hex(&code(secret));
        assert!(believed(
            &hooks,
            Place::Smore(None),
            &[("X-Smore-Signature", &code)],
            BODY
        ));
    }
    let neither = hex(&code("other"));
    assert!(!believed(
        &hooks,
        Place::Smore(None),
        &[("X-Smore-Signature", &neither)],
        BODY
    ));
}

#[test]
fn a_key_may_be_pem() {
    let (pair, _) = key_pair();
    let der = pair.public_key().as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        STANDARD.encode(der.as_ref())
    );
    let hooks = parse(&format!("[ghl]\nkey = '''\n{pem}\n'''")).unwrap();
    assert!(believed(
        &hooks,
        Place::Ghl,
        &[("X-GHL-Signature", &signed(&pair, BODY))],
        BODY
    ));
}
