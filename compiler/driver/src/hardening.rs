//! K0505 by Pod Security: a mutation that makes, of a pod that its namespace's level lets in, one that it refuses.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::{Finding, codes};
use kspec_lower::admission::Sourced;
use kspec_model::Labels;
use kspec_model::program::{Namespace, PodSecurityLevel};
use kspec_model::rules::{BoundMutation, Namespaces, Scope, Table};
use kspec_proofs::{Proof, refused_results};
use kspec_resolve::Session;
use serde_json::Value;

use crate::pod_security::{pod_security, pod_security_minor};

/// A mutation's place in the table, and how it breaks a level.
#[derive(Debug, Clone)]
struct Broken {
    mutation: usize,
    namespaces: BTreeSet<String>,
    standard: String,
    control: String,
    witness: Value,
    mutated: Value,
}

/// Namespaces by the level that they enforce.
type Enforced = BTreeMap<(PodSecurityLevel, u8), BTreeMap<String, Labels>>;

/// What was found, kept for as long as neither mutations nor levels change.
#[derive(Default)]
pub(crate) struct Hardening {
    of: Option<(Vec<BoundMutation>, Enforced)>,
    found: Vec<Broken>,
}

impl Hardening {
    pub(crate) fn check<'n>(
        &mut self,
        session: &Session,
        namespaces: impl Iterator<Item = &'n Namespace>,
    ) -> Vec<Finding> {
        let facts = session.facts();
        let view = session.program().view();
        let lowered = kspec_lower::admission::sourced(&view, facts.as_of);
        if lowered.table.mutations.is_empty() {
            return Vec::new();
        }
        let mut enforced = Enforced::new();
        let newest = facts.config.kubernetes.minor();
        for namespace in namespaces {
            let Some(mode) = namespace.pod_security.as_ref().and_then(|security| security.enforce.as_ref()) else {
                continue;
            };
            if mode.level == PodSecurityLevel::Privileged {
                continue;
            }
            let minor = pod_security_minor(mode.version.as_deref().unwrap_or("latest"), newest).unwrap_or(newest);
            let mut labels = namespace.labels.clone();
            labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.name.clone());
            enforced.entry((mode.level, minor)).or_default().insert(namespace.name.clone(), labels);
        }
        if self
            .of
            .as_ref()
            .is_none_or(|(mutations, levels)| *mutations != lowered.table.mutations || *levels != enforced)
        {
            self.found =
                enforced.iter().flat_map(|(level, names)| broken(*level, names, &lowered.table, session)).collect();
            self.of = Some((lowered.table.mutations.clone(), enforced));
        }
        self.found.iter().filter_map(|broken| finding(broken, &lowered)).collect()
    }
}

/// What mutations break of one level.
fn broken(
    (level, minor): (PodSecurityLevel, u8),
    namespaces: &BTreeMap<String, Labels>,
    table: &Table,
    session: &Session,
) -> Vec<Broken> {
    let facts = session.facts();
    // Each finding of the library is its own.
    let Ok(mut standard) = pod_security(level, minor, &facts.schema, facts.library) else { return Vec::new() };
    let named = |names: BTreeSet<String>| Scope { namespaces: Namespaces::Named(names), cluster: false };
    for rule in &mut standard.rules {
        rule.scope = named(namespaces.keys().cloned().collect());
    }
    let mut places = Vec::new();
    for (at, bound) in table.mutations.iter().enumerate() {
        let met = namespaces.iter().filter(|(name, labels)| match &bound.scope.namespaces {
            Namespaces::Named(names) => names.contains(*name),
            Namespaces::Selected { labels: selector, except } => !except.contains(*name) && selector.matches(labels),
        });
        let met: BTreeSet<String> = met.map(|(name, _)| name.clone()).collect();
        if !met.is_empty() {
            standard.mutations.push(BoundMutation { scope: named(met.clone()), ..bound.clone() });
            places.push((at, met));
        }
    }
    if places.is_empty() {
        return Vec::new();
    }
    let proofs = refused_results(&standard, &facts.schema).into_iter().filter_map(|proof| {
        let Proof::MutationRefused { mutation, rule, witness, mutated } = proof else { return None };
        let (at, met) = places.get(mutation)?;
        Some(Broken {
            mutation: *at,
            namespaces: met.clone(),
            standard: format!("{}:v1.{minor}", level.as_str()),
            control: standard.rules.get(rule)?.rule.name.clone(),
            witness,
            mutated,
        })
    });
    proofs.collect()
}

fn finding(broken: &Broken, lowered: &Sourced<'_>) -> Option<Finding> {
    let origin = lowered.mutations.get(broken.mutation)?;
    let name = &lowered.table.mutations.get(broken.mutation)?.mutation.name;
    let namespaces: Vec<String> = broken.namespaces.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "`{name}` makes pods that the Pod Security of {} refuses: {} of {}",
        namespaces.join(", "),
        broken.control,
        broken.standard
    );
    let finding = Finding::new(codes::MUTATION_REFUSED, message, origin.at)
        .witness(vec![
            format!("{} passes", broken.witness),
            format!("after the mutation it is refused: {}", broken.mutated),
        ])
        .help("write a value that the level allows, or bind the mutation where another level holds");
    Some(origin.uses.iter().fold(finding, |finding, used| finding.label(*used, "stamped here")))
}
