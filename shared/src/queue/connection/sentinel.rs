//! Where the primary is that Sentinels watch: asked again and again, so that a failover is followed even while the old primary only stands still.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::join_all;
use parking_lot::Mutex;
use redis::{
    Client, ErrorKind, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::{address::Watched, manager_config, renewed::Renewed};

/// How long the primary is believed to be where it was; how soon it is asked for again once it is in doubt. Both with jitter.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_SOON: Duration = Duration::from_millis(100);
/// How long a Sentinel may take to connect, and to answer: they are asked all at once, and the others know too.
const SENTINEL: Duration = Duration::from_millis(500);

/// A primary that is followed. The following ends with the last of its clones.
#[derive(Clone)]
pub(in crate::queue) struct Primary {
    place: watch::Receiver<Arc<Place>>,
    doubt: Arc<Notify>,
}

/// Where a primary is.
struct Place {
    address: (String, u16),
    client: Client,
}

/// A connection to a primary, wherever that is.
#[derive(Clone)]
pub(in crate::queue) struct Followed {
    primary: Primary,
    config: ConnectionManagerConfig,
    opened: Arc<Mutex<(Arc<Place>, Renewed)>>,
}

impl Primary {
    /// Asks the Sentinels for the primary, and goes on asking.
    pub(super) async fn find(watched: Watched) -> RedisResult<Self> {
        let sentinels = Sentinels::new(watched)?;
        let (sender, place) = watch::channel(sentinels.primary().await?);
        let doubt = Arc::new(Notify::new());
        tokio::spawn(follow(sentinels, sender, Arc::clone(&doubt)));
        Ok(Self { place, doubt })
    }

    /// A connection of its own.
    pub(super) async fn connect(&self, config: ConnectionManagerConfig) -> RedisResult<Followed> {
        let place = self.place.borrow().clone();
        let connection = Renewed::connect(place.client.clone(), config.clone()).await?;
        Ok(Followed {
            primary: self.clone(),
            config,
            opened: Arc::new(Mutex::new((place, connection))),
        })
    }
}

impl Followed {
    /// Runs something on the primary. When the primary is found elsewhere, what has no answer yet never gets one: the old one may stand still.
    pub(super) async fn run<T, F: Future<Output = RedisResult<T>>>(
        &self,
        run: impl FnOnce(ConnectionManager) -> F,
    ) -> RedisResult<T> {
        let mut place = self.primary.place.clone();
        let connection = self.connection(&place.borrow_and_update())?;
        let answer = tokio::select! {
            answer = connection.run(run) => answer,
            _ = place.changed() => Err((ErrorKind::Io, "the primary has been replaced").into()),
        };
        if let Err(error) = &answer {
            self.doubt(error);
        }
        answer
    }

    /// Opened anew when the primary is another one: it connects as it is first used.
    fn connection(&self, place: &Arc<Place>) -> RedisResult<Renewed> {
        let mut opened = self.opened.lock();
        if !Arc::ptr_eq(&opened.0, place) {
            *opened = (Arc::clone(place), self.lazy(place)?);
        }
        Ok(opened.1.clone())
    }

    fn lazy(&self, place: &Place) -> RedisResult<Renewed> {
        Renewed::lazy(place.client.clone(), self.config.clone())
    }

    /// One that cannot be reached, or is no primary any more: the Sentinels are asked at once. A demoted one is not spoken to again, even if
    /// it has the name of the new one.
    fn doubt(&self, error: &RedisError) {
        let demoted = crate::queue::error::is_demoted(error);
        if demoted {
            let mut opened = self.opened.lock();
            if let Ok(fresh) = self.lazy(&opened.0) {
                opened.1 = fresh;
            }
        }
        if demoted || error.is_io_error() || error.is_unrecoverable_error() {
            self.primary.doubt.notify_one();
        }
    }
}

/// The Sentinels, each with a connection that is kept.
struct Sentinels {
    watched: Watched,
    connections: Vec<Renewed>,
}

impl Sentinels {
    fn new(watched: Watched) -> RedisResult<Self> {
        let config = || {
            manager_config(Some(SENTINEL))
                .set_connection_timeout(Some(SENTINEL))
                .set_number_of_retries(0)
        };
        let connections = watched
            .sentinels
            .iter()
            .map(|sentinel| Renewed::lazy(sentinel.clone(), config()));
        Ok(Self {
            connections: connections.collect::<RedisResult<_>>()?,
            watched,
        })
    }

    /// Where those that answer say that the primary is. Each failover has an epoch: one that has not heard of the last is not believed.
    async fn primary(&self) -> RedisResult<Arc<Place>> {
        let sentinels = self.connections.iter().cloned();
        let answers = join_all(sentinels.map(|sentinel| self.ask(sentinel))).await;
        let refusal = answers.iter().find_map(|told| told.as_ref().err()).cloned();
        let latest = answers
            .into_iter()
            .flatten()
            .max_by_key(|(epoch, _)| *epoch);
        let Some((_, address)) = latest else {
            return Err(refusal.unwrap_or_else(unknown));
        };
        let client = self.watched.server(&address.0, address.1)?;
        Ok(Arc::new(Place { address, client }))
    }

    async fn ask(&self, sentinel: Renewed) -> RedisResult<(u64, (String, u16))> {
        let mut question = redis::cmd("SENTINEL");
        question.arg("MASTER").arg(&self.watched.name);
        let question = &question;
        let ask = |mut connection| async move { question.query_async(&mut connection).await };
        let told: RedisResult<HashMap<String, String>> = sentinel.run(ask).await;
        let mut told = told.map_err(|error| match error.code() {
            Some("ERR") => unknown(),
            _ => error,
        })?;
        let number = |name: &str| told.get(name).and_then(|text| text.parse::<u64>().ok());
        let port = number("port").and_then(|port| u16::try_from(port).ok());
        let epoch = number("config-epoch").unwrap_or(0);
        let address = told.remove("ip").zip(port);
        address.map(|at| (epoch, at)).ok_or_else(unknown)
    }
}

fn unknown() -> RedisError {
    (
        ErrorKind::MasterNameNotFoundBySentinel,
        "no Sentinel knows its primary",
    )
        .into()
}

/// Keeps the place right for as long as anybody wants to know.
async fn follow(sentinels: Sentinels, sender: watch::Sender<Arc<Place>>, doubt: Arc<Notify>) {
    let mut lost = false;
    loop {
        let jitter = rand::random_range(0.5..1.0);
        tokio::select! {
            () = sender.closed() => return,
            () = sleep(LOOK.mul_f64(jitter)) => {}
            () = doubt.notified() => sleep(LOOK_SOON.mul_f64(jitter)).await,
        }
        let found = sentinels.primary().await;
        if found.is_err() != lost {
            lost = !lost;
            match &found {
                Ok(_) => tracing::info!("the Sentinels answer again"),
                Err(error) => tracing::warn!(
                    error = error.category(),
                    "no Sentinel says where the primary is; going on with the last one known"
                ),
            }
        }
        let Ok(found) = found else { continue };
        let moved = sender.send_if_modified(|place| {
            let moved = place.address != found.address;
            if moved {
                *place = Arc::clone(&found);
            }
            moved
        });
        if moved {
            let (host, port) = &found.address;
            tracing::warn!(host, port, "the primary has been replaced");
        }
    }
}
