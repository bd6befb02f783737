//! The program around it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn sandbox(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_penstock-sandbox"));
    command
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(flags: &[&str]) -> Output {
    sandbox(flags).output().unwrap()
}

/// A running one, and the line that it printed.
fn start(flags: &[&str]) -> (Child, String) {
    let mut child = sandbox(flags).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim_end().to_owned())
}

fn end(child: Child, signal: Signal) -> Output {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn it_prints_its_address_and_ends_well_when_told_to() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (child, address) = start(&["--listen", "127.0.0.1:0", "--fault", "hang"]);
        let health = reqwest::get(format!("http://{address}/_sandbox/health"))
            .await
            .unwrap();
        assert_eq!(health.status(), 200);
        let output = end(child, signal);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!("listening on http://{address}\n")
        );
    }
}

#[test]
fn wrong_flags_are_the_callers_fault() {
    for (flags, complaint) in [
        (["--burst", "lots"], "is no quota"),
        (["--daily", "0"], "is no quota"),
        (["--latency", "9s..1s"], "is no range"),
        (["--fault", "explode"], "is no kind of fault"),
        (["--window", "round"], "invalid value"),
        (["--listen", "here"], "invalid"),
    ] {
        let output = run(&flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains(complaint) && told.contains(flags[0]),
            "{told}"
        );
    }
}

#[test]
fn a_taken_address_is_named_with_the_remedy() {
    let (child, address) = start(&["--listen", "127.0.0.1:0"]);
    let output = run(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains(&address) && told.contains("port 0 takes a free one"),
        "{told}"
    );
    end(child, Signal::SIGTERM);
}

#[test]
fn it_explains_itself() {
    for (flags, told) in [
        (&["--help"][..], "Examples:"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["--completions", "bash"], "_penstock"),
        (&["--print-config", "--daily", "25"], "\"daily\": \"25/1d\""),
    ] {
        let output = run(flags);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            String::from_utf8(output.stdout).unwrap().contains(told),
            "{flags:?}"
        );
    }
}

#[test]
fn a_token_is_never_shown() {
    let oauth = ["--client-id", "app1", "--client-secret", "sec-canary"];
    for secret in [&["--token", "pit-canary"][..], &oauth] {
        let output = run(&[&["--print-config"], secret].concat());
        let shown =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(shown.contains("[redacted]") && !shown.contains("canary"));
    }
}

#[test]
fn an_app_has_an_id_and_a_secret() {
    for flags in [
        &["--client-id", "app1"][..],
        &["--client-secret", "s"],
        &["--token-life", "5s"],
        &["--location", "l"],
    ] {
        assert_eq!(run(flags).status.code(), Some(2), "{flags:?}");
    }
    let mut flags = vec!["--client-id", "app1", "--client-secret", "s"];
    flags.extend(["--token-life", "5m", "--location", "l", "--print-config"]);
    let shown = String::from_utf8(run(&flags).stdout).unwrap();
    for told in ["\"tokenLife\": \"300s\"", "\"location\": \"l\""] {
        assert!(shown.contains(told), "{shown}");
    }
}
