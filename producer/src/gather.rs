//! Single jobs on their way to Redis: one that comes while others are on their way waits for their answer, and then goes with all that have
//! come meanwhile, in one script call. Where few come, none waits.

use std::{mem, sync::Arc};

use parking_lot::Mutex;
use penstock_shared::queue::{
    Queue,
    enqueue::{Admission, Enqueued, Interrupted},
    error::QueueError,
    record::NewJob,
};
use tokio::{runtime::Handle, sync::oneshot};

/// The most jobs that go together: a bound on how long those that come next wait.
const TOGETHER: usize = 256;

/// What became of a job.
pub(crate) type Answer = Result<Enqueued, QueueError>;

/// Shared by all who store single jobs through one connection.
#[derive(Debug, Clone)]
pub(crate) struct Gather {
    queue: Queue,
    /// By shard: one that is away holds up no other.
    lines: Arc<[Mutex<Line>]>,
}

/// Those who wait for their turn.
#[derive(Debug, Default)]
struct Line {
    /// Whether somebody is under way.
    busy: bool,
    waiting: Vec<(NewJob, oneshot::Sender<Answer>)>,
}

/// Where a job comes to stand.
enum Place {
    /// It may go at once.
    First(Box<NewJob>, Turn),
    /// It goes with those that wait, and is told what became of it.
    Behind(oneshot::Receiver<Answer>),
}

impl Gather {
    pub(crate) fn new(queue: Queue) -> Self {
        let lines = (0..queue.shards()).map(|_| Mutex::default()).collect();
        Self { queue, lines }
    }

    /// Stores a job, with others if there are any. Whoever gives up waiting does not take it back.
    pub(crate) async fn store(&self, new: NewJob) -> Answer {
        let shard = self.queue.shard_of(new.job.tenant.as_str());
        match self.line_up(shard, new) {
            Place::First(new, _turn) => {
                let answers = self.send(&[*new]).await;
                answers.into_iter().next().unwrap_or_else(no_answer)
            }
            // Nobody answers only if the program ends.
            Place::Behind(answer) => answer.await.unwrap_or_else(|_| no_answer()),
        }
    }

    fn line_up(&self, shard: u16, new: NewJob) -> Place {
        let mut line = self.lines[usize::from(shard)].lock();
        if line.busy {
            let (sender, answer) = oneshot::channel();
            line.waiting.push((new, sender));
            return Place::Behind(answer);
        }
        line.busy = true;
        Place::First(Box::new(new), self.turn(shard))
    }

    fn turn(&self, shard: u16) -> Turn {
        Turn {
            gather: self.clone(),
            shard,
        }
    }

    /// Sends what waits, again and again until nothing does.
    async fn send_waiting(self, shard: u16) {
        let _turn = self.turn(shard);
        loop {
            let (jobs, waiting): (Vec<_>, Vec<_>) = {
                let mut line = self.lines[usize::from(shard)].lock();
                let count = line.waiting.len().min(TOGETHER);
                line.waiting.drain(..count).unzip()
            };
            if jobs.is_empty() {
                return;
            }
            for (waiting, answer) in waiting.into_iter().zip(self.send(&jobs).await) {
                // It may have given up.
                let _ = waiting.send(answer);
            }
        }
    }

    async fn send(&self, jobs: &[NewJob]) -> Vec<Answer> {
        match self.queue.enqueue(jobs, Admission::Each).await {
            Ok(codes) => codes.into_iter().map(Ok).collect(),
            Err(Interrupted { settled, error }) => settled
                .into_iter()
                .map(|code| code.ok_or_else(|| error.clone()))
                .collect(),
        }
    }
}

fn no_answer() -> Answer {
    Err(QueueError::Unexpected("no outcome".to_owned()))
}

/// Being under way. However that ends, also by being given up in the middle, those who wait are next.
struct Turn {
    gather: Gather,
    shard: u16,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.gather.lines[usize::from(self.shard)].lock();
        match Handle::try_current() {
            Ok(runtime) if !line.waiting.is_empty() => {
                runtime.spawn(self.gather.clone().send_waiting(self.shard));
            }
            // Without a runtime nothing is sent any more.
            _ => {
                line.busy = false;
                drop(mem::take(&mut line.waiting));
            }
        }
    }
}
