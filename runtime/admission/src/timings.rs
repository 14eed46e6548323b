//! How long each rule takes. Every request counts it for every rule that it meets, so that no lock is taken for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// Upper ends of the buckets, in nanoseconds: from a microsecond. What is longer is in one more.
const BOUNDS: [u64; 9] = [1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// How long one rule took. What is counted at every request is in one line of the cache: between requests a rule's counters are
/// long gone from it.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Timing {
    nanos: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
}

impl Timing {
    /// Counts a run of so many nanoseconds.
    pub(crate) fn observe(&self, nanos: u64) {
        let at = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        // One more is counted; what others count beside it does not depend on it.
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Of every rule, by its id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timings(Arc<Mutex<BTreeMap<String, Arc<Timing>>>>);

impl Timings {
    pub(crate) fn of(&self, id: &str) -> Arc<Timing> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rules.entry(id.to_owned()).or_default())
    }

    pub(crate) fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Collector for Timings {
    #[expect(clippy::cast_precision_loss, reason = "seconds that are shown need not be exact to the nanosecond")]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut rules =
            encoder.encode_descriptor("rule", "Time that a rule took", Some(&Unit::Seconds), MetricType::Histogram)?;
        for (id, timing) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let ends = BOUNDS.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
            let counts = timing.buckets.iter().map(|count| count.load(Ordering::Relaxed));
            let buckets: Vec<(f64, u64)> = ends.zip(counts).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let seconds = timing.nanos.load(Ordering::Relaxed) as f64 / 1e9;
            rules
                .encode_family(&[("rule", id.as_str())])?
                .encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)?;
        }
        Ok(())
    }
}
