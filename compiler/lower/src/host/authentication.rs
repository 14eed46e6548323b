//! The authentication configuration.

use kspec_model::program::Authentication;
use serde_json::{Map, Value, json};

/// From which minor version of Kubernetes which version of `AuthenticationConfiguration` is served and not deprecated, newest
/// first: `v1` came with 1.34 (KEP-3331), `v1beta1` with 1.30.
const API_VERSIONS: [(u32, &str); 2] = [(34, "apiserver.config.k8s.io/v1"), (0, "apiserver.config.k8s.io/v1beta1")];

/// `AuthenticationConfiguration`.
pub(super) fn configuration(authentication: &Authentication, kubernetes: &str) -> Value {
    let mut value = Map::from_iter([
        ("apiVersion".to_owned(), json!(api_version(kubernetes))),
        ("kind".to_owned(), json!("AuthenticationConfiguration")),
    ]);
    if !authentication.jwt.is_empty() {
        value.insert("jwt".to_owned(), json!(authentication.jwt));
    }
    if let Some(anonymous) = &authentication.anonymous {
        let mut anonymous_value = Map::from_iter([("enabled".to_owned(), json!(anonymous.enabled))]);
        // The server refuses conditions on what is off.
        if anonymous.enabled && !anonymous.paths.is_empty() {
            let conditions: Vec<Value> = anonymous.paths.iter().map(|path| json!({ "path": path })).collect();
            anonymous_value.insert("conditions".to_owned(), Value::Array(conditions));
        }
        value.insert("anonymous".to_owned(), Value::Object(anonymous_value));
    }
    Value::Object(value)
}

fn api_version(kubernetes: &str) -> &'static str {
    let minor: u32 = kubernetes.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(u32::MAX);
    API_VERSIONS.iter().find(|(since, _)| minor >= *since).map_or("apiserver.config.k8s.io/v1", |(_, version)| version)
}
