//! The demo is the first thing that anybody runs: it ends well, and leaves nothing behind.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use penstock_tests::harness::{
    Program, ProgramBuilder, RedisOptions, RedisServer, Snapshot, wait_until,
};

const LONG: Duration = Duration::from_secs(120);

fn demo() -> ProgramBuilder {
    // The one variable of ours that the demo needs, and that the harness keeps from programs.
    let redis = std::env::var_os("PENSTOCK_TEST_REDIS");
    let demo = Program::new("penstock-demo");
    redis
        .into_iter()
        .fold(demo, |demo, path| demo.env("PENSTOCK_TEST_REDIS", path))
}

/// The processes that the demo says it started are gone.
async fn assert_nothing_runs(output: &[String]) {
    let text = output.join("\n");
    let digits = |after: &str| {
        after
            .split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    let named: Vec<i32> = text.split("process ").skip(1).filter_map(digits).collect();
    assert!(!named.is_empty(), "the demo names its processes:\n{text}");
    for pid in named {
        let gone = async || (kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH)).then_some(());
        wait_until("the end of a process of the demo", LONG, gone).await;
    }
}

#[tokio::test]
async fn the_demo_keeps_every_promise() {
    let mut demo = demo().start();
    let status = demo.wait_exit(LONG).await;
    let output = demo.stdout();
    assert!(
        status.success(),
        "{}\n{}",
        output.join("\n"),
        demo.stderr().join("\n")
    );
    assert!(
        output
            .iter()
            .any(|line| line.contains("All of it came true"))
    );
    assert_nothing_runs(&output).await;
}

#[tokio::test]
async fn a_borrowed_redis_is_left_as_it_was_even_when_interrupted() {
    let server = RedisServer::start(RedisOptions::default()).await;
    server.cli(["SET", "somebody's", "own"]).await;
    let before = server.snapshot().await;
    let mut demo = demo().env("PENSTOCK_REDIS_URL", server.url()).start();
    demo.wait_for_output("Two workers deliver", LONG).await;
    assert_ne!(server.snapshot().await, before);
    demo.sigint();
    assert_eq!(
        demo.wait_exit(LONG).await.code(),
        Some(130),
        "{}",
        demo.stderr().join("\n")
    );
    assert_eq!(server.snapshot().await, before);
    assert_ne!(before, Snapshot::default());
    assert_nothing_runs(&demo.stdout()).await;
}

/// What is told of each station of her life: by whom, and what it comes to elsewhere.
const STATIONS: [&[&str]; 8] = [
    &[
        "● Zoé answers a form",
        "+ contact Zoé Martin",
        "+ task: Welcome call",
        "+ in the list: Zoé",
        "+ profile Zoé Martin",
        "AttachNote: no answer",
        "onboarding ▸ AttachNote",
        "+ record: Welcome call",
    ],
    &[
        "● a task for staff",
        "task-to-staff ▸ SendSms",
        "+ SMS …0002",
        "note-to-contact ▸ SendSms",
        "+ SMS …5678",
    ],
    &[
        "● she replies: call me",
        "call-back ▸ CreateTask",
        "transcript ▸ AttachNote",
        "+ SMS …0001",
    ],
    &[
        "● another last name",
        "crm-to-contact ▸ UpdateContact",
        "~ Martin-Roux",
        "~ won",
        "+ tag vip",
        "crm-note ▸ AttachNote",
    ],
    &["● Zoë Roux", "● Zoé-Lou", "contact-to-crm ▸ HttpCall"],
    &[
        "● she replies: STOP",
        "~ do not disturb",
        "+ tag sms-stop",
        "dnd-to-blacklist ▸ SmsBlacklist",
    ],
    &["● deleted", "contact-off-list", "− from the list"],
    &[" webhooks: 0 changes"],
];

/// What is told of each station is told under its heading.
fn assert_told(output: &[String]) {
    let text = output.join("\n");
    let (_, life) = text.split_once("── 1. ").expect("her life begins");
    let (life, verdict) = life
        .split_once("== What the ledgers say")
        .expect("her life is judged");
    let told: Vec<_> = life.split("\n── ").collect();
    assert_eq!(told.len(), STATIONS.len(), "{text}");
    for (told, wanted) in told.iter().zip(STATIONS) {
        for wanted in wanted {
            assert!(told.contains(wanted), "{wanted} in:\n{told}");
        }
    }
    assert!(verdict.contains("All of it came true"), "{verdict}");
    assert!(!verdict.contains("BAD"), "{verdict}");
    assert!(!text.contains('\x1b'), "no colours where nobody looks");
}

#[tokio::test]
async fn the_life_of_a_contact_in_three_systems_is_told_and_judged() {
    let mut demo = demo().arg("--two-way").start();
    let status = demo.wait_exit(LONG).await;
    let output = demo.stdout();
    let complaints = demo.stderr().join("\n");
    assert!(status.success(), "{}\n{complaints}", output.join("\n"));
    assert_told(&output);
    assert_nothing_runs(&output).await;
}

/// On somebody's Redis, which is left as it was; and while it is kept running, life goes on.
#[tokio::test]
async fn kept_running_it_tells_of_what_happens_until_it_is_ended() {
    let server = RedisServer::start(RedisOptions::default()).await;
    server.cli(["SET", "somebody's", "own"]).await;
    let before = server.snapshot().await;
    let mut demo = demo()
        .args(["--two-way", "--keep"])
        .env("PENSTOCK_REDIS_URL", server.url())
        .start();
    let order = demo.wait_for_output("/_sandbox/replies -d", LONG).await;
    let mut words = order.trim_start().trim_start_matches("curl ").split(" -d ");
    let (url, body) = (words.next().unwrap(), words.next().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let posted = http.post(url).body(body.trim_matches('\'').to_owned());
    assert_eq!(posted.send().await.unwrap().status(), 200);
    demo.wait_for_output("+ task: Call +33687", LONG).await;
    demo.sigint();
    let status = demo.wait_exit(LONG).await;
    assert!(status.success(), "{}", demo.stderr().join("\n"));
    assert_eq!(server.snapshot().await, before);
    assert_nothing_runs(&demo.stdout()).await;
}
