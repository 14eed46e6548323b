//! Answers about access, for people.

use super::access_changes::subject;
use kspec_analysis::access::{Request, effective_groups};
use kspec_query::document::{CanIDocument, Chain, CoversDocument, Rule, RulesDocument, WhoCanDocument};

/// `yes` with the chains, or `no` with whom nothing is given to.
pub(crate) fn can_i(document: &CanIDocument, request: &Request) -> String {
    if !document.allowed {
        let groups = effective_groups(&request.user, &request.groups).join(", ");
        let user = if request.user.is_empty() { String::new() } else { format!("user {} or ", request.user) };
        return format!("no\n  no binding gives it to {user}the groups {groups}\n");
    }
    let mut text = "yes\n".to_owned();
    document.because.iter().for_each(|link| text.push_str(&format!("  {}\n", chain(link, true))));
    text
}

/// A subject a paragraph.
pub(crate) fn who_can(document: &WhoCanDocument) -> String {
    let mut text = String::new();
    for allowed in &document.subjects {
        text.push_str(&format!("{}\n", subject(&allowed.subject)));
        allowed.because.iter().for_each(|link| text.push_str(&format!("  {}\n", chain(link, false))));
    }
    text
}

/// A rule a line, under the binding that gives it.
pub(crate) fn rules(document: &RulesDocument) -> String {
    let mut text = String::new();
    let mut last = None;
    for held in &document.rules {
        let head = (&held.binding, &held.role, &held.subject);
        if last != Some(head) {
            let place = held.namespace.as_ref().map_or("everywhere".to_owned(), |name| format!("in {name}"));
            let by = match (&held.binding, &held.role) {
                (Some(binding), Some(role)) => format!("by {binding} → {role}"),
                _ => "needs no binding".to_owned(),
            };
            text.push_str(&format!("{place}, as {}, {by}\n", subject(&held.subject)));
            last = Some(head);
        }
        text.push_str(&format!("  {}\n", rule(&held.rule)));
    }
    if text.is_empty() {
        text.push_str("nothing\n");
    }
    text
}

/// What the escalation check says to each object.
pub(crate) fn covers(document: &CoversDocument) -> String {
    let mut text = String::new();
    for object in &document.objects {
        let answer = if object.allowed { "yes" } else { "no" };
        text.push_str(&format!("{answer}: {}\n", object.object));
        let why = match object.by.as_deref() {
            Some("masters") => Some("members of system:masters may grant anything"),
            Some("escalate") => Some("they hold the verb escalate on it"),
            Some("bind") => Some("they hold the verb bind on the role"),
            Some(_) => Some("they hold every permission of it"),
            None if object.role_missing => Some("the role does not exist: only a holder of bind may bind it"),
            None => Some("they do not hold"),
        };
        text.extend(why.map(|why| format!("  {why}\n")));
        object.because.iter().for_each(|link| text.push_str(&format!("    {}\n", chain(link, true))));
        object.missing.iter().for_each(|missing| text.push_str(&format!("    {}\n", rule(missing))));
        if !object.may_create {
            text.push_str("  they may not create such an object in the first place\n");
        }
    }
    text
}

fn chain(chain: &Chain, with_subject: bool) -> String {
    let whom = if with_subject { format!("as {}: ", subject(&chain.subject)) } else { String::new() };
    match (&chain.binding, &chain.role, &chain.rule) {
        (Some(binding), Some(role), Some(allowed)) => format!("{whom}{binding} → {role}: {}", rule(allowed)),
        _ => format!("{whom}skips authorization"),
    }
}

/// `get, list on pods, deployments.apps named web`
pub(super) fn rule(rule: &Rule) -> String {
    let mut on: Vec<String> = rule.non_resource_urls.clone();
    for resource in &rule.resources {
        on.extend(rule.api_groups.iter().map(|group| match (group.as_str(), resource.split_once('/')) {
            ("", _) => resource.clone(),
            (group, Some((resource, subresource))) => format!("{resource}.{group}/{subresource}"),
            (group, None) => format!("{resource}.{group}"),
        }));
    }
    let names = if rule.resource_names.is_empty() {
        String::new()
    } else {
        format!(" named {}", rule.resource_names.join(", "))
    };
    format!("{} on {}{names}", rule.verbs.join(", "), on.join(", "))
}
