//! The inputs that a run begins with: files that are kept, under `tests/fuzz/<target>/`.

use std::{fs, path::PathBuf};

use super::target::Target;

/// Where the inputs of a target are kept.
pub(super) fn directory(target: &Target) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.join("fuzz").join(target.name)
}

/// The kept inputs of a target, in the order of their names.
///
/// # Panics
/// When there are none: then nothing is tried of what the target is for.
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let directory = directory(target);
    let entries =
        fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let seeds: Vec<_> = paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect();
    assert!(!seeds.is_empty(), "no inputs in {}", directory.display());
    seeds
}
