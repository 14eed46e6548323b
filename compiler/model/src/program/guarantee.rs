//! Guarantees: what shall never hold, or always.

use super::{Origin, Peer, PortRef, RoleRef, Subject};
use crate::LabelSelector;

/// `never …`, `always …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarantee {
    /// As the formatter writes it.
    pub text: String,
    /// `always` rather than `never`.
    pub always: bool,
    /// What holds always or never.
    pub claim: Claim,
    /// Whence.
    pub origin: Origin,
}

/// What a guarantee speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// RBAC allows it.
    Can(Can),
    /// Connections are allowed.
    Reaches(Reaches),
    /// Requests are recorded.
    Audited(Audited),
    /// One subject holds two roles in one place.
    Both {
        /// One role.
        first: RoleRef,
        /// The other.
        second: RoleRef,
        /// Where.
        scope: ClaimScope,
    },
}

/// Who may do what: some of the subjects, by some of the verbs, on some of the resources. `never` denies each combination,
/// `always` promises each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Can {
    /// Who.
    pub subjects: Vec<Who>,
    /// Verbs, or `*`.
    pub verbs: Vec<String>,
    /// Resources.
    pub resources: Vec<ClaimResource>,
    /// Object names; empty for some object, whatever its name.
    pub names: Vec<String>,
    /// Where.
    pub scope: ClaimScope,
    /// Subjects that may.
    pub except: Vec<Subject>,
    /// Whether chains of abuse count beside what is granted.
    pub by_any_path: bool,
}

/// A subject of a claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Whoever.
    Anyone,
    /// A user, a member of a group, a service account.
    Subject(Subject),
}

/// A resource of a claim; `*` stands for all in each part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimResource {
    /// API group, `""` for the core group.
    pub group: String,
    /// Plural name.
    pub resource: String,
    /// Subresource; empty for none.
    pub subresource: String,
}

/// Where a claim is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimScope {
    /// Nothing was said: every namespace, and outside of them; of `always`, all of them at once.
    Anywhere,
    /// The whole cluster at once.
    Cluster,
    /// Each of these.
    Namespaces(Vec<String>),
    /// Each namespace with such labels, those that are made later included.
    Where(LabelSelector),
}

/// Who connects to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaches {
    /// Who connects.
    pub from: Peer,
    /// To whom.
    pub to: Peer,
    /// On which ports; empty for any.
    pub ports: Vec<PortRef>,
    /// Whether chains of connections count, from pod to pod.
    pub through_any_path: bool,
}

/// Which requests are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audited {
    /// Those that change an object.
    Mutations,
    /// Those by which somebody's identity is proved, or its proof is issued.
    Authentication,
    /// Those of whoever a `break_glass` names.
    BreakGlass,
    /// These, by anyone.
    Requests {
        /// Verbs, or `*`.
        verbs: Vec<String>,
        /// Resources.
        resources: Vec<ClaimResource>,
    },
}
