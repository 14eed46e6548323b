//! The parent of the project's ApplySet.

use std::collections::BTreeSet;

use kspec_lower::{Inventory, TOOLING};
use kspec_model::{Object, ObjectKey};
use kspec_state::live::Connection;
use serde_json::Value;

use crate::{
    error::Failure,
    send::{Applying, Refusal, Target},
    write::Managers,
};

const TOOLING_ANNOTATION: &str = "applyset.kubernetes.io/tooling";
/// The annotations that list what members are, as comma-separated sets.
const LISTS: [&str; 2] =
    ["applyset.kubernetes.io/contains-group-kinds", "applyset.kubernetes.io/additional-namespaces"];

/// Why the inventory is not as it should be.
pub(crate) enum Trouble {
    /// Its namespace is not there.
    NoNamespace,
    /// Anything else.
    Failed(Failure),
}

/// Writes that `members` may exist; with `keep`, beside all that it says already.
pub(crate) async fn write<'a>(
    connection: &Connection,
    inventory: &Inventory,
    managers: &Managers,
    members: impl IntoIterator<Item = &'a ObjectKey>,
    keep: bool,
) -> Result<(), Trouble> {
    let key = inventory.key();
    let Some(target) = Target::new(connection, &key, "v1") else {
        return Err(Trouble::Failed(Failure::NotServed { kind: "v1 ConfigMap".to_owned() }));
    };
    let mut object = inventory.object(members);
    let live = target.get().await.map_err(Trouble::Failed)?.map(Object);
    if let Some(live) = &live {
        let tooling = live.annotations().remove(TOOLING_ANNOTATION).unwrap_or_default();
        if !tooling.is_empty() && tool(&tooling) != tool(TOOLING) {
            return Err(Trouble::Failed(Failure::Foreign { owner: tooling }));
        }
        if keep {
            unite(&mut object, live);
        }
    }
    // The parent is ours by its id; what somebody wrote into it by hand is no claim.
    let how = Applying { manager: &managers.main, force: true, dry_run: false };
    match target.apply(&object.0, how).await {
        Ok(_) => Ok(()),
        Err(Refusal::Status(status)) if status.code == 404 => Err(Trouble::NoNamespace),
        Err(refusal) => Err(Trouble::Failed(target.failure(refusal, "patch", false))),
    }
}

/// `kspec` of `kspec/v0.1.0`.
fn tool(tooling: &str) -> &str {
    tooling.split('/').next().unwrap_or(tooling)
}

/// Adds what the live inventory lists.
fn unite(object: &mut Object, live: &Object) {
    let annotations = live.annotations();
    for name in LISTS {
        let Some(Value::String(list)) = object.0.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(name))
        else {
            continue;
        };
        let before = annotations.get(name).map_or("", String::as_str);
        let all: BTreeSet<&str> = list.split(',').chain(before.split(',')).filter(|entry| !entry.is_empty()).collect();
        let united = all.into_iter().collect::<Vec<_>>().join(",");
        *list = united;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_superset_keeps_what_was_listed() {
        let list = |kinds: &str| Object(json!({ "metadata": { "annotations": { LISTS[0]: kinds, LISTS[1]: "" } } }));
        let mut object = list("Role.rbac.authorization.k8s.io");
        unite(&mut object, &list("ConfigMap,Role.rbac.authorization.k8s.io"));
        assert_eq!(object.annotations()[LISTS[0]], "ConfigMap,Role.rbac.authorization.k8s.io");
        assert_eq!(object.annotations()[LISTS[1]], "");
    }
}
