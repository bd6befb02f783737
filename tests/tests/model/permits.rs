//! The permits of one tenant, one by one.

use penstock_shared::quota::Quota;

/// When a permit is back in a window: no sooner than the first, no later than the second (the ledger may round up by a hundredth).
type Return = (u64, u64);

/// A tenant's permits in use, and its quotas.
#[derive(Debug, Clone)]
pub(crate) struct Permits {
    /// Burst and daily.
    quotas: [Quota; 2],
    flying: u64,
    returning: Vec<[Return; 2]>,
}

pub(crate) fn ms(quota: Quota) -> u64 {
    u64::try_from(quota.window().as_millis()).expect("a window in milliseconds")
}

impl Permits {
    pub(crate) fn new(quotas: [Quota; 2]) -> Self {
        Self {
            quotas,
            flying: 0,
            returning: Vec::new(),
        }
    }

    /// In a longer window what was counted counts for longer, and in a shorter one less long, unless it has been let go already.
    pub(crate) fn set(&mut self, quotas: [Quota; 2], now: u64) {
        for (window, (old, new)) in self.quotas.into_iter().zip(quotas).enumerate() {
            let moved = |at: u64| at + ms(new) - ms(old);
            for (first, last) in self.returning.iter_mut().map(|permit| &mut permit[window]) {
                if *first > now {
                    *first = moved(*first);
                }
                *last = moved(*last);
            }
        }
        self.quotas = quotas;
    }

    pub(crate) fn take(&mut self) {
        self.flying += 1;
    }

    /// Nothing was sent.
    pub(crate) fn undo(&mut self) {
        self.flying -= 1;
    }

    /// The API may have counted the call until this moment.
    pub(crate) fn give_back(&mut self, last: u64) {
        self.give_back_late(last, last);
    }

    /// The same, of which is heard only now. If its window is over by then, it is back with the next millisecond: the ledger enters nothing
    /// where it has taken all back already.
    pub(crate) fn give_back_late(&mut self, last: u64, now: u64) {
        self.flying -= 1;
        self.returning.push(self.quotas.map(|quota| {
            let window = ms(quota);
            let back = last + window + window.div_ceil(100);
            (last + window, back.max(now + 1))
        }));
    }

    /// How many calls a window has left: at the least, at the most.
    pub(crate) fn left(&self, window: usize, now: u64) -> (u64, u64) {
        let quota = u64::from(self.quotas[window].calls().get());
        let in_use = |moment: fn(&Return) -> u64| {
            let returning = self.returning.iter();
            let out = returning.filter(|permit| moment(&permit[window]) > now);
            self.flying + u64::try_from(out.count()).expect("few")
        };
        (
            quota.saturating_sub(in_use(|(_, last)| *last)),
            quota.saturating_sub(in_use(|(first, _)| *first)),
        )
    }

    /// How many calls may have come back to a window between these moments.
    pub(crate) fn back(&self, window: usize, after: u64, until: u64) -> u64 {
        let returning = self.returning.iter().map(|permit| permit[window]);
        let back = returning.filter(|(first, last)| *first <= until && *last > after);
        u64::try_from(back.count()).expect("few")
    }

    /// How many calls may be sent now: at the least, at the most.
    pub(crate) fn free(&self, now: u64) -> (u64, u64) {
        let (burst, day) = (self.left(0, now), self.left(1, now));
        (burst.0.min(day.0), burst.1.min(day.1))
    }
}
