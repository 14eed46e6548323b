//! Bound rules and mutations, exemptions, tests.

use std::collections::BTreeSet;

use kspec_diagnostics::{Location, SourceMap, Span};

use super::{Date, Exception, Origin};
use crate::LabelSelector;
use crate::rules::{Action, Body, Change, FailurePolicy, Mutation, Rule, Stmt};

/// `enforce`, `warn`, `audit`: one rule of a binding, its parameters filled in. Exemptions are not yet worked in:
/// lowering does that, for the day it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleBinding {
    /// The rule, closed.
    pub rule: Rule,
    /// Where the rule is declared.
    pub declared: Location,
    /// What a violation does.
    pub action: Action,
    /// `until DATE then ACTION`: what it does from the day after.
    pub then: Option<(Date, Action)>,
    /// Where it holds.
    pub scope: AdmissionScope,
    /// What a fault does; `Fail` unless told.
    pub failure_policy: FailurePolicy,
    /// For how many seconds the API server waits for the webhook; 10 unless told.
    pub timeout_seconds: u32,
    /// Whence.
    pub origin: Origin,
}

/// `enforce` of a mutation.
#[derive(Debug, Clone, PartialEq)]
pub struct MutationBinding {
    /// The mutation, closed.
    pub mutation: Mutation,
    /// Where the mutation is declared.
    pub declared: Location,
    /// Where it holds.
    pub scope: AdmissionScope,
    /// What a fault does; `Fail` unless told.
    pub failure_policy: FailurePolicy,
    /// For how many seconds the API server waits for the webhook; 10 unless told.
    pub timeout_seconds: u32,
    /// Whence.
    pub origin: Origin,
}

impl RuleBinding {
    /// Gives a rule made of this one's its place in its file: until now, its lines are byte offsets in the item that declares it,
    /// so that an edit above changes nothing.
    pub fn place(&self, rule: &mut Rule, sources: &SourceMap) {
        fn place(statements: &mut [Stmt], line: &impl Fn(u32) -> u32) {
            for statement in statements {
                match statement {
                    Stmt::Let(..) => {}
                    Stmt::For { body, .. } => place(body, line),
                    Stmt::Verdict(verdict) => verdict.line = line(verdict.line),
                }
            }
        }
        rule.source = source(self.declared, sources);
        for body in &mut rule.bodies {
            if let Body::Statements(statements) = body {
                place(statements, &|offset| line(self.declared, offset, sources));
            }
        }
    }
}

impl MutationBinding {
    /// Gives a mutation made of this one's its place in its file, as [`RuleBinding::place`].
    pub fn place(&self, mutation: &mut Mutation, sources: &SourceMap) {
        fn place(changes: &mut [Change], line_of: &impl Fn(u32) -> u32) {
            for change in changes {
                match change {
                    Change::For { body, .. } | Change::If { body, .. } => place(body, line_of),
                    Change::Write { line, .. } | Change::Remove { line, .. } => *line = line_of(*line),
                }
            }
        }
        mutation.source = source(self.declared, sources);
        for body in &mut mutation.bodies {
            place(body, &|offset| line(self.declared, offset, sources));
        }
    }
}

/// `file:line` of a declaration.
fn source(declared: Location, sources: &SourceMap) -> String {
    sources.position(&declared.into()).map(|at| format!("{}:{}", at.path, at.line)).unwrap_or_default()
}

/// The line of a byte offset in the item that declares something.
fn line(declared: Location, offset: u32, sources: &SourceMap) -> u32 {
    let at = Location { item: declared.item, span: Span::new(offset, offset) };
    sources.position(&at.into()).map(|at| at.line).unwrap_or_default()
}

/// Where a binding holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmissionScope {
    /// No scope written, or `in cluster`: everywhere but in the system's namespaces and kspec's own.
    Cluster {
        /// `for pods where …`.
        pods: Option<LabelSelector>,
    },
    /// `in a, b`.
    Namespaces {
        /// Their Kubernetes names.
        names: BTreeSet<String>,
        /// `for pods where …`.
        pods: Option<LabelSelector>,
    },
    /// `in namespaces where …`: but for the system's and kspec's own.
    Selected {
        /// Their labels.
        labels: LabelSelector,
        /// `for pods where …`.
        pods: Option<LabelSelector>,
    },
}

/// `exempt KIND name [container "c"] from rules { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// What is exempt.
    pub what: Exempt,
    /// One container of it alone.
    pub container: Option<String>,
    /// From which rules, by where they are declared.
    pub rules: Vec<(String, Location)>,
    /// Why, who, until when.
    pub exception: Exception,
    /// Whence.
    pub origin: Origin,
}

/// What an exemption is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exempt {
    /// Whatever is in a namespace.
    Namespace(String),
    /// A workload: its pods by their labels, and the object that stamps them.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its pods' labels.
        pods: LabelSelector,
    },
    /// Pods that run as a service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// `test "name" { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// What exists, in order; the last is what is asked about.
    pub given: Vec<Given>,
    /// What is expected of it.
    pub expect: Vec<Expected>,
    /// Whence.
    pub origin: Origin,
}

/// `given KIND …`.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The object, `apiVersion`, `kind` and `metadata` included.
    pub object: serde_json::Value,
    /// The object before, for an update.
    pub old: Option<serde_json::Value>,
    /// The operation asked for.
    pub operation: crate::rules::Operation,
    /// Who asks.
    pub user: Option<String>,
    /// The user's groups.
    pub groups: Vec<String>,
    /// Subresource asked for.
    pub subresource: Option<String>,
    /// What a CONNECT asks for: the fields of `PodExecOptions` and the like.
    pub options: Option<serde_json::Map<String, serde_json::Value>>,
    /// The statement.
    pub at: Location,
}

/// `expect …`.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// `not`.
    pub negated: bool,
    /// What.
    pub what: Expectation,
    /// The statement.
    pub at: Location,
}

/// What a test expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// `allowed`.
    Allowed,
    /// `denied [by rule, …]`: refused, by these rules among others.
    Denied(Vec<(String, Location)>),
    /// `warned [by rule, …]`.
    Warned(Vec<(String, Location)>),
    /// `expect expr`, over `object` as mutations leave it.
    Holds(crate::rules::Expr),
    /// A claim of access or of connections, about what the program makes by itself. Negated, it holds of none of
    /// what it names; else of each, and where it is about chains or two roles at once, of some.
    Claim(super::Claim),
    /// Something at run time: not decided by `kspec test` yet.
    NotDecided(String),
}
