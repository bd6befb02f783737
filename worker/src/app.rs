//! The only wiring: settings become parts, parts become a running worker.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use apalis::{
    layers::tracing::TraceLayer,
    prelude::{BoxDynError, Monitor, Task, WorkerBuilder},
};
use penstock_shared::{
    ghl::{GhlClient, Limiter, OAuthClient},
    job::state::Rules,
    outcome::Outcome,
    program::{Exit, Failure, Shutdown, VERSION},
    quarantine::Quarantine,
    queue::{Location, Queue, Terms},
    quota::Quotas,
    settings::Settings,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinError, JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    assignment::{Assignment, Roster},
    backend::QueueBackend,
    call::Api,
    deliver::{Courier, Deliver},
    duties,
    elsewhere::Elsewhere,
    failpoint,
    feed::Feed,
    flows::FlowFile,
    gate::Gate,
    health::{self, Health},
    marker::Marker,
    offset::Offset,
    settle::{self, Desk, SettleLayer},
    settler::Settler,
    tokens::Tokens,
};

/// How many calls one delivery may need: a look-up, a probe, a read-back and its own; a sweep's list, and twice a removal and a look after it.
const CALLS: u32 = 5;
/// How long it may take to write down what the end of the grace cut off.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long it may take to tell that this worker has ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs a worker until it is told to stop and has drained.
pub async fn run(settings: &Settings) -> Result<Exit, Failure> {
    if settings.ghl.token.is_none() && settings.ghl.app.is_none() {
        tracing::warn!(
            "neither PENSTOCK_GHL_TOKEN nor an app (PENSTOCK_GHL_CLIENT_ID) is set: tenants without tokens of their own are held"
        );
    }
    run_with(settings, courier).await
}

/// The same with whatever delivers: it is made as soon as the queue is known.
pub async fn run_with<D: Deliver>(
    settings: &Settings,
    courier: impl FnOnce(&Settings, &Queue, &Quarantine, &Tokens) -> Result<D, Failure>,
) -> Result<Exit, Failure> {
    let mut shutdown = Shutdown::listen().map_err(Failure::failed)?;
    let queue = Queue::connect(Location::from(settings), Terms::from(settings)).await?;
    let quarantine = Quarantine::new(settings.delivery.quarantine);
    let tokens = Tokens::new(&queue, &settings.ghl);
    tokens.learn().await?;
    let courier = courier(settings, &queue, &quarantine, &tokens)?;
    let worker = Worker::assemble(settings, queue, quarantine, courier, tokens).await?;
    tracing::info!(worker = %worker.name, concurrency = settings.delivery.concurrency, "ready");
    let stop = worker.stop.clone();
    let mut running = tokio::spawn(worker.run());
    tokio::select! {
        ended = &mut running => {
            // Nobody asked it to: a worker that can do nothing must not look alive.
            ended.context("the worker panicked")??;
            return Err(Failure::failed(anyhow::anyhow!("the worker ended by itself")));
        }
        signal = shutdown.signalled() => tracing::info!(?signal, grace = ?settings.delivery.grace, "draining"),
    }
    tokio::select! {
        drained = drain(running, settings.delivery.grace, &stop) => drained?,
        signal = shutdown.signalled() => {
            tracing::warn!(?signal, "ended at once");
            return Ok(Exit::Failed);
        }
    }
    tracing::info!("drained");
    Ok(Exit::Done)
}

/// Finishes what is in flight within the grace; what is left then is cut and handed back.
async fn drain(
    mut running: JoinHandle<anyhow::Result<()>>,
    grace: Duration,
    stop: &Stop,
) -> anyhow::Result<()> {
    stop.asked.cancel();
    failpoint::pass("in-drain");
    if let Ok(ended) = timeout(grace, &mut running).await {
        return ended.context("the worker panicked")?;
    }
    tracing::warn!("the grace is over: calls in flight are cut, what was not sent is handed back");
    stop.cut.cancel();
    if let Ok(ended) = timeout(LAST_WORDS, running).await {
        return ended.context("the worker panicked")?;
    }
    tracing::warn!("not everything could be handed back: it is left to its leases");
    Ok(())
}

/// A stop, and its two steps.
#[derive(Debug, Clone)]
struct Stop {
    /// Nothing more is begun.
    asked: CancellationToken,
    /// Nothing is waited for any more.
    cut: CancellationToken,
    /// How long what was cut off may still be applied.
    quarantine: Quarantine,
}

/// A worker, put together.
struct Worker<D> {
    name: String,
    feed: Feed,
    courier: D,
    desk: Arc<Desk>,
    all_written: JoinHandle<()>,
    duties: JoinSet<()>,
    /// Ends by itself when the worker is told to stop: what it has asked for must not be lost.
    refreshing: Option<JoinHandle<()>>,
    stop: Stop,
}

impl<D: Deliver> Worker<D> {
    async fn assemble(
        settings: &Settings,
        queue: Queue,
        quarantine: Quarantine,
        courier: D,
        tokens: Tokens,
    ) -> Result<Self, Failure> {
        let name = uuid::Uuid::now_v7().simple().to_string();
        let elsewhere = courier.elsewhere().cloned();
        let quotas = quotas(settings, elsewhere.as_ref());
        let concurrency = usize::from(settings.delivery.concurrency);
        duties::register::now(&queue, &name, &quotas, concurrency).await?;
        let told = duties::lateness::Told::new();
        let told = duties::lateness::learn(&queue, &quarantine, &told).await?;
        let roster = Roster::default();
        let stop = Stop {
            asked: CancellationToken::new(),
            cut: CancellationToken::new(),
            quarantine: quarantine.clone(),
        };
        let (settler, all_written) = Settler::start(queue.clone(), roster.clone());
        let desk = Arc::new(Desk {
            queue: queue.clone(),
            settler,
            rules: rules(settings),
            quarantine: quarantine.clone(),
            ambiguous: settings.delivery.ambiguous,
            max_attempts: settings.delivery.max_attempts,
            max_age: settings.delivery.max_age,
            longest_delivery: settings.ghl.http_timeout * CALLS + settings.delivery.lease,
            worker: name.clone(),
            company: Arc::default(),
        });
        let feed = Feed {
            queue: queue.clone(),
            worker: name.clone(),
            slots: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            roster: roster.clone(),
            stopping: stop.asked.clone(),
        };
        let mut duties = JoinSet::new();
        for shard in 0..queue.shards() {
            duties.spawn(duties::renew::run(
                queue.clone(),
                shard,
                name.clone(),
                roster.clone(),
            ));
        }
        duties.spawn(duties::register::run(
            queue.clone(),
            name.clone(),
            quotas,
            concurrency,
        ));
        duties.spawn(duties::reauthorise::run(
            queue.clone(),
            tokens.clone(),
            elsewhere,
        ));
        duties.spawn(duties::credentials::run(tokens.clone()));
        let oauth = match settings.ghl.app.clone() {
            Some(app) => Some(OAuthClient::new(client(settings)?, app)),
            None => None,
        };
        let refreshing = oauth.map(|oauth| {
            let refresher = duties::refresh::Refresher {
                queue: queue.clone(),
                oauth,
                name: name.clone(),
                ahead: settings.ghl.refresh_ahead,
                term: settings.delivery.lease,
            };
            tokio::spawn(duties::refresh::run(refresher, tokens, stop.asked.clone()))
        });
        duties.spawn(duties::lateness::run(queue.clone(), quarantine, told));
        duties.spawn(duties::forget::run(queue.clone()));
        duties.spawn(duties::unlearn::run(queue.clone()));
        duties.spawn(duties::late_effect::run(queue.clone()));
        courier.begin_duties(&mut duties);
        if let Some(address) = settings.metrics_listen {
            let health = Health::new(queue, roster, concurrency)?;
            let listener = health::bind(address).await?;
            duties.spawn(health::serve(listener, health));
        }
        Ok(Self {
            name,
            feed,
            courier,
            desk,
            all_written,
            duties,
            refreshing,
            stop,
        })
    }

    /// Works until the claim loops have stopped, every delivery has ended, and that is written. The duties end with it, not before: leases are
    /// renewed while it drains.
    async fn run(self) -> anyhow::Result<()> {
        let queue = self.feed.queue.clone();
        let (sender, jobs) = mpsc::channel(self.feed.concurrency);
        for shard in 0..queue.shards() {
            tokio::spawn(self.feed.clone().run(shard, sender.clone()));
        }
        drop(sender);
        // apalis asks for a worker factory; ours can make only one, since the claimed jobs have one receiver.
        let jobs = parking_lot::Mutex::new(Some(jobs));
        let (name, desk, asked) = (self.name, self.desk, self.stop.asked.clone());
        // What all deliveries share.
        let shared = Arc::new((self.courier, self.stop));
        let context = name.clone();
        let monitor = Monitor::new().register(move |_| {
            let jobs = jobs.lock().take().unwrap_or_else(|| mpsc::channel(1).1);
            let backend = QueueBackend::new(
                jobs,
                SettleLayer {
                    desk: Arc::clone(&desk),
                },
            );
            let shared = Arc::clone(&shared);
            WorkerBuilder::new(context.as_str())
                .backend(backend)
                .layer(TraceLayer::new().make_span_with(span))
                .build(move |job| deliver(job, Arc::clone(&shared)))
        });
        let (mut duties, mut all_written) = (self.duties, self.all_written);
        let mut refreshing = self.refreshing;
        let ended = tokio::select! {
            // With the last delivery goes the desk, and with that the last who could hand in anything.
            ended = monitor.run() => match ended {
                Ok(()) => (&mut all_written).await.context("settling failed"),
                Err(error) => Err(anyhow::anyhow!("the runtime ended: {error}")),
            },
            ended = &mut all_written => Err(anyhow::anyhow!("settling ended: {ended:?}")),
            // Without one of them it would only look alive: its leases would end, or nobody would know of it.
            ended = ending_early(&mut refreshing, &asked) => Err(anyhow::anyhow!("the renewal of tokens ended: {ended:?}")),
            Some(ended) = duties.join_next() => Err(anyhow::anyhow!("a duty of the worker ended: {ended:?}")),
        };
        if let (Ok(()), Some(refreshing)) = (&ended, refreshing) {
            refreshing.await.context("the renewal of tokens failed")?;
        }
        drop(duties);
        // For the counts, and that what it was told is known: it would be forgotten by itself.
        let _ = tokio::time::timeout(FAREWELL, queue.retire(&name)).await;
        ended
    }
}

/// Waits for the end of a task that nobody has asked for, for ever if there is none: asked, it ends before the deliveries do.
async fn ending_early(
    task: &mut Option<JoinHandle<()>>,
    asked: &CancellationToken,
) -> Result<(), JoinError> {
    if let Some(running) = task {
        let ended = running.await;
        *task = None;
        if ended.is_err() || !asked.is_cancelled() {
            return ended;
        }
    }
    std::future::pending().await
}

/// What lines of log within a delivery say of it. It is made only where lines below `info` are wanted, since every delivery would pay for it:
/// the few above name their job themselves.
fn span(task: &Task<Arc<Assignment>>) -> tracing::Span {
    let claimed = &task.args.claimed;
    tracing::debug_span!(
        "delivery",
        job = claimed.reference.id(),
        tenant = claimed.reference.tenant(),
        token = claimed.token,
        delivery = claimed.deliveries
    )
}

/// The innermost service: one delivery. What was claimed but not begun when the worker stops goes back at once, and so does at the end of the
/// grace what was not sent.
async fn deliver<D: Deliver>(
    job: Arc<Assignment>,
    shared: Arc<(D, Stop)>,
) -> Result<Outcome, BoxDynError> {
    let (courier, stop) = &*shared;
    if stop.asked.is_cancelled() {
        return Ok(Outcome::untouched("the worker stops"));
    }
    tokio::select! {
        outcome = courier.deliver(&job) => Ok(outcome),
        () = stop.cut.cancelled() => {
            let wait = settle::quarantine(&job, &stop.quarantine);
            Ok(settle::cut_off(&job, wait))
        }
    }
}

fn client(settings: &Settings) -> Result<GhlClient, Failure> {
    let agent = format!("penstock/{VERSION}");
    GhlClient::new(&settings.ghl.base_url, settings.ghl.http_timeout, &agent)
        .map_err(Failure::bad_input)
}

fn courier(
    settings: &Settings,
    queue: &Queue,
    quarantine: &Quarantine,
    tokens: &Tokens,
) -> Result<Courier, Failure> {
    let api = Api {
        client: client(settings)?,
        gate: Gate {
            limiter: Limiter::default(),
            margin: settings.delivery.lease / 10,
        },
        offset: Offset::default(),
        tokens: tokens.clone(),
    };
    Ok(Courier {
        queue: queue.clone(),
        api,
        elsewhere: Elsewhere::open(settings)?,
        max_attempts: settings.delivery.max_attempts,
        max_age: settings.delivery.max_age,
        http_timeout: settings.ghl.http_timeout,
        quarantine: quarantine.clone(),
        flows: FlowFile::open(settings.intake.flows.as_deref())?,
        storm: settings.intake.storm.clone(),
        search_lag: settings.delivery.search_lag,
        marker: Marker::new(&settings.delivery.marker_keys, settings.delivery.marker),
        remove_twins: settings.delivery.remove_twins,
    })
}

/// What this worker knows of each destination's quotas.
fn quotas(settings: &Settings, elsewhere: Option<&Elsewhere>) -> Quotas {
    let mut quotas = Quotas::from((settings.ghl.burst, settings.ghl.daily));
    let others = elsewhere.into_iter().flat_map(Elsewhere::quotas);
    quotas.elsewhere.extend(others);
    quotas
}

fn rules(settings: &Settings) -> Rules {
    Rules {
        backoff: settings.delivery.backoff,
        quarantine: settings.delivery.longest_quarantine(),
        throttle: settings.ghl.burst.window(),
    }
}
