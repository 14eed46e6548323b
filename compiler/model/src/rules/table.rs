//! Rules, mutations, and the table that an engine loads.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Expr, Lookup, Var};
use crate::LabelSelector;

/// What an engine loads: every rule and mutation that is bound, closed and in force.
///
/// Portable: it says all that an engine needs, and nothing of the machine that wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The format's version, [`Table::FORMAT`]. An engine refuses a table of another.
    pub format_version: u32,
    /// The project that it was compiled from.
    pub project: String,
    /// `major.minor` of the target Kubernetes.
    pub kubernetes: String,
    /// BLAKE3 of the rules and mutations, in hexadecimal: equal tables decide equally.
    pub revision: String,
    /// Bound rules, in source order.
    pub rules: Vec<BoundRule>,
    /// Bound mutations, in the order in which they run.
    pub mutations: Vec<BoundMutation>,
}

impl Table {
    /// The version of the format that this crate reads and writes.
    pub const FORMAT: u32 = 1;
}

/// A rule where it is bound: filled in, scoped, in force on the day the table was compiled for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundRule {
    /// Unique in its table, a DNS label: the rule's name, numbered where it is bound more than once.
    pub id: String,
    /// The rule.
    pub rule: Rule,
    /// What a violation does.
    pub action: Action,
    /// Where it holds.
    pub scope: Scope,
    /// What a fault of the rule, or of the engine, does.
    pub failure_policy: FailurePolicy,
    /// For how many seconds the API server waits for the webhook, 1 to 30.
    pub timeout_seconds: u32,
    /// Which engine decides it.
    pub engine: Engine,
    /// Exemptions in force, for reports; each is part of [`Target::applies`] or of the body already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<ExemptionNote>,
}

/// A mutation where it is bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundMutation {
    /// Unique in its table, a DNS label.
    pub id: String,
    /// The mutation.
    pub mutation: Mutation,
    /// Where it holds.
    pub scope: Scope,
    /// What a fault does.
    pub failure_policy: FailurePolicy,
    /// For how many seconds the API server waits for the webhook, 1 to 30.
    pub timeout_seconds: u32,
    /// Which engine runs it.
    pub engine: Engine,
}

/// What a violation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The request is refused.
    Deny,
    /// The requester is warned.
    Warn,
    /// An audit annotation is written.
    Audit,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// The request is refused.
    Fail,
    /// The request passes the rule.
    Ignore,
}

/// Where a bound rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// In the API server, as CEL.
    Cel,
    /// In kspec's webhook.
    Webhook,
}

/// Where a binding holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Of objects in namespaces, and of Namespaces themselves: those in these.
    pub namespaces: Namespaces,
    /// Whether objects of no namespace (Namespaces aside) are in scope.
    pub cluster: bool,
}

/// Namespaces of a scope. A Namespace object is judged as if it stood in itself, by its own labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespaces {
    /// These.
    Named(BTreeSet<String>),
    /// Those whose labels match, but for these: the system's and kspec's own, unless named.
    Selected {
        /// The labels; empty selects all.
        labels: LabelSelector,
        /// Left out.
        except: BTreeSet<String>,
    },
}

/// An exemption in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionNote {
    /// What is exempt: `workload payments/db`, `workload payments/db container "sidecar"`.
    pub what: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Last day on which it holds.
    pub until: String,
}

/// A rule, its parameters filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// As declared: `non_root_ports`.
    pub name: String,
    /// Its doc comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// How bad a violation is.
    pub severity: Severity,
    /// Controls of compliance catalogues that it serves: `CIS 5.2.2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// `file:line` of its declaration.
    pub source: String,
    /// What it judges; the first target that fits a request decides which body.
    pub targets: Vec<Target>,
    /// Its bodies; kinds of one shape share one.
    pub bodies: Vec<Body>,
}

/// What a rule's violation is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "an order")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// `low`, `medium`, `high`, `critical`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A kind that a rule or mutation is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// API group; empty for the core group.
    pub group: String,
    /// API version that the body is typed for.
    pub version: String,
    /// Plural resource.
    pub resource: String,
    /// Subresource: `exec`, `ephemeralcontainers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// Kind of the object in the request.
    pub kind: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Operations.
    pub operations: BTreeSet<Operation>,
    /// The path from the object to what [`super::Root::Object`] means: empty, or that of a pod's template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub template: Vec<Arc<str>>,
    /// Only told: a violation at a workload of a pod's rule warns, and is refused at the pod.
    #[serde(default)]
    pub advisory: bool,
    /// Holds for the objects judged: pod labels of the binding, exemptions. None: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies: Option<Expr>,
    /// Index into [`Rule::bodies`] or [`Mutation::bodies`].
    pub body: usize,
}

/// Operations of an admission request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A rule's body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Statements, in order.
    Statements(Vec<Stmt>),
    /// A Rego module. Its `deny` or `violation` set, in its package, holds the messages.
    Rego {
        /// Its path in the project.
        file: String,
        /// Its text.
        source: String,
        /// `input.parameters`: the rule's parameters by their names.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        parameters: serde_json::Map<String, serde_json::Value>,
    },
}

/// A statement of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stmt {
    /// `let var = value`, for the statements after it.
    Let(Var, Expr),
    /// `for item in over, … { body }`; absent lists count as empty.
    For {
        /// The item.
        item: Var,
        /// Lists, one after the other.
        over: Vec<Expr>,
        /// What is asked of each.
        body: Vec<Stmt>,
    },
    /// `deny if …`, `warn if …`.
    Verdict(Verdict),
}

/// A statement that finds a violation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `warn`: never refuses, whatever the binding says.
    pub warn: bool,
    /// Holds where there is a violation.
    pub when: Expr,
    /// What is said then.
    pub message: Expr,
    /// Line of the statement in the rule's file.
    pub line: u32,
}

/// A mutation, its parameters filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mutation {
    /// As declared.
    pub name: String,
    /// Its doc comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// `file:line` of its declaration.
    pub source: String,
    /// What it changes.
    pub targets: Vec<Target>,
    /// Its bodies.
    pub bodies: Vec<Vec<Change>>,
}

/// A statement of a mutation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// `for item in over, … { … }`; each of `over` is a place.
    For {
        /// The item.
        item: Var,
        /// Lists of the object.
        over: Vec<Expr>,
        /// What is done to each.
        body: Vec<Change>,
    },
    /// `if when { … }`.
    If {
        /// The condition.
        when: Expr,
        /// What is done then.
        body: Vec<Change>,
    },
    /// `default place: value`, `set place: value`, `append place: value`.
    Write {
        /// Which.
        write: Write,
        /// Where: fields and keys from [`super::Root::Object`] or from a `for`'s item.
        place: Expr,
        /// What; for [`Write::Append`] a list of items.
        value: Expr,
        /// Fields that tell items of the list apart, where the place is a list with keys: what is appended replaces the item
        /// of the same keys. Empty: what is there already is not appended again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keys: Vec<Arc<str>>,
        /// Line of the statement in the mutation's file.
        line: u32,
    },
    /// `remove place`.
    Remove {
        /// Where.
        place: Expr,
        /// Line of the statement in the mutation's file.
        line: u32,
    },
}

/// How a mutation writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Where nothing is there.
    Default,
    /// In any case.
    Set,
    /// At a list's end.
    Append,
}

impl Rule {
    /// What stands before each of its messages, whichever engine says them: `no_latest_tag (medium): `.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{} ({}): ", self.name, self.severity.as_str())
    }

    /// Every expression of a target's body, conditions included.
    pub fn walk<'r>(&'r self, see: &mut impl FnMut(&'r Expr)) {
        for target in &self.targets {
            if let Some(applies) = &target.applies {
                applies.walk(see);
            }
        }
        for body in &self.bodies {
            if let Body::Statements(statements) = body {
                walk(statements, see);
            }
        }
    }

    /// The kinds that it looks up.
    #[must_use]
    pub fn lookups(&self) -> BTreeSet<&Lookup> {
        let mut found = BTreeSet::new();
        self.walk(&mut |expr| {
            if let super::Op::All(lookup) = &expr.op {
                found.insert(lookup);
            }
        });
        found
    }
}

impl Mutation {
    /// Every expression of a target's body, conditions included.
    pub fn walk<'m>(&'m self, see: &mut impl FnMut(&'m Expr)) {
        for target in &self.targets {
            if let Some(applies) = &target.applies {
                applies.walk(see);
            }
        }
        for body in &self.bodies {
            walk_changes(body, see);
        }
    }
}

fn walk_changes<'m>(changes: &'m [Change], see: &mut impl FnMut(&'m Expr)) {
    for change in changes {
        match change {
            Change::For { over, body, .. } => {
                over.iter().for_each(|list| list.walk(see));
                walk_changes(body, see);
            }
            Change::If { when, body } => {
                when.walk(see);
                walk_changes(body, see);
            }
            Change::Write { place, value, .. } => {
                place.walk(see);
                value.walk(see);
            }
            Change::Remove { place, .. } => place.walk(see),
        }
    }
}

fn walk<'s>(statements: &'s [Stmt], see: &mut impl FnMut(&'s Expr)) {
    for statement in statements {
        match statement {
            Stmt::Let(_, value) => value.walk(see),
            Stmt::For { over, body, .. } => {
                over.iter().for_each(|list| list.walk(see));
                walk(body, see);
            }
            Stmt::Verdict(verdict) => {
                verdict.when.walk(see);
                verdict.message.walk(see);
            }
        }
    }
}
