//! The page about operations: each of the API has its row, which says what is true of it.

use std::collections::BTreeSet;

use penstock_shared::job::Job;
use penstock_tests::sandbox::operations;

use super::table::{have_their_tests, names, page, rows};
use crate::writes;

const PAGE: &str = "docs/OPERATIONS.md";
/// How many the official document has.
const ALL: usize = 32;

#[test]
fn every_operation_has_its_row_and_its_test() {
    let page = page(PAGE);
    let all = [rows(&page, "## Reads"), rows(&page, "## Writes")].concat();
    assert_eq!(names(&all).len(), ALL);
    let described: BTreeSet<_> = all.iter().map(|row| (row[0], row[1].to_owned())).collect();
    let known: BTreeSet<_> = operations()
        .map(|(id, method, path)| (id, format!("{method} {path}")))
        .collect();
    assert_eq!(described, known);
    let classes = rows(&page, "## When nobody says whether a call took effect");
    let used: BTreeSet<_> = all.iter().map(|row| row[3]).collect();
    assert_eq!(names(&classes), used);
    have_their_tests(&all);
    have_their_tests(&classes);
}

/// It is asked for by the path that it has, with ids for its parameters.
#[test]
fn every_read_is_asked_for_by_its_path() {
    for row in rows(&page(PAGE), "## Reads") {
        let (_, path) = row[1].split_once(" /").unwrap();
        let parts = path.split('/');
        let parts: Vec<_> = parts
            .map(|part| if part.starts_with('{') { "ID" } else { part })
            .collect();
        let command = format!("penstock-admin ghl get {}", parts.join("/"));
        let (asked, options) = row[2].split_at(command.len());
        assert_eq!(asked, command);
        assert!(
            options.is_empty() || options.starts_with(" --"),
            "{options}"
        );
        assert_eq!(row[3], "read");
    }
}

/// Each by the job type that does it, and in the class that this is of.
#[test]
fn every_write_is_asked_for_by_its_job_type() {
    let known = "c1".into();
    let jobs = writes::jobs(&known).into_iter();
    let done: BTreeSet<_> = writes::all(&known)
        .into_iter()
        .zip(jobs)
        .map(|((job_type, _, operation, _), job)| {
            let job = Job::from_value(job).unwrap();
            (operation, job_type, job.payload.is_idempotent())
        })
        .collect();
    let page = page(PAGE);
    let told: BTreeSet<_> = rows(&page, "## Writes")
        .into_iter()
        .map(|row| (row[0], row[2], row[3] == "repeated"))
        .collect();
    assert_eq!(told, done);
}
