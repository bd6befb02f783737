//! The businesses, campaigns and workflows that locations have.
//!
//! No operation of the contacts API makes one, and the API is documented as if it knew them all. So tests seed those that shall
//! exist: **as long as nothing of a kind was seeded, every id of that kind is taken for one that exists**; from the first on,
//! only the seeded ones do, each in its own location, and all others are refused as unknown.

use std::collections::HashMap;

/// The kinds of things that a location has beside its contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asset {
    Business,
    Campaign,
    Workflow,
}

impl Asset {
    /// As refusals call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Business => "Business",
            Self::Campaign => "Campaign",
            Self::Workflow => "Workflow",
        }
    }
}

/// The location of everything that was seeded, by its id.
#[derive(Debug, Default)]
pub(super) struct Directory(HashMap<Asset, HashMap<String, String>>);

impl Directory {
    pub(super) fn add(&mut self, asset: Asset, id: String, location: &str) {
        let known = self.0.entry(asset).or_default();
        known.insert(id, location.to_owned());
    }

    /// Whether that id was seeded, wherever it is.
    pub(super) fn knows(&self, asset: Asset, id: &str) -> bool {
        self.0.get(&asset).is_some_and(|ids| ids.contains_key(id))
    }

    /// Whether the location has it.
    pub(super) fn has(&self, asset: Asset, id: &str, location: &str) -> bool {
        self.0
            .get(&asset)
            .is_none_or(|ids| ids.get(id).is_some_and(|of| of == location))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_exists_until_something_of_its_kind_was_seeded() {
        let mut directory = Directory::default();
        assert!(directory.has(Asset::Campaign, "x", "l"));
        directory.add(Asset::Campaign, "c1".to_owned(), "l");
        assert!(directory.has(Asset::Campaign, "c1", "l"));
        assert!(!directory.has(Asset::Campaign, "c1", "other"));
        assert!(!directory.has(Asset::Campaign, "x", "l"));
        assert!(directory.has(Asset::Workflow, "x", "l"));
    }
}
