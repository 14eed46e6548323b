//! Questions as people spell them.

use kspec_analysis::access::Request;
use kspec_schema::{KindInfo, Schema};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asker {
    /// User name; a service account's is `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// Groups beside those that authentication adds.
    pub groups: Vec<String>,
}

/// What is asked about: a resource, or a URL path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// API group; empty for the core group.
    pub group: String,
    /// Resource in the plural, or `*`.
    pub resource: String,
    /// Subresource, or empty.
    pub subresource: String,
    /// Whether its objects live in a namespace; unknown for resources that the version does not serve.
    pub namespaced: Option<bool>,
    /// A URL path outside resources.
    pub path: Option<String>,
}

/// A resource that neither the target version nor the project's CRDs have. It is asked about as it is spelt, as kubectl does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownResource {
    /// As it was spelt.
    pub spelt: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for UnknownResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no resource `{}` is served", self.spelt)?;
        match &self.suggestion {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// Reads `/PATH` or `RESOURCE[.GROUP][/SUBRESOURCE]`. A resource may go by its plural, singular, kind or short name; without a
/// group it is the one that the server prefers.
#[must_use]
pub fn target(schema: &Schema, text: &str) -> (Target, Option<UnknownResource>) {
    if text.starts_with('/') {
        return (Target { path: Some(text.to_owned()), ..Target::default() }, None);
    }
    let (resource, subresource) = text.split_once('/').unwrap_or((text, ""));
    let (name, group) = resource.split_once('.').map_or((resource, None), |(name, group)| (name, Some(group)));
    let spelt = |namespaced| Target {
        group: group.unwrap_or_default().to_owned(),
        resource: name.to_owned(),
        subresource: subresource.to_owned(),
        namespaced,
        path: None,
    };
    if name == "*" {
        let group = group.unwrap_or("*").to_owned();
        return (Target { group, ..spelt(None) }, None);
    }
    match served(schema, name, group) {
        Some(kind) => {
            let known = Target {
                group: kind.group.to_string(),
                resource: kind.plural.to_string(),
                ..spelt(Some(kind.namespaced))
            };
            (known, None)
        }
        None => {
            let suggestion = schema.suggest_resource(name).map(str::to_owned);
            (spelt(None), Some(UnknownResource { spelt: resource.to_owned(), suggestion }))
        }
    }
}

fn served<'s>(schema: &'s Schema, name: &str, group: Option<&str>) -> Option<&'s KindInfo> {
    let lower = name.to_lowercase();
    let called = |kind: &&KindInfo| {
        kind.plural == *lower
            || kind.singular == *lower
            || kind.kind.to_lowercase() == lower
            || kind.short_names.iter().any(|short| *short == *lower)
    };
    let of_group = |kind: &&KindInfo| group.is_none_or(|group| kind.group == *group);
    // The core group comes before all others, then what is stable.
    schema
        .resources()
        .filter(of_group)
        .filter(called)
        .min_by_key(|kind| (kind.plural != *lower, !kind.group.is_empty(), !kind.is_stable(), kind.group.to_string()))
}

/// The question put as a request.
#[must_use]
pub fn request(asker: &Asker, verb: &str, target: &Target, name: Option<&str>, namespace: Option<&str>) -> Request {
    let name = name.unwrap_or_default();
    let namespace = match (target.namespaced, target.resource.as_str()) {
        // The server takes a namespace's own name for the request's namespace.
        (_, "namespaces") if target.group.is_empty() && !name.is_empty() => name,
        (Some(false), _) => "",
        _ => namespace.unwrap_or_default(),
    };
    Request {
        user: asker.user.clone(),
        groups: asker.groups.clone(),
        verb: verb.to_owned(),
        group: target.group.clone(),
        resource: target.resource.clone(),
        subresource: target.subresource.clone(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        path: target.path.clone(),
    }
}
