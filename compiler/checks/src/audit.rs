//! The audit policy: K0801 rules that never decide, K0802 rules that record secrets.

use kspec_diagnostics::{Finding, codes};
use kspec_model::program::{AuditLevel, AuditResources, AuditRule};

use crate::{Facts, report};

pub(crate) fn unreachable(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(audit) = facts.program.audit else { return };
    for (index, rule) in audit.rules.iter().enumerate() {
        let Some(earlier) = audit.rules.iter().take(index).find(|earlier| covers(earlier, rule)) else { continue };
        findings.push(
            report::at(
                codes::UNREACHABLE_AUDIT_RULE,
                "this rule never decides: an earlier one matches everything that it does",
                &rule.origin,
            )
            .label(earlier.origin.at, format!("decides first, with {}", earlier.level.as_str()))
            .witness(vec![format!(
                "every request that it matches is recorded at {}, and the first match wins",
                earlier.level.as_str()
            )])
            .help("move it before the other, or drop it"),
        );
    }
}

pub(crate) fn secret_bodies(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(audit) = facts.program.audit else { return };
    for (index, rule) in audit.rules.iter().enumerate() {
        let Some(verb) = recorded_verb(rule) else { continue };
        let Some(about_secrets) = narrowed_to_secrets(rule) else { continue };
        if audit.rules.iter().take(index).any(|earlier| covers(earlier, &about_secrets)) {
            continue;
        }
        findings.push(
            report::at(
                codes::SECRET_BODIES_RECORDED,
                format!("secrets' contents go to the audit log: this rule records bodies at {}", rule.level.as_str()),
                &rule.origin,
            )
            .witness(vec![format!(
                "a `{verb}` of a Secret is recorded with its data, in plain text for whoever reads the log"
            )])
            .help("put `metadata on secrets, configmaps` before it"),
        );
    }
}

/// A verb of the rule whose body holds the object at the rule's level.
fn recorded_verb(rule: &AuditRule) -> Option<&'static str> {
    let verbs: &[&str] = match rule.level {
        AuditLevel::None | AuditLevel::Metadata => &[],
        AuditLevel::Request => &["create", "update", "patch"],
        AuditLevel::RequestResponse => &["create", "update", "patch", "get", "list", "delete", "deletecollection"],
    };
    verbs.iter().find(|verb| rule.verbs.is_empty() || rule.verbs.iter().any(|own| own == *verb || own == "*")).copied()
}

/// The part of a rule that is about secrets.
fn narrowed_to_secrets(rule: &AuditRule) -> Option<AuditRule> {
    let unrestricted = rule.resources.is_empty() && (rule.urls.is_empty() || !rule.namespaces.is_empty());
    let named = rule.resources.iter().find(|resources| is_of(resources, "") && names(resources, "secrets"));
    let resource_names = match (unrestricted, named) {
        (true, _) => Vec::new(),
        (false, Some(resources)) => resources.resource_names.clone(),
        (false, None) => return None,
    };
    let secrets = AuditResources { group: String::new(), resources: vec!["secrets".to_owned()], resource_names };
    Some(AuditRule { resources: vec![secrets], urls: Vec::new(), ..rule.clone() })
}

/// Whether `wide` matches every request that `narrow` matches.
fn covers(wide: &AuditRule, narrow: &AuditRule) -> bool {
    within(&wide.subjects, &narrow.subjects)
        && (wide.verbs.iter().any(|verb| verb == "*") || within(&wide.verbs, &narrow.verbs))
        && (matches_anything(wide)
            || (!matches_anything(narrow) && objects_cover(wide, narrow) && urls_cover(wide, narrow)))
}

/// An empty list is no restriction.
fn within<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|item| wide.contains(item)))
}

fn matches_anything(rule: &AuditRule) -> bool {
    !about_objects(rule) && rule.urls.is_empty()
}

fn about_objects(rule: &AuditRule) -> bool {
    !rule.resources.is_empty() || !rule.namespaces.is_empty()
}

fn objects_cover(wide: &AuditRule, narrow: &AuditRule) -> bool {
    if !about_objects(narrow) {
        return true;
    }
    about_objects(wide)
        && within(&wide.namespaces, &narrow.namespaces)
        && (wide.resources.is_empty()
            || (!narrow.resources.is_empty()
                && narrow.resources.iter().all(|one| resources_cover(&wide.resources, one))))
}

fn resources_cover(wide: &[AuditResources], narrow: &AuditResources) -> bool {
    let of_group = || {
        wide.iter().filter(|wide| is_of(wide, &narrow.group) && within(&wide.resource_names, &narrow.resource_names))
    };
    if narrow.resources.is_empty() {
        return of_group()
            .any(|wide| wide.resources.is_empty() || wide.resources.iter().any(|resource| resource == "*"));
    }
    narrow.resources.iter().all(|resource| of_group().any(|wide| names(wide, resource)))
}

/// Whether an entry is about a group; `*` is about every one.
fn is_of(entry: &AuditResources, group: &str) -> bool {
    entry.group == group || entry.group == "*"
}

/// Whether an entry matches a resource, by the API server's own rules: `*` is all, `*/scale` that subresource of all,
/// `pods/*` pods and each subresource of theirs.
fn names(entry: &AuditResources, resource: &str) -> bool {
    entry.resources.is_empty()
        || entry.resources.iter().any(|own| {
            let (main, sub) = resource.split_once('/').map_or((resource, None), |(main, sub)| (main, Some(sub)));
            own == resource
                || own == "*"
                || own.strip_prefix("*/").is_some_and(|own| Some(own) == sub)
                || own.strip_suffix("/*").is_some_and(|own| own == main)
        })
}

fn urls_cover(wide: &AuditRule, narrow: &AuditRule) -> bool {
    narrow.urls.iter().all(|url| {
        wide.urls.iter().any(|own| {
            own == url || own.strip_suffix('*').is_some_and(|prefix| url.trim_end_matches('*').starts_with(prefix))
        })
    })
}
