//! Who may have been created.

use super::*;

const SENT: i64 = 1_700_000_000_000;

fn contact(id: &str, added_ms: Option<i64>) -> Contact {
    Contact {
        id: id.parse().unwrap(),
        email: None,
        phone: None,
        date_added: added_ms.map(|ms| Timestamp::from_millisecond(ms).unwrap()),
    }
}

fn references() -> [ContactRef; 2] {
    let email = ContactRef::Email("a@b.io".parse().unwrap());
    let phone = ContactRef::Phone("+14155550100".parse().unwrap());
    [email, phone]
}

fn of(found: &[Option<Contact>]) -> Vec<Seen> {
    let mut progress = Progress::default();
    for found in found {
        progress.found(found.clone());
    }
    progress.seen()
}

#[test]
fn a_contact_is_read_only_for_a_date_that_the_search_leaves_out() {
    let references = references();
    let mut progress = Progress::default();
    progress.found(Some(contact("a", Some(SENT))));
    let Some(Step::Search(ContactRef::Phone(_))) = progress.next(&references) else {
        panic!("the other name is searched for")
    };
    progress.found(Some(contact("b", None)));
    let stored = serde_json::to_string(&progress).unwrap();
    let mut progress: Progress = serde_json::from_str(&stored).unwrap();
    let Some(Step::Read(id)) = progress.next(&references) else {
        panic!("it is read")
    };
    progress.read(&id, Some(&contact("b", None)));
    assert!(progress.next(&references).is_none(), "it has no date");
    assert_eq!(progress.names_of("b", &references), references[1..]);
    progress.read(&id, None);
    assert_eq!(progress.seen().len(), 1, "it is gone");
}

#[test]
fn only_who_came_to_be_with_the_call_is_its_doing() {
    let sent = u64::try_from(SENT).unwrap();
    let sought = Sought {
        since_ms: Some(sent),
        until_ms: Some(sent + 30_000),
        ..Sought::default()
    };
    let verdict = |found: &[Option<Contact>]| verdict(&sought, &of(found), &of(found));
    let (old, new) = (
        contact("old", Some(SENT - 86_400_000)),
        contact("new", Some(SENT + 500)),
    );
    let unclear = |ids: &[&str]| Verdict::Unclear(ids.iter().map(ToString::to_string).collect());
    assert_eq!(verdict(&[None, None]), Verdict::Absent);
    let ours = Verdict::Ours("new".to_owned());
    assert_eq!(verdict(&[Some(new.clone()), Some(new.clone())]), ours);
    assert_eq!(verdict(&[Some(old.clone()), Some(new.clone())]), ours);
    assert_eq!(verdict(&[Some(old), None]), unclear(&["old"]));
    assert_eq!(
        verdict(&[Some(contact("odd", None)), None]),
        unclear(&["odd"])
    );
    let later = contact("later", Some(SENT + 90_000));
    assert_eq!(verdict(&[Some(later), None]), unclear(&["later"]));
    // Another job of ours has made it.
    let there = of(&[Some(new), None]);
    assert_eq!(super::verdict(&sought, &there, &[]), unclear(&["new"]));
}
