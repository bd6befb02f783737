//! All dead letters that match, in bounded memory.

use penstock_shared::queue::{
    Queue,
    dead::{DeadLetter, Filter},
    error::QueueError,
};

/// How many are in memory at once.
const PAGE: usize = 200;

/// They come oldest first. What dies meanwhile is not among them: what is retried and dies again would never end.
pub(super) struct Pages {
    filter: Filter,
    started_ms: u64,
    last: Option<DeadLetter>,
    ended: bool,
}

impl Pages {
    pub(super) async fn of(queue: &Queue, filter: Filter) -> Result<Self, QueueError> {
        Ok(Self {
            filter,
            started_ms: queue.now().await?,
            last: None,
            ended: false,
        })
    }

    pub(super) async fn next(
        &mut self,
        queue: &Queue,
    ) -> Result<Option<Vec<DeadLetter>>, QueueError> {
        if self.ended {
            return Ok(None);
        }
        let mut page = queue.dead(&self.filter, PAGE, self.last.as_ref()).await?;
        let read = page.len();
        page.retain(|letter| letter.dead_ms <= self.started_ms);
        self.ended = read < PAGE || page.len() < read;
        self.last = page.last().cloned();
        Ok((!page.is_empty()).then_some(page))
    }
}
