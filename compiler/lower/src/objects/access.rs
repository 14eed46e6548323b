//! Roles and grants.

use std::borrow::Cow;

use kspec_model::{
    Labels,
    cluster::{BindingFacts, Known, RoleFacts},
    program::{Grant, Role, RoleRef, RoleRule, Subject},
};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::{
    Kind, Output, Phase, is_over,
    metadata::{Metadata, ownership},
    world::World,
};
use crate::names;

const GROUP: &str = "rbac.authorization.k8s.io";
const API_VERSION: &str = "rbac.authorization.k8s.io/v1";

const ROLE: Kind = Kind { api_version: API_VERSION, kind: "Role" };
const CLUSTER_ROLE: Kind = Kind { api_version: API_VERSION, kind: "ClusterRole" };
const BINDING: Kind = Kind { api_version: API_VERSION, kind: "RoleBinding" };
const CLUSTER_BINDING: Kind = Kind { api_version: API_VERSION, kind: "ClusterRoleBinding" };

pub(super) fn lower<'a>(world: &World<'a>, output: &mut Output<'a>) {
    for role in world.program.roles.iter().copied().filter(|role| !role.existing) {
        lower_role(world, role, output);
    }
    let mut taken = Taken::default();
    for grant in world.program.grants.iter().copied() {
        if grant.exception.as_ref().is_some_and(|exception| is_over(exception, world.as_of)) {
            continue;
        }
        match world.grant_scope(&grant.scope) {
            None => bind(world, grant, None, &mut taken, output),
            Some(namespaces) => {
                for namespace in namespaces {
                    bind(world, grant, Some(namespace), &mut taken, output);
                }
            }
        }
    }
}

fn lower_role<'a>(world: &World<'a>, role: &'a Role, output: &mut Output<'a>) {
    let kind = if role.namespace.is_some() { ROLE } else { CLUSTER_ROLE };
    let outlined = kind.named(role.namespace.as_deref(), &role.name, &role.origin);
    if output.shows() {
        // Nothing selects a Role by its labels.
        let mut labels = Labels::new();
        if role.namespace.is_none() {
            labels.extend(role.labels.clone());
            labels.extend(ownership(world));
        }
        let rules = if role.aggregation.is_none() { role.rules.clone() } else { Vec::new() };
        let facts = RoleFacts { rules, aggregation: role.aggregation.clone(), labels };
        return output.show(&outlined, Known::Role(facts));
    }
    output.object(world, kind, outlined, 0, |object| {
        // The control plane fills the rules of an aggregated role: sending any would fight it.
        match &role.aggregation {
            Some(selectors) => {
                object.insert("aggregationRule".to_owned(), json!({ "clusterRoleSelectors": selectors }))
            }
            None => object.insert("rules".to_owned(), role.rules.iter().map(rule_value).collect()),
        };
        let metadata = Metadata {
            labels: role.labels.clone(),
            annotations: Some(&role.annotations),
            doc: role.doc.as_deref().map(Cow::Borrowed),
            exception: None,
        };
        (Phase::Roles, metadata)
    });
}

fn rule_value(rule: &RoleRule) -> Value {
    let mut value = Map::from_iter([("verbs".to_owned(), json!(rule.verbs))]);
    if rule.urls.is_empty() {
        value.insert("apiGroups".to_owned(), json!(rule.api_groups));
        value.insert("resources".to_owned(), json!(rule.resources));
        if !rule.resource_names.is_empty() {
            value.insert("resourceNames".to_owned(), json!(rule.resource_names));
        }
    } else {
        value.insert("nonResourceURLs".to_owned(), json!(rule.urls));
    }
    Value::Object(value)
}

/// Which binding each generated name was given to: (namespace, name) to what it binds.
#[derive(Default)]
struct Taken<'a>(FxHashMap<(Option<&'a str>, String), String>);

fn bind<'a>(
    world: &World<'a>,
    grant: &'a Grant,
    namespace: Option<&'a str>,
    taken: &mut Taken<'a>,
    output: &mut Output<'a>,
) {
    let name: Cow<'a, str> = match &grant.name {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(generated_name(world, grant, namespace, taken)),
    };
    let kind = if namespace.is_some() { BINDING } else { CLUSTER_BINDING };
    let outlined = kind.named(namespace, name, &grant.origin);
    if output.shows() {
        let role = RoleRef {
            namespace: grant.role.namespace.as_ref().and(namespace).map(str::to_owned),
            name: grant.role.name.clone(),
        };
        let facts = BindingFacts { role, subjects: grant.subjects.clone(), built_in: false };
        return output.show(&outlined, Known::Binding(facts));
    }
    output.object(world, kind, outlined, 0, |object| {
        let role = json!({ "apiGroup": GROUP, "kind": role_kind(&grant.role), "name": grant.role.name });
        object.insert("roleRef".to_owned(), role);
        object.insert("subjects".to_owned(), grant.subjects.iter().map(subject_value).collect());
        let metadata = Metadata {
            labels: grant.labels.clone(),
            annotations: Some(&grant.annotations),
            doc: grant.doc.as_deref().map(Cow::Borrowed),
            exception: grant.exception.as_ref(),
        };
        (Phase::Grants, metadata)
    });
}

fn role_kind(role: &RoleRef) -> &'static str {
    if role.namespace.is_some() { "Role" } else { "ClusterRole" }
}

/// `ROLE:SUBJECT`, several subjects with `+` between; in the cluster's scope with the project before it. Two grants of the
/// same role to the same subjects have the same name and are one object declared twice; where a Role and a ClusterRole of
/// one name are granted alike, the second gets a hash.
fn generated_name<'a>(world: &World<'_>, grant: &Grant, namespace: Option<&'a str>, taken: &mut Taken<'a>) -> String {
    let subjects = grant.subjects.iter().map(subject_text).collect::<Vec<_>>().join("+");
    let project = &world.program.project.name;
    let role = &grant.role.name;
    let prefixed = role.strip_prefix(project.as_str()).is_some_and(|rest| rest.starts_with(':'));
    let text = if namespace.is_none() && !prefixed {
        format!("{project}:{role}:{subjects}")
    } else {
        format!("{role}:{subjects}")
    };
    let identity = format!("{} {role} {subjects}", role_kind(&grant.role));
    let name = names::rbac(&text, &identity);
    let key = (namespace, name.clone());
    if *taken.0.entry(key).or_insert_with(|| identity.clone()) == identity {
        name
    } else {
        names::hashed(&name, &identity)
    }
}

fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::User(name) => format!("user:{name}"),
        Subject::Group(name) => format!("group:{name}"),
        Subject::ServiceAccount { namespace, name } => format!("sa:{namespace}:{name}"),
    }
}

fn subject_value(subject: &Subject) -> Value {
    match subject {
        Subject::User(name) => json!({ "apiGroup": GROUP, "kind": "User", "name": name }),
        Subject::Group(name) => json!({ "apiGroup": GROUP, "kind": "Group", "name": name }),
        Subject::ServiceAccount { namespace, name } => {
            json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace })
        }
    }
}
