//! Single jobs on their way to Redis: one that comes while others are on their way waits for their answer, and then goes with all that have
//! come meanwhile, in one script call. Where few come, none waits.

use std::sync::Arc;

use parking_lot::Mutex;
use penstock_shared::queue::{
    Queue,
    enqueue::{Admission, Enqueued, Interrupted, MOST_JOBS},
    error::QueueError,
    record::NewJob,
};
use tokio::{runtime::Handle, sync::oneshot};

/// The most jobs that wait; those that come then go by themselves.
const WAITING: usize = 4 * MOST_JOBS;

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
    /// It may go at once; those that come meanwhile wait.
    First(Box<NewJob>, First),
    /// It goes with those that wait, and is told what became of it.
    Behind(oneshot::Receiver<Answer>),
    /// It goes by itself: too many wait.
    Beside(Box<NewJob>),
}

impl Gather {
    pub(crate) fn new(queue: Queue) -> Self {
        let lines = (0..queue.shards()).map(|_| Mutex::default()).collect();
        Self { queue, lines }
    }

    /// Stores a job, with others if there are any. Whoever gives up while it waits has not sent it.
    pub(crate) async fn store(&self, new: NewJob) -> Answer {
        let shard = self.queue.shard_of(new.job.tenant.as_str());
        match self.line_up(shard, new) {
            Place::First(new, first) => {
                let answer = self.send_one(*new).await;
                if let Err(error) = &answer {
                    first.0.refuse_waiting(error);
                }
                answer
            }
            Place::Behind(answer) => {
                let let_go = |_| Err(QueueError::Unexpected("it was not sent".to_owned()));
                answer.await.unwrap_or_else(let_go)
            }
            Place::Beside(new) => self.send_one(*new).await,
        }
    }

    fn line_up(&self, shard: u16, new: NewJob) -> Place {
        let mut line = self.lines[usize::from(shard)].lock();
        if !line.busy {
            line.busy = true;
            let turn = Turn {
                gather: self.clone(),
                shard,
            };
            return Place::First(Box::new(new), First(turn));
        }
        if line.waiting.len() >= WAITING {
            return Place::Beside(Box::new(new));
        }
        let (sender, answer) = oneshot::channel();
        line.waiting.push((new, sender));
        Place::Behind(answer)
    }

    async fn send_one(&self, new: NewJob) -> Answer {
        let nothing = || Err(QueueError::Unexpected("no outcome".to_owned()));
        let mut answers = self.send(&[new]).await;
        answers.pop().unwrap_or_else(nothing)
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

/// Being under way, in the line of a shard.
#[derive(Clone)]
struct Turn {
    gather: Gather,
    shard: u16,
}

impl Turn {
    fn line(&self) -> &Mutex<Line> {
        &self.gather.lines[usize::from(self.shard)]
    }

    /// Redis could not be had: those who wait for it are told so at once. They were not sent.
    fn refuse_waiting(&self, error: &QueueError) {
        let waiting = std::mem::take(&mut self.line().lock().waiting);
        for (_, waiting) in waiting {
            // It may have given up.
            let _ = waiting.send(Err(error.clone()));
        }
    }

    /// The next that go together; if there are none, nobody is under way any more.
    fn next(&self) -> (Vec<NewJob>, Vec<oneshot::Sender<Answer>>) {
        let mut line = self.line().lock();
        line.waiting.retain(|(_, waiting)| !waiting.is_closed());
        line.busy = !line.waiting.is_empty();
        let together = line.waiting.len().min(MOST_JOBS);
        line.waiting.drain(..together).unzip()
    }
}

/// The turn of one who came when nobody was under way. However it ends, also by being given up in the middle, those who wait are next.
struct First(Turn);

impl Drop for First {
    fn drop(&mut self) {
        let turn = &self.0;
        let mut line = turn.line().lock();
        if line.waiting.is_empty() {
            line.busy = false;
            return;
        }
        drop(line);
        let rest = Rest {
            turn: turn.clone(),
            ended: false,
        };
        // Where no runtime is left to send them they are let go.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(rest.send());
        }
    }
}

/// The turns of those who wait, one after the other.
struct Rest {
    turn: Turn,
    /// Nobody waits any more: the line is free, and may be another's.
    ended: bool,
}

impl Rest {
    async fn send(mut self) {
        loop {
            let (jobs, waiting) = self.turn.next();
            if jobs.is_empty() {
                self.ended = true;
                return;
            }
            let answers = self.turn.gather.send(&jobs).await;
            let failed = answers.iter().find_map(|answer| answer.as_ref().err());
            if let Some(error) = failed {
                self.turn.refuse_waiting(error);
            }
            for (waiting, answer) in waiting.into_iter().zip(answers) {
                let _ = waiting.send(answer);
            }
        }
    }
}

/// Its runtime ended, or it has panicked: whoever waits is let go.
impl Drop for Rest {
    fn drop(&mut self) {
        if !self.ended {
            let mut line = self.turn.line().lock();
            line.busy = false;
            line.waiting.clear();
        }
    }
}
