//! Those of other systems.

use serde_json::json;

use super::{check, tenant};
use crate::event::{Event, GenericRules, KindRule, Source};

pub(super) fn rules() -> GenericRules {
    let at = |pointer: &str| Some(pointer.to_owned());
    GenericRules {
        source: Source::Named("crm".to_owned()),
        kind: KindRule::At("/event/name".to_owned()),
        id: at("/event/id"),
        time: at("/event/at"),
        contact: at("/who/ghl"),
        email: at("/who/email"),
        phone: at("/who/phones/0"),
    }
}

#[test]
fn what_is_where_is_configured() {
    let body = json!({
        "event": { "name": "tag added", "id": 17, "at": 1_796_115_600 },
        "who": { "ghl": "c1", "email": "A@b.io", "phones": ["+18888888888"] },
    });
    let event = Event::from_generic(body.to_string().as_bytes(), &tenant(), &rules()).unwrap();
    check(&event);
    assert_eq!(
        (event.kind.as_str(), event.id.as_str()),
        ("crm.tag_added", "crm:17")
    );
    assert_eq!(
        event.occurred_at,
        Some("2026-12-01T09:00:00Z".parse().unwrap())
    );
    assert_eq!(event.contact.refs().len(), 3);
    assert_eq!(event.data.members()["who"]["email"], "A@b.io");
}

#[test]
fn what_is_not_there_is_left_out() {
    for body in [
        json!({}),
        json!([1, 2]),
        json!("text"),
        json!(null),
        json!({ "event": [] }),
    ] {
        let event = Event::from_generic(body.to_string().as_bytes(), &tenant(), &rules()).unwrap();
        check(&event);
        assert_eq!(event.kind.as_str(), "crm.event");
        assert!(event.id.as_str().starts_with("crm:sha256-"));
        assert!(event.contact.is_nobody() && event.occurred_at.is_none());
        if !body.is_object() {
            assert_eq!(event.data.members()["value"], body);
        }
    }
}

#[test]
fn a_kind_may_be_fixed() {
    let rules = GenericRules {
        kind: KindRule::Fixed("lead".parse().unwrap()),
        ..rules()
    };
    let event = Event::from_generic(b"{}", &tenant(), &rules).unwrap();
    assert_eq!(event.kind.as_str(), "lead");
}
