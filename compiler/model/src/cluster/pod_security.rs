//! Pod Security as the API server's own configuration sets it: `PodSecurityConfiguration` in its AdmissionConfiguration ("Enforce Pod
//! Security Standards by Configuring the Built-in Admission Controller", Kubernetes documentation).

use std::collections::BTreeSet;

use serde_json::Value;

/// Defaults of namespaces without a label, and who is exempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSecurityDefaults {
    /// The level that is enforced where no label says one; none for `privileged`.
    pub enforce: Option<String>,
    /// Namespaces that no level holds in.
    pub namespaces: BTreeSet<String>,
    /// Users whose pods no level holds back.
    pub users: BTreeSet<String>,
    /// Whether some runtime class is exempt: a pod may name it.
    pub by_runtime_class: bool,
    /// The file that says so.
    pub file: String,
    /// Whether the API server runs without it (`--disable-admission-plugins`).
    pub off: bool,
}

impl PodSecurityDefaults {
    /// Reads an AdmissionConfiguration, or the PodSecurityConfiguration that it leads to; none for any other text.
    #[must_use]
    pub fn read(file: &str, configuration: &Value) -> Option<Self> {
        let own = match configuration.get("kind").and_then(Value::as_str)? {
            "PodSecurityConfiguration" => configuration,
            "AdmissionConfiguration" => {
                let plugins = configuration.get("plugins")?.as_array()?;
                let plugin =
                    plugins.iter().find(|plugin| plugin.get("name").and_then(Value::as_str) == Some("PodSecurity"))?;
                plugin.get("configuration")?
            }
            _ => return None,
        };
        let names = |field: &str| -> BTreeSet<String> {
            let list = own.pointer(&format!("/exemptions/{field}")).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let enforce = own.pointer("/defaults/enforce").and_then(Value::as_str);
        Some(Self {
            enforce: enforce.filter(|level| !level.is_empty() && *level != "privileged").map(str::to_owned),
            namespaces: names("namespaces"),
            users: names("usernames"),
            by_runtime_class: !names("runtimeClasses").is_empty(),
            file: file.to_owned(),
            off: false,
        })
    }
}
