//! Which token a tenant's calls carry: read once, and kept until something of what is stored changes.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
use penstock_shared::{
    ghl::{Bearer, Credentials, GrantState, Known, Origin},
    job::Tenant,
    queue::{
        Queue,
        error::QueueError,
        grants::{GrantName, Kind},
    },
    settings::Ghl,
};
use secrecy::SecretString;
use tokio::{sync::Notify, time::Instant};

/// Between two looks for the token that another program renews.
const LOOK: Duration = Duration::from_millis(200);
/// Credentials are forgotten when there are those of so many tenants.
const MOST_KEPT: usize = 10_000;

/// The tokens of all tenants. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Queue,
    /// The app's client id.
    app: Option<String>,
    /// What is everybody's.
    fallback: Option<SecretString>,
    all_may_write: bool,
    /// How long a delivery waits for the token that is renewed: the renewal has two tries.
    patience: Duration,
    kept: Mutex<Kept>,
    wanted: Notify,
}

#[derive(Default)]
struct Kept {
    /// The number of the last change that was heard of.
    changes: Option<u64>,
    tenants: HashMap<String, Arc<Credentials>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("app", &self.inner.app)
            .field("fallback", &self.inner.fallback)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// As the settings say. Nothing is known before the first [`learn`](Self::learn).
    pub fn new(queue: &Queue, settings: &Ghl) -> Self {
        let inner = Inner {
            queue: queue.clone(),
            app: settings.app.as_ref().map(|app| app.client_id.clone()),
            fallback: settings.token.clone(),
            all_may_write: settings.all_may_write,
            patience: settings.http_timeout * 2 + queue.terms().lease,
            kept: Mutex::default(),
            wanted: Notify::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The client id of the app that tenants are connected through, if one is configured.
    pub fn app(&self) -> Option<&str> {
        self.inner.app.as_deref()
    }

    /// Hears whether anything has changed since the last time, and forgets what was kept if so.
    pub async fn learn(&self) -> Result<(), QueueError> {
        let changes = self.inner.queue.access_changes().await?;
        let mut kept = self.inner.kept.lock();
        if kept.changes != changes {
            *kept = Kept {
                changes,
                tenants: HashMap::new(),
            };
        }
        Ok(())
    }

    /// What a tenant's calls may carry.
    pub async fn of(&self, tenant: &str) -> Result<Arc<Credentials>, QueueError> {
        if let Some(kept) = self.kept(tenant) {
            return Ok(kept);
        }
        // Nobody has ever stored anything: there is nothing to be read.
        if self.changes().is_none() {
            return Ok(self.keep(tenant, &Known::default(), None));
        }
        self.reread(tenant).await
    }

    /// The same as it is stored now.
    pub async fn reread(&self, tenant: &str) -> Result<Arc<Credentials>, QueueError> {
        let (changes, app) = (self.changes(), self.inner.app.as_deref());
        let known = self.inner.queue.known_of(tenant, app).await?;
        Ok(self.keep(tenant, &known, changes))
    }

    /// What tells the credentials apart that the tenant's calls carried last.
    pub fn stamp(&self, tenant: &str) -> String {
        let kept = self.kept(tenant);
        kept.map_or_else(String::new, |kept| kept.stamp.clone())
    }

    /// Another token for a call whose own was refused, or which had none: the second of a rotation, one that somebody has stored meanwhile, or the
    /// one that the renewal gives, which is waited for. `permanent`: a renewed one would be refused too.
    pub async fn instead(
        &self,
        tenant: &str,
        refused: &[String],
        permanent: bool,
    ) -> Option<Bearer> {
        let known = told(tenant, self.reread(tenant).await)?;
        if let Some(other) = known.after(refused) {
            self.prefer(tenant, &known, other);
            return Some(other.clone());
        }
        let known = match known.origin {
            None => self.adopted(tenant).await?,
            _ => known,
        };
        let is_renewable = known.origin == Some(Origin::OAuth) && known.state == GrantState::Active;
        if permanent || !is_renewable {
            return None;
        }
        self.renewed(tenant, &known).await
    }

    /// Waits until somebody wants a token renewed.
    pub async fn wanted(&self) {
        self.inner.wanted.notified().await;
    }

    /// Whoever renews tokens does so now, and is waited for.
    async fn renewed(&self, tenant: &str, old: &Credentials) -> Option<Bearer> {
        let name = self.grant_of(tenant)?;
        let hastened = self.inner.queue.hasten_grant(&name, &old.stamp).await;
        told(tenant, hastened)?;
        self.inner.wanted.notify_one();
        let deadline = Instant::now() + self.inner.patience;
        loop {
            let known = told(tenant, self.reread(tenant).await)?;
            if known.stamp != old.stamp {
                return known.bearers.first().cloned();
            }
            if known.state != GrantState::Active || Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A location of which nothing is known may be one of the only company that has installed the app.
    async fn adopted(&self, tenant: &str) -> Option<Arc<Credentials>> {
        let (app, queue) = (self.inner.app.as_deref()?, &self.inner.queue);
        let location: Tenant = tenant.parse().ok()?;
        let installed = queue.installed(app, None, &location).await;
        told(tenant, installed)?;
        told(tenant, self.reread(tenant).await)
    }

    fn grant_of(&self, tenant: &str) -> Option<GrantName> {
        let app = self.inner.app.as_deref()?;
        Some(GrantName::new(Kind::Location, app, tenant))
    }

    fn kept(&self, tenant: &str) -> Option<Arc<Credentials>> {
        self.inner.kept.lock().tenants.get(tenant).cloned()
    }

    fn changes(&self) -> Option<u64> {
        self.inner.kept.lock().changes
    }

    /// Keeps what was read, unless something has changed since: it may be from before.
    fn keep(&self, tenant: &str, known: &Known, changes: Option<u64>) -> Arc<Credentials> {
        let inner = &self.inner;
        let chosen = Credentials::choose(known, inner.fallback.as_ref(), inner.all_may_write);
        self.put(tenant, chosen, changes)
    }

    /// The next calls begin with this one of the tenant's tokens.
    fn prefer(&self, tenant: &str, known: &Credentials, first: &Bearer) {
        let (mut known, changes) = (known.clone(), self.changes());
        let is_first = |bearer: &Bearer| bearer.fingerprint == first.fingerprint;
        known.bearers.sort_by_key(|bearer| !is_first(bearer));
        self.put(tenant, known, changes);
    }

    fn put(
        &self,
        tenant: &str,
        credentials: Credentials,
        changes: Option<u64>,
    ) -> Arc<Credentials> {
        let credentials = Arc::new(credentials);
        let mut kept = self.inner.kept.lock();
        if kept.changes != changes {
            return credentials;
        }
        if kept.tenants.len() >= MOST_KEPT {
            kept.tenants.clear();
        }
        kept.tenants
            .insert(tenant.to_owned(), Arc::clone(&credentials));
        credentials
    }
}

/// Redis cannot be asked: then the call fails with what it has.
fn told<T>(tenant: &str, read: Result<T, QueueError>) -> Option<T> {
    read.inspect_err(|error| {
        tracing::warn!(tenant, %error, "no other token can be looked for");
    })
    .ok()
}
