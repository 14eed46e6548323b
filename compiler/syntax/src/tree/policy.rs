//! Guarantees, exceptions, admission, run time, tests.

use std::sync::Arc;

use kspec_diagnostics::Span;

use super::{Expr, Name, Param, Path, Peer, Record, Resource, Scope, Str, Subject, Verb};

/// `never …` or `always …`.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarantee {
    /// `always` rather than `never`.
    pub always: bool,
    /// What holds never or always.
    pub claim: Claim,
}

/// What a guarantee speaks of.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// `subjects can verbs on resources [named …] [in scope] [except subjects] [by any path]`.
    Can {
        /// Who; `any` is [`Subject::Path`] of the one segment `any`.
        subjects: Vec<Subject>,
        /// Verbs.
        verbs: Vec<Verb>,
        /// Resources.
        resources: Vec<Resource>,
        /// Resource names.
        named: Vec<Expr>,
        /// Where.
        scope: Option<Scope>,
        /// Who is left out.
        except: Vec<Subject>,
        /// `by any path`.
        by_any_path: bool,
    },
    /// `from reaches to [: ports] [through any path]`.
    Reaches {
        /// Who connects.
        from: Peer,
        /// To whom.
        to: Peer,
        /// As in [`super::Edge::ports`].
        ports: Vec<Expr>,
        /// `through any path`.
        through_any_path: bool,
    },
    /// `audited mutations`, `audited authentication`, `audited break_glass`, `audited verbs … on …`.
    Audited {
        /// `mutations`, `authentication`, `break_glass`; absent in the form with verbs.
        what: Option<Name>,
        /// Verbs.
        verbs: Vec<Verb>,
        /// Resources.
        resources: Vec<Resource>,
    },
    /// `both role and role [in scope]`: one subject holds both.
    Both {
        /// One role.
        first: Path,
        /// The other.
        second: Path,
        /// Where.
        scope: Option<Scope>,
    },
}

/// `accept K0204 on release { reason, owner, until }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Accept {
    /// The finding's code.
    pub code: Name,
    /// The declaration it is about.
    pub on: Path,
    /// `reason`, `owner`, `until`.
    pub body: Record,
}

/// `enforce|warn|audit rule(args), rule in scope [where …] [until DATE then enforce] [{ … }]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bind {
    /// `enforce`, `warn`, `audit`.
    pub action: Name,
    /// Names and calls.
    pub rules: Vec<Expr>,
    /// Where.
    pub scope: Option<Scope>,
    /// `for pods where …` inside the scope.
    pub pods: Option<Expr>,
    /// `until DATE then ACTION`.
    pub until: Option<(Expr, Name)>,
    /// `failure_policy`, `timeout`, …
    pub body: Option<Record>,
}

/// `exempt KIND name [container "c"] from rule, rule { reason, owner, until }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exempt {
    /// `workload`, `namespace`, `service_account`.
    pub kind: Name,
    /// What is exempted.
    pub target: Path,
    /// `container "c"`.
    pub container: Option<Str>,
    /// From which rules.
    pub rules: Vec<Path>,
    /// `reason`, `owner`, `until`.
    pub body: Record,
}

/// `rule name(params) on Kind, Kind [verbs create, update] { … }`, `rule name on Kind = rego("file.rego")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its kinds.
    pub on: Vec<KindRef>,
    /// Operations; empty: create and update.
    pub operations: Vec<Name>,
    /// Its body.
    pub body: RuleBody,
}

/// `Pod`, `Ingress`, `Certificate.cert-manager.io` (quoted), `Pod/exec`.
#[derive(Debug, Clone, PartialEq)]
pub struct KindRef {
    /// As written without quotes; dots separate kind and group, a slash the subresource.
    pub text: Arc<str>,
    /// Where.
    pub span: Span,
}

/// A rule's body.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleBody {
    /// `{ … }`.
    Stmts(Vec<RuleStmt>),
    /// `= expr`.
    Foreign(Expr),
}

/// Statements of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleStmt {
    /// `severity: high`, `message: …`.
    Field(super::Field),
    /// `let x = expr`.
    Let(Name, Expr),
    /// `for c in containers, init_containers { … }`.
    For(Name, Vec<Expr>, Vec<RuleStmt>),
    /// `deny [if …] [unless …] [because "…"]`, `warn …`.
    Verdict {
        /// `warn` rather than `deny`.
        warn: bool,
        /// `if …`.
        condition: Option<Expr>,
        /// `unless …`.
        unless: Option<Expr>,
        /// `because "…"`, which interpolates.
        because: Option<Str>,
        /// The statement.
        span: Span,
    },
}

/// `mutation name(params) on Kind { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its kinds.
    pub on: Vec<KindRef>,
    /// Its body.
    pub body: Vec<MutationStmt>,
}

/// Statements of a mutation.
#[derive(Debug, Clone, PartialEq)]
pub enum MutationStmt {
    /// `for c in containers { … }`.
    For(Name, Vec<Expr>, Vec<MutationStmt>),
    /// `if condition { … }`.
    If(Expr, Vec<MutationStmt>),
    /// `default path: value`, `set path: value`, `append path: value`, each `[if condition]`.
    Write {
        /// `default`, `set`, `append`.
        op: Name,
        /// Where in the object.
        path: Expr,
        /// What.
        value: Expr,
        /// `if …`.
        condition: Option<Expr>,
        /// The statement.
        span: Span,
    },
    /// `remove path [if condition]`.
    Remove {
        /// Where in the object.
        path: Expr,
        /// `if …`.
        condition: Option<Expr>,
        /// The statement.
        span: Span,
    },
}

/// `protect workloads with packs { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Protect {
    /// What.
    pub targets: Vec<Path>,
    /// With which rules; names and calls.
    pub rules: Vec<Expr>,
    /// `respond`, `severity`, …
    pub body: Option<Record>,
}

/// `runtime name [for workloads] { … }`; without workloads it is a pack that `protect` names.
#[derive(Debug, Clone, PartialEq)]
pub struct Runtime {
    /// Its name.
    pub name: Name,
    /// For which workloads; empty in a pack.
    pub targets: Vec<Path>,
    /// Its rules, in order.
    pub rules: Vec<RuntimeRule>,
}

/// `allow exec "/usr/bin/api"`, `allow connect to db : pg`, `deny exec otherwise { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeRule {
    /// `allow` rather than `deny`.
    pub allow: bool,
    /// `exec`, `read`, `write`, `connect`, `listen`, `capability`, …
    pub event: Name,
    /// What of it.
    pub subject: RuntimeSubject,
    /// `severity`, `respond`.
    pub body: Option<Record>,
    /// The statement.
    pub span: Span,
}

/// What a run-time rule matches.
#[derive(Debug, Clone, PartialEq)]
pub enum RuntimeSubject {
    /// Strings, globs, names.
    Values(Vec<Expr>),
    /// `to peers [: ports]`.
    To(Vec<Peer>, Vec<Expr>),
    /// `otherwise`.
    Otherwise,
}

/// `test "name" { given …; expect … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: Str,
    /// Its steps.
    pub steps: Vec<TestStep>,
}

/// Steps of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum TestStep {
    /// `given KIND [name] in ns { … }`, `given event exec { … }`.
    Given {
        /// What is given.
        kind: Name,
        /// Its name.
        name: Option<Str>,
        /// Where.
        namespace: Option<Path>,
        /// Its fields.
        body: Record,
        /// The statement.
        span: Span,
    },
    /// `expect denied by rule, rule`, `expect allowed`, `expect SUBJECT can …`, and their `not`.
    Expect {
        /// `not`.
        negated: bool,
        /// What is expected.
        what: Expectation,
        /// The statement.
        span: Span,
    },
}

/// What a test expects.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "tests are few; boxing would burden every reader of a claim")]
pub enum Expectation {
    /// `allowed`, `denied [by …]`, `warned [by …]`, `killed`, …
    Verdict(Name, Vec<Path>),
    /// `subject can …`, `a reaches b`.
    Claim(Claim),
    /// `expr`, which is true.
    Holds(Expr),
}
