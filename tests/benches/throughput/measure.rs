//! The list of all that is measured.

use crate::{
    backlog,
    delivery::{self, Destination},
    drain, enqueue, idle,
    options::Options,
    pickup, reference,
    report::Figures,
    shards::{self, Servers},
    workload::Kind,
};

/// One line of business of the load program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    Reference { connections: u32 },
    EnqueueSingly { tasks: u32 },
    EnqueueInBulk,
    Drain(drain::Shape),
    Delivery(delivery::Shape),
    Pickup,
    Idle,
    Shards(Servers),
    Backlog { jobs: u32 },
}

impl Measure {
    /// Every measure, in the table's order; backlogs up to `largest`.
    pub(crate) fn all(largest: u32) -> impl Iterator<Item = Self> {
        let backlogs = (3..=6).map(|zeros| 10_u32.pow(zeros));
        let first = [
            Self::Reference { connections: 1 },
            Self::Reference { connections: 50 },
            Self::EnqueueSingly { tasks: 1 },
            Self::EnqueueSingly { tasks: 50 },
            Self::EnqueueInBulk,
        ];
        first
            .into_iter()
            .chain(drain::SHAPES.map(Self::Drain))
            .chain(deliveries())
            .chain([Self::Pickup, Self::Idle])
            .chain([Servers::One, Servers::Cluster].map(Self::Shards))
            .chain(
                backlogs
                    .filter(move |jobs| *jobs <= largest)
                    .map(|jobs| Self::Backlog { jobs }),
            )
    }

    /// What it is called in the table and for `--only`.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Reference { connections } => {
                format!("reference LPUSH, RPOP, {connections} conn")
            }
            Self::EnqueueSingly { tasks: 1 } => "enqueue singly, 1 task".to_owned(),
            Self::EnqueueSingly { tasks } => format!("enqueue singly, {tasks} tasks, 1 conn"),
            Self::EnqueueInBulk => format!("enqueue in bulk of {}", enqueue::BULK),
            Self::Drain(shape) => shape.name(),
            Self::Delivery(shape) => shape.name(),
            Self::Pickup => "pickup at 200 jobs/s, 2 workers".to_owned(),
            Self::Idle => "idle, 2 workers".to_owned(),
            Self::Shards(servers) => servers.name(),
            Self::Backlog { jobs } => format!("backlog of {jobs} jobs"),
        }
    }

    pub(crate) async fn run(self, options: &Options) -> Figures {
        match self {
            Self::Reference { connections } => reference::run(options, connections).await,
            Self::EnqueueSingly { tasks } => enqueue::singly(options, tasks).await,
            Self::EnqueueInBulk => enqueue::in_bulk(options).await,
            Self::Drain(shape) => drain::run(options, shape).await,
            Self::Delivery(shape) => delivery::run(options, shape).await,
            Self::Pickup => pickup::run(options).await,
            Self::Idle => idle::run(options).await,
            Self::Shards(servers) => shards::run(options, servers).await,
            Self::Backlog { jobs } => backlog::run(options, jobs).await,
        }
    }
}

fn deliveries() -> impl Iterator<Item = Measure> {
    let shapes = [
        (Kind::Tags, Destination::Plain, 1),
        (Kind::Tags, Destination::Plain, 2),
        (Kind::Note, Destination::Plain, 1),
        (Kind::Note, Destination::Plain, 2),
        (Kind::Tags, Destination::Sandbox, 2),
    ];
    shapes.into_iter().map(|(kind, destination, workers)| {
        Measure::Delivery(delivery::Shape {
            kind,
            destination,
            workers,
        })
    })
}
