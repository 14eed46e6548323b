//! How much is taken on at once. What is more is shed with an answer at once, so that the API server's failure policy acts
//! while there is still time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests at once; more are shed.
    pub in_flight: usize,
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Bytes of one request's body. The API server's own limit is 3 MiB an object, and an update carries two.
    pub body: usize,
    /// Bytes of all bodies at once; more are shed.
    pub bodies: usize,
    /// For how long one request may take. The API server's own patience, which it tells in the URL, may be shorter.
    pub request: Duration,
    /// For how long an index may have heard nothing, before rules that need it have no verdict.
    pub stale: Duration,
    /// For how long requests are still taken after the order to stop: endpoints take a moment to know.
    pub drain: Duration,
    /// For how long requests in flight may take to end after that.
    pub grace: Duration,
    /// How often files are looked at for a change.
    pub poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 512,
            connections: 1024,
            body: 7 << 20,
            bodies: 64 << 20,
            request: Duration::from_secs(8),
            stale: Duration::from_secs(180),
            drain: Duration::from_secs(5),
            grace: Duration::from_secs(20),
            poll: Duration::from_secs(1),
        }
    }
}

/// What the limits have left.
#[derive(Debug)]
pub(crate) struct Slots {
    requests: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    /// Evaluations that may take long, each on a thread of its own.
    pub(crate) long: Arc<Semaphore>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Slots {
    pub(crate) fn new(limits: &Limits) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            requests: Arc::new(Semaphore::new(limits.in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            kibibytes: Arc::new(Semaphore::new((limits.bodies / 1024).clamp(1, u32::MAX as usize))),
            long: Arc::new(Semaphore::new(threads)),
        }
    }

    pub(crate) fn request(&self) -> Option<Slot> {
        Arc::clone(&self.requests).try_acquire_owned().ok().map(Slot)
    }

    pub(crate) fn body(&self, bytes: usize) -> Option<Slot> {
        let kibibytes = u32::try_from(bytes / 1024 + 1).ok()?;
        Arc::clone(&self.kibibytes).try_acquire_many_owned(kibibytes).ok().map(Slot)
    }
}
