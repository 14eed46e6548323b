//! `… audited …` against single requests, judged as `audit/policy/checker.go` does.

use kspec_model::program::{Audit, AuditLevel, AuditResources, AuditRule, Audited, Claim, ClaimResource, Subject};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::{origin, outcome, program, violation};

const VERBS: [&str; 4] = ["get", "create", "delete", "watch"];
const RESOURCES: [&str; 5] = ["pods", "pods/log", "*/log", "pods/*", "*"];
const USERS: [&str; 2] = ["ann", "bob"];
const TEAMS: [&str; 4] = ["devs", "ops", "system:authenticated", "system:unauthenticated"];

fn rule() -> impl Strategy<Value = AuditRule> {
    let subject = prop_oneof![
        select(&USERS[..]).prop_map(|name| Subject::User(name.to_owned())),
        select(&TEAMS[..]).prop_map(|name| Subject::Group(name.to_owned())),
    ];
    let resources =
        (select(&["", "apps", "*"][..]), vec(select(&RESOURCES[..]), 0..=2), vec(select(&["a"][..]), 0..=1)).prop_map(
            |(group, resources, names)| AuditResources {
                group: group.to_owned(),
                resources: resources.into_iter().map(str::to_owned).collect(),
                resource_names: names.into_iter().map(str::to_owned).collect(),
            },
        );
    (
        any::<bool>(),
        vec(subject, 0..=2),
        vec(select(&VERBS[..]), 0..=2),
        vec(resources, 0..=2),
        vec(select(&["one", ""][..]), 0..=1),
    )
        .prop_map(|(drops, subjects, verbs, resources, namespaces)| AuditRule {
            level: if drops { AuditLevel::None } else { AuditLevel::Metadata },
            subjects,
            verbs: verbs.into_iter().map(str::to_owned).collect(),
            resources,
            namespaces: namespaces.into_iter().map(str::to_owned).collect(),
            urls: Vec::new(),
            omit_stages: Vec::new(),
            origin: origin(),
        })
}

/// A request, every value of every place that a rule may tell apart.
struct Request {
    user: &'static str,
    groups: Vec<&'static str>,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    name: &'static str,
    namespace: &'static str,
}

fn everything() -> Vec<Request> {
    let mut all = Vec::new();
    let proved = "system:authenticated";
    for (user, groups) in [
        ("ann", vec![proved]),
        ("bob", vec![proved]),
        ("eve", vec![proved]),
        ("eve", vec!["devs", proved]),
        ("eve", vec!["ops", proved]),
        ("system:anonymous", vec!["system:unauthenticated"]),
    ] {
        for verb in VERBS {
            for group in ["", "apps", "else"] {
                for (resource, subresource) in
                    [("pods", ""), ("pods", "log"), ("pods", "else"), ("else", ""), ("else", "log"), ("else", "else")]
                {
                    for name in ["a", "b"] {
                        for namespace in ["one", "two", ""] {
                            all.push(Request {
                                user,
                                groups: groups.clone(),
                                verb,
                                group,
                                resource,
                                subresource,
                                name,
                                namespace,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

fn is_recorded(audit: &Audit, request: &Request) -> bool {
    let says = |list: &[String], word: &str| list.iter().any(|one| one == word);
    let decides = audit.rules.iter().find(|rule| {
        let who = rule.subjects.iter().any(|subject| match subject {
            Subject::User(name) => name == request.user,
            Subject::Group(name) => request.groups.contains(&name.as_str()),
            Subject::ServiceAccount { .. } => false,
        });
        let on = rule.resources.iter().any(|entry| {
            let combined = match request.subresource {
                "" => request.resource.to_owned(),
                sub => format!("{}/{sub}", request.resource),
            };
            let named = entry.resource_names.is_empty() || says(&entry.resource_names, request.name);
            let one = |own: &String| {
                *own == combined
                    || own == "*"
                    || (!request.subresource.is_empty() && own.strip_prefix("*/") == Some(request.subresource))
                    || own.strip_suffix("/*") == Some(request.resource)
            };
            ["*", request.group].contains(&entry.group.as_str())
                && (entry.resources.is_empty() || (named && entry.resources.iter().any(one)))
        });
        (rule.subjects.is_empty() || who)
            && (rule.verbs.is_empty() || says(&rule.verbs, request.verb))
            && (rule.namespaces.is_empty() || says(&rule.namespaces, request.namespace))
            && (rule.resources.is_empty() || on)
    });
    decides.is_some_and(|rule| rule.level != AuditLevel::None)
}

fn audit_of(rules: Vec<AuditRule>) -> Audit {
    Audit { omit_stages: Vec::new(), omit_managed_fields: None, rules, origin: origin() }
}

#[test]
fn who_did_not_prove_who_they_are_asks_too() {
    let rule = |group: &str| AuditRule {
        level: AuditLevel::Metadata,
        subjects: vec![Subject::Group(group.to_owned())],
        verbs: Vec::new(),
        resources: Vec::new(),
        namespaces: Vec::new(),
        urls: Vec::new(),
        omit_stages: Vec::new(),
        origin: origin(),
    };
    let message = |claim: Audited, groups: &[&str]| {
        let mut program = program(true, Claim::Audited(claim));
        program.audit = Some(audit_of(groups.iter().map(|group| rule(group)).collect()));
        violation(outcome(&program, &[])).map(|violation| violation.message)
    };
    let secrets = || {
        let resource = "secrets".to_owned();
        let secrets = ClaimResource { group: String::new(), resource, subresource: String::new() };
        Audited::Requests { verbs: vec!["get".to_owned()], resources: vec![secrets] }
    };
    for claim in [Audited::Mutations, Audited::Authentication, secrets()] {
        let message = |groups: &[&str]| message(claim.clone(), groups);
        let said = message(&["system:authenticated"]).expect("a violation");
        assert!(said.ends_with("by user `system:anonymous` falls to no rule, and is not recorded"), "{said}");
        assert_eq!(message(&["system:authenticated", "system:unauthenticated"]), None);
    }
}

#[test]
fn what_belongs_to_no_namespace_is_asked_for_in_none() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let rule = |level, resources: &[(&str, &str)], namespaces: &[&str]| AuditRule {
        level,
        subjects: Vec::new(),
        verbs: Vec::new(),
        resources: resources
            .iter()
            .map(|(group, resource)| AuditResources {
                group: (*group).to_owned(),
                resources: words(&[resource]),
                resource_names: Vec::new(),
            })
            .collect(),
        namespaces: words(namespaces),
        urls: Vec::new(),
        omit_stages: Vec::new(),
        origin: origin(),
    };
    let message = |claim: Audited, dropped: &[(&str, &str)], namespaces: &[&str]| {
        let mut program = program(true, Claim::Audited(claim));
        let rules = vec![rule(AuditLevel::None, dropped, namespaces), rule(AuditLevel::Metadata, &[], &[])];
        program.audit = Some(audit_of(rules));
        violation(outcome(&program, &[])).map(|violation| violation.message)
    };
    let cluster = [("authentication.k8s.io", "tokenreviews"), ("", "nodes")];
    assert_eq!(message(Audited::Authentication, &cluster, &["payments"]), None);
    assert_eq!(message(Audited::Mutations, &cluster, &["payments"]), None);
    assert_eq!(
        message(Audited::Mutations, &cluster, &[]).as_deref(),
        Some("`create` on tokenreviews.authentication.k8s.io by user `somebody` is not recorded")
    );
    // What nobody knows may belong to one; a namespace is asked for in itself.
    let unknown = message(Audited::Mutations, &[("example.com", "things")], &["payments"]);
    assert_eq!(
        unknown.as_deref(),
        Some("`create` on things.example.com in namespace `payments` by user `somebody` is not recorded")
    );
    let namespaces = message(Audited::Mutations, &[("", "namespaces")], &["payments"]);
    assert_eq!(
        namespaces.as_deref(),
        Some("`update` on namespaces named `payments` by user `somebody` is not recorded")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn audited_is_what_single_requests_say(
        rules in vec(rule(), 0..=4),
        verbs in vec(select(&VERBS[..]), 1..=2),
        (group, resource, subresource) in (select(&["", "apps", "*"][..]), select(&["pods", "*"][..]), select(&["", "log"][..])),
        always in any::<bool>(),
    ) {
        let audit = audit_of(rules);
        let resource = ClaimResource { group: group.to_owned(), resource: resource.to_owned(), subresource: subresource.to_owned() };
        let meant = |request: &Request| {
            let sub = if resource.resource == "*" && resource.subresource.is_empty() { None } else { Some(resource.subresource.as_str()) };
            verbs.contains(&request.verb)
                && (group == "*" || group == request.group)
                && (resource.resource == "*" || resource.resource == request.resource)
                && sub.is_none_or(|sub| sub == request.subresource)
        };
        let wrong = everything().iter().any(|request| meant(request) && is_recorded(&audit, request) != always);
        let claim = Audited::Requests { verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(), resources: vec![resource.clone()] };
        let mut program = program(always, Claim::Audited(claim));
        program.audit = Some(audit.clone());
        let violated = violation(outcome(&program, &[]));
        prop_assert_eq!(violated.is_some(), wrong, "{:#?}\n{:#?}", audit.rules, violated);
    }
}
