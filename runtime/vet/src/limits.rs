//! The LimitRanges that are known, by namespace. What they fill in of a pod comes before any mutation of the project's.

use std::collections::BTreeMap;

use kspec_schema::defaults::limit_range;
use serde_json::Value;

/// LimitRange objects by namespace.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits {
    by_namespace: BTreeMap<String, BTreeMap<String, Value>>,
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

    /// Fills in what a pod of a namespace leaves open.
    pub(crate) fn complete(&self, pod: &mut Value, namespace: &str) {
        let ranges = self.by_namespace.get(namespace).into_iter().flat_map(BTreeMap::values);
        ranges.for_each(|range| limit_range(pod, range));
    }
}
