//! Ids as the API gives them: 20 letters and digits.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The n-th id depends on the seed and n alone.
#[derive(Debug)]
pub(super) struct Ids(StdRng);

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(super) fn next(&mut self) -> String {
        (0..20)
            .map(|_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_the_apis_and_come_from_the_seed() {
        let (mut one, mut same, mut other) = (Ids::new(1), Ids::new(1), Ids::new(2));
        let id = one.next();
        assert!(id.len() == 20 && id.chars().all(|letter| letter.is_ascii_alphanumeric()));
        assert_eq!(id, same.next());
        assert_ne!(id, other.next());
        assert_ne!(id, one.next());
    }
}
