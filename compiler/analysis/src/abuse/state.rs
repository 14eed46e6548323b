//! What someone may have got hold of: the nodes of the graph.

use std::fmt;

use kspec_model::{ObjectKey, program::RoleRef};

use super::controls::Attempt;
use crate::access::SubjectRef;

/// Where permissions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Scope<'a> {
    /// The whole cluster.
    Cluster,
    /// Every namespace, but nothing outside them.
    Namespaces,
    /// One namespace.
    Namespace(&'a str),
}

impl Scope<'_> {
    /// The part of it that lies in namespaces.
    pub(super) fn inside(self) -> Self {
        if self == Self::Cluster { Self::Namespaces } else { self }
    }

    /// What lies in both, unless that is nothing.
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Namespace(a), Self::Namespace(b)) => (a == b).then_some(self),
            (Self::Cluster | Self::Namespaces, Self::Namespace(_)) | (Self::Cluster, _) => Some(other),
            _ => Some(self),
        }
    }
}

/// Who can be somebody else's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Actor<'a> {
    User(&'a str),
    Group(&'a str),
    Account(&'a str, &'a str),
    Node(Option<&'a str>),
}

impl<'a> Actor<'a> {
    /// The node that stands for being them.
    pub(super) fn state(self) -> State<'a> {
        match self {
            Self::User(name) => State::User(name),
            Self::Group(name) => State::Group(name),
            Self::Account(namespace, name) => State::Account(namespace, name),
            Self::Node(node) => State::Kubelet(node),
        }
    }
}

/// A node of the graph. Those with a scope stand for a class ("any service account of the namespace"), so that no edge is drawn to
/// each member from each holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State<'a> {
    User(&'a str),
    Group(&'a str),
    Account(&'a str, &'a str),
    /// Everything, everywhere.
    ClusterAdmin,
    /// Everything in one namespace, or in each.
    Everything(Scope<'a>),
    /// The permissions of a role that is bound in a scope, by a binding that is not there yet.
    Holds(&'a RoleRef, Scope<'a>),
    /// Any Role of the scope, bound where it stands.
    AnyRole(Scope<'a>),
    /// Any role of this kind that some binding of the scope binds already.
    AnyBound(&'static str, Scope<'a>),
    /// Any user that a binding names.
    AnyUser,
    /// Any subject but members of `system:masters`.
    AnySubject,
    /// Any group that a bootstrap token is of, and any user that is one.
    Bootstrappers,
    /// Any service account of the scope.
    Accounts(Scope<'a>),
    /// A pod of one's own making.
    NewPod(Scope<'a>),
    /// A pod of one's own making where Pod Security is out of the way: in a namespace whose labels were changed, or a new one. By
    /// whom, since it is only theirs.
    FreePod(Option<&'a str>, u32),
    /// The namespace of that pod, before it is made.
    Freed(Option<&'a str>, u32),
    /// A container that somebody adds to a pod where Pod Security asks them nothing.
    FreeContainer(&'a ObjectKey, u32),
    /// A container that somebody adds where they lifted what refuses the attempt.
    UnheldContainer(&'a ObjectKey, Attempt, u32),
    /// A namespace whose labels somebody changed, for an attempt.
    Relabelled(&'a str, Attempt, u32),
    /// A namespace where somebody took away what refuses an attempt.
    Unruled(Option<&'a str>, Attempt, u32),
    /// What a request leads to that admission refuses somewhere: each with what refuses it.
    Asked(Attempt, Scope<'a>),
    /// A pod of one's own making there.
    UnruledPod(&'a str, Attempt, u32),
    /// A persistent volume of somebody's making, of whatever path of whatever node.
    Volume(u32),
    /// A pod of theirs, that claims it; where they lifted what refuses that, it is refused no more.
    ClaimingPod {
        namespace: &'a str,
        lifted: bool,
        from: u32,
    },
    /// A pod of theirs, that claims the logs of a node, by an attempt.
    LoggingPod {
        namespace: &'a str,
        attempt: Attempt,
        lifted: bool,
        from: u32,
    },
    /// The template of an object of this kind.
    Template(&'static str, &'static str, Scope<'a>),
    /// Code in any pod of the scope.
    InsideAny(Scope<'a>),
    /// Code in a workload's pods.
    Inside(&'a ObjectKey),
    /// A container of one's own in any pod of the scope.
    AddedAny(Scope<'a>),
    /// A container of one's own in a pod.
    Added(&'a ObjectKey),
    /// Any node.
    AnyNode,
    /// Any node of Windows.
    AnyWindows,
    /// Any pod that shares its node's memory segments.
    AnySharing,
    /// A node; without a name, the one that pods which are not placed yet will run on.
    Node(Option<&'a str>),
    /// What the node keeps of its pods: tokens and secrets.
    NodeFiles(Option<&'a str>),
    /// What any node keeps of its pods.
    AnyNodeFiles,
    /// The API credentials of a node.
    Kubelet(Option<&'a str>),
    /// The API credentials of any node.
    AnyKubelet,
    /// Every file of a node, read as root.
    NodeRead(Option<&'a str>),
    /// Every file of any node.
    AnyNodeRead,
    /// Sending as somebody else, as far as constrained impersonation lets the one who does.
    Acting(u32, Actor<'a>),
    /// The ports of any pod of the scope.
    AnyPorts(Scope<'a>),
    /// The ports of a workload's pods.
    Ports(&'a ObjectKey),
    /// What is sent to any service of the scope.
    AnyTraffic(Scope<'a>),
    /// What is sent to a service.
    Traffic(&'a str, &'a str),
    /// Any secret of the scope.
    Secrets(Scope<'a>),
    Secret(&'a str, &'a str),
}

impl<'a> State<'a> {
    /// The node of a subject.
    pub(super) fn of(subject: &'a SubjectRef) -> Self {
        match subject {
            SubjectRef::User { name } => Self::User(name),
            SubjectRef::Group { name } => Self::Group(name),
            SubjectRef::ServiceAccount { namespace, name } => Self::Account(namespace, name),
        }
    }

    /// The subject it stands for, if it does.
    pub(super) fn subject(&self) -> Option<SubjectRef> {
        match *self {
            Self::User(name) => Some(SubjectRef::User { name: name.to_owned() }),
            Self::Group(name) => Some(SubjectRef::Group { name: name.to_owned() }),
            Self::Account(namespace, name) => {
                Some(SubjectRef::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => None,
        }
    }

    /// The namespace that what is done to it is done in.
    pub(super) fn namespace(&self) -> Option<&'a str> {
        match *self {
            Self::Account(namespace, _) | Self::Secret(namespace, _) | Self::Traffic(namespace, _) => Some(namespace),
            Self::Inside(key)
            | Self::Added(key)
            | Self::Ports(key)
            | Self::FreeContainer(key, _)
            | Self::UnheldContainer(key, ..) => key.namespace.as_deref(),
            Self::Freed(namespace, _) | Self::FreePod(namespace, _) => namespace,
            Self::Unruled(namespace, ..) => namespace,
            Self::UnruledPod(namespace, ..)
            | Self::ClaimingPod { namespace, .. }
            | Self::LoggingPod { namespace, .. }
            | Self::Relabelled(namespace, ..) => Some(namespace),
            Self::Everything(scope)
            | Self::Holds(_, scope)
            | Self::AnyRole(scope)
            | Self::AnyBound(_, scope)
            | Self::Accounts(scope)
            | Self::NewPod(scope)
            | Self::Asked(_, scope)
            | Self::Template(_, _, scope)
            | Self::InsideAny(scope)
            | Self::AddedAny(scope)
            | Self::AnyPorts(scope)
            | Self::AnyTraffic(scope)
            | Self::Secrets(scope) => match scope {
                Scope::Namespace(namespace) => Some(namespace),
                Scope::Cluster | Scope::Namespaces => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("in the whole cluster"),
            Self::Namespaces => f.write_str("in every namespace"),
            Self::Namespace(name) => write!(f, "in namespace {name}"),
        }
    }
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Account(namespace, name) => write!(f, "service account {namespace}/{name}"),
            Self::ClusterAdmin => f.write_str("cluster-admin"),
            Self::Everything(scope) => write!(f, "every permission {scope}"),
            Self::Holds(role, scope) => match &role.namespace {
                Some(namespace) => write!(f, "Role {namespace}/{}", role.name),
                None => write!(f, "ClusterRole {} {scope}", role.name),
            },
            Self::AnyRole(scope) => write!(f, "any Role {scope}"),
            Self::AnyBound(kind, scope) => write!(f, "any {kind} bound {scope}"),
            Self::Bootstrappers => f.write_str("any group of bootstrap tokens"),
            Self::AnyUser => f.write_str("any user"),
            Self::AnySubject => f.write_str("any user, group or service account"),
            Self::Accounts(scope) => write!(f, "any service account {scope}"),
            Self::NewPod(scope) => write!(f, "a new pod {scope}"),
            Self::FreePod(..)
            | Self::UnruledPod(..)
            | Self::ClaimingPod { lifted: true, .. }
            | Self::LoggingPod { lifted: true, .. } => f.write_str("a new pod there"),
            Self::Unruled(
                Some(namespace),
                Attempt::NewPod
                | Attempt::NodeProcesses
                | Attempt::HostProcess
                | Attempt::NodeMemory
                | Attempt::Account
                | Attempt::Secret
                | Attempt::BoundClaim
                | Attempt::Claim,
                _,
            ) => {
                write!(f, "what refuses pods of namespace {namespace}")
            }
            Self::Unruled(Some(namespace), ..) => write!(f, "what refuses it in namespace {namespace}"),
            Self::Asked(_, scope) => write!(f, "anything {scope}"),
            Self::Unruled(None, ..) => f.write_str("what refuses it"),
            Self::Volume(_) => f.write_str("a persistent volume of a node's path"),
            Self::ClaimingPod { namespace, .. } | Self::LoggingPod { namespace, .. } => {
                write!(f, "a new pod in namespace {namespace}")
            }
            Self::Freed(Some(namespace), _) | Self::Relabelled(namespace, ..) => write!(f, "namespace {namespace}"),
            Self::Freed(None, _) => f.write_str("a new namespace"),
            Self::Template(_, kind, scope) => write!(f, "the pods of a {kind} {scope}"),
            Self::InsideAny(scope) => write!(f, "any pod {scope}"),
            Self::AddedAny(scope) => write!(f, "a container in any pod {scope}"),
            Self::Inside(key) | Self::Added(key) | Self::FreeContainer(key, _) | Self::UnheldContainer(key, ..) => {
                write!(f, "{} {}/{}", key.kind, key.namespace.as_deref().unwrap_or_default(), key.name)
            }
            Self::AnySharing => f.write_str("any pod that has hostIPC"),
            Self::AnyWindows => f.write_str("any node of Windows"),
            Self::AnyNode => f.write_str("any node"),
            Self::Node(Some(name)) => write!(f, "node {name}"),
            Self::Node(None) => f.write_str("the node it runs on"),
            Self::NodeFiles(Some(name)) => write!(f, "what node {name} keeps of its pods"),
            Self::AnyNodeFiles => f.write_str("what any node keeps of its pods"),
            Self::NodeFiles(None) => f.write_str("what the node it runs on keeps of its pods"),
            Self::NodeRead(Some(name)) => write!(f, "every file of node {name}"),
            Self::AnyNodeRead => f.write_str("every file of any node"),
            Self::NodeRead(None) => f.write_str("every file of the node it runs on"),
            Self::Acting(_, actor) => write!(f, "{}, for some requests", actor.state()),
            Self::AnyPorts(scope) => write!(f, "the ports of any pod {scope}"),
            Self::Ports(key) => write!(f, "the ports of {}", Self::Inside(key)),
            Self::AnyTraffic(scope) => write!(f, "what is sent to any service {scope}"),
            Self::Traffic(namespace, name) => write!(f, "what is sent to service {namespace}/{name}"),
            Self::Kubelet(Some(name)) => write!(f, "node {name} itself"),
            Self::Kubelet(None) => f.write_str("the node it runs on itself"),
            Self::AnyKubelet => f.write_str("any node itself"),
            Self::Secrets(scope) => write!(f, "any secret {scope}"),
            Self::Secret(namespace, name) => write!(f, "secret {namespace}/{name}"),
        }
    }
}
