//! Chains to cluster-admin, to every secret and to nodes.

use std::collections::BTreeSet;

use kspec_diagnostics::Severity;
use kspec_model::ObjectKey;

use super::{Concern, ConcernKind, Facts, Found};
use crate::{
    abuse::{Goal, Origin, Path, Paths, Settings, StepKind},
    review::grants::object_name,
    system,
};

/// Goals, those that hold the others first: who has come to an earlier one is not named again for a later one.
const GOALS: [(ConcernKind, Goal); 3] = [
    (ConcernKind::ToClusterAdmin, Goal::ClusterAdmin),
    (ConcernKind::ToAllSecrets, Goal::AllSecrets),
    (ConcernKind::ToNode, Goal::Node(None)),
];

pub(super) fn check(facts: &Facts<'_>, found: &mut Found) {
    let settings = Settings {
        exec_by_get: facts.settings.exec_by_get,
        constrained_impersonation: facts.settings.constrained_impersonation,
        dynamic: facts.settings.dynamic,
        controls: facts.settings.controls,
        ..Settings::default()
    };
    let paths = Paths::new(facts.cluster, &settings);
    let mut said: BTreeSet<Origin> = BTreeSet::new();
    for (kind, goal) in GOALS {
        let answer = paths.to(&goal, None);
        let mut reached: Vec<Origin> = Vec::new();
        for (path, of_system) in
            answer.paths.into_iter().map(|path| (path, false)).chain(answer.system.into_iter().map(|path| (path, true)))
        {
            if kind == ConcernKind::ToClusterAdmin {
                reached.push(path.from.clone());
            } else if said.contains(&path.from) {
                continue;
            }
            if !by_break_glass(&path, facts.settings.break_glass) {
                found.push((concern(kind, &path), of_system));
            }
        }
        said.extend(reached);
    }
}

/// Whether the first step is taken by break-glass bindings alone.
fn by_break_glass(path: &Path, declared: &BTreeSet<ObjectKey>) -> bool {
    path.steps.first().is_some_and(|step| {
        !step.because.is_empty()
            && step.because.iter().all(|reason| reason.binding.as_ref().is_some_and(|key| declared.contains(key)))
    })
}

fn concern(kind: ConcernKind, path: &Path) -> Concern {
    let direct = path.steps.len() == 1
        && path.steps.first().is_some_and(|step| matches!(step.kind, StepKind::HoldEverything | StepKind::ReadSecret));
    let everyone = matches!(&path.from, Origin::Subject(subject) if system::is_everyone(subject));
    let severity = match (everyone, direct) {
        (true, _) => Severity::Error,
        // What a binding plainly says somebody meant to say; that it is many who hold it is worth knowing.
        (false, true) => Severity::Information,
        (false, false) => Severity::Warning,
    };
    let mut concern = Concern::new(kind, severity, alike(path, direct));
    concern.node_way = path.node_way;
    match &path.from {
        Origin::Subject(subject) => concern = concern.about(subject.clone()),
        Origin::Workload(key) => concern = concern.object(key),
    }
    for reason in path.steps.iter().flat_map(|step| &step.because) {
        for key in reason.binding.iter().chain([&reason.role]) {
            concern = concern.object(key);
        }
    }
    let from = match &path.from {
        Origin::Subject(subject) => subject.to_string(),
        Origin::Workload(key) => format!("whoever runs code in {}", object_name(key)),
    };
    concern = concern.shown(from);
    path.steps.iter().fold(concern, |concern, step| {
        let by: Vec<_> = step
            .because
            .iter()
            .map(|reason| {
                let binding = reason.binding.as_ref().map(|key| format!("{} of ", object_name(key)));
                format!("{}{}", binding.unwrap_or_default(), object_name(&reason.role))
            })
            .collect();
        let mut line = step.text.clone();
        if !by.is_empty() {
            line.push_str(&format!(" ({})", by.join("; ")));
        }
        if let Some(fact) = &step.fact {
            line.push_str(&format!(" ({fact})"));
        }
        if !step.may_be_refused_by.is_empty() {
            let guards: Vec<_> = step.may_be_refused_by.iter().map(object_name).collect();
            line.push_str(&format!("; may be refused by {}", guards.join(", ")));
        }
        concern.shown(line)
    })
}

/// What makes chains one finding: the kinds of their steps, and what the first is taken by.
fn alike(path: &Path, direct: bool) -> String {
    if direct {
        return "directly".to_owned();
    }
    let first: BTreeSet<_> = path
        .steps
        .iter()
        .take(1)
        .flat_map(|step| &step.because)
        .map(|reason| format!("{} {}", reason.role.kind, reason.role.name))
        .collect();
    let first = first.into_iter().collect::<Vec<_>>().join(", ");
    let steps: Vec<_> = path.steps.iter().map(|step| step.kind.word()).collect();
    let steps = steps.join(", ");
    if first.is_empty() { steps } else { format!("{first}: {steps}") }
}
