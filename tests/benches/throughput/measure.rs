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
pub(crate) struct Measure {
    what: What,
    /// Where each answer waits for the disk.
    always: bool,
}

#[derive(Debug, Clone, Copy)]
enum What {
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
            What::Reference { connections: 1 },
            What::Reference { connections: 50 },
            What::EnqueueSingly { tasks: 1 },
            What::EnqueueSingly { tasks: 50 },
            What::EnqueueInBulk,
        ];
        let all = first
            .into_iter()
            .chain(drain::SHAPES.map(What::Drain))
            .chain(deliveries())
            .chain([What::Pickup, What::Idle])
            .chain([Servers::One, Servers::Cluster].map(What::Shards))
            .chain(
                backlogs
                    .filter(move |jobs| *jobs <= largest)
                    .map(|jobs| What::Backlog { jobs }),
            );
        let usual = all.map(|what| Self {
            what,
            always: false,
        });
        usual.chain(at_always().map(|what| Self { what, always: true }))
    }

    /// What it is called in the table and for `--only`.
    pub(crate) fn name(self) -> String {
        let always = if self.always { ", at always" } else { "" };
        format!("{}{always}", self.what.name())
    }

    pub(crate) async fn run(self, options: &Options) -> Figures {
        let mut options = options.clone();
        options.always = self.always;
        self.what.run(&options).await
    }
}

impl What {
    fn name(self) -> String {
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

    async fn run(self, options: &Options) -> Figures {
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

/// What is measured once more where each answer waits for the disk.
fn at_always() -> impl Iterator<Item = What> {
    let note = delivery::Shape {
        kind: Kind::Note,
        destination: Destination::Plain,
        workers: 2,
    };
    let all = [
        What::Reference { connections: 50 },
        What::EnqueueSingly { tasks: 50 },
        What::EnqueueInBulk,
        What::Drain(drain::SHAPES[0]),
        What::Delivery(note),
    ];
    all.into_iter()
}

fn deliveries() -> impl Iterator<Item = What> {
    let shapes = [
        (Kind::Tags, Destination::Plain, 1),
        (Kind::Tags, Destination::Plain, 2),
        (Kind::Note, Destination::Plain, 1),
        (Kind::Note, Destination::Plain, 2),
        (Kind::Tags, Destination::Sandbox, 2),
    ];
    shapes.into_iter().map(|(kind, destination, workers)| {
        What::Delivery(delivery::Shape {
            kind,
            destination,
            workers,
        })
    })
}
