//! K0511 to K0516: what webhooks and policies are weak in.
//!
//! Those that kspec makes of a program's rules are left out: what is wrong with these is told of the rules and bindings.

use std::collections::BTreeSet;

use kspec_analysis::admission::weaknesses;
use kspec_diagnostics::{Finding, Place};

use crate::Survey;

const GROUP: &str = "admissionregistration.k8s.io";

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    let manifests = survey.program.iter().flat_map(|(program, _)| &program.manifests);
    let verbatim: BTreeSet<_> = manifests.map(|manifest| manifest.origin.at).collect();
    let objects: Vec<_> = survey
        .objects()
        .filter(|surveyed| match surveyed.place {
            Place::Source(place) => surveyed.object.group() != GROUP || verbatim.contains(&place),
            Place::File { .. } | Place::Object(_) => true,
        })
        .map(|surveyed| (surveyed.object.as_ref(), &surveyed.place))
        .collect();
    findings.extend(weaknesses(&objects));
}
