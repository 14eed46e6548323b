//! Roles and grants: K0126, K0201, K0202, K0204, K0205.

use kspec_diagnostics::{Finding, codes};
use kspec_model::{
    LabelSelector,
    program::{GrantScope, NetworkScope, Origin, RoleRule},
};

use crate::{Facts, report};

/// Verbs that hand out more than the role itself holds.
const ESCALATING: [(&str, &str); 3] = [
    ("escalate", "whoever has it may write roles that allow more than they themselves may do"),
    ("bind", "whoever has it may bind roles that allow more than they themselves may do"),
    ("impersonate", "whoever has it may act as others"),
];

/// The label that the API server sets and nobody can change.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

pub(crate) fn purposes(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let roles = facts.program.roles.iter().filter(|role| !role.existing && role.doc.is_none());
    findings.extend(
        roles.map(|role| no_purpose(format!("role `{}` says nowhere what it is for", role.name), &role.origin)),
    );
    // An exception states its reason.
    let grants = facts.program.grants.iter().filter(|grant| grant.doc.is_none() && grant.exception.is_none());
    findings.extend(grants.map(|grant| {
        let to = grant.subjects.iter().map(report::subject).collect::<Vec<_>>().join(", ");
        no_purpose(
            format!("the grant of {} to {to} says nowhere what it is for", report::role(&grant.role)),
            &grant.origin,
        )
    }));
}

fn no_purpose(message: String, origin: &Origin) -> Finding {
    report::at(codes::NO_PURPOSE, message, origin)
        .help("write it above, after `///`: it is kept on the object as `kspec.dev/purpose`, where reviewers look")
}

pub(crate) fn rules(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for role in facts.program.roles.iter().filter(|role| !role.existing) {
        let wild: Vec<String> = role.rules.iter().filter_map(wildcard).collect();
        if !wild.is_empty() {
            findings.push(
                report::at(codes::WILDCARD, format!("role `{}` uses a wildcard", role.name), &role.origin)
                    .witness(wild)
                    .help(
                        "name the verbs and resources: a wildcard also allows what later versions and others' CRDs add",
                    ),
            );
        }
        for (verb, why) in ESCALATING {
            let Some(rule) = role.rules.iter().find(|rule| rule.verbs.iter().any(|other| other == verb)) else {
                continue;
            };
            findings.push(
                report::at(
                    codes::ESCALATING_VERB,
                    format!("role `{}` allows `{verb}`: {why}", role.name),
                    &role.origin,
                )
                .witness(vec![format!(
                    "allows {} on {}",
                    report::list(rule.verbs.iter().map(String::as_str)),
                    report::list(rule.resources.iter().map(String::as_str))
                )])
                .help("drop the verb, or limit it with `named` to what it is needed for"),
            );
        }
    }
}

/// What a rule's wildcard allows.
fn wildcard(rule: &RoleRule) -> Option<String> {
    let any = |items: &[String]| items.iter().any(|item| item == "*");
    let resources =
        rule.resources.iter().any(|resource| resource == "*" || resource.starts_with("*/") || resource.ends_with("/*"));
    let urls = rule.urls.iter().any(|url| url == "*" || url == "/*");
    if !(any(&rule.verbs) || any(&rule.api_groups) || resources || urls) {
        return None;
    }
    let verbs =
        if any(&rule.verbs) { "every verb".to_owned() } else { report::list(rule.verbs.iter().map(String::as_str)) };
    let on = if !rule.urls.is_empty() {
        report::list(rule.urls.iter().map(String::as_str))
    } else if any(&rule.resources) && any(&rule.api_groups) {
        "every resource of every group, future ones included".to_owned()
    } else if any(&rule.resources) {
        format!(
            "every resource of {}",
            rule.api_groups
                .iter()
                .map(|group| if group.is_empty() { "the core group" } else { group })
                .collect::<Vec<_>>()
                .join(", ")
        )
    } else {
        let groups = if any(&rule.api_groups) { " of every group" } else { "" };
        format!("{}{groups}", report::list(rule.resources.iter().map(String::as_str)))
    };
    Some(format!("allows {verbs} on {on}"))
}

pub(crate) fn dynamic_scopes(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for grant in facts.program.grants.iter().copied() {
        let GrantScope::Where(selector) = &grant.scope else { continue };
        if by_label(selector) {
            let to = grant.subjects.iter().map(report::subject).collect::<Vec<_>>().join(", ");
            findings.push(
                report::at(
                    codes::DYNAMIC_SCOPE_LABELS,
                    format!("whoever may label a namespace decides where {to} gets {}", report::role(&grant.role)),
                    &grant.origin,
                )
                .witness(vec![
                    format!("a namespace is given the labels {}", report::selector(selector)),
                    "the next `apply` binds the role there".to_owned(),
                ])
                .help("keep `patch` and `update` on namespaces to few, or name the namespaces"),
            );
        }
        findings.push(later(&format!("the grant of {}", report::role(&grant.role)), &grant.origin));
    }
    for network in &facts.program.networks {
        if matches!(network.scope, NetworkScope::Where(_)) {
            findings.push(later("this network", &network.origin));
        }
    }
}

/// Whether anybody could change which namespaces match.
fn by_label(selector: &LabelSelector) -> bool {
    let keys =
        selector.match_labels.keys().chain(selector.match_expressions.iter().map(|requirement| &requirement.key));
    keys.into_iter().any(|key| key != NAMESPACE_NAME)
}

fn later(what: &str, origin: &Origin) -> Finding {
    report::at(
        codes::DYNAMIC_SCOPE_NO_RECONCILER,
        format!("{what} covers namespaces that appear later only from the next `apply` on"),
        origin,
    )
    .help("have `apply` run when namespaces are made, or on a schedule")
}
