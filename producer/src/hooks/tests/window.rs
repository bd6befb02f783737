//! What is old.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::hooks::Window;

#[test]
fn what_is_too_old_or_dated_ahead_is_not_taken_in() {
    let (window, now) = (Window::new(Duration::from_secs(3_600)), Timestamp::now());
    for (age, admitted) in [
        (0, true),
        (3_539, true),
        (3_540, false),
        (3_600, false),
        (-60, true),
        (-61, false),
    ] {
        let then = now - SignedDuration::from_secs(age);
        assert_eq!(window.admits(Some(then), now), admitted, "{age}");
    }
    assert!(window.admits(None, now));
    assert!(!window.admits(Some(Timestamp::MIN), Timestamp::MAX));
    assert!(!window.admits(Some(Timestamp::MAX), Timestamp::MIN));
}
