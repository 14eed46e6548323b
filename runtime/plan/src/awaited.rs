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
    let is_configuration = object.group() == "admissionregistration.k8s.io"
        && matches!(object.kind(), "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration");
    let webhooks = object.0.get("webhooks").filter(|_| is_configuration).and_then(Value::as_array);
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    webhooks
        .into_iter()
        .flatten()
        // Fail is what the server takes where nothing is said.
        .filter(|webhook| webhook.get("failurePolicy").and_then(Value::as_str) != Some("Ignore"))
        .filter_map(|webhook| {
            Some((text(webhook, "/clientConfig/service/namespace")?, text(webhook, "/clientConfig/service/name")?))
        })
        .collect()
}
