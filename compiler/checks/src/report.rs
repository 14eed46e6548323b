//! Findings with the chain of stamps that led to a declaration, and words that several checks use.

use kspec_diagnostics::{Code, Finding};
use kspec_model::{
    LabelSelector, Operator, Requirement,
    program::{Origin, Peer, RoleRef, Subject},
};

/// A finding at a declaration; each template use that led to it is a party.
pub(crate) fn at(code: Code, message: impl Into<String>, origin: &Origin) -> Finding {
    origin
        .uses
        .iter()
        .fold(Finding::new(code, message, origin.at), |finding, place| finding.label(*place, "stamped here"))
}

/// A few items, in words.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}

/// ``group `oidc:sre` ``.
pub(crate) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::User(name) => format!("user `{name}`"),
        Subject::Group(name) => format!("group `{name}`"),
        Subject::ServiceAccount { namespace, name } => format!("service account `{namespace}/{name}`"),
    }
}

/// `` `payments/release` ``.
pub(crate) fn role(role: &RoleRef) -> String {
    match &role.namespace {
        Some(namespace) => format!("`{namespace}/{}`", role.name),
        None => format!("`{}`", role.name),
    }
}

/// One end of an edge.
pub(crate) fn peer(peer: &Peer) -> String {
    match peer {
        Peer::Workload { namespace, name } => format!("`{namespace}/{name}`"),
        Peer::Namespace(name) => format!("namespace `{name}`"),
        Peer::All => "`all`".to_owned(),
        Peer::Any => "`any`".to_owned(),
        Peer::Dns => "`dns`".to_owned(),
        Peer::Internet => "`internet`".to_owned(),
        Peer::Cidr { block, except } if except.is_empty() => format!("{block}"),
        Peer::Cidr { block, except } => {
            format!("{block} except {}", except.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Peer::Pods { pods, .. } => format!("pods with {}", selector(pods)),
    }
}

/// A label selector as `kubectl -l` writes it.
pub(crate) fn selector(selector: &LabelSelector) -> String {
    if selector.is_empty() {
        return "any labels".to_owned();
    }
    let pairs = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.chain(selector.match_expressions.iter().map(requirement)).collect::<Vec<_>>().join(",")
}

fn requirement(requirement: &Requirement) -> String {
    let Requirement { key, operator, values } = requirement;
    match operator {
        Operator::In => format!("{key} in ({})", values.join(",")),
        Operator::NotIn => format!("{key} notin ({})", values.join(",")),
        Operator::Exists => key.clone(),
        Operator::DoesNotExist => format!("!{key}"),
    }
}
