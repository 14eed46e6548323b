//! K0106: two declarations of one Kubernetes object. Which of them counted would be chance.

use std::collections::{BTreeMap, hash_map::Entry};

use kspec_diagnostics::{Finding, codes};
use kspec_model::{ObjectKey, program::Origin};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut first: FxHashMap<_, &Origin> = FxHashMap::with_capacity_and_hasher(facts.outline.len(), FxBuildHasher);
    let mut twice: BTreeMap<ObjectKey, Vec<&Origin>> = BTreeMap::new();
    for object in facts.outline {
        match first.entry((object.kind, object.namespace, object.name.as_ref(), object.group)) {
            Entry::Vacant(slot) => {
                slot.insert(object.origin);
            }
            Entry::Occupied(slot) => {
                twice.entry(object.key()).or_insert_with(|| vec![*slot.get()]).push(object.origin);
            }
        }
    }
    for (key, origins) in twice {
        let mut origins = origins.into_iter();
        let Some(first) = origins.next() else { continue };
        for origin in origins {
            // Two quotas of one name within one namespace are told apart where they are read.
            if key.kind == "ResourceQuota" && first.at.item == origin.at.item {
                continue;
            }
            findings.push(
                report::at(codes::DUPLICATE_OBJECT, format!("a second declaration of {key}"), origin)
                    .label(first.at, "the first")
                    .help(remedy(&key)),
            );
        }
    }
}

fn remedy(key: &ObjectKey) -> &'static str {
    match key.kind.as_str() {
        "RoleBinding" | "ClusterRoleBinding" => {
            "drop one: the same role is granted to the same subjects twice, or two grants share a given `name`"
        }
        "ServiceAccount" if key.name == "default" => {
            "drop `automount_token` of the namespace, or the declaration of its default service account"
        }
        _ => "drop one, or give one another name: `= \"name\"`",
    }
}
