//! A table in force, and what it makes of a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kspec_model::rules::{
    Action, Body, BoundMutation, BoundRule, Expr, FailurePolicy, Lookup, Namespaces, Op, Root, Table,
};
use kspec_rego::Rego;
use kspec_rules::{Decision, Engines, Evaluator, Fault, Foreign, LoadError, Outcome, Reads, Review};
use prometheus_client::metrics::counter::Counter;
use serde_json::Value;

use crate::answer::{Answer, Cause};
use crate::counts::Said;
use crate::index::{Held, Index, Source};
use crate::metrics::{Metrics, RuleMetrics, severity_name};
use crate::request::Request;

/// A request that takes longer says so in the log.
const SLOW: Duration = Duration::from_millis(5);

/// How long one rule in Rego may take.
const REGO: Duration = Duration::from_secs(2);

/// A table in force.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) project: String,
    pub(crate) kubernetes: String,
    pub(crate) revision: String,
    /// What the rules read of an object.
    pub(crate) reads: Reads,
    /// Read after each rule of each request: by the processor's own counter where that is steady.
    clock: quanta::Clock,
    rules: Vec<Group>,
    mutations: Vec<Group>,
    /// Every mutation, in the table's order.
    every_mutation: Evaluator,
    mutation_faults: BTreeMap<String, Counter>,
    indexes: Vec<Arc<Index>>,
    namespaces: Option<Arc<Index>>,
    stale: Duration,
    /// Whether a rule may take long: Rego has no bound of its work but time.
    pub(crate) long: bool,
}

/// Rules or mutations that one entry of a webhook configuration is for: the API server knows one failure policy and one
/// timeout an entry.
#[derive(Debug)]
struct Group {
    policy: FailurePolicy,
    timeout: u32,
    evaluator: Evaluator,
    /// Each rule's place in the whole table, and its counters.
    rules: Vec<(usize, RuleMetrics)>,
}

/// Which groups a path asks for: `/validate`, `/validate/fail`, `/validate/fail/10`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Only {
    pub(crate) policy: Option<FailurePolicy>,
    pub(crate) timeout: Option<u32>,
}

impl Only {
    fn includes(self, group: &Group) -> bool {
        self.policy.is_none_or(|policy| policy == group.policy)
            && self.timeout.is_none_or(|timeout| timeout == group.timeout)
    }
}

/// What the engine is built with.
#[derive(Clone)]
pub(crate) struct Parts<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) source: &'a Arc<dyn Source>,
    pub(crate) before: Option<&'a Engine>,
    pub(crate) stale: Duration,
}

impl Engine {
    /// Makes a table ready; indexes that the one before has are kept. Must be called on a runtime, which follows the others.
    pub(crate) fn load(table: Table, parts: &Parts<'_>) -> Result<Self, LoadError> {
        let mut lookups: BTreeSet<Lookup> = BTreeSet::new();
        let mut needs_namespaces = false;
        let mut see = |expr: &Expr| match &expr.op {
            Op::All(lookup) => {
                lookups.insert(lookup.clone());
            }
            Op::Root(Root::Namespace) => needs_namespaces = true,
            _ => {}
        };
        for bound in &table.rules {
            bound.rule.walk(&mut see);
        }
        for bound in &table.mutations {
            bound.mutation.walk(&mut see);
        }
        let scopes =
            table.rules.iter().map(|bound| &bound.scope).chain(table.mutations.iter().map(|bound| &bound.scope));
        needs_namespaces |= scopes
            .into_iter()
            .any(|scope| matches!(&scope.namespaces, Namespaces::Selected { labels, .. } if !labels.is_empty()));
        if needs_namespaces {
            lookups.insert(namespaces());
        }
        let kept = |lookup: &Lookup| {
            let before = parts.before.into_iter().flat_map(|engine| &engine.indexes);
            before.into_iter().find(|index| index.lookup() == lookup).cloned()
        };
        let indexes: Vec<Arc<Index>> = lookups
            .into_iter()
            .map(|lookup| kept(&lookup).unwrap_or_else(|| Arc::new(Index::start(lookup, Arc::clone(parts.source)))))
            .collect();

        // Modules are read once a table.
        let foreign: Arc<dyn Foreign> = Arc::new(Rego::new(REGO));
        let part = |rules: Vec<BoundRule>, mutations: Vec<BoundMutation>| {
            let evaluator = Evaluator::load(Table { rules, mutations, ..head(&table) })?;
            Ok::<_, LoadError>(evaluator.with_foreign(Arc::clone(&foreign)))
        };
        let mut rules: BTreeMap<(bool, u32), Vec<(usize, &BoundRule)>> = BTreeMap::new();
        for (at, bound) in table.rules.iter().enumerate() {
            rules.entry(key(bound.failure_policy, bound.timeout_seconds)).or_default().push((at, bound));
        }
        let mut mutations: BTreeMap<(bool, u32), Vec<BoundMutation>> = BTreeMap::new();
        for bound in &table.mutations {
            mutations.entry(key(bound.failure_policy, bound.timeout_seconds)).or_default().push(bound.clone());
        }
        let group = |(ignore, timeout): (bool, u32), evaluator, rules| Group {
            policy: if ignore { FailurePolicy::Ignore } else { FailurePolicy::Fail },
            timeout,
            evaluator,
            rules,
        };
        let long =
            table.rules.iter().flat_map(|bound| &bound.rule.bodies).any(|body| matches!(body, Body::Rego { .. }));
        Ok(Self {
            reads: Reads::of(&table.rules),
            clock: quanta::Clock::new(),
            rules: rules
                .into_iter()
                .map(|(key, bound)| {
                    let counted = |(at, bound): &(usize, &BoundRule)| {
                        (*at, parts.metrics.rule(&bound.id, bound.action, bound.rule.severity))
                    };
                    let metrics = bound.iter().map(counted).collect();
                    let bound = bound.into_iter().map(|(_, bound)| bound.clone()).collect();
                    Ok(group(key, part(bound, Vec::new())?, metrics))
                })
                .collect::<Result<_, LoadError>>()?,
            mutations: mutations
                .into_iter()
                .map(|(key, bound)| Ok(group(key, part(Vec::new(), bound)?, Vec::new())))
                .collect::<Result<_, LoadError>>()?,
            mutation_faults: table
                .mutations
                .iter()
                .map(|bound| (bound.id.clone(), parts.metrics.mutation(&bound.id)))
                .collect(),
            every_mutation: part(Vec::new(), table.mutations.clone())?,
            namespaces: indexes.iter().find(|index| *index.lookup() == namespaces()).cloned(),
            indexes,
            stale: parts.stale,
            long,
            project: table.project,
            kubernetes: table.kubernetes,
            revision: table.revision,
        })
    }

    pub(crate) fn indexes(&self) -> &[Arc<Index>] {
        &self.indexes
    }

    /// How many rules and mutations there are.
    pub(crate) fn size(&self) -> (usize, usize) {
        let rules = self.rules.iter().map(|group| group.rules.len()).sum();
        (rules, self.every_mutation.table().mutations.len())
    }

    /// Every rule.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &BoundRule> {
        self.rules.iter().flat_map(|group| &group.evaluator.table().rules)
    }

    /// Until each index was filled once.
    pub(crate) async fn filled(&self) {
        for index in &self.indexes {
            index.filled().await;
        }
    }

    /// Asks for a request's namespace where the index of namespaces does not have it yet: it may have been made a moment ago.
    pub(crate) async fn meet(&self, request: &Request, source: &Arc<dyn Source>) {
        let (Some(index), Some(name)) = (&self.namespaces, request.namespace()) else { return };
        if request.resource() == "namespaces" || index.knows(name) {
            return;
        }
        match source.namespace(name).await {
            Ok(Some(namespace)) => index.learn(namespace),
            // Rules that need its labels have no verdict, and say so.
            Ok(None) => {}
            Err(why) => tracing::warn!(namespace = name, "cannot read a namespace: {why}"),
        }
    }

    /// What the rules say.
    pub(crate) fn validate(&self, request: &Request, only: Only) -> Answer {
        let held = Held::of(self.indexes.iter().map(|index| &**index), self.stale);
        let namespace = self.namespace_of(request, &held);
        let Ok(review) = Review::from_request(request.request()) else { return Answer::default() };
        let review = review.in_namespace(namespace);
        let began = Instant::now();
        let mut slowest = (0, "");
        let mut outcomes: Vec<(usize, Outcome<'_>)> = Vec::new();
        for group in self.rules.iter().filter(|group| only.includes(group)) {
            let mut since = self.clock.raw();
            group.evaluator.judge_each(&review, Engines::All, &held, |at, outcome| {
                let now = self.clock.raw();
                let took = self.clock.delta_as_nanos(since, now);
                since = now;
                if took > slowest.0 {
                    slowest = (took, &outcome.bound.id);
                }
                if let Some((place, metrics)) = group.rules.get(at) {
                    let said = match &outcome.decision {
                        Decision::Pass => Said::Pass,
                        Decision::Violations(_) => Said::Violation,
                        Decision::Fault(_) => {
                            metrics.faults.inc();
                            Said::Fault
                        }
                    };
                    metrics.counts.observe(took, said);
                    if said != Said::Pass {
                        outcomes.push((*place, outcome));
                    }
                }
            });
        }
        outcomes.sort_by_key(|(place, _)| *place);
        let mut answer = Answer::default();
        for (_, outcome) in outcomes {
            self.add(&mut answer, &outcome, request);
        }
        report_slow(request, began.elapsed(), slowest.1);
        if !answer.allowed() {
            let rules: BTreeSet<&str> = answer.causes.iter().map(|cause| cause.reason.as_str()).collect();
            tracing::info!(
                uid = request.uid(),
                operation = request.text("operation"),
                resource = request.resource(),
                namespace = request.text("namespace"),
                name = request.text("name"),
                user = request.user(),
                rules = rules.into_iter().collect::<Vec<_>>().join(","),
                revision = %self.revision,
                "refused"
            );
        }
        answer
    }

    fn add(&self, answer: &mut Answer, outcome: &Outcome<'_>, request: &Request) {
        let bound = outcome.bound;
        // A pod's rule at a workload, and `warn`, never refuse; a staged rule that only audits does not warn either.
        let effect = |milder: bool| match bound.action {
            Action::Deny if milder => Action::Warn,
            action => action,
        };
        let mut notes = Vec::new();
        let mut tell = |effect: Action, message: String, field: Option<&str>| {
            notes.push(message.clone());
            match effect {
                Action::Deny => {
                    let (reason, severity) = (bound.rule.name.clone(), Some(bound.rule.severity));
                    let cause = Cause { reason, severity, message, field: field.map(str::to_owned) };
                    if !answer.causes.contains(&cause) {
                        answer.causes.push(cause);
                    }
                }
                Action::Warn => {
                    let warning = format!("{}{message}", bound.rule.prefix());
                    if !answer.warnings.contains(&warning) {
                        answer.warnings.push(warning);
                    }
                }
                Action::Audit => {}
            }
        };
        match &outcome.decision {
            Decision::Pass => return,
            Decision::Violations(violations) => {
                for violation in violations {
                    let effect = effect(violation.warn || outcome.advisory);
                    tell(effect, violation.message.clone(), violation.path.as_deref());
                }
            }
            Decision::Fault(fault) => {
                let message = self.no_verdict(fault);
                tracing::error!(
                    rule = %bound.id,
                    source = %at(&bound.rule.source, fault),
                    failure_policy = if bound.failure_policy == FailurePolicy::Fail { "fail" } else { "ignore" },
                    uid = request.uid(),
                    resource = request.resource(),
                    namespace = request.text("namespace"),
                    name = request.text("name"),
                    "{message}"
                );
                if bound.failure_policy == FailurePolicy::Fail {
                    tell(effect(outcome.advisory), message, None);
                } else {
                    notes.push(message);
                }
            }
        }
        let note = format!("{}: {}", severity_name(bound.rule.severity), notes.join("; "));
        answer.audit.insert(bound.id.clone(), note);
    }

    /// What the mutations make of the object.
    pub(crate) fn mutate(&self, request: &Request, only: Only) -> Answer {
        let held = Held::of(self.indexes.iter().map(|index| &**index), self.stale);
        let namespace = self.namespace_of(request, &held);
        let Ok(review) = Review::from_request(request.request()) else { return Answer::default() };
        let review = review.in_namespace(namespace);
        let began = Instant::now();
        let mut answer = Answer::default();
        let evaluators: Vec<&Evaluator> = if only == Only::default() {
            vec![&self.every_mutation]
        } else {
            self.mutations.iter().filter(|group| only.includes(group)).map(|group| &group.evaluator).collect()
        };
        let mut object = None;
        let mut operations = Vec::new();
        let mut changed = Vec::new();
        for evaluator in evaluators {
            let review = Review { object: object.as_ref().or(review.object), ..review };
            let mutated = evaluator.mutate(&review, Engines::All, &held);
            for failed in &mutated.faults {
                let bound = evaluator.table().mutations.iter().find(|bound| bound.id == failed.id);
                let message = self.no_verdict(&failed.fault);
                answer.audit.insert(failed.id.clone(), message.clone());
                if let Some(counter) = self.mutation_faults.get(&failed.id) {
                    counter.inc();
                }
                tracing::error!(
                    mutation = %failed.id,
                    source = %bound.map(|bound| at(&bound.mutation.source, &failed.fault)).unwrap_or_default(),
                    failure_policy = if failed.denies { "fail" } else { "ignore" },
                    uid = request.uid(),
                    resource = request.resource(),
                    namespace = request.text("namespace"),
                    name = request.text("name"),
                    "{message}"
                );
                if failed.denies {
                    let reason = bound.map_or_else(|| failed.id.clone(), |bound| bound.mutation.name.clone());
                    answer.causes.push(Cause { reason, severity: None, message, field: None });
                }
            }
            if let Value::Array(patch) = mutated.patch {
                operations.extend(patch);
            }
            answer.warnings.extend(mutated.warnings);
            changed.extend(mutated.changed);
            object = Some(mutated.object);
        }
        if !operations.is_empty() {
            answer.patch = Some(Value::Array(operations));
            answer.audit.insert("mutated".to_owned(), changed.join(","));
        }
        report_slow(request, began.elapsed(), "");
        answer
    }

    fn namespace_of<'h>(&self, request: &Request, held: &'h Held<'_>) -> Option<&'h Value> {
        let index = self.namespaces.as_ref()?;
        held.named(index.lookup(), request.namespace()?)
    }

    /// Why there is no verdict, for people.
    fn no_verdict(&self, fault: &Fault) -> String {
        match fault {
            Fault::Failed { message, .. } => format!("has no verdict: {message}"),
            Fault::NeedsCluster(lookup) => {
                let index = self.indexes.iter().find(|index| index.lookup() == lookup);
                let age = index.filter(|index| index.is_filled()).and_then(|index| index.age());
                let of = &lookup.resource;
                match age {
                    Some(age) if age > self.stale => {
                        format!("has no verdict: nothing was heard of the cluster's {of} for {} s", age.as_secs())
                    }
                    Some(_) => format!("has no verdict: its namespace is not among the cluster's {of}"),
                    None => format!("has no verdict: the cluster's {of} are not known yet"),
                }
            }
        }
    }
}

/// `file:line` of the statement at fault, else of the declaration.
fn at(source: &str, fault: &Fault) -> String {
    match (fault, source.rsplit_once(':')) {
        (Fault::Failed { line, .. }, Some((file, _))) if *line > 0 => format!("{file}:{line}"),
        _ => source.to_owned(),
    }
}

fn report_slow(request: &Request, took: Duration, slowest: &str) {
    if took > SLOW {
        tracing::warn!(
            uid = request.uid(),
            resource = request.resource(),
            namespace = request.text("namespace"),
            name = request.text("name"),
            microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            slowest,
            "slow"
        );
    }
}

fn key(policy: FailurePolicy, timeout: u32) -> (bool, u32) {
    (policy == FailurePolicy::Ignore, timeout)
}

fn head(table: &Table) -> Table {
    Table {
        format_version: table.format_version,
        project: table.project.clone(),
        kubernetes: table.kubernetes.clone(),
        revision: table.revision.clone(),
        rules: Vec::new(),
        mutations: Vec::new(),
    }
}

fn namespaces() -> Lookup {
    Lookup { group: "".into(), version: "v1".into(), resource: "namespaces".into(), kind: "Namespace".into() }
}
