//! What a call came to, and what was said beside it.

use jiff::Timestamp;

use super::CallError;
use crate::quota::RateReport;

/// What a call came to, and what was said of the quota beside it.
#[derive(Debug)]
pub struct Reply<T> {
    /// The answer, or why there is none.
    pub answer: Result<T, CallError>,
    /// What the headers of the response say about the quota, whatever else it says.
    pub rate: RateReport,
    /// What time it was by the API's clock as it answered, to the second; a cache does not tell.
    pub date: Option<Timestamp>,
}

/// Of what answers nothing of the kind.
impl<T> From<Result<T, CallError>> for Reply<T> {
    fn from(answer: Result<T, CallError>) -> Self {
        Self {
            answer,
            rate: RateReport::default(),
            date: None,
        }
    }
}

impl<T> From<CallError> for Reply<T> {
    fn from(error: CallError) -> Self {
        Err(error).into()
    }
}
