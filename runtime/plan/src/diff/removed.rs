//! What our manager once applied and no longer wants.

use kspec_schema::{Type, TypeId};
use serde_json::{Map, Value};

use super::{
    defaults,
    fields::{self, Step, Tree},
    is_compared,
    path::Path,
    walk::{Place, Walk, by_key, text_of},
};

/// Prefix of the labels and annotations that only kspec writes.
const OWN_PREFIX: &str = "kspec.dev/";
/// Marks that apply writes beside what the program says.
const KEPT: &[&str] = &["kspec.dev/adopted-by", "kspec.dev/released-by"];

/// Adds to `walk` what goes away.
pub(crate) fn removed(walk: &mut Walk<'_>, ty: Option<TypeId>, desired: &Value) {
    let actual = walk.actual;
    match fields::applied(actual, walk.manager) {
        Some(tree) => descend(walk, &tree, ty.map(Place::item), Some(desired), actual, &Path::Root),
        None if fields::entries(actual).next().is_none() => without_managed_fields(walk, desired),
        None => {}
    }
}

/// Files rarely carry managed fields: there, what only kspec writes tells what is ours.
fn without_managed_fields(walk: &mut Walk<'_>, desired: &Value) {
    let metadata = Path::Field(&Path::Root, "metadata");
    for map in ["labels", "annotations"] {
        let at = |object: &'_ Value| object.get("metadata").and_then(|metadata| metadata.get(map)).cloned();
        let wanted = at(desired).unwrap_or_default();
        let Some(Value::Object(have)) = at(walk.actual) else { continue };
        for (name, value) in
            have.iter().filter(|(name, _)| name.starts_with(OWN_PREFIX) && !KEPT.contains(&name.as_str()))
        {
            if wanted.get(name).is_none() {
                walk.dropped(&Path::Field(&Path::Field(&metadata, map), name), value, None);
            }
        }
    }
}

fn descend(
    walk: &mut Walk<'_>,
    tree: &Tree,
    place: Option<Place<'_>>,
    desired: Option<&Value>,
    actual: &Value,
    path: &Path<'_>,
) {
    for (step, owned) in tree {
        let Some(owned) = owned.as_object() else { continue };
        match Step::parse(step) {
            Some(Step::Field(name)) => {
                if !is_compared(path, name) {
                    continue;
                }
                let Some(have) = actual.get(name).filter(|have| !have.is_null()) else { continue };
                let wanted = desired.and_then(|desired| desired.get(name)).filter(|wanted| !wanted.is_null());
                let next = place.and_then(|place| field_of(walk, place, name));
                let step = Path::Field(path, name);
                if !owned.is_empty() {
                    descend(walk, owned, next, wanted, have, &step);
                } else if wanted.is_none() && fields::others(walk.actual, walk.manager, &step).is_empty() {
                    let rest = left(walk, tree, desired, actual, path);
                    drop_field(walk, place, next, name, rest, have, &step);
                }
            }
            Some(Step::Keyed(keys)) => keyed(walk, owned, &keys, place, desired, actual, path),
            Some(Step::Member(member)) => {
                let has =
                    |list: Option<&Value>| list.and_then(Value::as_array).is_some_and(|list| list.contains(&member));
                let step = Path::Member(path, &member);
                if has(Some(actual)) && !has(desired) && fields::others(walk.actual, walk.manager, &step).is_empty() {
                    walk.dropped(&step, &member, None);
                }
            }
            None => {}
        }
    }
}

fn field_of<'a>(walk: &Walk<'a>, place: Place<'_>, name: &str) -> Option<Place<'a>> {
    match walk.compare.schema.ty(place.ty) {
        Type::Object(object) => object.field(name).map(Place::from),
        Type::Map { value, .. } => Some(Place::item(*value)),
        _ => None,
    }
}

/// The fields that an object keeps and gets: a default may depend on them (a NetworkPolicy's `policyTypes` on its `egress`).
fn left(walk: &Walk<'_>, owned: &Tree, desired: Option<&Value>, actual: &Value, path: &Path<'_>) -> Map<String, Value> {
    let mut left = actual.as_object().cloned().unwrap_or_default();
    for (step, owned) in owned {
        if let Some(Step::Field(name)) = Step::parse(step)
            && owned.as_object().is_some_and(Map::is_empty)
            && fields::others(walk.actual, walk.manager, &Path::Field(path, name)).is_empty()
        {
            left.remove(name);
        }
    }
    let wanted = desired.and_then(Value::as_object).into_iter().flatten();
    left.extend(wanted.filter(|(_, wanted)| !wanted.is_null()).map(|(name, wanted)| (name.clone(), wanted.clone())));
    left
}

/// A field that nobody wants goes back to its default.
fn drop_field(
    walk: &mut Walk<'_>,
    parent: Option<Place<'_>>,
    place: Option<Place<'_>>,
    name: &str,
    mut rest: Map<String, Value>,
    have: &Value,
    path: &Path<'_>,
) {
    let compare = walk.compare;
    let default = parent.and_then(|parent| {
        let Type::Object(ty) = compare.schema.ty(parent.ty) else { return None };
        defaults::complete(&ty.name, &mut rest);
        rest.remove(name).or_else(|| ty.field(name)?.default.clone())
    });
    if let (Some(place), Some(default)) = (place, &default)
        && compare.same(place.ty, &compare.settled(place.ty, default), &compare.settled(place.ty, have))
    {
        return;
    }
    walk.dropped(path, have, default);
}

fn keyed(
    walk: &mut Walk<'_>,
    owned: &Tree,
    keys: &Map<String, Value>,
    place: Option<Place<'_>>,
    desired: Option<&Value>,
    actual: &Value,
    path: &Path<'_>,
) {
    let Some(list) = place else { return };
    let compare = walk.compare;
    let Type::List { item, .. } = compare.schema.ty(list.ty) else { return };
    let key: Vec<(&str, Value)> = keys.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let text = text_of(&key);
    let items = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let (have_items, want_items) = (items(Some(actual)), items(desired));
    let have = by_key(compare, list.ty, &have_items);
    let want = by_key(compare, list.ty, &want_items);
    let Some(have) = have.get(&text) else { return };
    let step = Path::Keyed(path, &key);
    match want.get(&text) {
        None if owned.contains_key(".") && fields::others(walk.actual, walk.manager, &step).is_empty() => {
            walk.dropped(&step, have, None);
        }
        want => descend(walk, owned, Some(Place::item(*item)), want.copied(), have, &step),
    }
}
