//! A list: it is read from end to end, and compared with what was read before.

use std::time::Duration;

use penstock_shared::{
    event::{Change, Event, ListChange},
    job::Tenant,
    outcome::Outcome,
    queue::polls::Known,
    smsfactor::{Polled, Request, Row},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{NOT_UNDERSTOOD, PAGES, away, go_on, progress, refused, tell};
use crate::{
    assignment::Assignment,
    deliver::{self, Courier},
    elsewhere::way::Way,
    gate::{Stop, Turn},
};

/// The most contacts of a list: what is known of each is kept.
const MOST_ROWS: usize = 200_000;

/// How far it has come.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    /// How often the list was read before.
    round: u64,
    /// From which row on.
    start: usize,
    /// How many pages were read.
    pages: usize,
    /// How many events were new.
    told: usize,
    /// The page before.
    last: String,
}

/// A list that is polled.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub(super) courier: &'a Courier,
    pub(super) job: &'a Assignment,
    pub(super) id: &'a str,
    pub(super) way: Way<'a>,
}

impl List<'_> {
    /// Makes an event of each contact that is another than before. The first time it is only looked at, unless all are to be told.
    pub(super) async fn poll(self, initial: bool, turn: &mut Turn<'_>) -> Result<Outcome, Stop> {
        let mut progress = match progress(self.job) {
            Some(progress) => progress,
            None => self.begin(turn).await?,
        };
        let is_told = progress.round > 0 || initial;
        let tenant = deliver::tenant(self.job)?;
        for _ in 0..PAGES {
            let request = Request::whole_list(self.id, progress.start);
            let page = self.way.send(turn, &request).await?.polled_contacts();
            // An API that does not heed where a page begins says the same again.
            let is_repeated = progress.last == page.fingerprint;
            if !is_repeated {
                let events = self.look(&tenant, &progress, &page, turn).await?;
                if is_told {
                    progress.told += tell(self.courier, events, turn).await?;
                }
                self.keep(&progress, &page, turn).await?;
            }
            let is_last = page.is_last(progress.start);
            progress.start += page.count;
            progress.pages += 1;
            if is_last || is_repeated {
                let total = page.total.unwrap_or(progress.start);
                let is_whole = page.is_understood && !is_repeated && progress.start >= total;
                return self.end(&tenant, progress, is_whole, turn).await;
            }
            progress.last = page.fingerprint;
            go_on(turn, &progress).await?;
        }
        Err(turn.postponed(Duration::ZERO, "reads more pages of a list"))
    }

    async fn begin(self, turn: &Turn<'_>) -> Result<Progress, Stop> {
        let round = self.courier.queue.list_round(self.tenant(), self.id).await;
        Ok(Progress {
            round: round.map_err(|_| away(turn))?,
            ..Progress::default()
        })
    }

    fn tenant(&self) -> &str {
        self.job.reference().tenant()
    }

    /// What has become of the contacts of this page.
    async fn look(
        self,
        tenant: &Tenant,
        progress: &Progress,
        page: &Polled<Row>,
        turn: &Turn<'_>,
    ) -> Result<Vec<Event>, Stop> {
        if progress.start + page.count > MOST_ROWS {
            let why = format!("the list has more than {MOST_ROWS} contacts");
            return Err(refused(why, turn));
        }
        if !page.is_understood && progress.start == 0 && progress.round > 0 {
            // All of them would count as removed.
            return Err(refused(NOT_UNDERSTOOD, turn));
        }
        let known = self
            .courier
            .queue
            .listed(self.tenant(), self.id, &page.rows);
        let known = known.await.map_err(|_| away(turn))?;
        let pairs = page.rows.iter().zip(&known);
        let changes = pairs.filter_map(|(row, known)| {
            let (change, before) = match known {
                None => (Change::Added, None),
                Some(known) if known.row != *row => (Change::Changed, Some(&known.row)),
                Some(_) => return None,
            };
            let found = ListChange {
                list: self.id,
                round: progress.round,
                change,
                row,
                before,
            };
            Some(Event::from_list_change(tenant, &found))
        });
        Ok(changes.collect())
    }

    /// After what it says was told.
    async fn keep(
        self,
        progress: &Progress,
        page: &Polled<Row>,
        turn: &Turn<'_>,
    ) -> Result<(), Stop> {
        let queue = &self.courier.queue;
        let kept = queue.keep_listed(self.tenant(), self.id, progress.round, &page.rows);
        kept.await.map_err(|_| away(turn))
    }

    fn removed(&self, tenant: &Tenant, round: u64, row: &Row) -> Event {
        let found = ListChange {
            list: self.id,
            round,
            change: Change::Removed,
            row,
            before: None,
        };
        Event::from_list_change(tenant, &found)
    }

    async fn end(
        self,
        tenant: &Tenant,
        mut progress: Progress,
        is_whole: bool,
        turn: &Turn<'_>,
    ) -> Result<Outcome, Stop> {
        let queue = &self.courier.queue;
        let round = queue.list_round(self.tenant(), self.id).await;
        // Else another poll of this list has come to its end meanwhile, and has said all of that.
        if round.map_err(|_| away(turn))? == progress.round {
            if is_whole && progress.round > 0 {
                progress.told += self.tell_removed(tenant, &progress, turn).await?;
            }
            let kept = queue.keep_list_round(self.tenant(), self.id, progress.round + 1);
            kept.await.map_err(|_| away(turn))?;
        }
        Ok(Outcome::Delivered {
            result: json!({ "events": progress.told, "contacts": progress.start }),
            effect: None,
            permit: turn.permit(),
        })
    }

    /// Tells of those that are there no more. While a list of several pages is read others may move to a page that was read already: of such a
    /// list a contact counts as removed only once two rounds have not met it.
    async fn tell_removed(
        self,
        tenant: &Tenant,
        progress: &Progress,
        turn: &Turn<'_>,
    ) -> Result<usize, Stop> {
        let spared = u64::from(progress.pages > 1);
        let is_gone = |known: &&Known| known.round + spared < progress.round;
        let (mut told, mut cursor) = (0, Some("0".to_owned()));
        while let Some(at) = cursor {
            let queue = &self.courier.queue;
            let part = queue.scan_listed(self.tenant(), self.id, &at).await;
            let (next, known) = part.map_err(|_| away(turn))?;
            let gone: Vec<&Row> = known
                .iter()
                .filter(is_gone)
                .map(|known| &known.row)
                .collect();
            let events = gone
                .iter()
                .map(|row| self.removed(tenant, progress.round, row));
            told += tell(self.courier, events.collect(), turn).await?;
            let ids: Vec<_> = gone.iter().map(|row| row.id.as_str()).collect();
            let dropped = queue.drop_listed(self.tenant(), self.id, &ids).await;
            dropped.map_err(|_| away(turn))?;
            cursor = next;
        }
        Ok(told)
    }
}
