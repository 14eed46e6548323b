//! What an object must not be in force without.

use std::collections::BTreeSet;

use kspec_model::Object;
use serde_json::Value;

/// A Service: its namespace and name.
pub type Service = (String, String);

/// The Services without which an object would refuse whatever it covers: those that a webhook configuration names with the
/// failure policy `Fail`.
#[must_use]
pub fn awaited(object: &Object) -> BTreeSet<Service> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    refusing(object)
        .filter_map(|webhook| {
            Some((text(webhook, "/clientConfig/service/namespace")?, text(webhook, "/clientConfig/service/name")?))
        })
        .collect()
}

/// The URLs behind which somebody must answer likewise. Nobody looks whether somebody does: the API server asks from its own
/// network and with its own certificate, so that an answer to somebody else, or none, says nothing of what it will get.
#[must_use]
pub fn unchecked(object: &Object) -> BTreeSet<String> {
    refusing(object)
        .filter_map(|webhook| webhook.pointer("/clientConfig/url").and_then(Value::as_str).map(str::to_owned))
        .collect()
}

/// The webhooks that an object configures and that refuse while nobody answers.
fn refusing(object: &Object) -> impl Iterator<Item = &Value> {
    let is_configuration = object.group() == "admissionregistration.k8s.io"
        && matches!(object.kind(), "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration");
    let webhooks = object.0.get("webhooks").filter(|_| is_configuration).and_then(Value::as_array);
    // Fail is what the server takes where nothing is said.
    let refuses = |webhook: &&Value| webhook.get("failurePolicy").and_then(Value::as_str) != Some("Ignore");
    webhooks.into_iter().flatten().filter(refuses)
}
