//! The LimitRanges that are known, by namespace. What they fill in of a pod comes before any mutation of the project's, what they
//! refuse after all of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kspec_schema::{KindInfo, defaults, defaults::limit_range};
use serde_json::{Value, json};

use crate::ranges::{Refused, complete_pod_level, of_claim, of_pod};

/// The first version that knows resources of whole pods (`PodLevelResources`, on by default).
const POD_LEVEL_SINCE: u8 = 34;

/// LimitRange objects by namespace.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits {
    by_namespace: BTreeMap<String, BTreeMap<String, Value>>,
}

/// A pod that an object is, or stamps, and where its `spec` stands in the object.
pub(crate) struct Stamped<'o> {
    pub(crate) pod: Cow<'o, Value>,
    pub(crate) at: &'static str,
}

impl KnownLimits {
    /// Adds a LimitRange; one of the same name takes its place. Anything else is left out.
    pub(crate) fn add(&mut self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (Some("v1"), Some("LimitRange")) = (text("/apiVersion"), text("/kind")) else { return };
        let Some(name) = text("/metadata/name") else { return };
        let namespace = text("/metadata/namespace").unwrap_or("default");
        self.by_namespace.entry(namespace.to_owned()).or_default().insert(name.to_owned(), object.clone());
    }

    /// Whether there is any of a namespace.
    pub(crate) fn bound(&self, namespace: &str) -> bool {
        self.by_namespace.contains_key(namespace)
    }

    /// Fills in what a pod of a namespace leaves open, on a server of a version.
    pub(crate) fn complete(&self, pod: &mut Value, namespace: &str, minor: u8) {
        if minor >= POD_LEVEL_SINCE {
            complete_pod_level(pod);
        }
        self.of(namespace).for_each(|(_, range)| limit_range(pod, range));
    }

    /// What they refuse of a pod of a namespace, with the LimitRange.
    pub(crate) fn refuse_pod(&self, stamped: &Stamped<'_>, namespace: &str, minor: u8) -> Vec<(String, Refused)> {
        self.refuse(namespace, |range| of_pod(range, &stamped.pod, stamped.at, minor >= POD_LEVEL_SINCE))
    }

    /// What they refuse of the claims of storage that an object is, or stamps.
    pub(crate) fn refuse_claims(&self, object: &Value, info: &KindInfo, namespace: &str) -> Vec<(String, Refused)> {
        match (&*info.group, &*info.kind) {
            ("", "PersistentVolumeClaim") => self.refuse(namespace, |range| of_claim(range, object, "spec")),
            ("apps", "StatefulSet") => {
                let templates = object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
                let of = |(at, claim): (usize, &Value)| {
                    let path = format!("spec.volumeClaimTemplates[{at}].spec");
                    self.refuse(namespace, |range| of_claim(range, claim, &path))
                };
                templates.into_iter().flatten().enumerate().flat_map(of).collect()
            }
            _ => Vec::new(),
        }
    }

    fn of(&self, namespace: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.by_namespace.get(namespace).into_iter().flatten()
    }

    fn refuse(&self, namespace: &str, judge: impl Fn(&Value) -> Vec<Refused>) -> Vec<(String, Refused)> {
        let judged = self.of(namespace).flat_map(|(name, range)| {
            let by = format!("LimitRange {namespace}/{name}");
            judge(range).into_iter().map(move |refused| (by.clone(), refused))
        });
        judged.collect()
    }
}

/// The pod that an object is, or the one that it stamps, as the server has it before any LimitRange.
pub(crate) fn stamped(object: &Value) -> Option<Stamped<'_>> {
    if !defaults::carries_pod(object) {
        return None;
    }
    let (template, at) = match object.get("kind").and_then(Value::as_str)? {
        "Pod" => return Some(Stamped { pod: Cow::Borrowed(object), at: "spec" }),
        "CronJob" => ("/spec/jobTemplate/spec/template", "spec.jobTemplate.spec.template.spec"),
        "PodTemplate" => ("/template", "template.spec"),
        _ => ("/spec/template", "spec.template.spec"),
    };
    let mut pod = object.pointer(template)?.clone();
    let fields = pod.as_object_mut()?;
    fields.extend([("apiVersion".to_owned(), json!("v1")), ("kind".to_owned(), json!("Pod"))]);
    defaults::complete(&mut pod);
    Some(Stamped { pod: Cow::Owned(pod), at })
}
