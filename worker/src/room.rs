//! Room in a tenant's backlog for what a job finds elsewhere: it is asked for before the API is.

use std::time::Duration;

use penstock_shared::queue::run::field;

use crate::{
    assignment::Assignment,
    deliver::Courier,
    gate::{Stop, Turn},
};

/// When it is looked again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// So often the last tenth is left to what comes from outside; then there is room as long as there is any at all, since what fills the backlog may be
/// waiting for the same.
const PATIENT_LOOKS: u64 = 12;

/// Waits until there is room. What is found then is stored, however much it is: a few pages.
pub async fn wait(courier: &Courier, job: &Assignment, turn: &Turn<'_>) -> Result<(), Stop> {
    let backlog = courier.queue.backlog(job.reference().tenant()).await;
    let backlog = backlog.map_err(|_| turn.postponed(LOOK_AGAIN, "waits for Redis"))?;
    let looks = job.claimed.run.number(field::LOOKS).unwrap_or(0);
    if !is_room(backlog, courier.queue.terms().max_backlog, looks) {
        job.note(field::LOOKS, (looks + 1).to_string());
        return Err(turn.postponed(LOOK_AGAIN, "waits for room in the tenant's backlog"));
    }
    if looks > 0 {
        job.note(field::LOOKS, "");
    }
    Ok(())
}

/// `backlog`: with the job that asks.
fn is_room(backlog: u64, bound: u64, looks: u64) -> bool {
    let kept = if looks < PATIENT_LOOKS { bound / 10 } else { 0 };
    backlog <= bound - kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_left_to_others_for_a_while() {
        assert!(is_room(90, 100, 0) && !is_room(91, 100, 0));
        assert!(!is_room(100, 100, PATIENT_LOOKS - 1));
        assert!(is_room(100, 100, PATIENT_LOOKS) && !is_room(101, 100, PATIENT_LOOKS));
        // Who asks is a part of the backlog, and must not wait for its own end.
        assert!(is_room(1, 1, 0));
    }
}
