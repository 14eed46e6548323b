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
    Labels, Object, ObjectKey,
    program::{Date, Exception, Origin, Program},
};
use serde_json::{Map, Value};

use self::{metadata::Metadata, world::World};

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

/// What an object is called and where it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlinedObject {
    /// Its identity.
    pub key: ObjectKey,
    /// The declaration, as in [`LoweredObject::origin`].
    pub origin: Origin,
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
    let mut output = run(program, state_namespaces, as_of, true);
    output.entries.sort_by(|one, other| one.order().cmp(&other.order()));
    let lowered = output.entries.into_iter().filter_map(|entry| {
        let (phase, object) = entry.built?;
        Some(LoweredObject { object: Object(object), origin: entry.outlined.origin, phase })
    });
    (lowered.collect(), output.findings)
}

/// The objects of [`objects`] by name, in the order of their declarations, and the same findings, without building any
/// object: all that a check needs, at a small part of the cost.
#[must_use]
pub fn outline(
    program: &Program,
    state_namespaces: &BTreeMap<String, Labels>,
    as_of: Date,
) -> (Vec<OutlinedObject>, Vec<Finding>) {
    let output = run(program, state_namespaces, as_of, false);
    (output.entries.into_iter().map(|entry| entry.outlined).collect(), output.findings)
}

fn run(program: &Program, state_namespaces: &BTreeMap<String, Labels>, as_of: Date, build: bool) -> Output {
    let world = world::World::new(program, state_namespaces, as_of);
    let mut output = Output { build, entries: Vec::new(), findings: Vec::new() };
    manifests::lower(&world, &mut output);
    namespaces::lower(&world, &mut output);
    access::lower(&world, &mut output);
    network::lower(&world, &mut output);
    output.findings.sort();
    output.findings.dedup();
    output
}

/// A kind of the stable APIs.
#[derive(Clone, Copy)]
struct Kind {
    api_version: &'static str,
    kind: &'static str,
}

/// What lowering yields so far.
struct Output {
    /// Whether objects are built, or only named.
    build: bool,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

struct Entry {
    outlined: OutlinedObject,
    /// Order within a phase.
    rank: u8,
    built: Option<(Phase, Value)>,
}

impl Entry {
    fn order(&self) -> (Option<Phase>, u8, &ObjectKey, &Origin) {
        (self.built.as_ref().map(|(phase, _)| *phase), self.rank, &self.outlined.key, &self.outlined.origin)
    }
}

impl Output {
    /// Adds an object; `fill` writes what stands beside its metadata, and says when it is applied.
    fn object(
        &mut self,
        world: &World<'_>,
        kind: Kind,
        metadata: &Metadata<'_>,
        origin: &Origin,
        rank: u8,
        fill: impl FnOnce(&mut Map<String, Value>) -> Phase,
    ) {
        let group = kind.api_version.split_once('/').map_or("", |(group, _)| group);
        let key = ObjectKey {
            group: group.to_owned(),
            kind: kind.kind.to_owned(),
            namespace: metadata.namespace.map(str::to_owned),
            name: metadata.name.to_owned(),
        };
        self.verbatim(key, origin, rank, || {
            let mut object = Map::from_iter([
                ("apiVersion".to_owned(), Value::from(kind.api_version)),
                ("kind".to_owned(), Value::from(kind.kind)),
                ("metadata".to_owned(), metadata.build(world)),
            ]);
            let phase = fill(&mut object);
            (phase, Value::Object(object))
        });
    }

    /// Adds an object given as a whole.
    fn verbatim(&mut self, key: ObjectKey, origin: &Origin, rank: u8, build: impl FnOnce() -> (Phase, Value)) {
        let outlined = OutlinedObject { key, origin: origin.clone() };
        self.entries.push(Entry { outlined, rank, built: self.build.then(build) });
    }
}

/// Whether an exception is over: `until` is inclusive.
fn is_over(exception: &Exception, as_of: Date) -> bool {
    exception.until < as_of
}
