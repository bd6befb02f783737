//! What tests can break stays out of the program that runs in earnest.

use penstock_tests::{
    harness::binary,
    lab::world::{FRAGILE, WORKER},
};

#[test]
fn only_the_program_for_tests_has_failpoints() {
    let has_them = |program: &str| {
        let bytes = std::fs::read(binary(program)).unwrap();
        let name = b"PENSTOCK_FAILPOINT";
        bytes.windows(name.len()).any(|window| window == name)
    };
    assert!(has_them(FRAGILE));
    assert!(!has_them(WORKER));
}
