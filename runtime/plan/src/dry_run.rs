//! The server's own opinion, where it may be asked.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::{Object, ObjectKey};

use crate::{
    Inputs, Planned, beside, deltas,
    diff::diff_result,
    document::{Action, Basis, Refusal, RefusalKind},
    guarantees::guarantees,
    objects::{self, comparable},
    owner::field_manager,
};

/// One object to try.
#[derive(Debug, Clone, Copy)]
pub struct DryRunRequest<'a> {
    /// What would be applied.
    pub object: &'a Object,
    /// Whether fields of other managers are taken over: when an object is being adopted, which asks before it does.
    pub force: bool,
}

/// Why a server did not say what it would make of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryRunError {
    /// The person may not try, or the server cannot be asked: the merge stands.
    Unavailable,
    /// What the object depends on is not there yet.
    NotYet,
    /// The server would refuse it, in its own words.
    Refused(String),
    /// Fields of other managers would change: the server's words, managers named.
    Conflict(String),
}

/// Tries objects on a server without changing anything. Implementations may ask for many at once; answers come in the order
/// of the requests.
pub trait DryRun {
    /// Tries.
    fn dry_run(&mut self, requests: &[DryRunRequest<'_>]) -> Vec<Result<Object, DryRunError>>;
}

/// Replaces what merging found by what the server says, object by object; each change then says which it was.
/// `inputs` are what was planned from.
pub fn refine(planned: &mut Planned, inputs: &Inputs<'_>, server: &mut dyn DryRun) {
    let (state, schema) = (inputs.state, inputs.schema);
    let manager = field_manager(&planned.plan.project);
    let foreign: BTreeSet<ObjectKey> = planned
        .plan
        .refusals
        .iter()
        .filter(|refusal| refusal.kind == RefusalKind::ForeignOwner)
        .map(|refusal| refusal.object.key())
        .collect();
    let mut at = Vec::new();
    let mut requests = Vec::new();
    // Wanted objects and their changes stand in one order, removals behind them.
    for (position, (wanted, change)) in planned.wanted.iter().zip(&planned.plan.changes).enumerate() {
        let tried = change.basis == Basis::Merge && !change.replaces && !foreign.contains(&wanted.object.key());
        if tried {
            at.push(position);
            requests.push(DryRunRequest { object: &wanted.object, force: change.action == Action::Adopt });
        }
    }
    let answers = server.dry_run(&requests);
    let immutable: BTreeSet<ObjectKey> = planned
        .plan
        .refusals
        .iter()
        .filter(|refusal| refusal.kind == RefusalKind::Immutable)
        .map(|refusal| refusal.object.key())
        .collect();
    let mut refusals = Vec::new();
    let mut settled = BTreeSet::new();
    let mut results: BTreeMap<ObjectKey, Object> = BTreeMap::new();
    for (position, answer) in at.into_iter().zip(answers) {
        let Some(change) = planned.plan.changes.get_mut(position) else { continue };
        let key = change.object.key();
        let mut refuse = |kind: RefusalKind, message: String, help: &str| {
            settled.insert(key.clone());
            refusals.push(Refusal {
                object: change.object.clone(),
                kind,
                message: format!("{}: {message}", change.object),
                help: help.to_owned(),
                source: change.source.clone(),
            });
        };
        match answer {
            Err(DryRunError::Unavailable) => {}
            Err(DryRunError::NotYet) => change.basis = Basis::KnownAfterApply,
            // Ours says more: which field, and what to do.
            Err(DryRunError::Refused(_)) if immutable.contains(&key) => change.basis = Basis::DryRun,
            Err(DryRunError::Refused(message)) => {
                refuse(RefusalKind::Refused, message, "the server refuses it as it is: correct the declaration");
                change.basis = Basis::DryRun;
            }
            Err(DryRunError::Conflict(message)) => {
                refuse(RefusalKind::FieldConflict, message, objects::GIVE_UP);
                change.basis = Basis::DryRun;
            }
            Ok(result) => {
                change.basis = Basis::DryRun;
                settled.insert(key.clone());
                let mut result = result;
                kspec_state::withhold_secret(&mut result.0);
                if let Some(actual) = state.get(&key) {
                    change.diff = diff_result(&actual.object, &result, schema, &manager).changes;
                    change.conflicts.clear();
                    change.action = match (change.action, change.diff.is_empty()) {
                        (Action::Adopt, _) => Action::Adopt,
                        (_, true) => Action::None,
                        (_, false) => Action::Update,
                    };
                }
                results.insert(key, result);
            }
        }
    }
    // What the server has answered for replaces what merging feared.
    planned.plan.refusals.retain(|refusal| {
        let feared = matches!(refusal.kind, RefusalKind::FieldConflict | RefusalKind::Immutable);
        !(feared && settled.contains(&refusal.object.key()))
    });
    planned.plan.refusals.extend(refusals);
    planned.plan.refusals.sort();
    if !results.is_empty() {
        consequences(planned, results, inputs, &manager);
    }
    planned.plan.count();
    planned.follow_actions();
}

/// Says anew what the change means, of the objects that the server made of it.
fn consequences(planned: &mut Planned, mut results: BTreeMap<ObjectKey, Object>, inputs: &Inputs<'_>, manager: &str) {
    let (state, schema) = (inputs.state, inputs.schema);
    let mut after = BTreeMap::new();
    for (wanted, change) in planned.wanted.iter().zip(&planned.plan.changes) {
        let key = wanted.object.key();
        let object = match results.remove(&key) {
            _ if change.action == Action::None => None,
            Some(result) => Some(result),
            None => {
                let actual = state.get(&key).map(|object| &object.object);
                objects::after(&comparable(&wanted.object), change, actual, schema, manager)
            }
        };
        after.extend(object.map(|object| (key, object)));
    }
    let deleted = planned
        .plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Delete)
        .map(|change| change.object.key())
        .collect();
    let (before, survey) = beside(|| deltas::cluster(state, schema), || deltas::after(inputs, after, &deleted));
    (planned.plan.access, planned.plan.connectivity) =
        beside(|| deltas::access(&before, &survey), || deltas::connectivity(&before, &survey));
    planned.plan.guarantees = guarantees(&survey, inputs.sources);
}
