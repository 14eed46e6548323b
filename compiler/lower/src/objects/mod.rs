//! The model as objects of the stable APIs, in an order in which they are safe to apply.

mod access;
mod manifests;
mod metadata;
mod namespaces;
mod network;
mod world;

use std::collections::BTreeMap;

use kspec_diagnostics::Finding;
use kspec_model::{
    Labels, Object,
    program::{Date, Exception, Origin, Program},
};

pub use metadata::{EXCEPTION_OWNER, EXCEPTION_REASON, EXCEPTION_UNTIL, MANAGED_BY, PROJECT, PURPOSE};
pub use world::known_namespaces;

/// An object, where it was declared, and when it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct LoweredObject {
    /// The object: exactly the fields that the program owns.
    pub object: Object,
    /// The declaration. Where several make one object (edges of a workload, limits of one name), the first.
    pub origin: Origin,
    /// When it is applied.
    pub phase: Phase,
}

/// Steps of an apply. Each only needs what earlier ones made, and nothing is isolated before what it may reach is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// CustomResourceDefinitions, which other objects may be instances of.
    Definitions,
    /// Namespaces.
    Namespaces,
    /// ResourceQuotas and LimitRanges: before anything could run without them.
    Limits,
    /// Service accounts.
    Accounts,
    /// Roles and ClusterRoles.
    Roles,
    /// RoleBindings and ClusterRoleBindings; the API server wants the role to exist.
    Grants,
    /// Policies that allow something to some pods of a namespace.
    NetworkAllow,
    /// Policies that allow something to every pod of a namespace, and so isolate every pod.
    NetworkWide,
    /// Policies that only deny.
    NetworkDeny,
    /// Everything else.
    Rest,
}

/// Lowers a program, in the order in which to apply: by phase, within a phase by what keeps pods connected, then by key.
///
/// Dynamic scopes are instantiated over the program's and the state's namespaces. Grants whose end lies before `as_of` are
/// left out, so that `apply` ends them.
#[must_use]
pub fn objects(
    program: &Program,
    state_namespaces: &BTreeMap<String, Labels>,
    as_of: Date,
) -> (Vec<LoweredObject>, Vec<Finding>) {
    let world = world::World::new(program, state_namespaces, as_of);
    let mut output = Output { lowered: Vec::new(), findings: Vec::new() };
    manifests::lower(&world, &mut output);
    namespaces::lower(&world, &mut output);
    access::lower(&world, &mut output);
    network::lower(&world, &mut output);
    output
        .lowered
        .sort_by_cached_key(|(rank, lowered)| (lowered.phase, *rank, lowered.object.key(), lowered.origin.clone()));
    output.findings.sort();
    output.findings.dedup();
    (output.lowered.into_iter().map(|(_, lowered)| lowered).collect(), output.findings)
}

/// What lowering yields so far; the number orders objects within a phase.
struct Output {
    lowered: Vec<(u8, LoweredObject)>,
    findings: Vec<Finding>,
}

impl Output {
    fn push(&mut self, phase: Phase, origin: &Origin, object: serde_json::Value) {
        self.push_ranked(phase, 0, origin, object);
    }

    fn push_ranked(&mut self, phase: Phase, rank: u8, origin: &Origin, object: serde_json::Value) {
        self.lowered.push((rank, LoweredObject { object: Object(object), origin: origin.clone(), phase }));
    }
}

/// Whether an exception is over: `until` is inclusive.
fn is_over(exception: &Exception, as_of: Date) -> bool {
    exception.until < as_of
}
