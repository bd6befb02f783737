//! The people and firms of the demo: invented, at addresses that are reserved for examples.

/// Five customers of an agency, each a location of its own with a quota of its own.
pub(super) const FIRMS: [&str; 5] = [
    "northside-dental",
    "harbor-roofing",
    "willow-yoga",
    "metro-plumbing",
    "acme-solar",
];

/// Contacts of each firm.
pub(super) const CONTACTS: usize = 15;

const FIRST: [&str; 15] = [
    "Amelia", "Bruno", "Chiara", "Dmitri", "Esther", "Farid", "Greta", "Hugo", "Imani", "Jonas",
    "Keiko", "Luis", "Maya", "Nils", "Oksana",
];
const LAST: [&str; 5] = ["Abernathy", "Bergström", "Castellanos", "Dubois", "Eriksen"];

/// Somebody who asked one of the firms for something.
pub(super) struct Person {
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) email: String,
    pub(super) phone: String,
}

/// Person `number` (below [`CONTACTS`]) of firm `firm`.
pub(super) fn person(firm: usize, number: usize) -> Person {
    let (first, last) = (
        FIRST[number % FIRST.len()],
        LAST[(firm + number) % LAST.len()],
    );
    Person {
        first,
        last,
        email: format!("{}.{firm}{number}@example.com", first.to_lowercase()),
        phone: format!("+1512555{:04}", 100 + firm * CONTACTS + number),
    }
}
