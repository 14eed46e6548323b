//! K0301 of objects of others, and K0703 to K0707: what a namespace's quotas and default limits mean for the pods there.
//!
//! Sources: kubernetes.io, "Resource Quotas" and "Limit Ranges"; `pkg/quota/v1/evaluator/core/pods.go` and
//! `plugin/pkg/admission/limitranger` of Kubernetes 1.36. Quotas with scopes count some pods only, and are looked at for those
//! alone whose scope the pod's template tells.

mod amounts;
mod quota;
mod stamped;

use std::collections::BTreeMap;

use kspec_diagnostics::{Finding, Place, codes};
use serde_json::Value;

use self::stamped::Stamped;
use crate::{Survey, Surveyed};

/// Namespaces of the system's own, whose pods nobody bounds.
pub(crate) const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// The label of the level that is enforced.
const ENFORCE: &str = "/metadata/labels/pod-security.kubernetes.io~1enforce";

/// A namespace, and what bounds its pods.
#[derive(Default)]
struct Bounds<'s> {
    quotas: Vec<&'s Surveyed<'s>>,
    ranges: Vec<&'s Surveyed<'s>>,
    pods: Vec<Stamped<'s>>,
}

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    let mut namespaces: BTreeMap<&str, Bounds<'_>> = BTreeMap::new();
    for surveyed in survey.objects() {
        let object = surveyed.object.as_ref();
        if object.group().is_empty() && object.kind() == "Namespace" {
            namespaces.entry(object.name()).or_default();
            continue;
        }
        // An object that states no namespace is in `default`.
        let namespace = object.namespace().unwrap_or("default");
        match (object.group(), object.kind()) {
            ("", "ResourceQuota") => namespaces.entry(namespace).or_default().quotas.push(surveyed),
            ("", "LimitRange") => namespaces.entry(namespace).or_default().ranges.push(surveyed),
            _ => {}
        }
    }
    for stamped in stamped::all(survey) {
        namespaces.entry(stamped.namespace).or_default().pods.push(stamped);
    }
    let is_whole = |resource| survey.unread_of(&[resource]).is_empty();
    for (name, mut bounds) in namespaces {
        if SYSTEM.contains(&name) {
            continue;
        }
        for stamped in &mut bounds.pods {
            stamped.complete(bounds.ranges.iter().map(|range| &range.object.0));
        }
        if is_whole("limitranges") {
            findings.extend(bounds.pods.iter().filter_map(above_default));
            if is_whole("resourcequotas") {
                findings.extend(unbounded(survey, name, &bounds));
            }
        }
        for surveyed in &bounds.quotas {
            findings.extend(quota::without_limits(surveyed));
            // What pods are given by limit ranges that were not read, nobody knows.
            if is_whole("limitranges") {
                findings.extend(quota::against(surveyed, &bounds.pods, &bounds.ranges));
            }
        }
        // Every cluster has a `default`; it is looked at where something runs there.
        if name != "default" || !bounds.pods.is_empty() {
            findings.extend(no_level(survey, name));
        }
    }
}

/// K0301 of a namespace that no declaration makes: of those that one makes, the declaration is told.
fn no_level(survey: &Survey<'_>, name: &str) -> Option<Finding> {
    let namespace = survey.namespace(name)?;
    if matches!(namespace.place, Place::Source(_)) || !namespace.object.str_at(ENFORCE).is_empty() {
        return None;
    }
    let message = format!("the namespace `{name}` enforces no Pod Security level");
    Some(
        Finding::new(codes::NO_POD_SECURITY, message, namespace.place.clone())
            .witness(vec![format!("a privileged pod in `{name}` is admitted")])
            .help("label it `pod-security.kubernetes.io/enforce`, with the strongest level that its pods meet"),
    )
}

/// K0704: nothing bounds what a namespace's pods take together, or each container.
fn unbounded(survey: &Survey<'_>, name: &str, bounds: &Bounds<'_>) -> Option<Finding> {
    let mut missing = Vec::new();
    if !bounds.quotas.iter().any(|quota| quota::bounds_pods(quota)) {
        missing.push(if bounds.quotas.is_empty() { "quota" } else { "quota that bounds its pods" });
    }
    if !bounds.ranges.iter().any(|range| quota::bounds_each(range)) {
        missing.push(if bounds.ranges.is_empty() { "limit range" } else { "limit range for its containers" });
    }
    let first = bounds.pods.first()?;
    if missing.is_empty() {
        return None;
    }
    let place = survey.namespace(name).map_or_else(|| first.place.clone(), |namespace| namespace.place.clone());
    let message = format!("the namespace `{name}` has no {}", missing.join(" and no "));
    let unlimited = bounds.pods.iter().find_map(|stamped| Some((stamped, stamped.without_limit()?)));
    let witness = match unlimited {
        Some((stamped, container)) => {
            format!("the container `{container}` of {} may take all memory of its node", stamped.what)
        }
        None => format!("{} may be scaled until the cluster is full", first.what),
    };
    Some(
        Finding::new(codes::UNBOUNDED_NAMESPACE, message, place)
            .witness(vec![witness])
            .help("bound it: `quota { … }` and `limits container { … }` in its declaration"),
    )
}

/// K0705: a request above the default limit that the same container is given.
fn above_default(stamped: &Stamped<'_>) -> Option<Finding> {
    let (container, resource, request, limit) = stamped.above_limit()?;
    let message = format!(
        "the container `{container}` of {} asks for {resource} {request}, above the limit of {limit} that it is given",
        stamped.what
    );
    Some(
        Finding::new(codes::REQUEST_ABOVE_DEFAULT_LIMIT, message, stamped.place.clone())
            .witness(vec![format!(
                "the API server refuses its pods: `spec.containers[…].resources.requests.{resource}` must be less than or equal to {resource} limit of {limit}"
            )])
            .help(format!("state a limit of {resource} of {request} or more, or lower the request")),
    )
}

/// Text at a pointer.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
