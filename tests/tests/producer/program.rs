//! What it has in common with every program: help, version, completions, exit codes; and the schemas.

use std::{fs, path::Path};

use penstock_shared::job::JobType;
use penstock_tests::harness::run;

use crate::stage::PRODUCER;

#[tokio::test]
async fn help_has_examples() {
    for args in [
        &["--help"][..],
        &["enqueue", "--help"],
        &["serve", "--help"],
        &["schema", "--help"],
    ] {
        let help = run(PRODUCER, args, &[], "").await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        for part in ["Examples:\n  penstock-producer ", "--print-config"] {
            assert!(help.stdout.contains(part), "{args:?}\n{}", help.stdout);
        }
    }
}

#[tokio::test]
async fn it_answers_without_a_redis_what_needs_none() {
    let nowhere = [("PENSTOCK_REDIS_URL", "redis+unix:///nowhere/at.sock")];
    let version = run(PRODUCER, ["--version"], &nowhere, "").await;
    let expected = format!("penstock-producer {}\n", penstock_shared::program::VERSION);
    assert_eq!((version.code, version.stdout), (Some(0), expected));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(PRODUCER, ["--completions", shell], &nowhere, "").await;
        assert_eq!(script.code, Some(0), "{script:?}");
        for part in ["penstock-producer", "enqueue", "serve", "listen", "batch"] {
            assert!(script.stdout.contains(part), "{shell} lacks {part}");
        }
    }
}

#[tokio::test]
async fn a_command_line_that_cannot_be_understood_is_the_callers_fault() {
    for args in [
        &[][..],
        &["enqeue"],
        &["enqueue", "a", "b"],
        &["enqueue", "--batch"],
        &["serve", "--port", "80"],
        &["schema", "BakeCake"],
        &["--completions", "tcsh"],
    ] {
        let finished = run(PRODUCER, args, &[], "").await;
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
        assert_eq!(finished.stdout, "", "{args:?}");
        assert_ne!(finished.stderr, "", "{args:?}");
    }
}

#[tokio::test]
async fn schemas_are_those_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let committed = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let all = run(PRODUCER, ["schema"], &[], "").await;
    assert_eq!((all.code, all.stdout), (Some(0), committed("Job.json")));
    let mut files: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "Job.json")
        .collect();
    files.sort();
    let types = JobType::ALL.iter().map(|name| format!("{name}.json"));
    let mut types: Vec<_> = types.collect();
    types.sort();
    assert_eq!(files, types);
    for file in files {
        let name = file.trim_end_matches(".json");
        let printed = run(PRODUCER, ["schema", name], &[], "").await;
        assert_eq!((printed.code, printed.stdout), (Some(0), committed(&file)));
    }
}

#[tokio::test]
async fn output_through_a_pipe_has_no_colours() {
    for args in [&["--help"][..], &["nonsense"], &["--print-config"]] {
        let finished = run(PRODUCER, args, &[], "").await;
        let said = finished.stdout + &finished.stderr;
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}
