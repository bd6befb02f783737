//! What it has in common with every program: help, version, completions, exit codes.

use std::time::Duration;

use penstock_tests::harness::{Program, run, wait_until};

use crate::world::{ACME, World};

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn help_has_examples_everywhere() {
    for args in [
        &["--help"][..],
        &["stats", "--help"],
        &["tenants", "--help"],
        &["job", "show", "--help"],
        &["job", "why", "--help"],
        &["dead", "list", "--help"],
        &["dead", "show", "--help"],
        &["dead", "causes", "--help"],
        &["dead", "export", "--help"],
        &["dead", "retry", "--help"],
        &["dead", "edit", "--help"],
        &["dead", "delete", "--help"],
        &["dead", "resolve", "--help"],
        &["quarantine", "--help"],
        &["quarantine", "reset", "--help"],
        &["tenant", "pause", "--help"],
        &["tenant", "resume", "--help"],
        &["tenant", "set", "--help"],
    ] {
        let help = run("penstock-admin", args, &[], "").await;
        assert_eq!(help.code, Some(0), "{help:?}");
        assert!(
            help.stdout.contains("Examples:\n  penstock-admin "),
            "{}",
            help.stdout
        );
    }
}

#[tokio::test]
async fn every_program_tells_its_exit_codes() {
    for (program, args) in [
        ("penstock-admin", &["--help"][..]),
        ("penstock-worker", &["--help"]),
        ("penstock-producer", &["--help"]),
        ("penstock-producer", &["enqueue", "--help"]),
        ("penstock-producer", &["serve", "--help"]),
    ] {
        let help = run(program, args, &[], "").await.stdout;
        let codes = help.split("Exit codes: ").nth(1).unwrap_or_default();
        let parts: Vec<_> = codes.split(';').map(str::trim).collect();
        assert_eq!(parts.len(), 3, "{program} {args:?}: {help}");
        for (code, part) in parts.iter().enumerate() {
            assert!(part.starts_with(&format!("{code} ")), "{program}: {part}");
        }
    }
}

#[tokio::test]
async fn it_answers_without_a_redis_what_needs_none() {
    let nowhere = [("PENSTOCK_REDIS_URL", "redis+unix:///nowhere/at.sock")];
    for (args, said) in [
        (&["--version"][..], "penstock-admin 0."),
        (&["--completions", "bash"], "penstock-admin"),
        (&["--print-config"], "PENSTOCK_NAMESPACE"),
    ] {
        let finished = run("penstock-admin", args, &nowhere, "").await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.contains(said), "{finished:?}");
    }
}

#[tokio::test]
async fn what_is_no_address_of_a_redis_is_a_fault_of_the_input() {
    for url in [
        "redis://127.0.0.1:six",
        "redis://127.0.0.1/first",
        "redis:///",
        "redis://user:sec#ret@127.0.0.1:6379",
        "redis://127.0.0.1:1,redis://127.0.0.1:99999",
        "redis+sentinel://127.0.0.1:x/primary",
    ] {
        let settings = [("PENSTOCK_REDIS_URL", url)];
        let programs = [
            ("penstock-admin", &["stats"][..]),
            ("penstock-worker", &[]),
            ("penstock-producer", &["enqueue", "-"]),
        ];
        for (program, args) in programs {
            let finished = run(program, args, &settings, "").await;
            assert_eq!(finished.code, Some(2), "{program} {url}: {finished:?}");
            let said = finished.stderr.lines().last().unwrap();
            assert!(
                said.contains("PENSTOCK_REDIS_URL") && !said.contains("sec#ret"),
                "{program} {url}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_away_is_no_fault_of_the_input() {
    let nowhere = [("PENSTOCK_REDIS_URL", "redis+unix:///nowhere/at.sock")];
    let finished = run("penstock-admin", ["stats"], &nowhere, "").await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.contains("Redis cannot be reached"),
        "{finished:?}"
    );
    assert_eq!(finished.stdout, "");
}

#[tokio::test]
async fn a_command_line_that_cannot_be_understood_is() {
    for args in [&[][..], &["dead"], &["statistics"], &["stats", "-o", "xml"]] {
        let finished = run("penstock-admin", args, &[], "").await;
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
        assert_eq!(finished.stdout, "");
    }
}

#[tokio::test]
async fn output_through_a_pipe_has_no_colours() {
    let world = World::start().await;
    world.note(ACME, "a").await;
    for args in [
        &["tenants"][..],
        &["job", "show", "a"],
        &["job", "why", "a"],
    ] {
        let finished = world.admin(args).await;
        assert!(!finished.stdout.contains('\u{1b}'), "{}", finished.stdout);
    }
}

#[tokio::test]
async fn watching_goes_on_until_it_is_interrupted() {
    let world = World::start().await;
    let mut watch = Program::new("penstock-admin")
        .args(["stats", "--watch", "100ms", "-o", "ndjson"])
        .env("PENSTOCK_REDIS_URL", world.server.url())
        .start();
    wait_until("three looks", LONG, async || {
        (watch.stdout().len() >= 3).then_some(())
    })
    .await;
    watch.sigint();
    assert!(watch.wait_exit(LONG).await.success());
    let refused = world
        .refused(&["stats", "--watch", "1s", "-o", "json"])
        .await;
    assert!(refused.contains("ndjson"), "{refused}");
}
