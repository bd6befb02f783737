//! Failpoints: the places at which tests make a worker die or stand still, and the rules that they make it break.
//!
//! They are there only with the feature `failpoints`, in a program of its own, `penstock-worker-failpoints`. Without it every function here is empty.
//! `PENSTOCK_FAILPOINT` says what happens, as `POINT:ACTION[@N]`, several separated by commas: at the Nth time (the first if it is not said)
//! that the worker passes the point, it does what the action says.
//!
//! | action | what happens |
//! |---|---|
//! | `abort` | the process ends at once, as in a crash |
//! | `stop` | the process stands still until it gets SIGCONT |
//! | `on` | the rule of that name is broken, from the start |

/// Where a worker may be made to die or stand still, in the order in which a delivery passes them; the last two stand by themselves.
pub const POINTS: [&str; 11] = [
    "after-claim",
    "before-intent",
    "after-intent",
    "before-send",
    "mid-call",
    "after-response",
    "before-settle",
    "mid-settle",
    "after-settle",
    "during-renewal",
    "in-drain",
];

/// The same of the renewal of tokens: their answer is there, and nobody else knows of it.
pub const OF_RENEWAL: [&str; 1] = ["after-renewal"];

/// Rules that can be broken, to show that breaking them is noticed: a lost lease is not seen, no intent is written and none is read back, a permit
/// comes back with the answer.
pub const RULES: [&str; 3] = ["no-fence", "no-intent", "early-permit"];

pub use armed::{arm, during, is_broken, pass};

#[cfg(not(feature = "failpoints"))]
mod armed {
    /// Reads what shall happen: nothing.
    pub const fn arm() {}

    /// The worker passes a point.
    pub const fn pass(_: &str) {}

    /// Whether a rule is broken: never.
    pub const fn is_broken(_: &str) -> bool {
        false
    }

    /// The worker passes a point while this goes on.
    pub fn during<F: Future>(_: &str, what: F) -> F {
        what
    }
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        collections::HashMap,
        sync::{
            OnceLock,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use nix::sys::signal::{Signal, raise};

    /// How long after its beginning a call is in its middle: its bytes have left by then.
    const MIDDLE: Duration = Duration::from_millis(100);

    static ARMED: OnceLock<HashMap<String, Failpoint>> = OnceLock::new();

    struct Failpoint {
        action: Action,
        /// How often it is passed without harm.
        spared: AtomicU32,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Action {
        Abort,
        Stop,
        On,
    }

    /// Reads what shall happen.
    ///
    /// # Panics
    /// When that makes no sense.
    pub fn arm() {
        let text = std::env::var("PENSTOCK_FAILPOINT").unwrap_or_default();
        let points = text.split(',').filter(|part| !part.is_empty());
        let points =
            points.map(|part| read(part).unwrap_or_else(|| panic!("no failpoint: {part}")));
        let _ = ARMED.set(points.collect());
    }

    fn read(part: &str) -> Option<(String, Failpoint)> {
        let (name, action) = part.split_once(':')?;
        let (action, time) = action.split_once('@').unwrap_or((action, "1"));
        let action = match action {
            "abort" if is_point(name) => Action::Abort,
            "stop" if is_point(name) => Action::Stop,
            "on" if super::RULES.contains(&name) => Action::On,
            _ => return None,
        };
        let spared = AtomicU32::new(time.parse::<u32>().ok()?.checked_sub(1)?);
        Some((name.to_owned(), Failpoint { action, spared }))
    }

    fn is_point(name: &str) -> bool {
        super::POINTS.contains(&name) || super::OF_RENEWAL.contains(&name)
    }

    fn armed(name: &str) -> Option<&'static Failpoint> {
        ARMED.get().and_then(|points| points.get(name))
    }

    /// The worker passes a point.
    pub fn pass(name: &str) {
        if let Some(point) = armed(name) {
            strike(name, point);
        }
    }

    /// Strikes once: whoever goes on after a stop is not stopped again.
    fn strike(name: &str, point: &Failpoint) {
        let left = point.spared.fetch_sub(1, Ordering::SeqCst);
        if left != 0 {
            return;
        }
        tracing::error!(point = name, "failpoint");
        match point.action {
            Action::Abort => std::process::abort(),
            Action::Stop => raise(Signal::SIGSTOP).expect("a process can stop itself"),
            Action::On => {}
        }
    }

    /// Whether a rule is broken.
    pub fn is_broken(name: &str) -> bool {
        armed(name).is_some_and(|point| point.action == Action::On)
    }

    /// The worker passes a point while this goes on.
    pub async fn during<F: Future>(name: &str, what: F) -> F::Output {
        let Some(point) = armed(name) else {
            return what.await;
        };
        let mut what = std::pin::pin!(what);
        tokio::select! {
            done = &mut what => done,
            () = tokio::time::sleep(MIDDLE) => {
                strike(name, point);
                what.await
            }
        }
    }
}
