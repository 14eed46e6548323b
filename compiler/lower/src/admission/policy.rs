//! ValidatingAdmissionPolicies: rules of one scope and one effect on the same requests make one policy, because the API
//! server answers with the first refusing policy's message alone.

use std::collections::BTreeMap;

use kspec_model::Operator;
use kspec_model::rules::{
    Action, Body, BoundRule, CEL_RESERVED, Engine, Expr, FailurePolicy, Namespaces, Scope, Severity, Stmt, Table,
    Target,
};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::cel::{self, Hoist, Printer, Template, Unsaid, Verdicts, quote};
use super::engine::Said;
use super::gate::{Violations, gate, violations};
use super::targets::{Meets, Shape, resource_rules, shapes};
use super::{left_out, minor};
use crate::names;
use crate::shared::shared_few;

/// Rules of one policy: beyond this many, the rest makes another.
const RULES: usize = 64;
/// Among how many of the last met kinds a rule's are looked for.
const RECENT: usize = 8;
/// What the rules of one policy may cost together by estimate. The server allows 10,000,000 units, and reckons the messages
/// in a second time.
const BUDGET: u64 = 4_000_000;
/// Bytes of a message that are sure to be sent; the API server drops longer ones than 5,120.
const MESSAGE: usize = 5000;
/// Characters that fit whatever they are.
const CHARACTERS: usize = 1200;

/// A policy and its binding.
pub(crate) struct Policy {
    /// Name of both.
    pub(crate) name: String,
    /// What the policy is for.
    pub(crate) doc: String,
    /// Index of its first rule among the table's rules, or of its mutation behind them.
    pub(crate) first: usize,
    /// The ValidatingAdmissionPolicy's `spec`.
    pub(crate) spec: Value,
    /// The binding's `spec`.
    pub(crate) binding: Value,
}

/// What is written into a policy.
struct Grouped {
    effect: Effect,
    failure: FailurePolicy,
    rules: Value,
    /// Variables that stand before all others, and conditions of the whole policy.
    variables: Vec<(String, String)>,
    conditions: Vec<(String, String)>,
    members: Vec<(String, Severity, String)>,
    /// Whether a condition says already that a rule is violated.
    gated: bool,
    selector: Value,
}

/// What a policy's violations do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Effect {
    Deny,
    Warn,
    Audit,
}

impl Effect {
    const fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }
}

struct Group<'t> {
    key: String,
    effect: Effect,
    scope: &'t Scope,
    failure: FailurePolicy,
    shape: Shape<'t>,
    members: Vec<Member<'t>>,
}

/// A rule of a policy.
pub(super) struct Member<'t> {
    /// Its place in the table.
    pub(super) at: usize,
    bound: &'t BoundRule,
    pub(super) statements: &'t [Stmt],
    pub(super) verdicts: Verdicts,
    pub(super) applies: Option<&'t Expr>,
    /// What stands before its messages.
    prefix: fn(&BoundRule) -> String,
    /// Among the rule's.
    pub(super) body: usize,
    /// Its messages, where they are written already.
    pub(super) messages: Option<&'t Template>,
}

/// The policies of a table, in the order of their first rules.
pub(crate) fn policies(table: &Table, said: &[Said]) -> Vec<Policy> {
    let left_out = told_to_be_left_out(table);
    let groups = all_groups(table, said, &left_out);
    let parts = parts(table, &groups);
    let violations = violations(minor(&table.kubernetes), parts.iter().map(|part| part.members));
    let composed = |part: &Part<'_, '_>| composed(table, part, &violations).ok();
    shared_few(&parts, composed).into_iter().flatten().collect()
}

/// The policies of a table without their expressions: which requests they are asked about, and what a fault does.
pub(crate) fn policy_heads(table: &Table) -> Vec<Policy> {
    let left_out = told_to_be_left_out(table);
    let groups = all_groups(table, &[], &left_out);
    let parts = parts(table, &groups);
    parts.iter().map(|part| policy(part, Grouped::head(part))).collect()
}

/// The policies of a table by name, each with the index of its first rule, as in [`Policy::first`]: at a small part of the cost.
pub(crate) fn policy_names(table: &Table) -> Vec<(String, usize)> {
    let left_out = told_to_be_left_out(table);
    let groups = all_groups(table, &[], &left_out);
    let parts = parts(table, &groups).into_iter();
    parts.map(|part| (part.name, part.members.first().map_or(0, |member| member.at))).collect()
}

/// What tells of mutations that CEL leaves out, as rules.
fn told_to_be_left_out(table: &Table) -> Vec<(usize, BoundRule)> {
    let mutations = table.mutations.iter().enumerate().filter(|(_, bound)| bound.engine == Engine::Cel);
    mutations.filter_map(|(at, bound)| Some((table.rules.len() + at, left_out::rule(bound)?))).collect()
}

fn all_groups<'t>(table: &'t Table, said: &'t [Said], left_out: &'t [(usize, BoundRule)]) -> Vec<Group<'t>> {
    let rules = table.rules.iter().enumerate().filter(|(_, bound)| bound.engine == Engine::Cel);
    let mut groups = grouped(rules, said, |bound| bound.rule.prefix());
    let left_out = left_out.iter().map(|(at, bound)| (*at, bound));
    groups.extend(grouped(left_out, &[], |bound| format!("{}: ", bound.rule.name)));
    groups
}

/// What becomes one policy.
struct Part<'g, 't> {
    group: &'g Group<'t>,
    members: &'g [Member<'t>],
    name: String,
}

fn parts<'g, 't>(table: &Table, groups: &'g [Group<'t>]) -> Vec<Part<'g, 't>> {
    let mut named: BTreeMap<String, u32> = BTreeMap::new();
    let mut parts = Vec::new();
    for group in groups {
        let stem = name(table, group);
        for members in batches(&group.members) {
            let number = named.entry(stem.clone()).and_modify(|number| *number += 1).or_insert(1);
            let name = if *number == 1 { stem.clone() } else { format!("{stem}-{number}") };
            parts.push(Part { group, members, name });
        }
    }
    parts
}

/// Members that one policy holds, in order.
fn batches<'g, 't>(members: &'g [Member<'t>]) -> Vec<&'g [Member<'t>]> {
    let mut batches = Vec::new();
    let (mut start, mut sum) = (0, 0_u64);
    for (at, member) in members.iter().enumerate() {
        let cost = cel::cost(member.statements);
        if at > start && (at - start == RULES || sum.saturating_add(cost) > BUDGET) {
            batches.extend(members.get(start..at));
            (start, sum) = (at, 0);
        }
        sum = sum.saturating_add(cost);
    }
    batches.extend(members.get(start..));
    batches
}

fn grouped<'t>(
    rules: impl Iterator<Item = (usize, &'t BoundRule)>,
    said: &'t [Said],
    prefix: fn(&BoundRule) -> String,
) -> Vec<Group<'t>> {
    let mut groups: Vec<Group<'t>> = Vec::new();
    let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
    // Rules on the same kinds and of the same scope are of the same groups.
    let mut kinds: Vec<(&'t [Target], Vec<Shape<'t>>)> = Vec::new();
    let mut known: FxHashMap<Alike<'t>, usize> = FxHashMap::default();
    for (at, bound) in rules {
        let targets = bound.rule.targets.as_slice();
        let same = |(_, (known, _)): &(usize, &(&[Target], _))| *known == targets;
        let kind = kinds.iter().enumerate().rev().take(RECENT).find(same).map(|(kind, _)| kind);
        let kind = kind.unwrap_or_else(|| {
            kinds.push((targets, shapes(targets)));
            kinds.len() - 1
        });
        for (number, shape) in kinds.get(kind).iter().flat_map(|(_, shapes)| shapes).enumerate() {
            let Some(Body::Statements(statements)) = bound.rule.bodies.get(shape.body) else { continue };
            for (effect, verdicts) in effects(bound.action, shape.advisory) {
                if !verdicts.any(statements) {
                    continue;
                }
                let member = Member {
                    at,
                    bound,
                    statements,
                    verdicts: *verdicts,
                    applies: shape.applies,
                    prefix,
                    body: shape.body,
                    messages: said
                        .get(at)
                        .and_then(|said| said.messages.get(shape.body)?.as_ref())
                        .filter(|_| verdicts.are_all(statements)),
                };
                let alike =
                    Alike { kind, shape: number, effect: *effect, scope: &bound.scope, failure: bound.failure_policy };
                let place = *known.entry(alike).or_insert_with(|| {
                    let key = key(*effect, bound, shape);
                    *by_key.entry(key.clone()).or_insert_with(|| {
                        groups.push(Group {
                            key,
                            effect: *effect,
                            scope: &bound.scope,
                            failure: bound.failure_policy,
                            shape: shape.clone(),
                            members: Vec::new(),
                        });
                        groups.len() - 1
                    })
                });
                if let Some(group) = groups.get_mut(place) {
                    group.members.push(member);
                }
            }
        }
    }
    groups
}

/// What is of one group, as far as that is seen without looking at what requests are met.
#[derive(PartialEq, Eq, Hash)]
struct Alike<'t> {
    kind: usize,
    shape: usize,
    effect: Effect,
    scope: &'t Scope,
    failure: FailurePolicy,
}

/// What an action's verdicts do, and which of them.
const fn effects(action: Action, advisory: bool) -> &'static [(Effect, Verdicts)] {
    match (action, advisory) {
        (Action::Deny, false) => &[(Effect::Deny, Verdicts::Deny), (Effect::Warn, Verdicts::Warn)],
        (Action::Deny | Action::Warn, _) => &[(Effect::Warn, Verdicts::All)],
        (Action::Audit, _) => &[(Effect::Audit, Verdicts::All)],
    }
}

/// Rules of equal keys share a policy.
fn key(effect: Effect, bound: &BoundRule, shape: &Shape<'_>) -> String {
    let meets: Vec<_> =
        shape.meets.iter().map(|meets| (meets.group, meets.version, &meets.resource, &meets.operations)).collect();
    json!([effect.word(), bound.scope, bound.failure_policy, meets, shape.template]).to_string()
}

/// `PROJECT-EFFECT-RESOURCE-HASH`: the hash is of what keeps policies apart, not of what is in them.
fn name(table: &Table, group: &Group<'_>) -> String {
    let resource = group.shape.meets.first().map_or("any", |meets| &meets.resource);
    let text = format!("{}-{}-{}", table.project, group.effect.word(), resource.replace('/', "-"));
    names::hashed(&text.to_ascii_lowercase(), &group.key)
}

fn composed(table: &Table, part: &Part<'_, '_>, violations: &Violations) -> Result<Policy, Unsaid> {
    let Part { group, members, .. } = part;
    let minor = minor(&table.kubernetes);
    let inline = group.shape.roots();
    // An object that has no name of its own is evaluated once, as a variable. Rules are in lower case.
    let (mut variables, mut roots) = (Vec::new(), inline.clone());
    for (root, plain, variable) in [
        (&mut roots.object, ["object", "oldObject"], "judgedObject"),
        (&mut roots.old, ["oldObject", "oldObject"], "judgedOld"),
    ] {
        if !plain.contains(&root.as_str()) {
            variables.push((variable.to_owned(), std::mem::replace(root, format!("variables.{variable}"))));
        }
    }
    let mut conditions = Vec::new();
    if !group.shape.template.is_empty() {
        conditions.push(("has-template".to_owned(), format!("{} != null", inline.object)));
    }
    // A condition that all share is the policy's.
    let first = members.first().and_then(|member| member.applies);
    let shared = first.filter(|first| members.iter().all(|member| member.applies == Some(*first)));
    if let Some(applies) = shared {
        conditions.push(("in-scope".to_owned(), Printer::new(minor, inline.clone(), None).condition(applies)?));
    }
    let gate = gate(minor, (members, violations), &inline, shared);
    let gated = gate.is_some();
    conditions.extend(gate.map(|gate| ("violated".to_owned(), gate)));
    let mut hoist = Hoist::default();
    let mut written: Vec<(String, Severity, String)> = Vec::new();
    for member in *members {
        let messages = match member.messages.filter(|_| roots.are_two()) {
            Some(messages) => messages.filled(&roots, &mut hoist),
            None => {
                let mut printer = Printer::new(minor, roots.clone(), Some(&mut hoist));
                printer.messages(member.statements, member.verdicts, &(member.prefix)(member.bound))?
            }
        };
        let messages = match member.applies.filter(|_| shared.is_none()) {
            Some(applies) => {
                let applies = Printer::new(minor, roots.clone(), None).condition(applies)?;
                format!("({applies}) ? ({messages}) : []")
            }
            None => messages,
        };
        written.push((variable(&member.bound.id), member.bound.rule.severity, messages));
    }
    variables.extend(hoist.variables);
    Ok(policy(part, Grouped { variables, conditions, members: written, gated, ..Grouped::head(part) }))
}

fn policy(part: &Part<'_, '_>, grouped: Grouped) -> Policy {
    let Part { group, members, name } = part;
    let mut rules: Vec<&str> = members.iter().map(|member| member.bound.rule.name.as_str()).collect();
    rules.dedup();
    let does = match group.effect {
        Effect::Deny => "Refuses what violates",
        Effect::Warn => "Warns of what violates",
        Effect::Audit => "Notes in the audit log what violates",
    };
    Policy {
        name: name.clone(),
        doc: format!("{does} {}", rules.join(", ")),
        first: members.first().map_or(0, |member| member.at),
        spec: grouped.spec(),
        binding: grouped.binding(name),
    }
}

impl Grouped {
    /// Without its expressions.
    fn head(part: &Part<'_, '_>) -> Self {
        let group = part.group;
        Self {
            effect: group.effect,
            failure: group.failure,
            rules: resource_rules(&group.shape.meets),
            variables: Vec::new(),
            conditions: Vec::new(),
            members: Vec::new(),
            gated: false,
            selector: namespace_selector(group.scope),
        }
    }

    fn spec(&self) -> Value {
        let group = self;
        let mut variables: Vec<Value> = Vec::new();
        let mut variable = |name: &str, expression: &str| {
            variables.push(json!({ "name": name, "expression": expression }));
        };
        group.variables.iter().for_each(|(name, expression)| variable(name, expression));
        group.members.iter().for_each(|(name, _, expression)| variable(name, expression));
        let names = || group.members.iter().map(|(name, ..)| format!("variables.{name}"));
        let mut spec = Map::new();
        let validations = if group.effect == Effect::Deny {
            variable("allMessages", &said(&names().collect::<Vec<_>>().join(" + ")));
            let passes: Vec<String> = names().map(|name| format!("size({name}) == 0")).collect();
            json!([{
                "expression": if group.gated { "false".to_owned() } else { passes.join(" && ") },
                "messageExpression": cut("variables.allMessages"),
                "message": "a rule is violated, and its message cannot be told",
                "reason": "Forbidden",
            }])
        } else {
            let validation = |name: String| {
                let message = format!("[{}].map(m, {})[0]", said(&name), cut("m"));
                json!({
                    "expression": format!("size({name}) == 0"),
                    "messageExpression": message,
                    "message": "a rule is violated, and its message cannot be told",
                    "reason": "Forbidden",
                })
            };
            Value::Array(names().map(validation).collect())
        };
        spec.insert("failurePolicy".to_owned(), json!(failure_word(group.failure)));
        spec.insert(
            "matchConstraints".to_owned(),
            json!({ "matchPolicy": "Equivalent", "resourceRules": group.rules }),
        );
        if !group.conditions.is_empty() {
            let conditions =
                group.conditions.iter().map(|(name, expression)| json!({ "name": name, "expression": expression }));
            spec.insert("matchConditions".to_owned(), Value::Array(conditions.collect()));
        }
        spec.insert("variables".to_owned(), Value::Array(variables));
        spec.insert("validations".to_owned(), validations);
        if group.effect == Effect::Audit {
            let told = group.members.iter().map(|(name, severity, _)| {
                let text = quote(&format!("{} ({})", name.replace('_', "-"), severity.as_str()));
                format!("(size(variables.{name}) == 0 ? [] : [{text}])")
            });
            let expression = format!("({}).join(', ')", told.collect::<Vec<_>>().join(" + "));
            spec.insert("auditAnnotations".to_owned(), json!([{ "key": "violated", "valueExpression": expression }]));
        }
        Value::Object(spec)
    }

    fn binding(&self, name: &str) -> Value {
        let actions = match self.effect {
            Effect::Deny => json!(["Deny", "Audit"]),
            Effect::Warn => json!(["Warn", "Audit"]),
            Effect::Audit => json!(["Audit"]),
        };
        let mut spec = json!({ "policyName": name, "validationActions": actions });
        if self.selector.as_object().is_some_and(|selector| !selector.is_empty())
            && let Some(spec) = spec.as_object_mut()
        {
            spec.insert("matchResources".to_owned(), json!({ "namespaceSelector": self.selector }));
        }
        spec
    }
}

/// Messages as one line.
fn said(lists: &str) -> String {
    format!("({lists}).join('; ').replace('\\n', ' ')")
}

/// A message short enough to be sent.
fn cut(text: &str) -> String {
    format!(
        "size(bytes({text})) <= {MESSAGE} ? {text} : {text}.substring(0, size({text}) == size(bytes({text})) ? {} : {CHARACTERS}) + '...'",
        MESSAGE - 3
    )
}

/// A rule's variable. Ids are DNS labels.
fn variable(id: &str) -> String {
    let name = id.replace('-', "_");
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("N{name}");
    }
    if CEL_RESERVED.contains(&name.as_str()) { format!("{name}_") } else { name }
}

pub(super) const fn failure_word(policy: FailurePolicy) -> &'static str {
    match policy {
        FailurePolicy::Fail => "Fail",
        FailurePolicy::Ignore => "Ignore",
    }
}

/// The namespaces of a scope by their labels; what stands in none is always met.
pub(super) fn namespace_selector(scope: &Scope) -> Value {
    const NAME: &str = "kubernetes.io/metadata.name";
    let mut expressions: Vec<Value> = Vec::new();
    let mut labels = Map::new();
    match &scope.namespaces {
        Namespaces::Named(names) => expressions.push(json!({ "key": NAME, "operator": "In", "values": names })),
        Namespaces::Selected { labels: selector, except } => {
            labels.extend(selector.match_labels.iter().map(|(key, value)| (key.clone(), json!(value))));
            expressions.extend(selector.match_expressions.iter().map(|requirement| {
                let operator = match requirement.operator {
                    Operator::In => "In",
                    Operator::NotIn => "NotIn",
                    Operator::Exists => "Exists",
                    Operator::DoesNotExist => "DoesNotExist",
                };
                let mut expression = json!({ "key": requirement.key, "operator": operator });
                if !requirement.values.is_empty()
                    && let Some(fields) = expression.as_object_mut()
                {
                    fields.insert("values".to_owned(), json!(requirement.values));
                }
                expression
            }));
            if !except.is_empty() {
                expressions.push(json!({ "key": NAME, "operator": "NotIn", "values": except }));
            }
        }
    }
    let mut selector = Map::new();
    if !labels.is_empty() {
        selector.insert("matchLabels".to_owned(), Value::Object(labels));
    }
    if !expressions.is_empty() {
        selector.insert("matchExpressions".to_owned(), Value::Array(expressions));
    }
    Value::Object(selector)
}

/// What requests a mutation's or webhook's rules meet.
pub(super) fn all_meets<'t>(shapes: &[Shape<'t>]) -> Vec<Meets<'t>> {
    let mut all: Vec<Meets<'t>> = Vec::new();
    for meets in shapes.iter().flat_map(|shape| &shape.meets) {
        match all.iter_mut().find(|known| {
            (known.group, known.version, &known.resource) == (meets.group, meets.version, &meets.resource)
        }) {
            Some(known) => known.operations.extend(meets.operations.iter().copied()),
            None => all.push(meets.clone()),
        }
    }
    all
}
