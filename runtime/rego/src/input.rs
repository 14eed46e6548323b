//! What a module reads, and what it says.

use serde_json::{Map, Value, json};

/// `input`, in both shapes at once: `review` as Gatekeeper gives it (what goes on a DELETE is its `object`), `request` as the
/// API server does.
pub(crate) fn of(request: &Value, parameters: &Map<String, Value>) -> Value {
    let mut review = request.clone();
    let deleted = request.get("operation").and_then(Value::as_str) == Some("DELETE");
    if deleted && let Some(fields) = review.as_object_mut() {
        let old = fields.get("oldObject").cloned().unwrap_or_default();
        fields.insert("object".to_owned(), old);
    }
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request,
        "review": review,
        "parameters": parameters,
    })
}

/// The messages of a set of texts, of a set of `{"msg": …}`, or of a bare truth.
pub(crate) fn messages(found: &Value, told: &mut Vec<String>) {
    match found {
        Value::Bool(true) => told.push("violated".to_owned()),
        Value::Null | Value::Bool(false) => {}
        Value::String(text) => told.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| messages(item, told)),
        Value::Object(fields) => match fields.get("msg").or_else(|| fields.get("message")) {
            Some(Value::String(text)) => told.push(text.clone()),
            Some(other) => told.push(other.to_string()),
            None => told.push(found.to_string()),
        },
        Value::Number(number) => told.push(number.to_string()),
    }
}
