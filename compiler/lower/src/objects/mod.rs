//! The model as objects of the stable APIs, in an order in which they are safe to apply.

mod access;
mod admission;
mod manifests;
mod metadata;
mod namespaces;
mod network;
mod world;

use std::{borrow::Cow, collections::BTreeMap};

use kspec_diagnostics::Finding;
use kspec_model::{
    Labels, Object, ObjectKey,
    cluster::Known,
    program::{Date, Exception, Origin, Program, View},
};
use serde_json::{Map, Value};

use self::{metadata::Metadata, world::World};
use crate::admission::{Lowering, Sourced, Written};

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
    /// Admission policies: nothing that this program brings is held up by them.
    Policies,
    /// What puts admission policies and webhooks in force.
    PolicyBindings,
}

/// What an object is called and where it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlinedObject<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace; `None` for cluster-scoped objects.
    pub namespace: Option<&'a str>,
    /// Name.
    pub name: Cow<'a, str>,
    /// The declaration, as in [`LoweredObject::origin`].
    pub origin: &'a Origin,
}

impl OutlinedObject<'_> {
    /// Its identity.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.group.to_owned(),
            kind: self.kind.to_owned(),
            namespace: self.namespace.map(str::to_owned),
            name: self.name.clone().into_owned(),
        }
    }
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
    let view = program.view();
    built(&World::new(&view, state_namespaces, as_of))
}

/// As [`objects`] without the findings, of a rule table that is known; with the same table, written.
#[must_use]
pub fn objects_and_table(
    program: &View<'_>,
    state_namespaces: &BTreeMap<String, Labels>,
    as_of: Date,
    lowering: &Lowering,
) -> (Vec<LoweredObject>, Written) {
    std::thread::scope(|scope| {
        let written = scope.spawn(|| Written::of(&lowering.table));
        let sourced = Sourced::of(program, lowering);
        let mut world = World::new(program, state_namespaces, as_of);
        world.sourced = Some(&sourced);
        let (objects, _) = built(&world);
        // Work that panics does so here too.
        (objects, written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// A share of a program's objects: about half of most programs' is policies of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// What networks are lowered to.
    Networks,
    /// All the rest.
    Others,
}

/// What [`show_objects`] shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// An object.
    Object(Object),
    /// What an object would mean.
    Known(ObjectKey, Known),
}

/// Shows each object of [`objects`] that is in the share, as soon as it is known and in no order, and the declaration that it is of;
/// for a rule table that is known. Policies are without their expressions, and what no selector is about is without labels: all
/// that whoever looks at a cluster as a whole reads, at a part of the cost.
pub fn show_objects(
    program: &View<'_>,
    as_of: Date,
    lowering: &Lowering,
    share: Share,
    show: &mut dyn FnMut(Shown, &Origin),
) {
    let nothing = BTreeMap::new();
    let sourced = Sourced::of(program, lowering);
    let mut world = World::new(program, &nothing, as_of);
    (world.sourced, world.heads) = (Some(&sourced), true);
    run(&world, Wanted::Shown(share, show));
}

fn built(world: &World<'_>) -> (Vec<LoweredObject>, Vec<Finding>) {
    let mut output = run(world, Wanted::Objects);
    // Stable: of two of one name, the one declared first comes first.
    output.entries.sort_by(|one, other| one.order().cmp(&other.order()));
    let lowered = output.entries.into_iter().filter_map(|entry| {
        let (phase, object) = entry.built?;
        Some(LoweredObject { object: Object(object), origin: entry.outlined.origin.clone(), phase })
    });
    (lowered.collect(), output.findings)
}

/// The objects of [`objects`] by name, in the order of their declarations, and the same findings, without building any
/// object: all that a check needs, at a small part of the cost. `sourced` is the program's rule table of the day, where it has
/// rules or mutations.
#[must_use]
pub fn outline<'a>(
    program: &'a View<'a>,
    state_namespaces: &'a BTreeMap<String, Labels>,
    as_of: Date,
    sourced: Option<&'a Sourced<'a>>,
) -> (Vec<OutlinedObject<'a>>, Vec<Finding>) {
    let mut world = World::new(program, state_namespaces, as_of);
    world.sourced = sourced;
    let output = run(&world, Wanted::Names);
    (output.entries.into_iter().map(|entry| entry.outlined).collect(), output.findings)
}

fn run<'a>(world: &World<'a>, wanted: Wanted<'a>) -> Output<'a> {
    let mut output = Output { wanted, entries: Vec::new(), findings: Vec::new() };
    let share = match &output.wanted {
        Wanted::Shown(share, _) => Some(*share),
        Wanted::Names | Wanted::Objects => None,
    };
    if share != Some(Share::Networks) {
        manifests::lower(world, &mut output);
        namespaces::lower(world, &mut output);
        access::lower(world, &mut output);
    }
    if share != Some(Share::Others) {
        network::lower(world, &mut output);
    }
    if share != Some(Share::Networks) {
        admission::lower(world, &mut output);
    }
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

impl Kind {
    /// An object of the kind.
    fn named<'a>(
        self,
        namespace: Option<&'a str>,
        name: impl Into<Cow<'a, str>>,
        origin: &'a Origin,
    ) -> OutlinedObject<'a> {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        OutlinedObject { group, kind: self.kind, namespace, name: name.into(), origin }
    }
}

/// What becomes of an object.
enum Wanted<'a> {
    /// It is named, and not built.
    Names,
    /// It is built and kept.
    Objects,
    /// It is built and shown, if it is in the share, so that no two need be in memory at once.
    Shown(Share, &'a mut dyn FnMut(Shown, &Origin)),
}

/// What lowering yields so far.
struct Output<'a> {
    wanted: Wanted<'a>,
    entries: Vec<Entry<'a>>,
    findings: Vec<Finding>,
}

struct Entry<'a> {
    outlined: OutlinedObject<'a>,
    /// Order within a phase.
    rank: u8,
    built: Option<(Phase, Value)>,
}

impl Entry<'_> {
    fn order(&self) -> impl Ord {
        let OutlinedObject { group, kind, namespace, name, origin: _ } = &self.outlined;
        (self.built.as_ref().map(|(phase, _)| *phase), self.rank, *group, *kind, *namespace, name)
    }
}

impl<'a> Output<'a> {
    /// Adds an object; `fill` writes what stands beside its metadata, and says what goes there and when it is applied.
    fn object<'m>(
        &mut self,
        world: &World<'_>,
        kind: Kind,
        outlined: OutlinedObject<'a>,
        rank: u8,
        fill: impl FnOnce(&mut Map<String, Value>) -> (Phase, Metadata<'m>),
    ) {
        self.add(outlined, rank, |outlined| {
            let mut object = Map::from_iter([
                ("apiVersion".to_owned(), Value::from(kind.api_version)),
                ("kind".to_owned(), Value::from(kind.kind)),
            ]);
            let (phase, metadata) = fill(&mut object);
            object.insert("metadata".to_owned(), metadata.build(world, outlined));
            (phase, Value::Object(object))
        });
    }

    /// Whether objects are shown, of which it is enough what they mean.
    fn shows(&self) -> bool {
        matches!(self.wanted, Wanted::Shown(..))
    }

    /// Shows what an object means.
    fn show(&mut self, outlined: &OutlinedObject<'a>, known: Known) {
        if let Wanted::Shown(_, show) = &mut self.wanted {
            show(Shown::Known(outlined.key(), known), outlined.origin);
        }
    }

    /// Whether objects are built, or only named.
    fn builds(&self) -> bool {
        !matches!(self.wanted, Wanted::Names)
    }

    /// Adds an object given as a whole.
    fn verbatim(&mut self, outlined: OutlinedObject<'a>, build: impl FnOnce() -> (Phase, Value)) {
        self.add(outlined, 0, |_| build());
    }

    fn add(
        &mut self,
        outlined: OutlinedObject<'a>,
        rank: u8,
        build: impl FnOnce(&OutlinedObject<'a>) -> (Phase, Value),
    ) {
        let built = match &mut self.wanted {
            Wanted::Names => None,
            Wanted::Objects => Some(build(&outlined)),
            Wanted::Shown(_, show) => return show(Shown::Object(Object(build(&outlined).1)), outlined.origin),
        };
        self.entries.push(Entry { outlined, rank, built });
    }
}

/// Whether an exception is over: `until` is inclusive.
fn is_over(exception: &Exception, as_of: Date) -> bool {
    exception.until < as_of
}
