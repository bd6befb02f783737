//! What a response says of the quota, on its way into the ledger.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::settle::Settlement;
use crate::{quota::RateReport, span::millis};

/// How long what is said of the day is believed, and the longest window that an announcement is believed for: like a
/// `Retry-After`, an hour; then the API is asked again.
pub(super) const BELIEVED_FOR: Duration = Duration::from_secs(3600);

/// What the headers of a response say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// When its call was sent, milliseconds of Redis' clock: rather too early than too late, since it is judged by what was held then.
    pub sent_ms: u64,
    /// What they say.
    pub rate: RateReport,
}

/// A report in the scripts' words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Words {
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day_left: Option<u32>,
}

impl Report {
    /// Whether it says anything.
    pub(super) fn says_any(&self) -> bool {
        self.rate != RateReport::default()
    }

    /// By how much it leaves: less first, nothing said last.
    pub(super) fn left(&self) -> (u32, u32) {
        let said = |left: Option<u32>| left.unwrap_or(u32::MAX);
        (
            said(self.rate.burst_remaining),
            said(self.rate.daily_remaining),
        )
    }

    /// The report in the scripts' words; `None` if it says nothing.
    pub(super) fn words(&self) -> Option<Words> {
        let rate = &self.rate;
        self.says_any().then(|| Words {
            at: self.sent_ms,
            max: rate.burst_limit,
            span: rate.interval.map(millis),
            left: rate.burst_remaining,
            day_max: rate.daily_limit,
            day_left: rate.daily_remaining,
        })
    }
}

/// What counts of each lane's reports: the one that leaves least, and then the last; of calls sent at once, the one that leaves less.
pub(super) fn telling(settlements: &[Settlement]) -> BTreeMap<&str, Vec<Words>> {
    let mut reports: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for settlement in settlements {
        // A call that was not answered, or by something else, would hide the last one that was.
        if let Some(report) = settlement
            .report
            .as_ref()
            .filter(|report| report.says_any())
        {
            let lane = settlement.reference.lane().as_str();
            reports.entry(lane).or_default().push(report);
        }
    }
    let telling = |(lane, reports): (_, Vec<&Report>)| {
        let fewest = reports.iter().min_by_key(|report| report.left());
        let last = reports
            .iter()
            .min_by_key(|report| (Reverse(report.sent_ms), report.left()));
        let two = fewest
            .into_iter()
            .chain(last.filter(|last| Some(*last) != fewest));
        (lane, two.filter_map(|report| report.words()).collect())
    };
    reports.into_iter().map(telling).collect()
}
