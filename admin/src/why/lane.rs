//! What a job's lane waits for: a person, the API, a worker, a call to come back.

use std::fmt::Write;

use penstock_shared::{
    job::state::{NEEDS_AUTHORISATION, NO_CREDITS},
    queue::{
        ledger::{Ledger, Window},
        status::LaneStatus,
    },
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
        Some(NEEDS_AUTHORISATION) => Reason::new(
            NEEDS_AUTHORISATION,
            "there is no token for it, or the API refused it: it waits for another (`tokens add`, /oauth/install, a worker with another PENSTOCK_GHL_TOKEN, or with another token in the file that PENSTOCK_CONNECTIONS names), or `tenant resume`; `check` tells what is missing",
        ),
        Some(NO_CREDITS) => Reason::new(
            NO_CREDITS,
            "the account has no credits left: buy some; it is asked again then, or at once after `tenant resume`",
        )
        .until(until),
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

/// The calls that are left to a job, of high priority or not, and whether anybody is there to make them.
pub(super) fn ahead(ledger: &Ledger, workers: u64, high: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if workers == 0 {
        let detail = "no worker is alive: start penstock-worker";
        reasons.push(Reason::new("no-worker", detail));
    }
    let Some((burst, daily)) = ledger.windows() else {
        let detail = "no worker has ever said what the quota is";
        reasons.push(Reason::new("no-quota", detail));
        return reasons;
    };
    // A share of the burst is another reason than the burst, one of the day is not another than the day.
    reasons.push(permits("burst", burst, true));
    reasons.extend(spread(burst).filter(|_| !high));
    reasons.push(permits("daily", daily, high));
    reasons.extend(announced("burst", burst));
    reasons.extend(announced("daily", daily));
    reasons.extend(ledger.foreign.map(foreign));
    reasons.extend(ledger.forgotten_until.map(forgotten));
    reasons
}

fn permits(what: &'static str, window: &Window, high: bool) -> Reason {
    let mut detail = format!("{} calls are left of {}", window.left(true), window.quota);
    let kept = window.allowed(true) - window.allowed(high);
    if kept > 0 {
        // Writing to a String cannot fail.
        let _ = write!(detail, ", {kept} of them kept for high priority");
    }
    freeing(what, detail, window, high)
}

/// With the moment at which the next call is free, where none is.
fn freeing(what: &'static str, mut detail: String, window: &Window, high: bool) -> Reason {
    if window.left(high) > 0 {
        return Reason::new(what, detail);
    }
    let frees = window.frees_ms(high);
    detail += match frees {
        Some(_) => "; the next one frees then",
        None => "; the next one frees one window after a call in flight has ended",
    };
    Reason::new(what, detail).until(frees)
}

/// That what is not of high priority gets only its part of the day in each burst window.
fn spread(burst: &Window) -> Option<Reason> {
    let part = burst.allowed(false);
    let detail = || {
        let left = burst.left(false);
        format!(
            "the day's calls are spread evenly over it, but for high priority: {left} are left of {part} in a burst window"
        )
    };
    (part < burst.allowed(true)).then(|| freeing("spread", detail(), burst, false))
}

fn announced(what: &str, window: &Window) -> Option<Reason> {
    let (quota, configured) = (window.quota, window.configured);
    let detail = || {
        format!(
            "the API announced a lower {what} quota than {configured}, which is configured: {quota} counts"
        )
    };
    (quota != configured).then(|| Reason::new("announced", detail()))
}

fn foreign((calls, until): (u64, u64)) -> Reason {
    let detail = format!(
        "somebody else was seen to use {calls} calls of the day, which is believed until then"
    );
    Reason::new("foreign", detail).until(Some(until))
}

fn forgotten(until: u64) -> Reason {
    let detail =
        "Redis has forgotten what was sent lately: the burst window counts as full until then";
    Reason::new("forgotten", detail).until(Some(until))
}

#[cfg(test)]
mod tests {
    use penstock_shared::quota::Quota;

    use super::*;

    fn window(quota: &str, taken: u64, returns: &[(u64, u64)]) -> Window {
        let quota: Quota = quota.parse().unwrap();
        Window {
            quota,
            configured: quota,
            normal: quota.calls().get().into(),
            taken,
            returns: returns.to_vec(),
        }
    }

    fn ledger() -> Ledger {
        Ledger {
            burst: Some(window("100/10s", 0, &[])),
            daily: Some(window("200000/1d", 180_000, &[(9_000, 180_000)])),
            ..Ledger::default()
        }
    }

    fn whats(reasons: &[Reason]) -> Vec<&str> {
        reasons.iter().map(|reason| reason.what).collect()
    }

    #[test]
    fn a_window_with_calls_left_is_waited_for_by_nobody() {
        let reason = permits("burst", &window("100/10s", 97, &[(5_000, 97)]), true);
        assert_eq!(reason.detail, "3 calls are left of 100/10s");
        assert_eq!(reason.until, None);
    }

    #[test]
    fn an_exhausted_window_says_when_the_next_call_frees() {
        let reason = permits("burst", &window("100/10s", 100, &[(5_000, 1)]), true);
        assert_eq!(reason.until.as_deref(), Some("1970-01-01T00:00:05Z"));
        let in_flight = permits("burst", &window("1/10s", 1, &[]), true);
        assert!(in_flight.detail.contains("in flight"), "{in_flight:?}");
    }

    #[test]
    fn the_reserve_of_the_day_is_not_for_everybody() {
        let mut ledger = ledger();
        ledger.daily.as_mut().unwrap().normal = 180_000;
        let reasons = ahead(&ledger, 1, false);
        assert_eq!(whats(&reasons), ["burst", "daily"]);
        assert!(
            reasons[1].detail.contains("20000 of them kept"),
            "{reasons:?}"
        );
        assert!(reasons[1].until.is_some());
        let high = ahead(&ledger, 1, true);
        assert_eq!(high[1].detail, "20000 calls are left of 200000/1d");
        assert_eq!(high[1].until, None);
    }

    #[test]
    fn pacing_holds_back_what_is_not_of_high_priority() {
        let mut ledger = ledger();
        ledger.burst = Some(Window {
            normal: 21,
            ..window("100/10s", 30, &[(4_000, 9), (5_000, 21)])
        });
        let reasons = ahead(&ledger, 1, false);
        assert_eq!(whats(&reasons), ["burst", "spread", "daily"]);
        assert_eq!(reasons[0].detail, "70 calls are left of 100/10s");
        assert!(
            reasons[1].detail.contains("0 are left of 21"),
            "{reasons:?}"
        );
        // With nine back as many are taken as may be.
        assert_eq!(reasons[1].until.as_deref(), Some("1970-01-01T00:00:05Z"));
        let high = ahead(&ledger, 1, true);
        assert_eq!(whats(&high), ["burst", "daily"]);
    }

    #[test]
    fn what_the_api_said_is_told() {
        let mut ledger = ledger();
        ledger.burst.as_mut().unwrap().configured = "400/10s".parse().unwrap();
        ledger.foreign = Some((1234, 5_000));
        let reasons = ahead(&ledger, 1, false);
        assert_eq!(whats(&reasons), ["burst", "daily", "announced", "foreign"]);
        let announced = "the API announced a lower burst quota than 400/10s, which is configured: 100/10s counts";
        assert_eq!(reasons[2].detail, announced);
        assert!(reasons[3].detail.contains("1234"), "{reasons:?}");
        assert_eq!(reasons[3].until.as_deref(), Some("1970-01-01T00:00:05Z"));
    }

    #[test]
    fn without_workers_nothing_happens() {
        let reasons = ahead(&Ledger::default(), 0, false);
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
