//! The programs around them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAMS: [&str; 2] = [
    env!("CARGO_BIN_EXE_penstock-smsfactor"),
    env!("CARGO_BIN_EXE_penstock-smore"),
];

fn command(program: &str, flags: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(program: &str, flags: &[&str]) -> Output {
    command(program, flags).output().unwrap()
}

/// A running one, and the line that it printed.
fn start(program: &str, flags: &[&str]) -> (Child, String) {
    let mut child = command(program, flags).spawn().unwrap();
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
async fn each_prints_its_address_and_ends_well_when_told_to() {
    for (program, signal) in PROGRAMS.into_iter().zip([Signal::SIGTERM, Signal::SIGINT]) {
        let (child, address) = start(program, &["--listen", "127.0.0.1:0", "--fault", "hang"]);
        let url = format!("http://{address}/_sandbox/health");
        assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
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
    let [sms, smore] = PROGRAMS;
    for (program, flags, complaint) in [
        (sms, ["--burst", "lots"], "is no quota"),
        (sms, ["--fault", "503:op=create-note"], "is no operation"),
        (sms, ["--retries", "1s,soon"], "is no span"),
        (sms, ["--scheme", "md5"], "invalid value"),
        (sms, ["--error-status", "99"], "invalid value"),
        (smore, ["--oauth", "0/1m"], "is no quota"),
        (smore, ["--fault", "code=-8"], "is no kind of fault"),
        (smore, ["--hurry", "0"], "invalid value"),
    ] {
        let output = run(program, &flags);
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
    for program in PROGRAMS {
        let (child, address) = start(program, &["--listen", "127.0.0.1:0"]);
        let output = run(program, &["--listen", &address]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.contains(&address) && told.contains("port 0 takes a free one"),
            "{told}"
        );
        end(child, Signal::SIGTERM);
    }
}

#[test]
fn each_explains_itself() {
    for program in PROGRAMS {
        for (flags, told) in [
            (&["--help"][..], "Examples:"),
            (&["--help"], "Faults:"),
            (&["--version"], env!("CARGO_PKG_VERSION")),
            (&["--completions", "bash"], "_penstock"),
            (&["--print-config", "--seed", "25"], "\"seed\": 25"),
        ] {
            let output = run(program, flags);
            assert_eq!(output.status.code(), Some(0));
            assert!(
                String::from_utf8(output.stdout).unwrap().contains(told),
                "{flags:?}"
            );
        }
    }
}

#[test]
fn a_secret_is_never_shown() {
    let [sms, smore] = PROGRAMS;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "canary-secret\n").unwrap();
    let path = file.path().to_str().unwrap();
    for (program, flag, value) in [
        (sms, "--token", "canary"),
        (smore, "--personal-key", "canary"),
        (smore, "--crm-token", "canary"),
        (smore, "--client-secret-file", path),
    ] {
        let output = run(program, &["--print-config", flag, value]);
        assert_eq!(output.status.code(), Some(0));
        let shown =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(shown.contains("[redacted]") && !shown.contains("canary"));
    }
}
