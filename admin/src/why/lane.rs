//! What a job's lane waits for: a person, the API, a worker, a call to come back.

use std::fmt::Write;

use penstock_shared::queue::{
    outlook::{Outlook, Window},
    status::LaneStatus,
};

use super::Reason;

/// What holds all of the tenant's jobs.
pub(super) fn held(lane: &LaneStatus) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if lane.paused {
        let detail = "a person paused its tenant: `tenant resume` lets it go on";
        reasons.push(Reason::new("paused", detail));
    }
    if lane.held_until_ms.is_some() {
        reasons.push(hold(lane));
    } else if lane.breaker_open {
        let detail = "the API kept failing: one call at a time is tried until one succeeds";
        reasons.push(Reason::new("breaker", detail));
    }
    reasons
}

fn hold(lane: &LaneStatus) -> Reason {
    let until = lane.held_until_ms;
    match lane.why.as_deref() {
        // The stored moment is years away: what ends this hold is a person.
        Some("needs-authorisation") => Reason::new(
            "needs-authorisation",
            "there is no token for it, or the API refused it: it waits for a worker with other credentials, or `tenant resume`",
        ),
        Some("throttled") => {
            Reason::new("throttled", "the API asked for fewer calls (429)").until(until)
        }
        Some("breaker") => Reason::new(
            "breaker",
            "the API kept failing: one call at a time is tried, the next one then",
        )
        .until(until),
        other => Reason::new(
            "hold",
            format!("held: {}", other.unwrap_or("no reason was given")),
        )
        .until(until),
    }
}

/// The calls that are left, and whether anybody is there to make them.
pub(super) fn ahead(outlook: &Outlook, reserve: f64) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if outlook.workers == 0 {
        let detail = "no worker is alive: start penstock-worker";
        reasons.push(Reason::new("no-worker", detail));
    }
    match (outlook.burst, outlook.daily) {
        (Some(burst), Some(daily)) => {
            reasons.push(permits("burst", burst, 0));
            reasons.push(permits("daily", daily, kept(daily, reserve)));
        }
        _ => reasons.push(Reason::new(
            "no-quota",
            "no worker has ever said what the quota is",
        )),
    }
    reasons
}

/// The calls of a window that are kept for high priority, rounded as the scripts do.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of at most ten million, not below zero"
)]
fn kept(window: Window, reserve: f64) -> u64 {
    (f64::from(window.quota.calls().get()) * reserve).floor() as u64
}

fn permits(what: &'static str, window: Window, kept: u64) -> Reason {
    let mut detail = format!("{} calls are left of {}", window.left, window.quota);
    if kept > 0 {
        // Writing to a String cannot fail.
        let _ = write!(detail, ", {kept} of them kept for high priority");
    }
    if window.left > kept {
        return Reason::new(what, detail);
    }
    match window.next_ms {
        Some(_) => detail += "; the next one frees then",
        None => detail += "; the next one frees one window after a call in flight has ended",
    }
    Reason::new(what, detail).until(window.next_ms)
}

#[cfg(test)]
mod tests {
    use penstock_shared::quota::Quota;

    use super::*;

    fn window(quota: &str, left: u64, next_ms: Option<u64>) -> Window {
        let quota: Quota = quota.parse().unwrap();
        Window {
            quota,
            left,
            next_ms,
        }
    }

    fn outlook(burst: Option<Window>, workers: u64) -> Outlook {
        Outlook {
            burst,
            daily: Some(window("200000/1d", 20_000, Some(9_000))),
            weight: None,
            known: true,
            workers,
        }
    }

    fn whats(reasons: &[Reason]) -> Vec<&str> {
        reasons.iter().map(|reason| reason.what).collect()
    }

    #[test]
    fn a_window_with_calls_left_is_waited_for_by_nobody() {
        let reason = permits("burst", window("100/10s", 3, Some(5_000)), 0);
        assert_eq!(reason.detail, "3 calls are left of 100/10s");
        assert_eq!(reason.until, None);
    }

    #[test]
    fn an_exhausted_window_says_when_the_next_call_frees() {
        let reason = permits("burst", window("100/10s", 0, Some(5_000)), 0);
        assert_eq!(reason.until.as_deref(), Some("1970-01-01T00:00:05Z"));
        let in_flight = permits("burst", window("1/10s", 0, None), 0);
        assert!(in_flight.detail.contains("in flight"), "{in_flight:?}");
    }

    #[test]
    fn the_reserve_of_the_day_is_not_for_everybody() {
        let reasons = ahead(&outlook(Some(window("100/10s", 100, None)), 1), 0.1);
        assert_eq!(whats(&reasons), ["burst", "daily"]);
        assert!(
            reasons[1].detail.contains("20000 of them kept"),
            "{reasons:?}"
        );
        assert!(reasons[1].until.is_some());
    }

    #[test]
    fn without_workers_nothing_happens() {
        let reasons = ahead(&outlook(None, 0), 0.1);
        assert_eq!(whats(&reasons), ["no-worker", "no-quota"]);
    }

    #[test]
    fn holds_are_told_in_words() {
        let told = |why: Option<&str>| {
            held(&LaneStatus {
                held_until_ms: Some(5_000),
                why: why.map(str::to_owned),
                breaker_open: why == Some("breaker"),
                ..LaneStatus::default()
            })
        };
        for (why, what) in [
            (Some("needs-authorisation"), "needs-authorisation"),
            (Some("throttled"), "throttled"),
            (Some("breaker"), "breaker"),
            (None, "hold"),
        ] {
            assert_eq!(whats(&told(why)), [what]);
        }
        // Its stored end is an invention that stands for "until somebody does something".
        assert_eq!(told(Some("needs-authorisation"))[0].until, None);
        assert!(told(Some("throttled"))[0].until.is_some());
    }

    #[test]
    fn a_pause_and_an_open_breaker_are_both_told() {
        let lane = LaneStatus {
            paused: true,
            breaker_open: true,
            ..LaneStatus::default()
        };
        assert_eq!(whats(&held(&lane)), ["paused", "breaker"]);
        assert_eq!(held(&LaneStatus::default()), []);
    }
}
