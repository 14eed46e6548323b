//! `… audited …`: which requests the program's audit policy records.
//!
//! The first rule that matches a request decides (`staging/src/k8s.io/apiserver/pkg/audit/policy/checker.go`). So a request
//! that is not recorded is one that a rule of level `none` decides, or that no rule matches; for each such rule a request is made
//! that matches it, of values that it names where it names some and of values that no rule names where it does not. Nothing else
//! can be matched by fewer of the rules before it: so that if any request of the kind falls to that rule, one of these does.

use std::collections::BTreeSet;

use kspec_analysis::access::{SubjectRef, effective_groups};
use kspec_model::program::{Audit, AuditLevel, AuditResources, AuditRule, Audited, ClaimResource, Grant, Subject};

use kspec_schema::Schema;

use super::{Outcome, Prover, Responsible, Violation, say};

/// Verbs of requests that change an object.
const CHANGES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// Requests by which an identity is proved, or a proof of one is issued: group, resource, subresource, verbs.
const CREDENTIALS: [(&str, &str, &str, &[&str]); 5] = [
    ("authentication.k8s.io", "tokenreviews", "", &["create"]),
    ("authentication.k8s.io", "selfsubjectreviews", "", &["create"]),
    ("", "serviceaccounts", "token", &["create"]),
    ("certificates.k8s.io", "certificatesigningrequests", "", &["create"]),
    ("certificates.k8s.io", "certificatesigningrequests", "approval", &["update", "patch"]),
];
/// Values that no policy names by chance.
const FRESH: (&str, &str, &str) = ("example.com", "widgets", "some-object");
const SOMEBODY: &str = "somebody";
/// Who did not prove who they are. Their requests are recorded as any other, and refused or not.
const ANONYMOUS: &str = "system:anonymous";
const SOMEWHERE: &str = "some-namespace";

/// Requests that are alike; `*` stands for all.
struct Sort<'c> {
    /// Who asks; none for anyone.
    who: Option<SubjectRef>,
    verbs: Vec<&'c str>,
    group: &'c str,
    resource: &'c str,
    subresource: &'c str,
    /// Whether requests for URLs are of the sort too.
    urls: bool,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    who: SubjectRef,
    verb: String,
    on: On,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum On {
    Url(String),
    Object { group: String, resource: String, subresource: String, name: String, namespace: String },
}

impl Prover<'_, '_> {
    pub(super) fn audited(&self, always: bool, audited: &Audited, notes: &mut Vec<String>) -> Outcome {
        let Some(audit) = &self.program.audit else {
            let why = "the program declares no audit policy, so that it is not known what is recorded";
            return Outcome::NotDecided(why.to_owned());
        };
        let holders: Vec<&Grant> = self.program.grants.iter().copied().filter(|grant| grant.break_glass).collect();
        if *audited == Audited::BreakGlass && holders.is_empty() {
            notes.push("the program has no `break_glass`".to_owned());
        }
        notes.push("groups that only an authenticator knows of are not looked at".to_owned());
        for sort in sorts(audited, &holders) {
            let Some((request, rule)) = find(audit, &sort, !always, self.survey.schema) else { continue };
            let (message, text) = match (rule, always) {
                (None, _) => (format!("{} falls to no rule, and is not recorded", request.say()), None),
                (Some(rule), true) => (
                    format!("{} is not recorded", request.say()),
                    Some(("this rule decides, and records nothing", rule)),
                ),
                (Some(rule), false) => (
                    format!("{} is recorded at {}", request.say(), rule.level.as_str()),
                    Some(("this rule decides, and records it", rule)),
                ),
            };
            let responsible = text.map(|(text, rule)| Responsible {
                object: policy(),
                place: rule.origin.at.into(),
                text: text.to_owned(),
            });
            let responsible = responsible.unwrap_or_else(|| Responsible {
                object: policy(),
                place: audit.origin.at.into(),
                text: "no rule of it matches".to_owned(),
            });
            let help = if always {
                "record it before: `metadata …`, or `metadata otherwise` at the end"
            } else {
                "put a `none` rule before it"
            };
            return Outcome::Violated(Violation {
                witness: vec![message.clone(), "the first rule that matches decides".to_owned()],
                message,
                responsible: vec![responsible],
                help: help.to_owned(),
            });
        }
        Outcome::Holds
    }
}

fn policy() -> kspec_model::ObjectKey {
    kspec_model::ObjectKey {
        group: "audit.k8s.io".to_owned(),
        kind: "Policy".to_owned(),
        namespace: None,
        name: "audit".to_owned(),
    }
}

fn sorts<'c>(audited: &'c Audited, holders: &[&Grant]) -> Vec<Sort<'c>> {
    let all = |verbs: Vec<&'c str>| Sort { who: None, verbs, group: "*", resource: "*", subresource: "*", urls: false };
    match audited {
        Audited::Mutations => vec![all(CHANGES.to_vec())],
        Audited::Authentication => CREDENTIALS
            .iter()
            .map(|(group, resource, subresource, verbs)| Sort { group, resource, subresource, ..all(verbs.to_vec()) })
            .collect(),
        Audited::BreakGlass => {
            let subjects: BTreeSet<SubjectRef> =
                holders.iter().flat_map(|grant| &grant.subjects).map(SubjectRef::from).collect();
            let of = |who: SubjectRef| Sort { who: Some(who), urls: true, ..all(VERBS.to_vec()) };
            subjects.into_iter().map(of).collect()
        }
        Audited::Requests { verbs, resources } => {
            let verbs: Vec<&str> = if verbs.iter().any(|verb| verb == "*") {
                VERBS.to_vec()
            } else {
                verbs.iter().map(String::as_str).collect()
            };
            let sort = |ClaimResource { group, resource, subresource }: &'c ClaimResource| Sort {
                group,
                resource,
                // `any` alone is every resource and subresource.
                subresource: if resource == "*" && subresource.is_empty() { "*" } else { subresource },
                ..all(verbs.clone())
            };
            resources.iter().map(sort).collect()
        }
    }
}

/// A request of a sort that is recorded, or one that is not, with the rule that decides.
fn find<'a>(
    audit: &'a Audit,
    sort: &Sort<'_>,
    recorded: bool,
    schema: &Schema,
) -> Option<(Request, Option<&'a AuditRule>)> {
    let targets = audit.rules.iter().map(Some).chain([None]);
    targets.filter(|target| target.is_some_and(|rule| records(audit, rule)) == recorded).find_map(|target| {
        candidates(sort, target).into_iter().map(|request| request.placed(schema)).find_map(|request| {
            let rule = audit.rules.iter().find(|rule| matches(rule, &request));
            (rule.is_some_and(|rule| records(audit, rule)) == recorded).then_some((request, rule))
        })
    })
}

/// Whether what a rule decides leaves a trace. A request that is not a watch has two stages, its beginning and its end, unless it
/// panics.
fn records(audit: &Audit, rule: &AuditRule) -> bool {
    let omitted = |stage: &str| audit.omit_stages.iter().chain(&rule.omit_stages).any(|known| known == stage);
    rule.level != AuditLevel::None && !(omitted("RequestReceived") && omitted("ResponseComplete"))
}

/// Requests of a sort that a rule matches, if any such are; without a rule, some that no rule names a value of.
fn candidates(sort: &Sort<'_>, rule: Option<&AuditRule>) -> Vec<Request> {
    // The groups that authentication adds tell these two apart, whoever they are.
    let anyone = || [SOMEBODY, ANONYMOUS].map(|name| SubjectRef::User { name: name.to_owned() }).to_vec();
    let named: Vec<SubjectRef> = rule.iter().flat_map(|rule| &rule.subjects).map(SubjectRef::from).collect();
    let who = match &sort.who {
        Some(who) => vec![who.clone()],
        None if named.is_empty() => anyone(),
        None => named,
    };
    let verbs: Vec<&str> = match rule {
        Some(rule) if !rule.verbs.is_empty() => {
            let unknown = rule.verbs.iter().map(String::as_str);
            let known = sort.verbs.iter().copied().filter(|verb| rule.verbs.iter().any(|own| own == verb));
            if sort.urls { unknown.collect() } else { known.collect() }
        }
        _ => sort.verbs.clone(),
    };
    let mut on = objects(sort, rule);
    if sort.urls {
        let urls: Vec<String> =
            rule.map(|rule| rule.urls.iter().map(|url| url.replace('*', "x")).collect()).unwrap_or_default();
        on.extend(urls.into_iter().chain(["/some-path".to_owned()]).map(On::Url));
    }
    let mut requests = Vec::new();
    for who in &who {
        for verb in &verbs {
            requests.extend(on.iter().map(|on| Request { who: who.clone(), verb: (*verb).to_owned(), on: on.clone() }));
        }
    }
    requests
}

/// What requests of a sort may be on, such that a rule matches.
fn objects(sort: &Sort<'_>, rule: Option<&AuditRule>) -> Vec<On> {
    let mut kinds: Vec<(String, String, String, Vec<String>)> = Vec::new();
    let own = |text: &str, fresh: &str| if text == "*" { fresh.to_owned() } else { text.to_owned() };
    let fresh_sub = if sort.subresource == "*" { String::new() } else { sort.subresource.to_owned() };
    for entry in rule.iter().flat_map(|rule| &rule.resources) {
        let resources: Vec<&str> = entry.resources.iter().map(String::as_str).collect();
        let resources = if resources.is_empty() { vec!["*"] } else { resources };
        for resource in resources {
            let (main, sub) = resource.split_once('/').unwrap_or((resource, ""));
            let main = if sort.resource == "*" { own(main, FRESH.1) } else { sort.resource.to_owned() };
            let sub = if sort.subresource == "*" { own(sub, "") } else { sort.subresource.to_owned() };
            let group = if sort.group == "*" { own(&entry.group, FRESH.0) } else { sort.group.to_owned() };
            kinds.push((group, main, sub, entry.resource_names.clone()));
        }
    }
    kinds.push((own(sort.group, FRESH.0), own(sort.resource, FRESH.1), fresh_sub, Vec::new()));
    let mut namespaces: Vec<&str> = rule.iter().flat_map(|rule| &rule.namespaces).map(String::as_str).collect();
    namespaces.extend([SOMEWHERE, ""]);
    let mut on = Vec::new();
    for (group, resource, subresource, names) in kinds {
        for name in names.iter().map(String::as_str).chain([FRESH.2]) {
            on.extend(namespaces.iter().map(|namespace| On::Object {
                group: group.clone(),
                resource: resource.clone(),
                subresource: subresource.clone(),
                name: name.to_owned(),
                namespace: (*namespace).to_owned(),
            }));
        }
    }
    on
}

/// Whether a rule of the program matches: any of its subjects, and any of what it names.
fn matches(rule: &AuditRule, request: &Request) -> bool {
    let subject = rule.subjects.is_empty() || rule.subjects.iter().any(|subject| is(subject, &request.who));
    let verb = rule.verbs.is_empty() || rule.verbs.contains(&request.verb);
    let about_objects = !rule.resources.is_empty() || !rule.namespaces.is_empty();
    let what = match &request.on {
        _ if !about_objects && rule.urls.is_empty() => true,
        On::Url(url) => rule
            .urls
            .iter()
            .any(|own| own == url || own.strip_suffix('*').is_some_and(|prefix| url.starts_with(prefix))),
        On::Object { group, resource, subresource, name, namespace } => {
            about_objects
                && (rule.namespaces.is_empty() || rule.namespaces.contains(namespace))
                && (rule.resources.is_empty()
                    || rule.resources.iter().any(|entry| names(entry, group, resource, subresource, name)))
        }
    };
    subject && verb && what
}

fn is(subject: &Subject, who: &SubjectRef) -> bool {
    match (SubjectRef::from(subject), who) {
        (SubjectRef::Group { name }, SubjectRef::User { name: user }) => effective_groups(user, &[]).contains(&name),
        (subject, who) => who.acts_as(&subject),
    }
}

fn names(entry: &AuditResources, group: &str, resource: &str, subresource: &str, name: &str) -> bool {
    if entry.group != group && entry.group != "*" {
        return false;
    }
    if entry.resources.is_empty() {
        return true;
    }
    let named = entry.resource_names.is_empty() || entry.resource_names.iter().any(|own| own == name);
    named
        && entry.resources.iter().any(|own| match own.split_once('/') {
            None => own == "*" || (own == resource && subresource.is_empty()),
            Some(("*", sub)) => !subresource.is_empty() && sub == subresource,
            Some((main, "*")) => main == resource,
            Some((main, sub)) => main == resource && sub == subresource,
        })
}

impl Request {
    /// The same, where it can be made: what belongs to no namespace is asked for in none (`ruleMatchesResource` of the checker: "Non-namespaced
    /// resources use the empty string"). Of a namespace itself, its name is the namespace, where the URL has it (`requestinfo.go` of
    /// `k8s.io/apiserver`). What no schema knows may be of either sort.
    fn placed(mut self, schema: &Schema) -> Self {
        let verb = self.verb.as_str();
        if let On::Object { group, resource, subresource, name, namespace } = &mut self.on
            && schema.resource(group, resource).is_some_and(|kind| !kind.namespaced)
        {
            let nameless = subresource.is_empty() && matches!(verb, "create" | "list" | "watch" | "deletecollection");
            if (group.as_str(), resource.as_str()) != ("", "namespaces") || nameless {
                namespace.clear();
            } else if namespace.is_empty() || name != FRESH.2 {
                namespace.clone_from(name);
            } else {
                name.clone_from(namespace);
            }
        }
        self
    }

    fn say(&self) -> String {
        let what = match &self.on {
            On::Url(url) => format!("`{}` on {url}", self.verb),
            On::Object { group, resource, subresource, name, namespace } => {
                // Of a namespace, the place is its name once more.
                let is_namespace = (group.as_str(), resource.as_str()) == ("", "namespaces");
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
                let is_nowhere = namespace.is_empty() || is_namespace;
                let place = if is_nowhere { String::new() } else { format!(" in namespace `{namespace}`") };
                let is_any = name == FRESH.2 || is_namespace && name == SOMEWHERE;
                let name = if is_any { String::new() } else { format!(" named `{name}`") };
                format!("`{}` on {resource}{group}{sub}{name}{place}", self.verb)
            }
        };
        format!("{what} by {}", say(&self.who))
    }
}
