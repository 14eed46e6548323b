//! Admission policies and their bindings.

use serde_json::Value;

use super::{
    Lift,
    pod::{guard, guard_rule},
    read::{Fields, Read, label_selector, under},
};
use crate::{
    ObjectKey,
    cluster::{GuardRule, MatchFacts, PolicyFacts},
};

const VALIDATING: &str = "ValidatingAdmissionPolicy";

/// A binding that refuses, or alters.
#[derive(Debug, Default)]
pub(super) struct Binding {
    takes_params: bool,
    about: MatchFacts,
}

/// An admission policy; whether a binding puts it to use is settled once all are read.
pub(super) fn policy(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let constraints = spec.field("matchConstraints").map_err(under("spec"))?;
    let mut guard = guard(constraints, "resourceRules").map_err(under("spec.matchConstraints"))?;
    if key.kind == VALIDATING {
        guard.policy = Some(facts(spec, constraints).map_err(under("spec"))?);
    }
    lift.cluster.guards.insert(key.clone(), vec![guard]);
    Ok(())
}

fn facts(spec: &Value, constraints: &Value) -> Read<PolicyFacts> {
    let expressions = |list: &str| -> Read<Vec<String>> {
        let read = |item: &Value| Ok(item.text("expression")?.unwrap_or_default().to_owned());
        spec.list(list)?.iter().map(read).collect()
    };
    let names = spec.list("variables")?.iter().map(|item| Ok(item.text("name")?.unwrap_or_default().to_owned()));
    let names: Vec<String> = names.collect::<Read<_>>()?;
    Ok(PolicyFacts {
        takes_params: spec.present("paramKind").is_some(),
        faults_refuse: spec.text("failurePolicy")?.is_none_or(|policy| policy == "Fail"),
        about: matched(constraints)?,
        conditions: expressions("matchConditions")?,
        variables: names.into_iter().zip(expressions("variables")?).collect(),
        validations: expressions("validations")?,
        bindings: Vec::new(),
    })
}

fn matched(value: &Value) -> Read<MatchFacts> {
    // A rule that names objects, or holds for another version, is not about all that it lists.
    let plain = |rule: &&Value| {
        let versions = rule.strings("apiVersions").unwrap_or_default();
        rule.list("resourceNames").is_ok_and(<[Value]>::is_empty)
            && (versions.is_empty() || versions.iter().any(|version| version == "*" || version == "v1"))
    };
    let rules: Vec<GuardRule> =
        value.list("resourceRules")?.iter().filter(plain).map(guard_rule).collect::<Read<_>>()?;
    let some = value.present("resourceRules").is_some();
    let labels = match value.present("objectSelector") {
        Some(selector) => label_selector(selector).map_err(under("objectSelector"))? != Default::default(),
        None => false,
    };
    let namespaces = value.present("namespaceSelector").map(label_selector).transpose();
    Ok(MatchFacts {
        rules: some.then_some(rules),
        left_out: value.list("excludeResourceRules")?.iter().map(guard_rule).collect::<Read<_>>()?,
        namespaces: namespaces.map_err(under("namespaceSelector"))?.unwrap_or_default(),
        by_labels: labels,
    })
}

/// The binding of an admission policy.
pub(super) fn binding(lift: &mut Lift, key: &ObjectKey, value: &Value) -> Read<()> {
    let spec = value.field("spec")?;
    let policy = spec.text("policyName").map_err(under("spec"))?.unwrap_or_default();
    let denies = spec.strings("validationActions").map_err(under("spec"))?.iter().any(|action| action == "Deny");
    if denies || key.kind == "MutatingAdmissionPolicyBinding" {
        let kind = key.kind.trim_end_matches("Binding").to_owned();
        let takes_params = spec.present("paramRef").is_some();
        let about = matched(spec.field("matchResources").map_err(under("spec"))?).map_err(under("spec"))?;
        lift.bound_policies.entry((kind, policy.to_owned())).or_default().push(Binding { takes_params, about });
    }
    Ok(())
}

/// Leaves the policies that bindings put to use, with these.
pub(super) fn put_to_use(lift: &mut Lift) {
    let mut bound = std::mem::take(&mut lift.bound_policies);
    lift.cluster.guards.retain(|key, guards| {
        if !key.kind.ends_with("AdmissionPolicy") {
            return true;
        }
        let Some(bindings) = bound.remove(&(key.kind.clone(), key.name.clone())) else { return false };
        for guard in guards.iter_mut() {
            let Some(policy) = &mut guard.policy else {
                guard.bound.extend(bindings.iter().map(|binding| binding.about.namespaces.clone()));
                continue;
            };
            policy.takes_params |= bindings.iter().any(|binding| binding.takes_params);
            policy.bindings.extend(bindings.iter().map(|binding| binding.about.clone()));
        }
        true
    });
}
