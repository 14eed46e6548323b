//! What happens to each object.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Place;
use kspec_lower::{Inventory, LoweredObject, Phase};
use kspec_model::{
    Object, ObjectKey,
    program::{Moved, Origin, Program},
};
use kspec_schema::Schema;
use serde_json::Value;

use crate::{
    Inputs,
    awaited::{awaited, unchecked},
    beside,
    diff::{self, FieldChange, diff_object, merge_object},
    document::{Action, Basis, Change, ObjectName, Refusal, RefusalKind, Source},
    owner::{Owner, field_manager, is_made_by_the_cluster, is_prunable, owner, removal_rank, why_released},
};

/// What to do about a field that two set.
pub(crate) const GIVE_UP: &str = "let one of the two say it: take the field out of the program, or have the other manager \
                                  give it up; a change made by hand is taken back by hand, since a value that both agree \
                                  on is no conflict";

/// What was found out about objects.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) changes: Vec<Change>,
    pub(crate) refusals: Vec<Refusal>,
    /// Objects as they will be, for those that are written.
    pub(crate) after: BTreeMap<ObjectKey, Object>,
    /// Objects that go away.
    pub(crate) deleted: BTreeSet<ObjectKey>,
    /// What left the program, to be deleted or released.
    pub(crate) removals: Vec<Object>,
}

pub(crate) fn objects(inputs: &Inputs<'_>, inventory: &Inventory) -> Objects {
    let wanted: BTreeSet<ObjectKey> = inputs.desired.iter().map(|lowered| lowered.object.key()).collect();
    let moves = Moves::new(&inputs.program.moved, &wanted, inputs);
    let pending = Pending::new(inputs);
    let look = |desired: &[LoweredObject]| {
        let mut found = Objects::default();
        desired.iter().for_each(|lowered| found.wanted(inputs, inventory, lowered, &pending, &moves));
        found
    };
    let (first, second) = inputs.desired.split_at(inputs.desired.len() / 2);
    let (mut found, others) = beside(|| look(first), || look(second));
    found.join(others);
    found.removed(inputs, inventory, &wanted, &moves);
    found
}

impl Objects {
    /// Takes over what was found out about further objects.
    fn join(&mut self, others: Self) {
        let Self { changes, refusals, after, deleted, removals } = others;
        self.changes.extend(changes);
        self.refusals.extend(refusals);
        self.after.extend(after);
        self.deleted.extend(deleted);
        self.removals.extend(removals);
    }

    fn wanted(
        &mut self,
        inputs: &Inputs<'_>,
        inventory: &Inventory,
        lowered: &LoweredObject,
        pending: &Pending,
        moves: &Moves,
    ) {
        let desired = comparable(&lowered.object);
        let key = desired.key();
        let source = source(inputs, &lowered.origin);
        let Some(actual) = inputs.state.get(&key).map(|object| &object.object) else {
            self.changes.push(Change {
                action: Action::Create,
                diff: content(&desired),
                basis: if pending.waits(&desired) { Basis::KnownAfterApply } else { Basis::Merge },
                moved_from: moves.to.get(&key).cloned(),
                waits_for: waits_for(&desired),
                unchecked: Vec::from_iter(unchecked(&desired)),
                ..change(&desired, source)
            });
            self.after.insert(key, desired);
            return;
        };
        let owner = owner(actual, inventory);
        if let Owner::Other(other) = &owner {
            let name = ObjectName::of(&desired);
            self.refusals.push(Refusal {
                message: format!("{name} belongs to `{other}`, and two projects never share an object"),
                help: format!("remove it from `{other}`, or declare it `existing` here"),
                object: name,
                kind: RefusalKind::ForeignOwner,
                source: source.clone(),
            });
            self.changes.push(Change { action: Action::None, ..change(&desired, source) });
            return;
        }
        let manager = field_manager(&inventory.project);
        let diff = diff_object(&desired, actual, inputs.schema, &manager);
        let mut change = Change { replaces: diff.replaces, ..change(&desired, source) };
        match owner {
            Owner::Nobody(maker) if !is_made_by_the_cluster(&key) => {
                change.action = Action::Adopt;
                change.reason = Some(match maker {
                    Some(maker) => format!("it is there already, made by {maker}"),
                    None => "it is there already".to_owned(),
                });
            }
            _ if diff.is_empty() => {}
            _ => {
                change.action = Action::Update;
                // A replaced object is deleted first, whoever owns which field of it.
                if !diff.replaces && !diff.conflicts.is_empty() {
                    self.refusals.push(conflict(&change, &diff.conflicts));
                }
            }
        }
        if !diff.immutable.is_empty() {
            self.refusals.push(immutable(&change, &diff.immutable));
        }
        change.diff = diff.changes;
        change.conflicts = diff.conflicts;
        if change.action != Action::None {
            change.waits_for = waits_for(&desired);
            change.unchecked = Vec::from_iter(unchecked(&desired));
        }
        if let Some(after) = after(&desired, &change, Some(actual), inputs.schema, &manager) {
            self.after.insert(key, after);
        }
        self.changes.push(change);
    }

    /// What is ours and left the program, in the order in which it can go.
    fn removed(&mut self, inputs: &Inputs<'_>, inventory: &Inventory, wanted: &BTreeSet<ObjectKey>, moves: &Moves) {
        let existing = existing(inputs.program);
        let mut gone: Vec<(u8, &ObjectKey, &Object)> = inputs
            .state
            .iter()
            .filter(|(key, object)| !wanted.contains(key) && is_prunable(&object.object, inventory))
            .map(|(key, object)| (removal_rank(&object.object), key, &object.object))
            .collect();
        gone.sort_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
        for (_, key, object) in gone {
            let released = why_released(key, object)
                .or_else(|| existing.contains(key).then(|| "the program now says that others own it".to_owned()));
            let (action, diff) = match &released {
                Some(_) => (Action::Release, ownership(object)),
                None => (Action::Delete, Vec::new()),
            };
            if action == Action::Delete {
                self.deleted.insert(key.clone());
            }
            self.changes.push(Change {
                action,
                diff,
                reason: released,
                moved_to: moves.from.get(key).cloned(),
                ..change(object, None)
            });
            let mut removal = object.clone();
            kspec_state::without_marks(&mut removal.0);
            self.removals.push(removal);
        }
    }
}

/// An object as merging says it will be; none where it stays as it is.
pub(crate) fn after(
    desired: &Object,
    change: &Change,
    actual: Option<&Object>,
    schema: &Schema,
    manager: &str,
) -> Option<Object> {
    match actual {
        Some(_) if change.diff.is_empty() || change.action == Action::None => None,
        Some(actual) if !change.replaces => Some(merge_object(desired, actual, schema, manager)),
        _ => Some(desired.clone()),
    }
}

fn change(object: &Object, source: Option<Source>) -> Change {
    Change {
        action: Action::None,
        object: ObjectName::of(object),
        diff: Vec::new(),
        basis: Basis::Merge,
        source,
        replaces: false,
        moved_from: None,
        moved_to: None,
        reason: None,
        conflicts: Vec::new(),
        waits_for: Vec::new(),
        unchecked: Vec::new(),
    }
}

/// An object as it compares with a state's, which holds no secret contents.
pub(crate) fn comparable(object: &Object) -> Object {
    let mut object = object.clone();
    kspec_state::withhold_secret(&mut object.0);
    object
}

fn source(inputs: &Inputs<'_>, origin: &Origin) -> Option<Source> {
    let position = inputs.sources.position(&Place::Source(origin.at))?;
    Some(Source { file: position.path.to_string(), line: position.line })
}

fn waits_for(object: &Object) -> Vec<String> {
    awaited(object).into_iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect()
}

fn conflict(change: &Change, conflicts: &[diff::FieldConflict]) -> Refusal {
    let managers: BTreeSet<&str> =
        conflicts.iter().flat_map(|conflict| &conflict.managers).map(String::as_str).collect();
    let managers: Vec<String> = managers.iter().map(|manager| format!("`{manager}`")).collect();
    let paths: Vec<&str> = conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    Refusal {
        object: change.object.clone(),
        kind: RefusalKind::FieldConflict,
        message: format!("{}: {} is also set by {}", change.object, paths.join(", "), managers.join(", ")),
        help: GIVE_UP.to_owned(),
        source: change.source.clone(),
    }
}

fn immutable(change: &Change, paths: &[String]) -> Refusal {
    let object = &change.object;
    let group = object.api_version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    let namespace = object.namespace.as_ref().map(|name| format!(" -n {name}")).unwrap_or_default();
    Refusal {
        object: object.clone(),
        kind: RefusalKind::Immutable,
        message: format!("{object}: {} cannot change: Kubernetes holds it immutable", paths.join(", ")),
        help: format!(
            "put it back as it was, or give the new one another name; where nothing is lost with the old one, delete it \
             first: `kubectl delete {}{group}/{}{namespace}`",
            object.kind.to_lowercase(),
            object.name
        ),
        source: change.source.clone(),
    }
}

/// What a new object says, a part a line.
fn content(object: &Object) -> Vec<FieldChange> {
    let mut parts = Vec::new();
    for (name, value) in object.0.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("apiVersion" | "kind" | "status", _) => {}
            ("metadata" | "spec", Value::Object(fields)) => {
                let named = |field: &str| name == "metadata" && matches!(field, "name" | "namespace");
                parts.extend(
                    fields
                        .iter()
                        .filter(|(field, _)| !named(field))
                        .map(|(field, value)| FieldChange::new(format!("{name}.{field}"), None, Some(value))),
                );
            }
            _ => parts.push(FieldChange::new(name.clone(), None, Some(value))),
        }
    }
    parts
}

/// The marks that a release takes off.
fn ownership(object: &Object) -> Vec<FieldChange> {
    let ours = |name: &str| {
        name.starts_with("kspec.dev/") || name == kspec_lower::PART_OF || name == kspec_lower::MANAGED_BY.0
    };
    let mut marks = Vec::new();
    for map in ["annotations", "labels"] {
        let fields = object.0.get("metadata").and_then(|metadata| metadata.get(map)).and_then(Value::as_object);
        marks.extend(fields.into_iter().flatten().filter(|(name, _)| ours(name)).map(|(name, value)| FieldChange {
            path: format!("metadata.{map}[{}]", Value::from(name.as_str())),
            before: Some(value.clone()),
            after: None,
        }));
    }
    marks
}

/// What the program names and others own.
fn existing(program: &Program) -> BTreeSet<ObjectKey> {
    let key = |group: &str, kind: &str, namespace: Option<&String>, name: &String| ObjectKey {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.cloned(),
        name: name.clone(),
    };
    let namespaces = program.namespaces.iter().filter(|namespace| namespace.existing);
    let accounts = program.service_accounts.iter().filter(|account| account.existing);
    let roles = program.roles.iter().filter(|role| role.existing);
    namespaces
        .map(|namespace| key("", "Namespace", None, &namespace.name))
        .chain(accounts.map(|account| key("", "ServiceAccount", Some(&account.namespace), &account.name)))
        .chain(roles.map(|role| {
            let kind = if role.namespace.is_some() { "Role" } else { "ClusterRole" };
            key("rbac.authorization.k8s.io", kind, role.namespace.as_ref(), &role.name)
        }))
        .collect()
}

/// Objects under their old and new names.
struct Moves {
    /// New key to old object.
    to: BTreeMap<ObjectKey, ObjectName>,
    /// Old key to new object.
    from: BTreeMap<ObjectKey, ObjectName>,
}

impl Moves {
    fn new(moved: &[Moved], wanted: &BTreeSet<ObjectKey>, inputs: &Inputs<'_>) -> Self {
        let mut moves = Self { to: BTreeMap::new(), from: BTreeMap::new() };
        for moved in moved {
            let is = |key: &ObjectKey, (namespace, name): &(Option<String>, String)| {
                key.kind == moved.kind && key.name == *name && key.namespace == *namespace
            };
            let new = inputs.desired.iter().find(|lowered| is(&lowered.object.key(), &moved.to));
            let old = inputs.state.iter().find(|(key, _)| is(key, &moved.from) && !wanted.contains(key));
            if let (Some(new), Some((old_key, old))) = (new, old) {
                moves.to.insert(new.object.key(), ObjectName::of(&old.object));
                moves.from.insert(old_key.clone(), ObjectName::of(&new.object));
            }
        }
        moves
    }
}

/// What this plan itself brings into being first.
struct Pending {
    namespaces: BTreeSet<String>,
    /// Group and kind of custom resources.
    kinds: BTreeSet<(String, String)>,
}

impl Pending {
    fn new(inputs: &Inputs<'_>) -> Self {
        let new = |phase: Phase| {
            inputs
                .desired
                .iter()
                .filter(move |lowered| lowered.phase == phase && inputs.state.get(&lowered.object.key()).is_none())
                .map(|lowered| &lowered.object)
        };
        Self {
            namespaces: new(Phase::Namespaces).map(|namespace| namespace.name().to_owned()).collect(),
            kinds: new(Phase::Definitions)
                .map(|definition| {
                    (definition.str_at("/spec/group").to_owned(), definition.str_at("/spec/names/kind").to_owned())
                })
                .collect(),
        }
    }

    fn waits(&self, object: &Object) -> bool {
        object.namespace().is_some_and(|namespace| self.namespaces.contains(namespace))
            || (!self.kinds.is_empty() && self.kinds.contains(&(object.group().to_owned(), object.kind().to_owned())))
    }
}
