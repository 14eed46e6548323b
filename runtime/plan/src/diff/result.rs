//! What a server's own dry run came to, on the fields that are ours.

use kspec_model::Object;
use kspec_schema::{Schema, Type};
use serde_json::Value;

use super::{
    FieldChange, ObjectDiff, Scope,
    compare::{Compare, same_plain},
    fields::{self, Step, Tree},
    is_compared,
    path::Path,
    walk::{Place, by_key, text_of},
};

/// Diffs an object as it is against what a dry run of our apply made of it. Only fields are compared that `manager` owned
/// before or owns after it: what others changed in between is not this plan's.
#[must_use]
pub fn diff_result(actual: &Object, result: &Object, schema: &Schema, manager: &str) -> ObjectDiff {
    let scope = Scope::new(result, schema);
    let mut mask = Tree::new();
    for object in [actual, result] {
        if let Some(tree) = fields::applied(&object.0, manager) {
            fields::union(&mut mask, &tree);
        }
    }
    let mut masked = Masked { compare: scope.compare, changes: Vec::new() };
    masked.descend(&mask, scope.ty.map(Place::item), &actual.0, &result.0, &Path::Root);
    masked.changes.sort_by(|left, right| left.path.cmp(&right.path));
    // What a server's dry run let pass is not immutable.
    ObjectDiff { changes: masked.changes, ..ObjectDiff::default() }
}

struct Masked<'a> {
    compare: Compare<'a>,
    changes: Vec<FieldChange>,
}

impl Masked<'_> {
    fn descend(&mut self, mask: &Tree, place: Option<Place<'_>>, before: &Value, after: &Value, path: &Path<'_>) {
        for (step, child) in mask {
            let Some(child) = child.as_object() else { continue };
            match Step::parse(step) {
                Some(Step::Field(name)) if is_compared(path, name) => {
                    let next = place.and_then(|place| match self.compare.schema.ty(place.ty) {
                        Type::Object(object) => object.field(name).map(Place::from),
                        Type::Map { value, .. } => Some(Place::item(*value)),
                        _ => None,
                    });
                    self.compare(child, next, before.get(name), after.get(name), &Path::Field(path, name));
                }
                Some(Step::Keyed(keys)) => {
                    let Some(list) = place else { continue };
                    let Type::List { item, .. } = self.compare.schema.ty(list.ty) else { continue };
                    let key: Vec<(&str, Value)> =
                        keys.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                    let text = text_of(&key);
                    let compare = self.compare;
                    let find = |items: &Value| {
                        let items = items.as_array()?;
                        by_key(compare, list.ty, items).get(&text).map(|item| (*item).clone())
                    };
                    let (before, after) = (find(before), find(after));
                    let step = Path::Keyed(path, &key);
                    self.compare(child, Some(Place::item(*item)), before.as_ref(), after.as_ref(), &step);
                }
                Some(Step::Member(member)) => {
                    let has = |list: &Value| list.as_array().is_some_and(|list| list.contains(&member));
                    let side = |has: bool| has.then_some(&member);
                    self.note(side(has(before)), side(has(after)), &Path::Member(path, &member));
                }
                _ => {}
            }
        }
    }

    fn compare(
        &mut self,
        mask: &Tree,
        place: Option<Place<'_>>,
        before: Option<&Value>,
        after: Option<&Value>,
        path: &Path<'_>,
    ) {
        let present = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
        match (before, after) {
            (Some(before), Some(after)) if !mask.is_empty() && present(Some(before)) && present(Some(after)) => {
                self.descend(mask, place, before, after, path);
            }
            (Some(before), Some(after)) => {
                let same = match place {
                    Some(place) => self.compare.same(
                        place.ty,
                        &self.compare.settled(place.ty, before),
                        &self.compare.settled(place.ty, after),
                    ),
                    None => same_plain(before, after),
                };
                if !same {
                    self.note(Some(before), Some(after), path);
                }
            }
            (before, after) => self.note(before, after, path),
        }
    }

    fn note(&mut self, before: Option<&Value>, after: Option<&Value>, path: &Path<'_>) {
        if before != after {
            self.changes.push(FieldChange::new(path.to_string(), before, after));
        }
    }
}
