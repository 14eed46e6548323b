//! What would change: objects, access, connectivity, hosts.
//!
//! In: a lowered program and a [`State`]. Out: a [`Plan`], which is a document, and the [`Planned`] work behind it. Pure: the
//! same program and the same state make the same plan, byte for byte; who may ask a server refines it by
//! [`refine`]. Secret contents are in neither.

mod awaited;
mod deltas;
mod diff;
mod document;
mod dry_run;
mod guarantees;
mod hash;
mod hosts;
mod immutable;
mod objects;
mod owner;
mod saved;
mod weaknesses;

use std::collections::BTreeSet;

use kspec_diagnostics::SourceMap;
use kspec_lower::{HostSettings, Inventory, LoweredObject, Phase, inventory};
use kspec_model::{
    Object, ObjectKey,
    cluster::Cluster,
    program::{Date, Program},
};
use kspec_posture::Survey;
use kspec_schema::Schema;
use kspec_state::State;

pub use awaited::{Service, awaited, unchecked};
pub use deltas::{cluster, of_state};
pub use diff::{FieldChange, FieldConflict, ObjectDiff, diff_object, diff_result, merge_object};
pub use document::*;
pub use dry_run::{DryRun, DryRunError, DryRunRequest, refine};
pub use immutable::is_replaced;
pub use owner::{ADOPTED, field_manager, removal_rank};
pub use saved::{SAVED_PLAN_FORMAT, SavedPlanError};

/// Everything that a plan is made from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The program.
    pub program: &'a Program,
    /// What it lowers to, in the order of apply.
    pub desired: &'a [LoweredObject],
    /// What it says of the host.
    pub host: &'a HostSettings,
    /// What is there.
    pub state: &'a State,
    /// Types of the target version, the project's CRDs included.
    pub schema: &'a Schema,
    /// Where declarations stand.
    pub sources: &'a SourceMap,
    /// The day that end dates were held against.
    pub as_of: Date,
}

/// A plan with the objects that it speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The document.
    pub plan: Plan,
    /// The program's objects, in the order of the plan's changes, which go on with what left the program.
    pub wanted: Vec<Wanted>,
    /// What left the program, as last read, in the order in which it goes.
    pub removals: Vec<Object>,
    /// The project's inventory.
    pub inventory: Inventory,
}

/// An object of the program.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The fields that the program owns, secret contents included.
    pub object: Object,
    /// When it is applied.
    pub phase: Phase,
    /// What the plan says of it.
    pub action: Action,
}

/// Plans.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Planned {
    let inventory = inventory(&inputs.program.project);
    let (before, objects) =
        beside(|| deltas::cluster(inputs.state, inputs.schema), || objects::objects(inputs, &inventory));
    let after = deltas::after(inputs, objects.after, &objects.deleted);
    let touched: BTreeSet<ObjectKey> = objects.changes.iter().map(|change| change.object.key()).collect();
    let (connectivity, (access, hash, wanted)) = beside(
        || deltas::connectivity(&before, &after),
        || (deltas::access(&before, &after), hash::state_hash(inputs.state, &touched), wanted(inputs)),
    );
    let project = &inputs.program.project;
    let mut refusals = objects.refusals;
    refusals.sort();
    let mut plan = Plan {
        format_version: PLAN_FORMAT,
        project: project.name.clone(),
        environment: project.environment.clone(),
        kubernetes: project.kubernetes.clone(),
        as_of: inputs.as_of.to_string(),
        state: StateName {
            source: inputs.state.origin.to_string(),
            version: inputs.state.version.clone(),
            hash,
            unread: inputs.state.unread.clone(),
        },
        changes: objects.changes,
        refusals,
        hosts: hosts::hosts(inputs),
        access,
        connectivity,
        impact: Impact::default(),
        guarantees: guarantees::guarantees(&after, inputs.sources),
        weaknesses: weaknesses::weaknesses(inputs.state),
        drift: Vec::new(),
        summary: Summary::default(),
    };
    plan.count();
    let mut planned = Planned { wanted, removals: objects.removals, inventory, plan };
    planned.follow_actions();
    planned
}

/// What the program makes, nothing yet said of what happens to it.
fn wanted(inputs: &Inputs<'_>) -> Vec<Wanted> {
    let of =
        |lowered: &LoweredObject| Wanted { object: lowered.object.clone(), phase: lowered.phase, action: Action::None };
    inputs.desired.iter().map(of).collect()
}

/// Does two things side by side; one that panics does so here too.
pub(crate) fn beside<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    })
}

/// What the cluster means once the plan is applied.
#[must_use]
pub fn cluster_after(inputs: &Inputs<'_>) -> Cluster {
    survey_after(inputs).cluster
}

/// As [`cluster_after`], with the objects behind it and their places.
#[must_use]
pub fn survey_after<'a>(inputs: &Inputs<'a>) -> Survey<'a> {
    let objects = objects::objects(inputs, &inventory(&inputs.program.project));
    deltas::after(inputs, objects.after, &objects.deleted)
}

impl Planned {
    /// Gives each wanted object the action that the plan says of it.
    fn follow_actions(&mut self) {
        for (wanted, change) in self.wanted.iter_mut().zip(&self.plan.changes) {
            wanted.action = change.action;
        }
    }
}
