//! OpenAPI definitions to `type` lines.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text;

/// Definitions that stand for a type of their own, and the form that names it. What these hold is decided by Go code, not
/// by OpenAPI.
const SPECIAL: &[(&str, &str)] = &[
    ("io.k8s.apimachinery.pkg.api.resource.Quantity", "quantity"),
    ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "int-or-string"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.Time", "time"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "string:micro-time"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", "any"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.Patch", "any"),
    ("io.k8s.apimachinery.pkg.runtime.RawExtension", "any"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON", "any"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray", "any"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool", "any"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray", "any"),
];

/// The lines of every definition, by its name.
#[must_use]
pub fn types(openapi: &BTreeMap<String, Value>) -> BTreeMap<String, Vec<String>> {
    let mut types = BTreeMap::new();
    for (name, schema) in definitions(openapi) {
        if SPECIAL.iter().all(|(special, _)| special != name) {
            types.insert(name.clone(), definition(name, schema));
        }
    }
    types
}

/// The definition of each kind that says its group, version and kind; what all groups share (`DeleteOptions`) is left out.
pub(super) fn roots(openapi: &BTreeMap<String, Value>) -> BTreeMap<(String, String, String), String> {
    let mut roots = BTreeMap::new();
    for (name, schema) in definitions(openapi) {
        let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        if let Some([kind]) = kinds.map(Vec::as_slice) {
            let part = |key| text(kind, key).to_owned();
            roots.insert((part("group"), part("version"), part("kind")), name.clone());
        }
    }
    roots
}

fn definitions(openapi: &BTreeMap<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    openapi.values().filter_map(|document| document.pointer("/components/schemas")?.as_object()).flatten()
}

fn definition(name: &str, schema: &Value) -> Vec<String> {
    let mut flags = String::new();
    if text(schema, "x-kubernetes-map-type") == "atomic" {
        flags.push('a');
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        flags.push('o');
    }
    let mut lines = vec![format!("type\t{name}\t{flags}\t{}", first_sentence(text(schema, "description")))];
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields: Vec<String> = Vec::new();
    for (field, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let mut flags = String::new();
        if required.contains(&field.as_str()) {
            flags.push('r');
        }
        if schema.get("allOf").is_some() && text(schema, "x-kubernetes-map-type") == "atomic" {
            flags.push('a');
        }
        let default = schema.get("default").map(Value::to_string).unwrap_or_default();
        let doc = first_sentence(text(schema, "description"));
        fields.push(format!("\t{field}\t{}\t{flags}\t{default}\t{doc}", express(schema)));
    }
    fields.sort_by(|a, b| a.split('\t').nth(1).cmp(&b.split('\t').nth(1)));
    lines.extend(fields);
    lines
}

/// The form that names a schema's type in a table.
fn express(schema: &Value) -> String {
    let all_of = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice);
    if let Some([only]) = all_of {
        return express(only);
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or(name);
        let special = SPECIAL.iter().find(|(special, _)| *special == name);
        return special.map_or(name, |(_, form)| form).to_owned();
    }
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return "int-or-string".to_owned();
    }
    let format = text(schema, "format");
    match text(schema, "type") {
        "array" => {
            let item = schema.get("items").map_or_else(|| "any".to_owned(), express);
            match text(schema, "x-kubernetes-list-type") {
                "set" => format!("set<{item}>"),
                "map" => format!("keyed<{}|{item}>", keys(schema)),
                _ => format!("list<{item}>"),
            }
        }
        "object" => match schema.get("additionalProperties") {
            Some(value @ Value::Object(_)) => {
                let atomic = text(schema, "x-kubernetes-map-type") == "atomic";
                format!("{}<{}>", if atomic { "atomicmap" } else { "map" }, express(value))
            }
            _ => "any".to_owned(),
        },
        "string" => match schema.get("enum").and_then(Value::as_array) {
            Some(values) => {
                let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                format!("enum:{}", values.join("|"))
            }
            None if format.is_empty() => "string".to_owned(),
            None => format!("string:{format}"),
        },
        "integer" if format.is_empty() => "int".to_owned(),
        "integer" => format!("int:{format}"),
        "number" => "number".to_owned(),
        "boolean" => "bool".to_owned(),
        _ => "any".to_owned(),
    }
}

fn keys(schema: &Value) -> String {
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    keys.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

/// A description's first sentence, on one line. A dot ends a sentence before a capital letter only (`e.g. this` goes on).
pub(crate) fn first_sentence(description: &str) -> String {
    let paragraph = description.trim().split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.match_indices(". ").find_map(|(at, _)| {
        let next = line.get(at + 2..)?.chars().next()?;
        next.is_uppercase().then_some(at + 1)
    });
    end.and_then(|end| line.get(..end)).unwrap_or(&line).to_owned()
}
