//! One rule against one request: `pkg/apis/rbac/v1/evaluation_helpers.go` of Kubernetes.

use kspec_model::program::RoleRule;
use serde::{Deserialize, Serialize};

use super::Request;

/// Matches every verb, group, resource or URL.
pub(crate) const ALL: &str = "*";

/// A role's rule, spelt as Kubernetes spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// Verbs.
    pub verbs: Vec<String>,
    /// API groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// Resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Resource names; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// URLs.
    #[serde(default, rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

impl From<&RoleRule> for PolicyRule {
    fn from(rule: &RoleRule) -> Self {
        Self {
            verbs: rule.verbs.clone(),
            api_groups: rule.api_groups.clone(),
            resources: rule.resources.clone(),
            resource_names: rule.resource_names.clone(),
            non_resource_urls: rule.urls.clone(),
        }
    }
}

/// Whether `rule` allows `request`. The verb is compared first: it rules out most.
pub(super) fn allows(rule: &RoleRule, request: &Request) -> bool {
    if !rule.verbs.iter().any(|verb| verb == ALL || *verb == request.verb) {
        return false;
    }
    match &request.path {
        Some(path) => rule.urls.iter().any(|url| url_matches(url, path)),
        None => {
            rule.api_groups.iter().any(|group| group == ALL || *group == request.group)
                && rule
                    .resources
                    .iter()
                    .any(|resource| resource_matches(resource, &request.resource, &request.subresource))
                && (rule.resource_names.is_empty() || rule.resource_names.contains(&request.name))
        }
    }
}

/// `*` is everything, `*/sub` that subresource of everything, anything else itself: `pods/*` is no pattern.
pub(crate) fn resource_matches(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == ALL {
        return true;
    }
    if subresource.is_empty() {
        return rule == resource;
    }
    let Some(rest) = rule.strip_suffix(subresource).and_then(|rest| rest.strip_suffix('/')) else { return false };
    rest == ALL || rest == resource
}

pub(super) fn url_matches(rule: &str, path: &str) -> bool {
    rule == path || url_prefix(rule).is_some_and(|prefix| path.starts_with(prefix))
}

/// The prefix that a URL ending in stars stands for.
pub(super) fn url_prefix(rule: &str) -> Option<&str> {
    rule.ends_with('*').then(|| rule.trim_end_matches('*'))
}
