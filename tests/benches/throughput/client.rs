//! Producers that enqueue one job at a time.

use std::sync::Arc;

use futures::future::join_all;
use parking_lot::Mutex;
use penstock_producer::{Client, Status};
use penstock_shared::job::Job;

/// Enqueues all jobs from so many tasks that share one client.
pub(crate) async fn enqueue_all(client: &Client, jobs: Vec<Job>, tasks: u32) {
    let jobs = Arc::new(Mutex::new(jobs));
    let tasks = (0..tasks).map(|_| tokio::spawn(enqueue_some(client.clone(), Arc::clone(&jobs))));
    for ended in join_all(tasks).await {
        ended.expect("the task ends");
    }
}

async fn enqueue_some(client: Client, jobs: Arc<Mutex<Vec<Job>>>) {
    loop {
        let next = jobs.lock().pop();
        let Some(job) = next else { return };
        let receipt = client.enqueue(job).await.expect("it is stored");
        assert_eq!(receipt.status, Status::Accepted);
    }
}
