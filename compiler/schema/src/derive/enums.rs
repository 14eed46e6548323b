//! The values of enumerations.
//!
//! A running server publishes them in its OpenAPI; the documents in the Kubernetes module were generated without. The module
//! has them in the Go code that the server's documents come from (`pkg/generated/openapi/zz_generated.openapi.go`), which
//! a generator lays out with one key a line, so that its indentation is its structure.

use std::collections::BTreeMap;

use serde_json::Value;

/// Adds the enumerations of the generated Go code to the documents' schemas. Gives back the places that the documents
/// do not have: types that no API serves.
pub fn add_enums(openapi: &mut BTreeMap<String, Value>, generated: &str) -> Vec<String> {
    let mut found: BTreeMap<(String, String), (bool, Value)> = BTreeMap::new();
    let (mut definition, mut field) = (String::new(), String::new());
    for line in generated.lines() {
        if let Some(rest) = line.strip_prefix("func schema_") {
            definition = definition_name(rest.split('(').next().unwrap_or_default());
        } else if let Some(rest) = line.strip_prefix("\t\t\t\t\t\"") {
            field = rest.split('"').next().unwrap_or_default().to_owned();
        } else if let Some(values) = line.trim_start().strip_prefix("Enum:") {
            let depth = line.len() - line.trim_start_matches('\t').len();
            let list = values.trim().strip_prefix("[]interface{}{").and_then(|rest| rest.strip_suffix("},"));
            let values = list.and_then(|list| serde_json::from_str(&format!("[{list}]")).ok());
            if let Some(values) = values {
                found.insert((definition.clone(), field.clone()), (depth > 7, values));
            }
        }
    }
    for document in openapi.values_mut() {
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        for (name, schema) in schemas.into_iter().flatten() {
            for (field, schema) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                if let Some((of_parts, values)) = found.get(&(name.clone(), field.clone())) {
                    set(schema, *of_parts, values);
                }
            }
        }
    }
    let has = |name: &str, field: &str| {
        openapi.values().any(|document| {
            let schema = document.pointer("/components/schemas").and_then(|schemas| schemas.get(name));
            schema.and_then(|schema| schema.get("properties")?.get(field)).is_some()
        })
    };
    found.keys().filter(|(name, field)| !has(name, field)).map(|(name, field)| format!("{name}.{field}")).collect()
}

/// Parts are the items of a list or the values of a map.
fn set(schema: &mut Value, of_parts: bool, values: &Value) {
    let target = if of_parts {
        let key = if schema.get("items").is_some() { "items" } else { "additionalProperties" };
        schema.get_mut(key)
    } else {
        Some(schema)
    };
    if let Some(target) = target.and_then(Value::as_object_mut) {
        target.insert("enum".to_owned(), values.clone());
    }
}

/// `k8sio_api_core_v1_Pod` is `io.k8s.api.core.v1.Pod`.
fn definition_name(function: &str) -> String {
    const PREFIXES: &[(&str, &str)] = &[
        ("k8sio_api_", "io.k8s.api."),
        ("pkg_apis_meta_", "io.k8s.apimachinery.pkg.apis.meta."),
        ("pkg_apis_apiextensions_", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."),
        ("pkg_apis_apiregistration_", "io.k8s.kube-aggregator.pkg.apis.apiregistration."),
    ];
    for (prefix, package) in PREFIXES {
        if let Some(rest) = function.strip_prefix(prefix) {
            return format!("{package}{}", rest.replace('_', "."));
        }
    }
    function.to_owned()
}
