//! Items (top-level declarations) and the bodies of everything but policies and expressions.

use std::sync::Arc;

use kspec_diagnostics::Span;

use super::{
    Accept, Bind, Exempt, Expr, Field, Guarantee, Mutation, Name, Param, Path, Protect, Record, Rule, Runtime, Str,
    Test, TypeExpr,
};

/// One top-level declaration, or one declaration inside a template or `for`.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The `///` lines above it, without the slashes, joined by newlines.
    pub doc: Option<Arc<str>>,
    /// What it declares.
    pub kind: ItemKind,
    /// The declaration without its doc comment.
    pub span: Span,
}

/// The declarations.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is described by its payload")]
pub enum ItemKind {
    Use(Use),
    Param(Param),
    Let(Let),
    Fn(Fn),
    Template(Template),
    For(For),
    Stamp(Stamp),
    Manifest(Manifest),
    Namespace(Namespace),
    Workload(Workload),
    ServiceAccount(ServiceAccount),
    Principal(Principal),
    Role(Role),
    Grant(Grant),
    Network(Network),
    Guarantee(Guarantee),
    Encryption(Encryption),
    Audit(Audit),
    Authentication(Record),
    ApiServer(Record),
    Moved(Moved),
    Accept(Accept),
    Bind(Bind),
    Exempt(Exempt),
    Rule(Rule),
    Mutation(Mutation),
    Protect(Protect),
    Runtime(Runtime),
    Test(Test),
    /// What could not be read at all. Names it was about to declare, if that much is known, so that uses of the name
    /// are not reported as unknown.
    Error(Option<Name>),
}

/// `use std.roles.{viewer, admin as boss}`, `use shop.net`, `use shop.net as n`.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// The module, or the module and one name of it: resolution tells which.
    pub path: Path,
    /// `.{ … }`, each with its alias; `None` for the form without braces.
    pub names: Option<Vec<(Name, Option<Name>)>>,
    /// `as alias` of the form without braces.
    pub alias: Option<Name>,
}

/// `let name = expr`, `let name: Type = expr`; the value may be a template's stamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Let {
    /// Its name.
    pub name: Name,
    /// Its type, where stated.
    pub ty: Option<TypeExpr>,
    /// Its value.
    pub value: Expr,
}

/// `fn name(x: T) -> U = expr`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fn {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its result's type.
    pub result: TypeExpr,
    /// Its body.
    pub body: Expr,
}

/// `template name(params) { declarations }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its declarations; doc comments kept.
    pub body: Vec<Item>,
}

/// `for t in list { declarations }`.
#[derive(Debug, Clone, PartialEq)]
pub struct For {
    /// The variable.
    pub var: Name,
    /// What it ranges over.
    pub over: Expr,
    /// Its declarations.
    pub body: Vec<Item>,
}

/// `team("alpha", alpha_devs)`, a template's stamp with no name of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamp {
    /// A [`super::ExprKind::Call`].
    pub call: Expr,
}

/// `manifest [name] { apiVersion: …, kind: …, … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// A name to refer to it by.
    pub name: Option<Name>,
    /// The object.
    pub body: Record,
}

/// `[existing] namespace name [= "kube-name"] [{ … }]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    /// Whether others own it.
    pub existing: bool,
    /// Its name.
    pub name: Name,
    /// Its Kubernetes name, where it is not the identifier's.
    pub kube_name: Option<Str>,
    /// Its body.
    pub body: Vec<NamespaceStmt>,
}

/// Statements of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub enum NamespaceStmt {
    /// `labels: { … }`, `annotations`, `pod_security`, `automount_token`.
    Field(Field),
    /// `quota ["name"] { pods: 50, requests.cpu: 20 }`.
    Quota(Option<Str>, Record),
    /// `limits container ["name"] { default: { … } }`; the word is `container`, `pod` or `persistent_volume_claim`.
    Limits(Name, Option<Str>, Record),
}

/// `[existing] workload name in ns [from deployment "api"] [{ … }]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Whether others own it.
    pub existing: bool,
    /// Its name.
    pub name: Name,
    /// Its namespace.
    pub namespace: Path,
    /// `from KIND "name"`.
    pub from: Option<(Name, Str)>,
    /// `pods`, `ports`, `service_account`.
    pub body: Option<Record>,
}

/// `[existing] service_account name in ns [= "kube-name"] [{ … }]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceAccount {
    /// Whether others own it.
    pub existing: bool,
    /// Its name.
    pub name: Name,
    /// Its namespace.
    pub namespace: Path,
    /// Its Kubernetes name, where it is not the identifier's.
    pub kube_name: Option<Str>,
    /// `automount_token`, `labels`, `annotations`, `image_pull_secrets`.
    pub body: Option<Record>,
}

/// `user name = "…"`, `group name = "…"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Whether a group.
    pub group: bool,
    /// Its name.
    pub name: Name,
    /// As the authenticator yields it.
    pub value: Str,
}

/// `[existing] role name [in ns] [= "kube-name"] { … }`; without a scope a ClusterRole.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Whether others own it.
    pub existing: bool,
    /// Its name.
    pub name: Name,
    /// Its namespace; none makes a ClusterRole.
    pub namespace: Option<Path>,
    /// Its Kubernetes name, where given.
    pub kube_name: Option<Str>,
    /// Its body.
    pub body: Vec<RoleStmt>,
}

/// Statements of a role.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleStmt {
    /// `allow verbs on resources [named "a", "b"]`.
    Allow(Allow),
    /// `allow verbs on url "/healthz", "/livez/*"`.
    AllowUrls(Vec<Verb>, Vec<Str>, Span),
    /// `aggregation: { cluster_role_selectors: [ … ] }`, `labels: { … }`, `annotations: { … }`.
    Field(Field),
}

/// Resources and what may be done with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Allow {
    /// The verbs.
    pub verbs: Vec<Verb>,
    /// The resources.
    pub resources: Vec<Resource>,
    /// Resource names; string expressions.
    pub named: Vec<Expr>,
    /// The statement.
    pub span: Span,
}

/// `get`, `"custom-verb"`, `any`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verb {
    /// The verb; `*` for `any`.
    pub text: Arc<str>,
    /// Where.
    pub span: Span,
}

/// `resource[.group][/subresource]`, quoted or not; `any` stands for `*` in each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The resource's plural name, or `*`.
    pub name: Arc<str>,
    /// The API group where written; `None` is the core group, `*` all.
    pub group: Option<Arc<str>>,
    /// The subresource where written, or `*`.
    pub subresource: Option<Arc<str>>,
    /// Whether it stands in quotes: meant as written, whether or not the target serves it.
    pub quoted: bool,
    /// Where, quotes included.
    pub span: Span,
}

/// Where something holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Scope {
    /// `in cluster`.
    Cluster(Span),
    /// `in a, b`.
    Namespaces(Vec<Path>),
    /// `in namespaces where labels.environment == "staging"`; the span covers it all.
    Where(Expr, Span),
}

/// Whom something is for: a declared principal, or `user "…"`, `group "…"`.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A declared user, group or service account (also a workload: its service account).
    Path(Path),
    /// `user "alice"`.
    User(Str),
    /// `group "oidc:sre"`.
    Group(Str),
}

/// `grant role [in scope] to subjects [{ … }]`, `break_glass role [in scope] to subjects { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Whether `break_glass`.
    pub break_glass: bool,
    /// The role.
    pub role: Path,
    /// Where it holds; without one, the role's own namespace (or, for a ClusterRole, the cluster, in `break_glass`).
    pub scope: Option<Scope>,
    /// To whom.
    pub subjects: Vec<Subject>,
    /// `reason`, `owner`, `until`, `name`.
    pub body: Option<Record>,
}

/// `network in scope { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Where.
    pub scope: Scope,
    /// Its body.
    pub body: Vec<NetworkStmt>,
}

/// Statements of a network.
#[derive(Debug, Clone, PartialEq)]
pub enum NetworkStmt {
    /// `default deny [ingress|egress] [= "kube-name"]`; without a word, both.
    DefaultDeny(Option<Name>, Option<Str>, Span),
    /// `allow a, b -> c : ports`.
    Edge(Edge),
    /// `policy name [= "kube-name"] for pods { ingress from …; egress to … }`.
    Policy(NetPolicy),
}

/// `allow from -> to [: ports]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Who connects.
    pub from: Vec<Peer>,
    /// To whom.
    pub to: Vec<Peer>,
    /// On which ports; empty means all. Each is a [`super::ExprKind::Port`], an integer, a bare range, or a port's name
    /// (a [`super::ExprKind::Name`] or string).
    pub ports: Vec<Expr>,
    /// The `///` lines above it.
    pub doc: Option<Arc<str>>,
    /// The statement.
    pub span: Span,
}

/// One NetworkPolicy, one side at a time, for what edges do not say.
#[derive(Debug, Clone, PartialEq)]
pub struct NetPolicy {
    /// Its name.
    pub name: Name,
    /// Its Kubernetes name, where it is not the identifier's.
    pub kube_name: Option<Str>,
    /// The pods it isolates: a workload, `all`, or `pods where …`.
    pub pods: Peer,
    /// Its rules.
    pub rules: Vec<NetRule>,
    /// The `///` lines above it.
    pub doc: Option<Arc<str>>,
    /// The statement.
    pub span: Span,
}

/// `ingress from peers [: ports]`, `egress to peers [: ports]`, `ingress deny`, `egress deny`.
#[derive(Debug, Clone, PartialEq)]
pub struct NetRule {
    /// Direction, from the pods' point of view.
    pub ingress: bool,
    /// The far ends; empty for `deny`, which isolates and allows nothing.
    pub peers: Vec<Peer>,
    /// As in [`Edge::ports`].
    pub ports: Vec<Expr>,
    /// The statement.
    pub span: Span,
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Peer {
    /// A workload, or a namespace (all its pods).
    Path(Path),
    /// `all`: every pod in scope.
    All(Span),
    /// `any`: every peer.
    Any(Span),
    /// `dns`: the cluster's DNS.
    Dns(Span),
    /// `internet`.
    Internet(Span),
    /// `cidr 10.0.0.0/8 except 10.1.0.0/16, 10.2.0.0/16`.
    Cidr {
        /// A [`super::ExprKind::Cidr`], a string (IPv6), or a name of type `Cidr`.
        block: Expr,
        /// What is left out of it.
        except: Vec<Expr>,
        /// All of it.
        span: Span,
    },
    /// `namespaces where …`: every pod of the namespaces.
    Namespaces(Expr, Span),
    /// `pods where … [in scope]`: pods by label, in the statement's scope unless one is given.
    Pods {
        /// Over `labels`.
        condition: Expr,
        /// Where.
        scope: Option<Scope>,
        /// All of it.
        span: Span,
    },
}

/// `encryption { encrypt resources with providers }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Encryption {
    /// In the order written, which is Kubernetes' order too.
    pub rules: Vec<Encrypt>,
}

/// `encrypt resources with provider, provider`.
#[derive(Debug, Clone, PartialEq)]
pub struct Encrypt {
    /// What is encrypted.
    pub resources: Vec<Resource>,
    /// Names (`identity`) and calls (`aescbc("key1", "key2")`, `kms("vault", endpoint: "unix:///…")`); the first writes.
    pub providers: Vec<Expr>,
    /// The statement.
    pub span: Span,
}

/// `audit { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// In the order written; the first match wins.
    pub stmts: Vec<AuditStmt>,
}

/// Statements of an audit block.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditStmt {
    /// `omit_stages: [request_received]`, `omit_managed_fields: true`.
    Field(Field),
    /// `level [for subjects] [verbs …] [on resources [named …]] [in namespaces] [url …] [omit stages]`, `level otherwise`.
    Rule(AuditRule),
}

/// One audit rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRule {
    /// `none`, `metadata`, `request`, `request_response`.
    pub level: Name,
    /// `for …`; empty: anybody.
    pub subjects: Vec<Subject>,
    /// `verbs …`; empty: any.
    pub verbs: Vec<Verb>,
    /// `on …`; empty: any.
    pub resources: Vec<Resource>,
    /// `named …`; string expressions.
    pub named: Vec<Expr>,
    /// `in …`; empty: any.
    pub namespaces: Vec<Path>,
    /// `url …`; empty: none in particular.
    pub urls: Vec<Str>,
    /// `omit …`: stages not recorded.
    pub omit: Vec<Name>,
    /// `otherwise`: matches all that is left.
    pub otherwise: bool,
    /// The statement.
    pub span: Span,
}

/// `moved role release to releaser`, `moved role ns.old to new`.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// `role`, `namespace`, `service_account`, `network`, …
    pub kind: Name,
    /// The old name: an identifier or path as it was declared, or a quoted Kubernetes name.
    pub from: MovedName,
    /// The new one.
    pub to: Path,
}

/// A name that nothing declares any more.
#[derive(Debug, Clone, PartialEq)]
pub enum MovedName {
    /// As it was declared.
    Path(Path),
    /// `"ns/name"` or `"name"`.
    Kube(Str),
}
