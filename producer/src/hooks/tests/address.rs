//! Where requests come from.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue};

use super::{Place, parse};

fn sender(proxies: &str, peer: &str, forwarded: &[&str]) -> IpAddr {
    let hooks = parse(&format!("proxies = [{proxies}]")).unwrap();
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
    }
    hooks.sender(peer.parse().unwrap(), &headers)
}

#[test]
fn proxies_are_believed_and_nobody_else() {
    for (proxies, peer, forwarded, expected) in [
        ("", "192.0.2.1", &["203.0.113.7"][..], "192.0.2.1"),
        ("'10.0.0.0/8'", "192.0.2.1", &["203.0.113.7"], "192.0.2.1"),
        ("'10.0.0.0/8'", "10.1.2.3", &["203.0.113.7"], "203.0.113.7"),
        (
            "'10.0.0.0/8'",
            "10.1.2.3",
            &["1.1.1.1, 203.0.113.7, 10.9.9.9"],
            "203.0.113.7",
        ),
        (
            "'10.0.0.0/8'",
            "10.1.2.3",
            &["1.1.1.1", "203.0.113.7"],
            "203.0.113.7",
        ),
        (
            "'10.0.0.0/8'",
            "10.1.2.3",
            &["203.0.113.7, unknown"],
            "10.1.2.3",
        ),
        ("'10.0.0.0/8'", "10.1.2.3", &[], "10.1.2.3"),
        (
            "'10.0.0.1'",
            "::ffff:10.0.0.1",
            &["::ffff:203.0.113.7"],
            "203.0.113.7",
        ),
        (
            "'2001:db8::/32'",
            "2001:db8::1",
            &["2001:db9::1"],
            "2001:db9::1",
        ),
    ] {
        let found = sender(proxies, peer, forwarded);
        assert_eq!(
            found,
            expected.parse::<IpAddr>().unwrap(),
            "{proxies} {peer} {forwarded:?}"
        );
    }
}

#[test]
fn a_hook_may_have_sources() {
    let hooks = parse("[ghl]\nsources = ['203.0.113.7', '10.0.0.0/8']").unwrap();
    let hook = hooks.at(Place::Ghl).unwrap();
    for (address, admitted) in [
        ("203.0.113.7", true),
        ("::ffff:203.0.113.7", true),
        ("10.200.0.1", true),
        ("203.0.113.8", false),
        ("::1", false),
    ] {
        assert_eq!(hook.admits(address.parse().unwrap()), admitted, "{address}");
    }
}
