//! How properties are tried.

use proptest::{
    prelude::Strategy,
    test_runner::{Config, FileFailurePersistence, TestCaseError, TestError, TestRunner},
};
use tokio::runtime::Runtime;

/// Tries `history` with as many values of `strategy` as `PENSTOCK_TEST_CASES` says, `default` otherwise; what failed before is kept in
/// `kept`, and tried first.
pub(crate) fn hold<S: Strategy>(
    kept: &'static str,
    default: u32,
    strategy: &S,
    history: impl Fn(S::Value) -> anyhow::Result<()>,
) {
    let cases = std::env::var("PENSTOCK_TEST_CASES").map_or(default, |cases| {
        cases.parse().expect("PENSTOCK_TEST_CASES is a number")
    });
    let config = Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(strategy, |value| {
        history(value).map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, history)) => {
            panic!("{reason}\nthe least that shows it: {history:?}")
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// One thread: a history is one line of events.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
}
