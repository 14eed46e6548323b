//! The pods that a cluster's objects stamp, as the API server completes them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kspec_diagnostics::Place;
use kspec_model::{Object, ObjectKey};
use kspec_rules::literal::Quantity;
use kspec_schema::{KubeVersion, defaults};
use serde_json::{Value, json};

use super::text;
use crate::Survey;

/// How many pods there are at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// While nothing changes.
    pub(super) steady: i64,
    /// More, while new ones take the place of old ones.
    pub(super) surge: i64,
}

/// The pods of one object.
pub(super) struct Stamped<'s> {
    /// `Deployment shop/api`.
    pub(super) what: String,
    pub(super) namespace: &'s str,
    pub(super) place: Place,
    /// None where it depends on the nodes.
    pub(super) count: Option<Count>,
    /// Something with the `spec` of the pod: the pod, or the template.
    pub(super) pod: Value,
    /// The same as it was written: what was not stated was given.
    stated: Value,
}

/// The kinds that stamp pods, and where their templates are.
const KINDS: [(&str, &str, &str); 8] = [
    ("", "Pod", ""),
    ("", "ReplicationController", "/spec/template"),
    ("apps", "DaemonSet", "/spec/template"),
    ("apps", "Deployment", "/spec/template"),
    ("apps", "ReplicaSet", "/spec/template"),
    ("apps", "StatefulSet", "/spec/template"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
    ("batch", "Job", "/spec/template"),
];

/// The pods of every object that no other controller answers for.
pub(super) fn all<'s>(survey: &'s Survey<'_>) -> Vec<Stamped<'s>> {
    let scaled = scaled(survey);
    let stamped = survey.objects().filter_map(|surveyed| {
        let object = surveyed.object.as_ref();
        let (_, _, at) = KINDS.iter().find(|(group, kind, _)| *group == object.group() && *kind == object.kind())?;
        // A pod that is over takes nothing, and no quota counts it.
        let over = object.kind() == "Pod" && matches!(object.str_at("/status/phase"), "Succeeded" | "Failed");
        if over || owned(survey, object) {
            return None;
        }
        let mut completed = object.0.clone();
        defaults::complete(&mut completed);
        let template =
            |object: &Value| object.pointer(at).filter(|pod| pod.get("spec").is_some_and(Value::is_object)).cloned();
        let (stated, mut pod) = (template(&object.0)?, template(&completed)?);
        // What a pod alone is given (requests of its limits), it is given once it is stamped.
        if let Some(fields) = pod.as_object_mut() {
            fields.extend([("apiVersion".to_owned(), json!("v1")), ("kind".to_owned(), json!("Pod"))]);
        }
        // Before 1.34 what is said of the whole pod is dropped: its gate (`PodLevelResources`) is off.
        if survey.schema.version() < KubeVersion::V1_34
            && let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut)
        {
            spec.remove("resources");
        }
        defaults::complete(&mut pod);
        let namespace = object.namespace().unwrap_or("default");
        let most = scaled.get(&(namespace, object.kind(), object.name())).copied();
        Some(Stamped {
            what: format!("{} {namespace}/{}", object.kind(), object.name()),
            namespace,
            place: surveyed.place.clone(),
            count: count(object.kind(), &completed, most),
            stated,
            pod,
        })
    });
    stamped.collect()
}

/// Whether another object of the cluster makes it.
fn owned(survey: &Survey<'_>, object: &Object) -> bool {
    let owners = object.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().filter(|owner| owner.get("controller") == Some(&json!(true))).any(|owner| {
        let group = text(owner, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
        let key = ObjectKey {
            group: group.to_owned(),
            kind: text(owner, "/kind").to_owned(),
            namespace: object.namespace().map(str::to_owned),
            name: text(owner, "/name").to_owned(),
        };
        survey.has(&key)
    })
}

/// The most replicas that an autoscaler may set, by namespace, kind and name.
fn scaled<'s>(survey: &'s Survey<'_>) -> BTreeMap<(&'s str, &'s str, &'s str), i64> {
    let is = |object: &&Object| object.group() == "autoscaling" && object.kind() == "HorizontalPodAutoscaler";
    let objects = survey.objects().map(|surveyed| surveyed.object.as_ref()).filter(is);
    let target = |object: &'s Object| {
        let kind = object.str_at("/spec/scaleTargetRef/kind");
        let most = object.0.pointer("/spec/maxReplicas").and_then(Value::as_i64)?;
        Some(((object.namespace().unwrap_or("default"), kind, object.str_at("/spec/scaleTargetRef/name")), most))
    };
    objects.filter_map(target).collect()
}

fn count(kind: &str, object: &Value, scaled: Option<i64>) -> Option<Count> {
    let number = |pointer: &str, default: i64| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(default);
    let steady = |steady: i64| Count { steady, surge: 0 };
    // The job controller runs no more at once than are still to complete.
    let job = |spec: &str| {
        let parallelism = number(&format!("{spec}/parallelism"), 1);
        parallelism.min(number(&format!("{spec}/completions"), parallelism))
    };
    let suspended = object.pointer("/spec/suspend") == Some(&json!(true));
    Some(match kind {
        "DaemonSet" => return None,
        "Pod" => steady(1),
        "Job" if suspended || is_over(object) => steady(0),
        "Job" => steady(job("/spec")),
        "CronJob" if suspended => steady(0),
        "CronJob" => steady(job("/spec/jobTemplate/spec")),
        _ => {
            // An autoscaler leaves alone what has no replicas.
            let stated = number("/spec/replicas", 1);
            let replicas = if stated == 0 { 0 } else { stated.max(scaled.unwrap_or(0)) };
            let rolls = kind == "Deployment" && text(object, "/spec/strategy/type") != "Recreate";
            Count { steady: replicas, surge: if rolls { surge(object, replicas) } else { 0 } }
        }
    })
}

/// Whether a job has ended, either way.
fn is_over(job: &Value) -> bool {
    let conditions = job.pointer("/status/conditions").and_then(Value::as_array);
    let ends = |condition: &Value| {
        matches!(text(condition, "/type"), "Complete" | "Failed") && text(condition, "/status") == "True"
    };
    conditions.into_iter().flatten().any(ends)
}

/// Pods that a rolling update needs beside the replicas before it may take any of these away. `maxSurge` is rounded up and
/// `maxUnavailable` down, a quarter each unless said; where one may be unavailable, the update goes on without more
/// (`ResolveFenceposts` in `pkg/controller/deployment/util` of Kubernetes).
fn surge(object: &Value, replicas: i64) -> i64 {
    let resolved = |field: &str, round: i64| match object.pointer(&format!("/spec/strategy/rollingUpdate/{field}")) {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        other => {
            let share = other.and_then(Value::as_str).and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok());
            replicas.saturating_mul(share.unwrap_or(25)).saturating_add(round) / 100
        }
    };
    if resolved("maxUnavailable", 0) > 0 { 0 } else { resolved("maxSurge", 99) }
}

impl<'s> Stamped<'s> {
    /// Fills in what LimitRanges of the namespace do.
    pub(super) fn complete<'v>(&mut self, ranges: impl Iterator<Item = &'v Value>) {
        ranges.for_each(|range| defaults::limit_range(&mut self.pod, range));
    }

    /// Its containers, those that run first included.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Value> {
        containers(&self.pod)
    }

    /// Whether requests or limits are stated of the whole pod (`IsPodLevelResourcesSet` of `k8s.io/component-helpers/resource`): then
    /// no quota demands them of each container (`podEvaluator.Constraints`).
    pub(super) fn states_whole(&self) -> bool {
        let sides = ["requests", "limits"].into_iter();
        let amounts = sides.filter_map(|side| self.pod.pointer(&format!("/spec/resources/{side}"))?.as_object());
        amounts
            .flat_map(serde_json::Map::keys)
            .any(|resource| matches!(resource.as_str(), "cpu" | "memory") || resource.starts_with("hugepages-"))
    }

    /// A container without a limit of memory, where its pod has none either.
    pub(super) fn without_limit(&self) -> Option<Cow<'_, str>> {
        if self.pod.pointer("/spec/resources/limits/memory").is_some() {
            return None;
        }
        let unlimited = |container: &&Value| container.pointer("/resources/limits/memory").is_none();
        self.containers().find(unlimited).map(|container| text(container, "/name").into())
    }

    /// A container whose request, which it states, is above a limit that it was given: its name, the resource, both amounts.
    pub(super) fn above_limit(&self) -> Option<(String, String, String, String)> {
        for (container, stated) in self.containers().zip(containers(&self.stated)) {
            let requests = stated.pointer("/resources/requests").and_then(Value::as_object);
            for (resource, request) in requests.into_iter().flatten() {
                let part = |of: &Value, side: &str| of.pointer(&format!("/resources/{side}"))?.get(resource).cloned();
                let (None, Some(limit)) = (part(stated, "limits"), part(container, "limits")) else { continue };
                let (Some(asked), Some(most)) = (amount(request), amount(&limit)) else { continue };
                if asked > most {
                    let name = text(container, "/name").to_owned();
                    return Some((name, resource.clone(), asked.canonical(), most.canonical()));
                }
            }
        }
        None
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let list = |name: &str| pod.pointer(&format!("/spec/{name}")).and_then(Value::as_array).into_iter().flatten();
    list("initContainers").chain(list("containers"))
}

/// An amount, written as text or as a number.
pub(super) fn amount(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => Quantity::parse(text).ok(),
        Value::Number(number) => Quantity::parse(&number.to_string()).ok(),
        _ => None,
    }
}
