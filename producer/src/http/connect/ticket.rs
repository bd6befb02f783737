//! The `state` that a browser is sent away with: random, signed, good for a while and once.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// How long somebody may take to choose an account.
pub(super) const LIFE: Duration = Duration::from_secs(600);
/// What clocks of several intakes may differ by.
const SLACK: Duration = Duration::from_secs(600);
const NUMBER: usize = 16;
const SIGNED: usize = NUMBER + 8;
const PURPOSE: &[u8] = b"penstock install\0";

/// Makes tickets, and knows its own: every intake with the same app secret knows them.
pub(super) struct Stamper(Hmac<Sha256>);

/// A ticket that came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// By which it is known.
    pub(super) number: String,
    /// How long it is good yet.
    left: Duration,
}

impl Ticket {
    /// How long it must be remembered that it was used.
    pub(super) fn kept(&self) -> Duration {
        self.left + SLACK
    }
}

impl Stamper {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub(super) fn new(secret: &SecretString) -> Self {
        let key = secret.expose_secret().as_bytes();
        let stamp = Hmac::new_from_slice(key).expect("a key of any length is taken");
        Self(stamp)
    }

    fn stamp(&self, signed: &[u8]) -> Vec<u8> {
        let mut stamp = self.0.clone();
        stamp.update(PURPOSE);
        stamp.update(signed);
        stamp.finalize().into_bytes().to_vec()
    }

    /// A new ticket.
    pub(super) fn issue(&self, number: [u8; NUMBER], now: Timestamp) -> String {
        let ends = now.as_second().saturating_add_unsigned(LIFE.as_secs());
        let signed = [&number[..], &ends.to_be_bytes()].concat();
        let stamp = self.stamp(&signed);
        URL_SAFE_NO_PAD.encode([signed, stamp].concat())
    }

    /// What came back, or why it is not taken.
    pub(super) fn read(&self, text: &str, now: Timestamp) -> Result<Ticket, &'static str> {
        let foreign = "Nobody was sent away from here with this.";
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign)?;
        let (signed, stamp) = bytes.split_at_checked(SIGNED).ok_or(foreign)?;
        if !bool::from(self.stamp(signed).ct_eq(stamp)) {
            return Err(foreign);
        }
        let (number, ends) = signed.split_at(NUMBER);
        let ends = i64::from_be_bytes(ends.try_into().map_err(|_| foreign)?);
        let left = u64::try_from(ends - now.as_second()).unwrap_or_default();
        if left == 0 {
            return Err("It took too long.");
        }
        Ok(Ticket {
            number: URL_SAFE_NO_PAD.encode(number),
            left: Duration::from_secs(left),
        })
    }
}

/// Whether the browser that comes back is the one that was sent away.
pub(super) fn is_same(cookie: &str, state: &str) -> bool {
    cookie.as_bytes().ct_eq(state.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_ticket_is_good_for_a_while() {
        let stamper = Stamper::new(&"secret".into());
        let ticket = stamper.issue([7; NUMBER], at(1_000));
        let read = stamper.read(&ticket, at(1_599)).unwrap();
        assert_eq!(read.left, Duration::from_secs(1));
        assert_eq!(stamper.read(&ticket, at(1_600)), Err("It took too long."));
        assert_ne!(ticket, stamper.issue([8; NUMBER], at(1_000)));
    }

    #[test]
    fn no_other_one_is() {
        let stamper = Stamper::new(&"secret".into());
        let ticket = stamper.issue([7; NUMBER], at(1_000));
        let other = Stamper::new(&"other".into()).issue([7; NUMBER], at(1_000));
        let mut longer = URL_SAFE_NO_PAD.decode(&ticket).unwrap();
        longer[SIGNED - 1] ^= 1;
        let longer = URL_SAFE_NO_PAD.encode(longer);
        for wrong in ["", "x", &ticket[1..], &ticket[..40], &other, &longer] {
            assert!(stamper.read(wrong, at(1_001)).is_err(), "{wrong}");
        }
        assert!(is_same(&ticket, &ticket) && !is_same("", &ticket));
    }
}
