//! Alike concerns as one, and the order in which they are read.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::Severity;
use kspec_model::ObjectKey;

use super::{Concern, ConcernKind, Found, Review};
use crate::abuse::NodeWay;

/// Whatever is alike but for whom or what it is about becomes one; what the reader declares stays apart, so that each declaration can be
/// changed, or accepted, by itself.
pub(super) fn grouped(found: Found, own: &dyn Fn(&ObjectKey) -> bool) -> Review {
    type Alike = (bool, ConcernKind, Severity, (String, Option<NodeWay>), Option<ObjectKey>);
    let mut groups: BTreeMap<Alike, Concern> = BTreeMap::new();
    for (concern, system) in found {
        let declared = concern.objects.first().filter(|key| own(key)).cloned();
        let what = (concern.what.clone(), concern.node_way);
        let alike = (system, concern.kind, concern.severity, what, declared);
        match groups.entry(alike) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(concern);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => add(slot.get_mut(), concern),
        }
    }
    let mut review = Review::default();
    for ((system, ..), mut concern) in groups {
        let mut seen = BTreeSet::new();
        concern.objects.retain(|key| seen.insert(key.clone()));
        if system {
            review.of_the_system.push(concern);
        } else {
            review.concerns.push(concern);
        }
    }
    for list in [&mut review.concerns, &mut review.of_the_system] {
        list.sort_by(|a, b| {
            (std::cmp::Reverse(a.severity), a.kind, &a.what, &a.objects).cmp(&(
                std::cmp::Reverse(b.severity),
                b.kind,
                &b.what,
                &b.objects,
            ))
        });
    }
    review
}

/// The shortest evidence is the one that is shown.
fn add(group: &mut Concern, other: Concern) {
    if other.evidence.len() < group.evidence.len() {
        group.evidence = other.evidence;
    }
    group.subjects.extend(other.subjects);
    group.objects.extend(other.objects);
    group.count += other.count;
}
