//! The authentication configuration.

use kspec_model::program::Authentication;
use kspec_schema::{
    KubeVersion,
    facts::{Configuration, configuration_api_version},
};
use serde_json::{Map, Value, json};

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
    configuration_api_version(
        Configuration::Authentication,
        KubeVersion::parse(kubernetes).unwrap_or(KubeVersion::NEWEST),
    )
}
