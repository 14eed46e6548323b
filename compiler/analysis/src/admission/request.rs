//! A request that shows what a webhook or policy is weak in: the first of those that it is asked about.

use kspec_model::{LabelSelector, Labels};
use serde_json::{Map, Value, json};

use super::{list, selector, strings};

/// What a request is to be.
pub(super) struct Wanted<'w> {
    /// Resources that it may be about.
    pub(super) resource: &'w dyn Fn(&str) -> bool,
    /// The namespace; any where none is wanted.
    pub(super) namespace: Option<&'w str>,
    /// Whether it is a dry run.
    pub(super) dry_run: bool,
}

/// A request in one line, as an AdmissionRequest has it; none where no request that is sure to reach the webhook can be named.
/// `labels` are those of a namespace.
pub(super) fn request(json: &Value, wanted: &Wanted<'_>, labels: &dyn Fn(&str) -> Labels) -> Option<String> {
    let (is_wanted, place) = (wanted.resource, wanted.namespace);
    // What its conditions or the object's labels leave out is not known here.
    let narrow = |name: &str| json.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let by_labels = selector(json, "objectSelector").is_some_and(|selector| !selector.is_empty());
    if narrow("matchConditions") || by_labels {
        return None;
    }
    let rule = list(json, "/rules").find(|rule| resource(rule, is_wanted).is_some() && operation(rule).is_some())?;
    let (group, resource) = resource(rule, is_wanted)?;
    let version = strings(rule, "apiVersions").find(|version| *version != "*").unwrap_or("v1");
    let mut request = Map::new();
    request.insert("operation".to_owned(), json!(operation(rule)?));
    request.insert("resource".to_owned(), json!({ "group": group, "version": version, "resource": resource }));
    if !CLUSTER.contains(&resource) {
        let selector = selector(json, "namespaceSelector").unwrap_or_default();
        let (name, own) = namespace(&selector, place, labels)?;
        request.insert("namespace".to_owned(), json!(name));
        if let Some(own) = own {
            request.insert("namespaceLabels".to_owned(), json!(own));
        }
    }
    if wanted.dry_run {
        request.insert("dryRun".to_owned(), json!(true));
    }
    Some(Value::Object(request).to_string())
}

/// Resources of the cluster's scope among those that are looked at.
const CLUSTER: [&str; 8] = [
    "namespaces",
    "clusterroles",
    "clusterrolebindings",
    "subjectaccessreviews",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "tokenreviews",
];

/// Resources that a rule for everything takes, with their groups.
const USUAL: [(&str, &str); 4] =
    [("", "pods"), ("authorization.k8s.io", "subjectaccessreviews"), ("", "events"), ("", "configmaps")];

fn operation(rule: &Value) -> Option<&str> {
    strings(rule, "operations").find_map(|operation| match operation {
        "*" | "CREATE" => Some("CREATE"),
        "UPDATE" | "DELETE" => Some(operation),
        _ => None,
    })
}

/// A resource that a rule takes, with its group.
fn resource<'r>(rule: &'r Value, wanted: &dyn Fn(&str) -> bool) -> Option<(&'r str, &'r str)> {
    let groups: Vec<&str> = strings(rule, "apiGroups").collect();
    let takes = |group: &str| groups.iter().any(|known| *known == group || *known == "*");
    let named = strings(rule, "resources").find(|resource| wanted(resource)).and_then(|resource| {
        let usual = USUAL.into_iter().find(|(group, known)| *known == resource && takes(group));
        usual.or_else(|| groups.iter().find(|group| **group != "*").map(|group| (*group, resource)))
    });
    let is_all = strings(rule, "resources").any(|resource| matches!(resource, "*" | "*/*"));
    named.or_else(|| USUAL.into_iter().find(|(group, resource)| is_all && wanted(resource) && takes(group)))
}

/// A namespace that a selector selects: the one that is asked about, `default`, or one with the labels that it asks for.
fn namespace(
    selector: &LabelSelector,
    place: Option<&str>,
    labels: &dyn Fn(&str) -> Labels,
) -> Option<(String, Option<Labels>)> {
    if let Some(name) = place.or(Some("default")).filter(|name| selector.matches(&labels(name))) {
        return Some((name.to_owned(), None));
    }
    let mut asked = selector.match_labels.clone();
    for requirement in &selector.match_expressions {
        if let Some(value) = requirement.values.first() {
            asked.entry(requirement.key.clone()).or_insert_with(|| value.clone());
        } else {
            asked.entry(requirement.key.clone()).or_default();
        }
    }
    (place.is_none() && selector.matches(&asked)).then(|| {
        let name = asked.get("kubernetes.io/metadata.name").cloned().unwrap_or_else(|| "example".to_owned());
        (name, Some(asked))
    })
}
