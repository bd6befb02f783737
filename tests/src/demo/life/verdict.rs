//! Whether her life went as it should have.

use super::super::promise::{Promise, Promises, promise};
use super::books::{Books, Counts, Ledger, told};

/// How often each was to be written, by system; how often fields of contacts and profiles are, depends on what meets what.
const WRITTEN: [&[(&str, u64)]; 3] = [
    &[
        ("contact", 1),
        ("task", 4),
        ("note", 5),
        ("tags", 3),
        ("contact-delete", 1),
    ],
    &[("list-contact", 1), ("list-contact-delete", 1), ("sms", 3)],
    &[("profile", 1), ("record", 4), ("timeline-entry", 4)],
];
const TAGS: [&str; 3] = ["smore", "vip", "sms-stop"];
/// What both sides changed at once, and whose change was the newer.
const CONFLICT: (&str, &str, &str) = ("firstName", "crm", "ghl");

/// Judges by the ledgers.
pub(super) fn judge(books: &Books) -> Promises {
    let all = [
        same(books),
        newer(books),
        once(books),
        messages(books),
        stopped(books),
        deleted(books),
        doubles(books),
        quota(books),
        settled(books),
    ];
    all.into_iter().collect()
}

fn same(books: &Books) -> Promise {
    let [at_ghl, at_sms, at_crm] = books.before.names();
    let fields = ["email", "phone"];
    let of = |name| (&books.before.contact[name], &books.before.profile[name]);
    let is_known = fields.iter().all(|name| of(*name).0.is_string());
    let is_same = fields.iter().all(|name| of(*name).0 == of(*name).1);
    let is_named = at_ghl.iter().all(|name| !name.is_empty());
    promise(
        is_named && at_ghl == at_sms && at_ghl == at_crm && is_known && is_same,
        format!(
            "the same in all three: {}, and how to reach her",
            at_ghl.join(" ")
        ),
    )
}

fn newer(books: &Books) -> Promise {
    let conflicts = books.conflicts.iter();
    let mut decided = conflicts.map(|one| (&*one.field, &*one.kept, &*one.dropped));
    promise(
        decided.any(|one| one == CONFLICT),
        format!(
            "of two edits at once the newer won; conflicts on record: {}",
            books.conflicts.len()
        ),
    )
}

fn once(books: &Books) -> Promise {
    let wrong = |(ledger, kinds): (&Ledger, &[(&str, u64)])| {
        let count = |kind: &str| ledger.written.get(kind).copied().unwrap_or(0);
        let wrong = kinds.iter().filter(|(kind, wanted)| count(kind) != *wanted);
        let wrong = wrong.map(|(kind, wanted)| format!("{}, not {wanted}, {kind}", count(kind)));
        wrong.collect::<Vec<_>>()
    };
    let all = books.ledgers.iter().zip(WRITTEN);
    let wrong: Vec<_> = all.flat_map(wrong).collect();
    let what = "all that was to be written was written, and nothing of it twice";
    let text = if wrong.is_empty() {
        what.to_owned()
    } else {
        format!("{what}, but {}", wrong.join(", "))
    };
    promise(wrong.is_empty(), text)
}

fn messages(books: &Books) -> Promise {
    let wanted = [("to alerts", 1), ("to her", 1), ("to staff", 1)];
    let wanted: Counts = wanted.map(|(whom, count)| (whom.to_owned(), count)).into();
    promise(
        books.messages == wanted,
        format!("SMS, and none after STOP: {}", told(&books.messages)),
    )
}

fn stopped(books: &Books) -> Promise {
    let her = &books.before;
    promise(
        her.is_left_alone() && her.is_blacklisted && her.tags() == TAGS,
        format!(
            "left alone after STOP, with the tags {}",
            her.tags().join(", ")
        ),
    )
}

fn deleted(books: &Books) -> Promise {
    let her = &books.after;
    promise(
        her.contact.is_null()
            && her.listed.is_null()
            && her.is_blacklisted
            && her.profile.is_object(),
        "deleted at GHL: off the list, still on the blacklist; the CRM keeps her profile"
            .to_owned(),
    )
}

fn doubles(books: &Books) -> Promise {
    let duplicates: u64 = books.ledgers.iter().map(|ledger| ledger.duplicates).sum();
    promise(
        duplicates == 0,
        format!("doubled by a lost answer, a refused call or a repeated webhook: {duplicates}"),
    )
}

fn quota(books: &Books) -> Promise {
    let over: u64 = books.ledgers.iter().map(|ledger| ledger.over_quota).sum();
    promise(
        over == 0,
        format!("calls over the quota of a system: {over}"),
    )
}

fn settled(books: &Books) -> Promise {
    let stats = &books.stats;
    let open = stats.scheduled + stats.ready + stats.blocked + stats.running;
    promise(
        open == 0
            && stats.dead == 0
            && stats.done_total > 0
            && books.webhooks > 0
            && books.moved == 0,
        format!(
            "settled: {} jobs done, {open} open, {} dead; {} webhooks told once more changed {} things",
            stats.done_total, stats.dead, books.webhooks, books.moved
        ),
    )
}

#[cfg(test)]
mod tests;
