//! K0703, K0706 and K0707: one ResourceQuota, and the pods of its namespace.

use std::collections::BTreeSet;

use kspec_diagnostics::{Finding, Severity, codes};
use kspec_rules::literal::Quantity;
use serde_json::{Map, Value, json};

use super::amounts::{part, sum, taken};
use super::stamped::{Count, Stamped, amount};
use super::text;
use crate::Surveyed;

/// What a pod must state for each container where a quota bounds it (`validationSet` of the evaluator).
const DEMANDED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// K0703 and K0706: what the pods there, completed by these limit ranges, have of the quota.
pub(super) fn against(quota: &Surveyed<'_>, pods: &[Stamped<'_>], ranges: &[&Surveyed<'_>]) -> Vec<Finding> {
    let Some(hard) = hard(quota) else { return Vec::new() };
    let counted: Vec<&Stamped<'_>> = pods.iter().filter(|stamped| counts(quota, stamped)).collect();
    let mut findings = Vec::new();
    findings.extend(unset(quota, hard, &counted, ranges));
    findings.extend(hard.iter().filter_map(|(key, most)| beyond(quota, key, most, &counted)));
    findings
}

fn hard<'q>(quota: &'q Surveyed<'_>) -> Option<&'q Map<String, Value>> {
    quota.object.0.pointer("/spec/hard").and_then(Value::as_object)
}

fn named(quota: &Surveyed<'_>) -> String {
    format!("the quota {}/{}", quota.object.namespace().unwrap_or("default"), quota.object.name())
}

/// Whether a quota counts a pod: none of its scopes leaves it out.
fn counts(quota: &Surveyed<'_>, stamped: &Stamped<'_>) -> bool {
    let list = |pointer: &str| quota.object.0.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let plain = list("/spec/scopes").filter_map(Value::as_str).map(|scope| (scope, "Exists", Vec::new()));
    let chosen = list("/spec/scopeSelector/matchExpressions").map(|scope| {
        let values = scope.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        (text(scope, "/scopeName"), text(scope, "/operator"), values.collect())
    });
    let ends = stamped.pod.pointer("/spec/activeDeadlineSeconds").is_some();
    let best_effort = || {
        let resources = |container: &Value| {
            let side = |name| container.pointer(&format!("/resources/{name}")).and_then(Value::as_object);
            side("requests").is_some_and(|it| !it.is_empty()) || side("limits").is_some_and(|it| !it.is_empty())
        };
        !stamped.states_whole() && !stamped.containers().any(resources)
    };
    let class = text(&stamped.pod, "/spec/priorityClassName");
    plain.chain(chosen).all(|(scope, operator, values): (&str, &str, Vec<&str>)| match scope {
        "Terminating" => ends,
        "NotTerminating" => !ends,
        "BestEffort" => best_effort(),
        "NotBestEffort" => !best_effort(),
        "PriorityClass" => match operator {
            "In" => values.contains(&class),
            "NotIn" => !values.contains(&class),
            "DoesNotExist" => class.is_empty(),
            _ => !class.is_empty(),
        },
        // Which pods such a scope counts, a template does not tell.
        _ => false,
    })
}

/// Which pods a quota counts, none for all.
fn scope_text(quota: &Surveyed<'_>) -> Option<String> {
    let list = |pointer: &str| quota.object.0.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let plain = list("/spec/scopes").filter_map(Value::as_str).map(str::to_owned);
    let chosen = list("/spec/scopeSelector/matchExpressions").map(|scope| {
        let values: Vec<&str> =
            scope.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let name = text(scope, "/scopeName");
        match text(scope, "/operator") {
            "In" => format!("{name} in {}", values.join(", ")),
            "NotIn" => format!("{name} not in {}", values.join(", ")),
            "DoesNotExist" => format!("no {name}"),
            _ => name.to_owned(),
        }
    });
    let scopes: Vec<String> = plain.chain(chosen).collect();
    (!scopes.is_empty()).then(|| scopes.join(" and "))
}

/// Whether a quota bounds what pods take: their number, or what they ask for of every node.
pub(super) fn bounds_pods(quota: &Surveyed<'_>) -> bool {
    let bounds = |key: &String| {
        matches!(key.as_str(), "pods" | "count/pods")
            || part(key).is_some_and(|(_, resource)| matches!(resource, "cpu" | "memory" | "ephemeral-storage"))
    };
    hard(quota).is_some_and(|hard| hard.keys().any(bounds))
}

/// Whether a LimitRange is about containers or pods, and says anything of them.
pub(super) fn bounds_each(range: &Surveyed<'_>) -> bool {
    let items = range.object.0.pointer("/spec/limits").and_then(Value::as_array).into_iter().flatten();
    let says = |item: &Value| {
        let amounts = ["default", "defaultRequest", "max", "maxLimitRequestRatio", "min"].into_iter();
        amounts.filter_map(|field| item.get(field)?.as_object()).any(|amounts| !amounts.is_empty())
    };
    items.filter(|item| matches!(text(item, "/type"), "Container" | "Pod")).any(says)
}

/// K0703: what the quota bounds every container must state, and no LimitRange states it for those that do not.
fn unset(
    quota: &Surveyed<'_>,
    hard: &Map<String, Value>,
    pods: &[&Stamped<'_>],
    ranges: &[&Surveyed<'_>],
) -> Option<Finding> {
    let open: Vec<&str> = hard
        .keys()
        .map(String::as_str)
        .filter(|key| DEMANDED.contains(key) && part(key).is_some_and(|part| !given(ranges, part)))
        .collect();
    if open.is_empty() {
        return None;
    }
    let refused = pods.iter().filter(|stamped| !stamped.states_whole()).find_map(|stamped| {
        let lacks = |container: &Value| {
            let missing = |key: &&&str| {
                let Some((side, resource)) = part(key) else { return false };
                container.pointer(&format!("/resources/{side}")).and_then(|it| it.get(resource)).is_none()
            };
            let missing: Vec<&str> = open.iter().filter(missing).copied().collect();
            (!missing.is_empty()).then(|| (text(container, "/name").to_owned(), missing.join(",")))
        };
        Some((stamped, stamped.containers().find_map(lacks)?))
    });
    // Of pods that it does not count, it asks nothing.
    let scope = scope_text(quota);
    let counted = scope.as_ref().map(|scope| format!(" of its scope ({scope})")).unwrap_or_default();
    let message = format!("{} bounds {}, which pods there{counted} need not set", named(quota), open.join(", "));
    let mut finding = Finding::new(codes::UNSET_UNDER_QUOTA, message, quota.place.clone())
        .help("state it in every container, or give it by `limits container { default: …, default_request: … }`");
    match refused {
        Some((stamped, (container, missing))) => {
            finding.severity = Severity::Error;
            finding = finding
                .label(stamped.place.clone(), format!("its container `{container}` sets no {missing}"))
                .witness(vec![format!(
                    "the pods of {} are refused: failed quota: {}: must specify {missing} for: {container}",
                    stamped.what,
                    quota.object.name()
                )]);
        }
        None => {
            let first = open.first().copied().unwrap_or_default();
            finding = finding.witness(vec![format!(
                "a pod{counted} whose container says nothing is refused: failed quota: {}: must specify {first}",
                quota.object.name()
            )]);
        }
    }
    Some(finding)
}

/// Whether a LimitRange gives an amount to containers that state none.
fn given(ranges: &[&Surveyed<'_>], (side, resource): (&str, &str)) -> bool {
    let fields: &[&str] =
        if side == "limits" { &["default", "max"] } else { &["defaultRequest", "default", "max", "min"] };
    let items = ranges.iter().flat_map(|range| range.object.0.pointer("/spec/limits").and_then(Value::as_array));
    items
        .flatten()
        .filter(|item| item.get("type") == Some(&json!("Container")))
        .any(|item| fields.iter().any(|field| item.get(field).is_some_and(|amounts| amounts.get(resource).is_some())))
}

/// K0706: the pods that are declared do not fit.
fn beyond(quota: &Surveyed<'_>, key: &str, most: &Value, pods: &[&Stamped<'_>]) -> Option<Finding> {
    let most = amount(most)?;
    let one = |stamped: &Stamped<'_>| match (key, part(key)) {
        ("pods" | "count/pods", _) => Some(Quantity::of_int(1)),
        (_, Some((side, resource))) => Some(taken(&stamped.pod, side, resource)),
        _ => None,
    };
    let mut total = Quantity::ZERO;
    let mut takers: Vec<(&Stamped<'_>, Count, Quantity)> = Vec::new();
    for stamped in pods {
        // Of what runs on every node nobody knows how many there are: that it fits is not claimed.
        let (Some(count), Some(one)) = (stamped.count, one(stamped)) else { continue };
        let all = one.checked_mul(count.steady)?;
        total = sum(total, all);
        if one > Quantity::ZERO {
            takers.push((stamped, count, one));
        }
    }
    let steps = |takers: &[(&Stamped<'_>, Count, Quantity)]| -> Vec<String> {
        takers
            .iter()
            .map(|(stamped, count, one)| format!("{}: {} × {}", stamped.what, count.steady, one.canonical()))
            .collect()
    };
    let (message, witness, severity) = if total > most {
        let message = format!(
            "{} allows {key} {}, and the pods there need {}",
            named(quota),
            most.canonical(),
            total.canonical()
        );
        (message, steps(&takers), Severity::Error)
    } else {
        let (stamped, count, peak) = takers
            .iter()
            .filter_map(|(stamped, count, one)| {
                let peak = total.checked_add(one.checked_mul(count.surge)?)?;
                (peak > most).then_some((stamped, count, peak))
            })
            .max_by(|one, other| one.2.partial_cmp(&other.2).unwrap_or(std::cmp::Ordering::Equal))?;
        let message = format!(
            "{} allows {key} {}, and a rolling update of {} needs {}",
            named(quota),
            most.canonical(),
            stamped.what,
            peak.canonical()
        );
        let mut witness = steps(&takers);
        witness.push(format!("{} more of {} while it is updated (maxSurge)", count.surge, stamped.what));
        (message, witness, Severity::Warning)
    };
    let mut finding = Finding::new(codes::BEYOND_QUOTA, message, quota.place.clone())
        .witness(witness)
        .help(format!("raise {key}, or lower replicas, requests or maxSurge"));
    finding.severity = severity;
    let places: BTreeSet<_> = takers.iter().map(|(stamped, ..)| (&stamped.place, &stamped.what)).collect();
    Some(places.into_iter().fold(finding, |finding, (place, what)| finding.label(place.clone(), what.clone())))
}

/// K0707: what is asked for is bounded, and what may be taken is not.
pub(super) fn without_limits(quota: &Surveyed<'_>) -> Option<Finding> {
    let hard = hard(quota)?;
    let bounded = |resource: &str| hard.contains_key(resource) || hard.contains_key(&format!("requests.{resource}"));
    let open: Vec<&str> = ["cpu", "memory"]
        .into_iter()
        .filter(|resource| bounded(resource) && !hard.contains_key(&format!("limits.{resource}")))
        .collect();
    if open.is_empty() {
        return None;
    }
    let message = format!("{} bounds requests of {}, and no limits", named(quota), open.join(" and "));
    Some(
        Finding::new(codes::QUOTA_WITHOUT_LIMITS, message, quota.place.clone())
            .witness(vec![format!(
                "a pod that requests next to nothing may take all {} of its node",
                open.join(" and ")
            )])
            .help(format!(
                "bound {} too",
                open.iter().map(|it| format!("`limits.{it}`")).collect::<Vec<_>>().join(" and ")
            )),
    )
}
