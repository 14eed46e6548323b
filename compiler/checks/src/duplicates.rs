//! K0106: two declarations of one Kubernetes object. Which of them counted would be chance.

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, codes};
use kspec_model::ObjectKey;

use crate::{Facts, report};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut first = BTreeMap::new();
    let mut by_origin: Vec<_> = facts.lowered.iter().collect();
    by_origin.sort_by_key(|lowered| &lowered.origin);
    for lowered in by_origin {
        let key = lowered.object.key();
        let Some(known) = first.get(&key) else {
            first.insert(key, &lowered.origin);
            continue;
        };
        // Two quotas of one name within one namespace are told apart where they are read.
        if key.kind == "ResourceQuota" && known.at.item == lowered.origin.at.item {
            continue;
        }
        findings.push(
            report::at(codes::DUPLICATE_OBJECT, format!("a second declaration of {key}"), &lowered.origin)
                .label(known.at, "the first")
                .help(remedy(&key)),
        );
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
