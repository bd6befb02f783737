//! The queue as apalis sees it: the only file that knows its storage traits.
//!
//! A `Backend` error would stop the worker and drop every call in flight, so this one has none: whatever Redis does is waited out in
//! [`crate::feed`] and [`crate::settler`]. Results come back through [`SettleLayer`], the outermost layer, which sees the final outcome.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll, ready},
};

use apalis::prelude::{Backend, Task, TaskBuilder, WorkerContext};
use apalis_core::backend::{BackendConfig, finalize::Ephemeral};
use tokio::sync::mpsc;

use crate::{assignment::Assignment, settle::SettleLayer};

/// Gives out what the claim loops have claimed.
#[derive(Debug)]
pub struct QueueBackend {
    jobs: mpsc::Receiver<Arc<Assignment>>,
    settle: SettleLayer,
}

impl QueueBackend {
    /// A backend that ends when all senders of `jobs` have gone.
    pub fn new(jobs: mpsc::Receiver<Arc<Assignment>>, settle: SettleLayer) -> Self {
        Self { jobs, settle }
    }
}

impl Backend for QueueBackend {
    type Task = Task<Arc<Assignment>>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let job = ready!(self.jobs.poll_recv(cx));
        if job.is_none() {
            // The end of its tasks does not end apalis' worker: it would wait for ever to be stopped. What is in flight is still finished.
            let _ = worker.stop();
        }
        Poll::Ready(job.map(|job| Ok(TaskBuilder::new(job).build())))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for QueueBackend {
    type Args = Arc<Assignment>;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = SettleLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> SettleLayer {
        self.settle.clone()
    }
}
