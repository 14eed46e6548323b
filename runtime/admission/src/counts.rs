//! What each rule said, and how long it took. Every request counts it for every rule that it meets, so that no lock is taken
//! for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kspec_model::rules::{Action, Severity};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::metrics::{action_name, severity_name};

/// Upper ends of the buckets, in nanoseconds: from a microsecond. What is longer is in one more.
const BOUNDS: [u64; 9] = [1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The counters of one rule. What is counted at every request is in one line of the cache: between requests a rule's counters are
/// long gone from it.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Counts {
    nanos: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    violations: AtomicU64,
    faults: AtomicU64,
}

/// What a rule says, as far as it is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing: every run that said nothing else.
    Pass,
    Violation,
    Fault,
}

impl Counts {
    /// Counts a run of so many nanoseconds.
    pub(crate) fn observe(&self, nanos: u64, said: Said) {
        // One more is counted; what others count beside it does not depend on it.
        let one_more = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        match said {
            Said::Pass => 0,
            Said::Violation => one_more(&self.violations),
            Said::Fault => one_more(&self.faults),
        };
        let at = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        self.buckets.get(at).map(one_more);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Runs by how long they took.
    fn runs(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(|count| count.load(Ordering::Relaxed))
    }
}

/// A rule as it is counted: one that comes to act otherwise begins anew.
type Key = (String, Action, Severity);

/// Of every rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules(Arc<Mutex<BTreeMap<Key, Arc<Counts>>>>);

impl Rules {
    pub(crate) fn of(&self, id: &str, action: Action, severity: Severity) -> Arc<Counts> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rules.entry((id.to_owned(), action, severity)).or_default())
    }

    pub(crate) fn forget(&self, id: &str, action: Action, severity: Severity) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(id.to_owned(), action, severity));
    }
}

impl Collector for Rules {
    #[expect(clippy::cast_precision_loss, reason = "seconds that are shown need not be exact to the nanosecond")]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut verdicts = encoder.encode_descriptor("verdicts", "Verdicts by rule", None, MetricType::Counter)?;
        for ((id, action, severity), counts) in rules.iter() {
            let others = [&counts.violations, &counts.faults].map(|count| count.load(Ordering::Relaxed));
            // A run that is being counted may have told one of these and not yet that it ran.
            let passes = counts.runs().sum::<u64>().saturating_sub(others.iter().sum());
            let [violations, faults] = others;
            for (verdict, count) in [("pass", passes), ("violation", violations), ("fault", faults)] {
                let (action, severity) = (action_name(*action), severity_name(*severity));
                let labels = [("rule", id.as_str()), ("action", action), ("severity", severity), ("verdict", verdict)];
                verdicts.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
            }
        }
        let mut times =
            encoder.encode_descriptor("rule", "Time that a rule took", Some(&Unit::Seconds), MetricType::Histogram)?;
        for ((id, ..), counts) in rules.iter() {
            let ends = BOUNDS.iter().map(|bound| *bound as f64 / 1e9).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = ends.zip(counts.runs()).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let seconds = counts.nanos.load(Ordering::Relaxed) as f64 / 1e9;
            times
                .encode_family(&[("rule", id.as_str())])?
                .encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)?;
        }
        Ok(())
    }
}
