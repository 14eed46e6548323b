//! What Prometheus reads.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use kspec_model::rules::{Action, Severity};

use crate::counts::{Counts, Rules};

/// Seconds that a request takes.
const REQUEST_BUCKETS: [f64; 12] = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabel {
    rule: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    code: u16,
    allowed: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabel {
    endpoint: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    what: &'static str,
    outcome: &'static str,
}

fn request_histogram() -> Histogram {
    Histogram::new(REQUEST_BUCKETS)
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    rules: Rules,
    faults: Family<RuleLabel, Counter>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<EndpointLabel, Histogram, fn() -> Histogram>,
    /// Those of what nearly every request is: a validation that lets pass.
    usual: OnceLock<(Counter, Histogram)>,
    shed: Family<ReasonLabel, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    /// Requests being answered.
    pub(crate) in_flight: Gauge,
    /// Requests that wait for a thread.
    pub(crate) queued: Gauge,
    /// Connections.
    pub(crate) connections: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The counters of one rule, found once when its table is loaded.
#[derive(Debug, Clone)]
pub(crate) struct RuleMetrics {
    pub(crate) faults: Counter,
    pub(crate) counts: Arc<Counts>,
}

/// One index as it is scraped.
#[derive(Debug)]
pub(crate) struct IndexReading {
    pub(crate) resource: String,
    /// None: never filled.
    pub(crate) age: Option<f64>,
    pub(crate) objects: usize,
}

/// What is read when it is scraped, since it changes by itself.
pub(crate) trait Readings: fmt::Debug + Send + Sync + 'static {
    /// Project, target version and revision of the table in force, and how many rules and mutations it has.
    fn table(&self) -> (String, String, String, usize, usize);
    /// Every index.
    fn indexes(&self) -> Vec<IndexReading>;
    /// Whether new requests are answered with verdicts.
    fn ready(&self) -> bool;
}

impl Metrics {
    pub(crate) fn new(readings: Box<dyn Readings>) -> Self {
        let mut registry = Registry::with_prefix("kspec_admission");
        let rules = Rules::default();
        registry.register_collector(Box::new(rules.clone()));
        let faults = Family::default();
        registry.register("faults", "Requests that a rule or mutation could not decide", faults.clone());
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let request_seconds = Family::new_with_constructor(request_histogram as fn() -> Histogram);
        registry.register_with_unit(
            "request",
            "Time from a request's headers to its answer",
            Unit::Seconds,
            request_seconds.clone(),
        );
        let shed = Family::default();
        registry.register("shed", "Requests turned away unread, by the limit that was reached", shed.clone());
        let reloads = Family::default();
        registry.register("reloads", "Certificates and bundles read anew", reloads.clone());
        let in_flight = Gauge::default();
        registry.register("in_flight", "Requests being answered", in_flight.clone());
        let queued = Gauge::default();
        registry.register("queued", "Requests that wait for a thread", queued.clone());
        let connections = Gauge::default();
        registry.register("connections", "Connections", connections.clone());
        registry.register_collector(Box::new(Scraped(readings)));
        let usual = OnceLock::new();
        Self {
            registry,
            rules,
            faults,
            requests,
            request_seconds,
            usual,
            shed,
            reloads,
            in_flight,
            queued,
            connections,
        }
    }

    pub(crate) fn rule(&self, id: &str, action: Action, severity: Severity) -> RuleMetrics {
        let faults = self.faults.get_or_create_owned(&RuleLabel { rule: id.to_owned() });
        RuleMetrics { faults, counts: self.rules.of(id, action, severity) }
    }

    /// The times that a mutation could not be run.
    pub(crate) fn mutation(&self, id: &str) -> Counter {
        self.faults.get_or_create_owned(&RuleLabel { rule: id.to_owned() })
    }

    /// Forgets a rule of a table that is no more in force.
    pub(crate) fn forget(&self, id: &str, action: Action, severity: Severity) {
        self.faults.remove(&RuleLabel { rule: id.to_owned() });
        self.rules.forget(id, action, severity);
    }

    pub(crate) fn answered(&self, endpoint: &'static str, code: u16, allowed: Option<bool>, seconds: f64) {
        let is_usual = endpoint == "validate" && code == 200 && allowed == Some(true);
        let allowed = match allowed {
            Some(true) => "true",
            Some(false) => "false",
            None => "",
        };
        let counted = || {
            let requests = self.requests.get_or_create_owned(&RequestLabels { endpoint, code, allowed });
            (requests, self.request_seconds.get_or_create_owned(&EndpointLabel { endpoint }))
        };
        let other;
        let (requests, times) = if is_usual {
            self.usual.get_or_init(counted)
        } else {
            other = counted();
            &other
        };
        requests.inc();
        times.observe(seconds);
    }

    pub(crate) fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn reloaded(&self, what: &'static str, done: bool) {
        let outcome = if done { "done" } else { "kept_old" };
        self.reloads.get_or_create(&ReloadLabels { what, outcome }).inc();
    }

    /// The page, in OpenMetrics.
    pub(crate) fn page(&self) -> String {
        let mut page = String::new();
        // A String takes everything.
        let _ = prometheus_client::encoding::text::encode(&mut page, &self.registry);
        page
    }
}

pub(crate) const fn action_name(action: Action) -> &'static str {
    match action {
        Action::Deny => "deny",
        Action::Warn => "warn",
        Action::Audit => "audit",
    }
}

pub(crate) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

#[derive(Debug)]
struct Scraped(Box<dyn Readings>);

impl Collector for Scraped {
    fn encode(&self, mut encoder: prometheus_client::encoding::DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (project, kubernetes, revision, rules, mutations) = self.0.table();
        let gauge = |value: f64| ConstGauge::<f64>::new(value);
        let labels = [("project", project), ("kubernetes", kubernetes), ("revision", revision)];
        let mut table = encoder.encode_descriptor("table_info", "The rule table in force", None, MetricType::Gauge)?;
        gauge(1.0).encode(table.encode_family(&labels)?)?;
        let mut size =
            encoder.encode_descriptor("table_entries", "What the rule table holds", None, MetricType::Gauge)?;
        gauge(count(rules)).encode(size.encode_family(&[("kind", "rule")])?)?;
        gauge(count(mutations)).encode(size.encode_family(&[("kind", "mutation")])?)?;
        let ready = encoder.encode_descriptor("ready", "Whether verdicts are given", None, MetricType::Gauge)?;
        gauge(if self.0.ready() { 1.0 } else { 0.0 }).encode(ready)?;
        let indexes = self.0.indexes();
        let mut ages = encoder.encode_descriptor(
            "index_age",
            "Time since an index was last known to be current; +Inf before it was filled",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for index in &indexes {
            let label = [("resource", index.resource.as_str())];
            gauge(index.age.unwrap_or(f64::INFINITY)).encode(ages.encode_family(&label)?)?;
        }
        let mut objects =
            encoder.encode_descriptor("index_objects", "Objects that an index holds", None, MetricType::Gauge)?;
        for index in &indexes {
            let label = [("resource", index.resource.as_str())];
            gauge(count(index.objects)).encode(objects.encode_family(&label)?)?;
        }
        Ok(())
    }
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
