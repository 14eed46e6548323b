//! What a reviewer of a whole cluster's access should see.
//!
//! In: a cluster, and what is known about it. Out: [`Concern`]s, those that weigh most first, alike ones as one. What every API server
//! and kubeadm bring with them is no concern of anybody's; it is kept apart ([`Review::of_the_system`]), so that what is left out can be
//! counted and shown. The wording is the caller's.

mod accounts;
mod bindings;
mod grants;
mod group;
mod issuers;
mod paths;
mod redundancy;
mod roles;
mod secrets;

use std::collections::BTreeSet;

use kspec_diagnostics::Severity;
use kspec_model::{ObjectKey, cluster::Cluster};

use self::grants::Grants;
pub use self::issuers::{Issuers, Mapping};
use crate::{
    abuse::{Controls, DynamicGrant, NodeWay},
    access::SubjectRef,
};

/// What a concern is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConcernKind {
    /// Someone becomes cluster-admin.
    ToClusterAdmin,
    /// Someone may read every secret of every namespace.
    ToAllSecrets,
    /// Someone becomes root on a node.
    ToNode,
    /// A role without names for secrets: whoever holds it reads all of a namespace.
    ReadsAllSecrets,
    /// A service account may read secrets that its workloads do not use.
    ReadsUnusedSecrets,
    /// Pods carry a token that may do nothing.
    NeedlessToken,
    /// Applications share a service account that is granted something.
    SharedAccount,
    /// A service account is granted something, and nothing runs as it.
    UnusedAccount,
    /// The same subject deploys workloads and writes secrets.
    DeploysAndKeepsSecrets,
    /// A grant over the whole cluster that one in a namespace would serve.
    WiderThanNeeded,
    /// A grant that names a single user.
    SingleUser,
    /// A user or group that no declared issuer yields.
    NoIssuer,
    /// A role that gives nothing beside another.
    SubsumedRole,
    /// A grant that gives nothing beside others.
    ChangesNothing,
    /// A binding of a role that is not there.
    NoSuchRole,
    /// A role with a wildcard, in use.
    Wildcard,
    /// A role that allows to escalate, bind or impersonate, in use.
    EscalatingVerb,
}

/// One thing to be seen, of one subject or object or of many alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Concern {
    /// What it is about.
    pub kind: ConcernKind,
    /// How much it weighs.
    pub severity: Severity,
    /// What those who share it have in common: the role, the verb, the application.
    pub what: String,
    /// Whom it is about; for workloads, none.
    pub subjects: BTreeSet<SubjectRef>,
    /// The objects behind it, the one to change first; no object twice.
    pub objects: Vec<ObjectKey>,
    /// How many objects or subjects share it.
    pub count: usize,
    /// What shows it, for the first of them.
    pub evidence: Vec<String>,
    /// By what they come to be root on a node, for [`ConcernKind::ToNode`]: what cuts one way leaves another open.
    pub node_way: Option<NodeWay>,
}

/// Concerns, and those that are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// What somebody may change.
    pub concerns: Vec<Concern>,
    /// What comes with every cluster.
    pub of_the_system: Vec<Concern>,
}

/// What is known beside the cluster's objects.
#[derive(Clone, Copy)]
pub struct ReviewSettings<'a> {
    /// Whether `get` on `pods/exec` is enough, as it is over WebSockets before Kubernetes 1.35.
    pub exec_by_get: bool,
    /// Whether constrained impersonation is on, as it is from Kubernetes 1.36.
    pub constrained_impersonation: bool,
    /// Grants whose scope is told by labels.
    pub dynamic: &'a [DynamicGrant],
    /// What admission was asked, if it was.
    pub controls: Option<&'a Controls>,
    /// Whether the cluster shows everything: what is not in it is not there.
    pub complete: bool,
    /// Bindings that are declared as break-glass: what they give is given on purpose, and ends.
    pub break_glass: &'a BTreeSet<ObjectKey>,
    /// Objects that the reader declares: each is a concern of its own, and what its declaration alone shows is said elsewhere.
    pub own: &'a (dyn Fn(&ObjectKey) -> bool + Sync),
    /// Whether a resource (API group, plural) lives in namespaces; none where nobody knows it.
    pub namespaced: &'a (dyn Fn(&str, &str) -> Option<bool> + Sync),
    /// Who may sign in, where that is declared.
    pub issuers: Option<&'a Issuers>,
}

impl std::fmt::Debug for ReviewSettings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReviewSettings").field("complete", &self.complete).finish_non_exhaustive()
    }
}

/// What every part of the review reads.
struct Facts<'a> {
    cluster: &'a Cluster,
    settings: ReviewSettings<'a>,
    grants: Grants<'a>,
}

/// Where findings go as they are made.
type Found = Vec<(Concern, bool)>;

/// Reviews a cluster.
#[must_use]
pub fn review(cluster: &Cluster, settings: &ReviewSettings<'_>) -> Review {
    let facts = Facts { cluster, settings: *settings, grants: Grants::of(cluster) };
    // Chains take as long as all the others together, and none reads what another finds.
    let found = std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut found = Found::new();
            secrets::check(&facts, &mut found);
            accounts::check(&facts, &mut found);
            bindings::check(&facts, &mut found);
            redundancy::check(&facts, &mut found);
            roles::check(&facts, &mut found);
            found
        });
        let mut found = Found::new();
        paths::check(&facts, &mut found);
        // Work that panics does so here too.
        found.extend(others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        found
    });
    group::grouped(found, settings.own)
}

impl Concern {
    fn new(kind: ConcernKind, severity: Severity, what: impl Into<String>) -> Self {
        Self {
            kind,
            severity,
            what: what.into(),
            subjects: BTreeSet::new(),
            objects: Vec::new(),
            count: 1,
            evidence: Vec::new(),
            node_way: None,
        }
    }

    fn about(mut self, subject: SubjectRef) -> Self {
        self.subjects.insert(subject);
        self
    }

    fn object(mut self, key: &ObjectKey) -> Self {
        if !self.objects.contains(key) {
            self.objects.push(key.clone());
        }
        self
    }

    fn shown(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }
}
