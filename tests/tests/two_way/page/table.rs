//! A page of the documentation, and the tables that it has.

use std::{collections::BTreeSet, fs, path::Path};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of a page.
pub(super) fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The rows under a heading, each by its cells.
pub(super) fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, under) = page
        .split_once(&format!("\n{heading}\n"))
        .expect("the heading is there");
    let under = under.split("\n#").next().unwrap_or_default();
    let rows = under.lines().filter(|line| line.starts_with("| `"));
    let bare = |cell: &'a str| cell.trim_matches(['`', ' ']);
    rows.map(|line| line.trim_matches('|').split(" | ").map(bare).collect())
        .collect()
}

/// What each row is about.
pub(super) fn names<'a>(rows: &[Vec<&'a str>]) -> BTreeSet<&'a str> {
    let names: BTreeSet<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names.len(), rows.len(), "a row stands there twice");
    names
}

/// The test that the last cell of each names is there.
pub(super) fn have_their_tests(rows: &[Vec<&str>]) {
    for row in rows {
        let (name, test) = (row[0], row[row.len() - 1]);
        let (file, function) = test
            .split_once("::")
            .unwrap_or_else(|| panic!("{name}: {test} names no test"));
        let source = fs::read_to_string(root().join(file));
        let source = source.unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
        let (before, _) = source
            .split_once(&format!("fn {function}("))
            .unwrap_or_else(|| panic!("{name}: {file} has no {function}"));
        let attributes = before.rsplit("\n\n").next().unwrap_or_default();
        assert!(
            attributes.contains("test]"),
            "{name}: {function} is no test"
        );
    }
}
