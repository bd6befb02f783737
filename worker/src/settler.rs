//! Ends deliveries in Redis, many in one round trip, and keeps at it while Redis is away.

use penstock_shared::queue::{
    Queue,
    error::QueueError,
    settle::{Settled, Settlement},
};
use tokio::sync::{mpsc, oneshot};

use crate::patience::Patience;

/// The most deliveries that one script call ends.
const BATCH: usize = 128;
/// The most jobs that one script call ends, those included that rode in others' calls.
const JOBS: usize = 512;

type Order = (Settlement, oneshot::Sender<Settled>);

/// Where deliveries hand in how they ended.
#[derive(Debug, Clone)]
pub struct Settler {
    queue: Queue,
    /// By shard: one that is away holds up no other.
    orders: Vec<mpsc::Sender<Order>>,
}

impl Settler {
    /// Starts the tasks that settle.
    pub fn start(queue: Queue) -> Self {
        let start = |shard| {
            let (orders, inbox) = mpsc::channel(BATCH * 8);
            tokio::spawn(serve(queue.clone(), shard, inbox));
            orders
        };
        let orders = (0..queue.shards()).map(start).collect();
        Self { queue, orders }
    }

    /// Settles, and waits until it is written. It waits as long as Redis is away: the fencing token decides then whether it still counts.
    pub async fn settle(&self, settlement: Settlement) -> Settled {
        let (answer, settled) = oneshot::channel();
        let shard = self.queue.shard_of(settlement.reference.tenant());
        let orders = &self.orders[usize::from(shard)];
        if orders.send((settlement, answer)).await.is_err() {
            return Settled::Missing;
        }
        settled.await.unwrap_or(Settled::Missing)
    }
}

async fn serve(queue: Queue, shard: u16, mut inbox: mpsc::Receiver<Order>) {
    let mut orders = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut orders, BATCH).await > 0 {
        while !orders.is_empty() {
            let (settlements, answers) = orders.drain(..fitting(&orders)).unzip();
            let settled = write(&queue, shard, settlements).await;
            for (answer, settled) in Vec::into_iter(answers).zip(settled) {
                // The delivery may have been dropped at the end of the grace; what was written stands.
                let _ = answer.send(settled);
            }
        }
    }
}

/// How many of the orders one script call ends: at least one, and no more jobs than it can in a short time.
fn fitting(orders: &[Order]) -> usize {
    let mut jobs = 0;
    let fits = orders.iter().take_while(|(settlement, _)| {
        jobs += 1 + settlement.riders.len();
        jobs <= JOBS
    });
    fits.count().max(1)
}

/// Writes until Redis has taken it, whatever it refuses for: somebody may mend that. Only what it cannot make sense of would be refused for
/// ever: then one by one, so that a single bad settlement holds up no other.
async fn write(queue: &Queue, shard: u16, settlements: Vec<Settlement>) -> Vec<Settled> {
    let mut patience = Patience::new("settle");
    loop {
        match queue.settle(shard, &settlements).await {
            Ok(settled) => {
                patience.succeeded();
                return settled;
            }
            Err(QueueError::Unexpected(answer)) if settlements.len() == 1 => {
                tracing::error!(answer, job = %settlements[0].reference, "a delivery cannot be settled; its lease will end");
                return vec![Settled::Missing];
            }
            Err(QueueError::Unexpected(_)) => break,
            Err(error) => patience.failed(&error).await,
        }
    }
    let mut settled = Vec::with_capacity(settlements.len());
    for settlement in settlements {
        settled.extend(Box::pin(write(queue, shard, vec![settlement])).await);
    }
    settled
}
