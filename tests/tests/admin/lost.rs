//! Redis does what the admin program asks, and its answer is lost: the program says so, the change is made once, and asking again is harmless.

use penstock_shared::{job::state::State, outcome::Cause};
use penstock_tests::harness::{Finished, Proxy, run};

use crate::world::{ACME, World};

impl World {
    /// Runs the admin program, whose request to this script gets no answer; then once more, undisturbed. Returns what that said.
    async fn twice(&self, script: &str, args: &[&str], stdin: &str) -> Finished {
        let args = &[args, &["-o", "json"]].concat();
        let proxy = Proxy::start(self.server.endpoint());
        let url = proxy.redis_url();
        let env = [("PENSTOCK_REDIS_URL", url.as_str())];
        proxy.lose_replies(1, script);
        let lost = run("penstock-admin", args, &env, stdin).await;
        assert_eq!(proxy.lost(), 1, "{args:?}: {lost:?}");
        assert_eq!(lost.code, Some(1), "{args:?}: {lost:?}");
        let once = self.server.snapshot().await;
        let again = run("penstock-admin", args, &env, stdin).await;
        assert_eq!(self.server.snapshot().await, once, "{args:?}: {again:?}");
        again
    }

    async fn state(&self, id: &str) -> Option<State> {
        let found = self.queue.find(id, Some(ACME)).await.unwrap();
        found.first().map(|job| job.state)
    }
}

#[tokio::test]
async fn changes_are_made_once_though_nobody_hears_of_it() {
    let mut world = World::start().await;
    for id in ["retried", "all", "edited", "deleted"] {
        world.dead(ACME, &[id], Cause::Rejected).await;
    }
    for id in ["done", "resent"] {
        world.ambiguous(ACME, id).await;
    }
    let edited = r#"{"contact":{"email":"fixed@example.com"},"body":"Fixed"}"#;
    let changes: [(&str, &[&str], &str); 9] = [
        ("_redrive", &["dead", "retry", "retried"], ""),
        (
            "_edit",
            &["dead", "edit", "edited", "--payload", "-"],
            edited,
        ),
        ("_discard", &["dead", "delete", "deleted"], ""),
        (
            "_resolve",
            &["dead", "resolve", "done", "--done", "--effect", "n1"],
            "",
        ),
        ("_redrive", &["dead", "resolve", "resent", "--resend"], ""),
        (
            "_redrive",
            &["dead", "retry", "--all", "--yes", "--cause", "rejected"],
            "",
        ),
        ("_govern", &["tenant", "set", ACME, "--burst", "50/10s"], ""),
        ("_govern", &["tenant", "pause", ACME], ""),
        ("_govern", &["tenant", "resume", ACME], ""),
    ];
    for (script, args, stdin) in changes {
        let again = world.twice(script, args, stdin).await;
        if !again.stdout.is_empty() {
            let count = &again.json()["changed"];
            assert!(*count == 0 || args[0] == "tenant", "{args:?}: {again:?}");
        }
    }
    let states = [
        ("retried", Some(State::Ready)),
        ("all", Some(State::Ready)),
        ("edited", Some(State::Ready)),
        ("deleted", None),
        ("done", Some(State::Done)),
        ("resent", Some(State::Ready)),
    ];
    for (id, state) in states {
        assert_eq!(world.state(id).await, state, "{id}");
    }
    assert_eq!(world.queue.stats().await.unwrap().dead, 0);
}
