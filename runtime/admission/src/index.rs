//! Objects that rules look up, kept as the cluster has them.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use kspec_model::rules::Lookup;
use kspec_rules::Objects;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use kspec_state::live::Change;

/// Where objects come from.
pub trait Source: Send + Sync + 'static {
    /// Tells `sink` of every object of a kind, and of every change, until that fails; yields why.
    fn follow<'a>(
        &'a self,
        lookup: &'a Lookup,
        sink: &'a (dyn Fn(Change) + Send + Sync),
    ) -> Pin<Box<dyn Future<Output = String> + Send + 'a>>;

    /// A namespace that the index does not know yet.
    fn namespace<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Value>, String>> + Send + 'a>>;
}

/// First and last pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Every object of a kind. It is followed for as long as somebody holds it.
pub(crate) struct Index {
    kept: Arc<Kept>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("lookup", &self.kept.lookup).finish_non_exhaustive()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Kept {
    lookup: Lookup,
    contents: RwLock<Contents>,
    began: Instant,
    /// Milliseconds after `began` at which it was last known to be current, and one; 0: never.
    contact: AtomicU64,
    filled: watch::Sender<bool>,
}

/// Objects in the order of their keys, so that every replica sees one order.
#[derive(Debug, Default)]
struct Contents {
    keys: Vec<String>,
    objects: Vec<Value>,
}

impl Contents {
    fn key(object: &Value) -> String {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
    }

    fn named(&self, name: &str) -> Option<&Value> {
        let at = self.keys.binary_search(&format!("/{name}")).ok()?;
        self.objects.get(at)
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Listed(objects) => {
                let sorted: BTreeMap<String, Value> =
                    objects.into_iter().map(|object| (Self::key(&object), object)).collect();
                (self.keys, self.objects) = sorted.into_iter().unzip();
            }
            Change::Set(object) => {
                let key = Self::key(&object);
                match self.keys.binary_search(&key) {
                    Ok(at) => {
                        if let Some(place) = self.objects.get_mut(at) {
                            *place = object;
                        }
                    }
                    Err(at) => {
                        self.keys.insert(at, key);
                        self.objects.insert(at, object);
                    }
                }
            }
            Change::Gone(object) => {
                if let Ok(at) = self.keys.binary_search(&Self::key(&object)) {
                    self.keys.remove(at);
                    self.objects.remove(at);
                }
            }
            Change::Current => {}
        }
    }
}

impl Kept {
    fn told(&self, change: Change) {
        let listed = matches!(change, Change::Listed(_));
        if change != Change::Current {
            self.contents.write().unwrap_or_else(PoisonError::into_inner).apply(change);
        }
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        self.contact.store(now, Ordering::Release);
        if listed {
            self.filled.send_replace(true);
        }
    }

    fn age(&self) -> Option<Duration> {
        match self.contact.load(Ordering::Acquire) {
            0 => None,
            contact => Some(self.began.elapsed().saturating_sub(Duration::from_millis(contact - 1))),
        }
    }
}

impl Index {
    /// Follows a kind, again and again.
    pub(crate) fn start(lookup: Lookup, source: Arc<dyn Source>) -> Self {
        let kept = Arc::new(Kept {
            lookup,
            contents: RwLock::default(),
            began: Instant::now(),
            contact: AtomicU64::new(0),
            filled: watch::Sender::new(false),
        });
        let following = Arc::clone(&kept);
        let task = tokio::spawn(async move {
            let mut pause = PAUSES.0;
            loop {
                let before = following.contact.load(Ordering::Acquire);
                let why = source.follow(&following.lookup, &|change| following.told(change)).await;
                if following.contact.load(Ordering::Acquire) != before {
                    pause = PAUSES.0;
                }
                tracing::warn!(
                    resource = %following.lookup.resource,
                    group = %following.lookup.group,
                    age_seconds = following.age().map(|age| age.as_secs()),
                    retry_milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    "cannot follow the objects that rules look up: {why}"
                );
                tokio::time::sleep(spread(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        });
        Self { kept, task }
    }

    pub(crate) fn lookup(&self) -> &Lookup {
        &self.kept.lookup
    }

    /// Since when it may be out of date; none before it was filled.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.kept.age()
    }

    pub(crate) fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Until it was filled once.
    pub(crate) async fn filled(&self) {
        // The sender lives in `self`.
        let _ = self.kept.filled.subscribe().wait_for(|filled| *filled).await;
    }

    pub(crate) fn is_filled(&self) -> bool {
        *self.kept.filled.borrow()
    }

    /// Takes in one object that was asked for by itself.
    pub(crate) fn learn(&self, object: Value) {
        self.kept.contents.write().unwrap_or_else(PoisonError::into_inner).apply(Change::Set(object));
    }

    /// Whether it has an object of no namespace.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.read().named(name).is_some()
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.kept.contents.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half to all of a pause, so that replicas that failed together do not try again together.
fn spread(pause: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    let part = u32::try_from(RandomState::new().hash_one(0_u8) % 1024).unwrap_or(0);
    pause / 2 + pause / 2048 * part
}

/// The indexes of a table, held still while one request is judged.
pub(crate) struct Held<'i> {
    guards: Vec<(&'i Lookup, RwLockReadGuard<'i, Contents>)>,
}

impl<'i> Held<'i> {
    /// Those that were heard of within `stale`; the others are not at hand.
    pub(crate) fn of(indexes: impl Iterator<Item = &'i Index>, stale: Duration) -> Self {
        let guards = indexes
            .filter(|index| index.is_filled() && index.age().is_some_and(|age| age <= stale))
            .map(|index| (index.lookup(), index.read()))
            .collect();
        Self { guards }
    }

    /// One object of no namespace.
    pub(crate) fn named(&self, lookup: &Lookup, name: &str) -> Option<&Value> {
        let (_, contents) = self.guards.iter().find(|(held, _)| *held == lookup)?;
        contents.named(name)
    }
}

impl Objects for Held<'_> {
    fn all(&self, lookup: &Lookup) -> Option<&[Value]> {
        self.guards.iter().find(|(held, _)| *held == lookup).map(|(_, contents)| contents.objects.as_slice())
    }
}
