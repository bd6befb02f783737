//! Ids and secrets as they are given out: drawn from the seed, so that a run can be repeated.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Draws ids. The n-th depends on the seed and on what was drawn before it alone.
#[derive(Debug)]
pub struct Draw(StdRng);

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";

impl Draw {
    /// From this seed.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// So many letters and digits.
    pub fn word(&mut self, length: usize) -> String {
        self.from(LETTERS, length)
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        self.from(HEX, length)
    }

    /// A UUID.
    pub fn uuid(&mut self) -> String {
        let bytes = self.0.random::<u128>().to_be_bytes();
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    fn from(&mut self, letters: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(letters[self.0.random_range(0..letters.len())]))
            .collect()
    }
}
