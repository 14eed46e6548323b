//! From bindings to the table of a day.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};

use kspec_model::program::{AdmissionScope, Date, EngineChoice, MutationBinding, RuleBinding, View};
use kspec_model::rules::{Action, BoundMutation, BoundRule, Engine, FailurePolicy, Scope, Table};

use super::engine::{self, Said};
use super::{exempt, minor, scope};
use crate::names;
use crate::shared::shared;

/// The table of a program on a day, and what is known of each of its entries beside it.
#[derive(Debug, Clone)]
pub struct Lowering {
    /// The table, without its revision.
    pub table: Table,
    /// Of each rule, and then of each mutation, its binding's place among the program's.
    pub bindings: Vec<usize>,
    /// Of each rule, and then of each mutation, why the webhook decides it.
    pub reasons: Vec<Option<String>>,
    /// What CEL says of each rule: nothing of those that the webhook decides.
    pub(super) said: Vec<Said>,
}

/// The table of a program on a day, without its revision.
#[must_use]
pub fn lowering(program: &View<'_>, as_of: Date) -> Lowering {
    let mut ids = Ids::default();
    let target = minor(&program.project.kubernetes);
    let bindings = program.rules.iter().copied().map(|binding| (binding, ids.next(&binding.rule.name)));
    let bindings: Vec<(&RuleBinding, String)> = bindings.collect();
    let lowered = shared(&bindings, |(binding, id)| {
        let bound = rule(program, binding, as_of, id.clone())?;
        let (said, reason) = match chosen(program).map_or_else(|| engine::of_rule(&bound, target), Err) {
            Ok(said) => (said, None),
            Err(reason) => (Said::default(), Some(reason)),
        };
        let engine = if reason.is_some() { Engine::Webhook } else { Engine::Cel };
        // What never refuses does not refuse because nobody answers, either.
        let told = engine == Engine::Webhook && bound.action != Action::Deny;
        let failure_policy = if told { FailurePolicy::Ignore } else { bound.failure_policy };
        Some((BoundRule { engine, failure_policy, ..bound }, reason, said))
    });
    let (mut rules, mut places, mut reasons) = (Vec::with_capacity(lowered.len()), Vec::new(), Vec::new());
    let mut all_said = Vec::with_capacity(lowered.len());
    for (place, lowered) in lowered.into_iter().enumerate() {
        let Some((bound, reason, said)) = lowered else { continue };
        rules.push(bound);
        all_said.push(said);
        places.push(place);
        reasons.push(reason);
    }
    let mut mutations = Vec::new();
    for (place, binding) in program.mutations.iter().copied().enumerate() {
        let id = ids.next(&binding.mutation.name);
        let Some(bound) = mutation(program, binding, as_of, id) else { continue };
        let reason = chosen(program).or_else(|| engine::of_mutation(&bound, target).err());
        let engine = if reason.is_some() { Engine::Webhook } else { Engine::Cel };
        mutations.push(BoundMutation { engine, ..bound });
        places.push(place);
        reasons.push(reason);
    }
    let table = Table {
        format_version: Table::FORMAT,
        project: program.project.name.clone(),
        kubernetes: program.project.kubernetes.clone(),
        revision: String::new(),
        rules,
        mutations,
    };
    Lowering { table, bindings: places, reasons, said: all_said }
}

/// The table with its revision.
#[must_use]
pub fn revised(mut table: Table) -> Table {
    table.revision = revision(&table.rules, &table.mutations);
    table
}

/// A table's rules and mutations as JSON, and their revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// BLAKE3 of both, as a table has it.
    pub revision: String,
    /// The rules, a list in one line.
    pub rules: String,
    /// The mutations, a list in one line.
    pub mutations: String,
}

impl Written {
    /// Of a table.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        // Rules and mutations have keys of text: writing them cannot fail.
        let rules = serde_json::to_string(&table.rules).unwrap_or_default();
        let mutations = serde_json::to_string(&table.mutations).unwrap_or_default();
        // As a pair is written.
        let mut hash = blake3::Hasher::new();
        for part in ["[", &rules, ",", &mutations, "]"] {
            hash.update(part.as_bytes());
        }
        Self { revision: hash.finalize().to_hex().to_string(), rules, mutations }
    }
}

/// Why the webhook decides everything, where it does.
fn chosen(program: &View<'_>) -> Option<String> {
    (program.project.admission.engine == EngineChoice::Webhook)
        .then(|| "kspec.toml says `engine = \"webhook\"`".to_owned())
}

/// BLAKE3 of the rules and mutations as JSON, whose maps are in order.
fn revision(rules: &[BoundRule], mutations: &[BoundMutation]) -> String {
    let mut hashed = BufWriter::with_capacity(HASHED_AT_ONCE, Hashed(blake3::Hasher::new()));
    // Neither writing to a hasher nor rules with keys of text can fail.
    let _ = serde_json::to_writer(&mut hashed, &(rules, mutations));
    let _ = hashed.flush();
    hashed.get_ref().0.finalize().to_hex().to_string()
}

/// Bytes that are hashed at a time: BLAKE3 is quick over long stretches.
const HASHED_AT_ONCE: usize = 64 * 1024;

/// Hashes what is written to it.
struct Hashed(blake3::Hasher);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn rule(program: &View<'_>, binding: &RuleBinding, as_of: Date, id: String) -> Option<BoundRule> {
    let mut bound = BoundRule {
        id,
        rule: binding.rule.clone(),
        action: stage(binding, as_of),
        scope: scope::of(program, &binding.scope),
        failure_policy: binding.failure_policy,
        timeout_seconds: binding.timeout_seconds,
        engine: Engine::Cel,
        exemptions: Vec::new(),
    };
    scope::narrow(&mut bound.rule.targets, pods(&binding.scope));
    let mut exempted = exempt::Exempted { targets: &mut bound.rule.targets, scope: &mut bound.scope };
    for exemption in exempt::in_force(program, binding.declared, as_of) {
        exempted.apply(exemption);
        if let Some(container) = &exemption.container {
            exempt::container(&mut bound.rule.bodies, &exemption.what, container);
        }
        bound.exemptions.push(exempt::note(exemption));
    }
    in_scope(&bound.scope, &mut bound.rule.targets).then_some(bound)
}

fn mutation(program: &View<'_>, binding: &MutationBinding, as_of: Date, id: String) -> Option<BoundMutation> {
    let mut bound = BoundMutation {
        id,
        mutation: binding.mutation.clone(),
        scope: scope::of(program, &binding.scope),
        failure_policy: binding.failure_policy,
        timeout_seconds: binding.timeout_seconds,
        engine: Engine::Cel,
    };
    scope::narrow(&mut bound.mutation.targets, pods(&binding.scope));
    let mut exempted = exempt::Exempted { targets: &mut bound.mutation.targets, scope: &mut bound.scope };
    for exemption in exempt::in_force(program, binding.declared, as_of) {
        exempted.apply(exemption);
    }
    in_scope(&bound.scope, &mut bound.mutation.targets).then_some(bound)
}

/// Leaves out targets that no request in scope meets; whether any is left.
fn in_scope(scope: &Scope, targets: &mut Vec<kspec_model::rules::Target>) -> bool {
    targets.retain(|target| {
        let of_namespace = target.namespaced || (target.group.is_empty() && target.resource == "namespaces");
        if of_namespace { !scope::is_empty(scope) } else { scope.cluster }
    });
    !targets.is_empty()
}

/// What a violation does on a day: the first stage holds on its last day.
fn stage(binding: &RuleBinding, as_of: Date) -> Action {
    match binding.then {
        Some((until, action)) if until < as_of => action,
        _ => binding.action,
    }
}

fn pods(scope: &AdmissionScope) -> Option<&kspec_model::LabelSelector> {
    match scope {
        AdmissionScope::Cluster { pods }
        | AdmissionScope::Namespaces { pods, .. }
        | AdmissionScope::Selected { pods, .. } => pods.as_ref(),
    }
}

/// Names that are taken.
#[derive(Default)]
struct Ids {
    taken: BTreeSet<String>,
}

impl Ids {
    fn next(&mut self, name: &str) -> String {
        let wish = names::label(&name.replace('_', "-"), name);
        let numbered =
            (1_u32..).map(|n| if n == 1 { wish.clone() } else { names::label(&format!("{wish}-{n}"), name) });
        let id = numbered.into_iter().find(|id| !self.taken.contains(id)).unwrap_or_default();
        self.taken.insert(id.clone());
        id
    }
}
