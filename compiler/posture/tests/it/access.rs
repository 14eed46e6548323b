//! `… can …` against single questions to the authorizer.

use kspec_analysis::access::{Index, Request, effective_groups};
use kspec_model::{
    LabelSelector, Object,
    cluster::Cluster,
    program::{Can, Claim, ClaimResource, ClaimScope, RoleRef, Subject, Who},
};
use kspec_posture::{
    Survey,
    guarantees::{Outcome, judge},
};
use kspec_schema::{KubeVersion, Schema};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::support::{DAY, outcome, program, violation};

const VERBS: [&str; 5] = ["get", "list", "create", "patch", "*"];
const GROUPS: [&str; 3] = ["", "apps", "*"];
const RESOURCES: [&str; 6] = ["pods", "pods/log", "secrets", "*", "*/log", "pods/"];
const NAMES: [&str; 2] = ["a", "b"];
const NAMESPACES: [&str; 3] = ["one", "two", "three"];

fn some<T: Clone + std::fmt::Debug + 'static>(from: &'static [T], most: usize) -> impl Strategy<Value = Vec<T>> {
    vec(select(from), 1..=most).prop_map(|mut list| {
        list.truncate(3);
        list
    })
}

fn rule() -> impl Strategy<Value = Value> {
    (some(&VERBS, 2), some(&GROUPS, 2), some(&RESOURCES, 2), vec(select(&NAMES[..]), 0..=1)).prop_map(
        |(verbs, groups, resources, names)| {
            json!({ "verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names })
        },
    )
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        select(&["ann", "bob"][..]).prop_map(|name| Subject::User(name.to_owned())),
        select(
            &[
                "devs",
                "ops",
                "system:authenticated",
                "system:serviceaccounts",
                "system:serviceaccounts:one",
                "system:masters"
            ][..]
        )
        .prop_map(|name| Subject::Group(name.to_owned())),
        select(&NAMESPACES[..]).prop_map(|namespace| Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: "robot".to_owned()
        }),
    ]
}

fn as_json(subject: &Subject) -> Value {
    let api = "rbac.authorization.k8s.io";
    match subject {
        Subject::User(name) => json!({ "kind": "User", "apiGroup": api, "name": name }),
        Subject::Group(name) => json!({ "kind": "Group", "apiGroup": api, "name": name }),
        Subject::ServiceAccount { namespace, name } => {
            json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
        }
    }
}

/// Roles, some of them gathered by another, and bindings of them.
fn objects() -> impl Strategy<Value = Vec<Value>> {
    let roles = vec((vec(rule(), 1..=2), any::<bool>()), 3);
    let binding = (0..4_usize, vec(subject(), 1..=2), proptest::option::of(select(&NAMESPACES[..])));
    (roles, vec(binding, 0..=4)).prop_map(|(roles, bindings)| {
        let api = "rbac.authorization.k8s.io";
        let mut objects: Vec<Value> = NAMESPACES
            .iter()
            .map(|name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }))
            .collect();
        for (at, (rules, gathered)) in roles.into_iter().enumerate() {
            objects.push(json!({
                "apiVersion": format!("{api}/v1"), "kind": "ClusterRole", "rules": rules,
                "metadata": { "name": format!("role-{at}"), "labels": { "gather": gathered.to_string() } },
            }));
        }
        objects.push(json!({
            "apiVersion": format!("{api}/v1"), "kind": "ClusterRole", "metadata": { "name": "role-3" },
            "aggregationRule": { "clusterRoleSelectors": [{ "matchLabels": { "gather": "true" } }] },
        }));
        for (at, (role, subjects, namespace)) in bindings.into_iter().enumerate() {
            let subjects: Vec<Value> = subjects.iter().map(as_json).collect();
            let role = json!({ "apiGroup": api, "kind": "ClusterRole", "name": format!("role-{role}") });
            let mut object = json!({
                "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": format!("b{at}") },
                "roleRef": role, "subjects": subjects,
            });
            if let Some(namespace) = namespace {
                object["kind"] = json!("RoleBinding");
                object["metadata"]["namespace"] = json!(namespace);
            }
            objects.push(object);
        }
        objects
    })
}

fn claim() -> impl Strategy<Value = Can> {
    let resource = (select(&GROUPS[..2]), select(&["pods", "secrets"][..]), select(&["", "log"][..]));
    let scope = prop_oneof![
        Just(ClaimScope::Anywhere),
        Just(ClaimScope::Cluster),
        vec(select(&NAMESPACES[..]), 1..=2)
            .prop_map(|names| ClaimScope::Namespaces(names.into_iter().map(str::to_owned).collect())),
    ];
    let who = prop_oneof![1 => Just(Who::Anyone), 4 => subject().prop_map(Who::Subject)];
    (
        vec(who, 1..=2),
        some(&VERBS[..4], 2),
        vec(resource, 1..=2),
        vec(select(&NAMES[..]), 0..=1),
        scope,
        vec(subject(), 0..=1),
    )
        .prop_map(|(subjects, verbs, resources, names, scope, except)| Can {
            subjects,
            verbs: verbs.into_iter().map(str::to_owned).collect(),
            resources: resources
                .into_iter()
                .map(|(group, resource, subresource)| ClaimResource {
                    group: group.to_owned(),
                    resource: resource.to_owned(),
                    subresource: subresource.to_owned(),
                })
                .collect(),
            names: names.into_iter().map(str::to_owned).collect(),
            scope,
            except,
            by_any_path: false,
        })
}

/// Whoever asks as a subject.
fn asks(subject: &Subject) -> (String, Vec<String>) {
    match subject {
        Subject::User(name) => (name.clone(), Vec::new()),
        Subject::Group(name) if name.starts_with("system:serviceaccounts") => {
            let namespace = name.strip_prefix("system:serviceaccounts:").unwrap_or("elsewhere");
            (format!("system:serviceaccount:{namespace}:some"), Vec::new())
        }
        Subject::Group(name) => ("some-member".to_owned(), vec![name.clone()]),
        Subject::ServiceAccount { namespace, name } => {
            (format!("system:serviceaccount:{namespace}:{name}"), Vec::new())
        }
    }
}

/// Everyone whom a claim is about, one by one.
fn everyone(can: &Can, objects: &[Value]) -> Vec<Subject> {
    let named = objects.iter().filter_map(|object| object["subjects"].as_array()).flatten().map(|subject| {
        let name = subject["name"].as_str().expect("a name").to_owned();
        match subject["kind"].as_str() {
            Some("User") => Subject::User(name),
            Some("Group") => Subject::Group(name),
            _ => Subject::ServiceAccount { namespace: subject["namespace"].as_str().expect("one").to_owned(), name },
        }
    });
    let named: Vec<Subject> = named.collect();
    can.subjects
        .iter()
        .flat_map(|who| match who {
            Who::Anyone => named.clone(),
            // Whoever is bound and is in the group that is asked about counts for it.
            Who::Subject(group @ Subject::Group(name)) => {
                let members = named.iter().filter(|subject| {
                    let (user, groups) = asks(subject);
                    *subject != group && effective_groups(&user, &groups).contains(name)
                });
                members.chain([group]).cloned().collect()
            }
            Who::Subject(subject) => vec![subject.clone()],
        })
        .collect()
}

fn is_masters(subject: &Subject) -> bool {
    *subject == Subject::Group("system:masters".to_owned())
}

/// Whether a claim leaves a subject out: by name, or as a member of a group that authentication adds.
fn is_excepted(can: &Can, subject: &Subject) -> bool {
    let (user, groups) = asks(subject);
    let groups = effective_groups(&user, &groups);
    can.except.iter().any(|except| except == subject || matches!(except, Subject::Group(name) if groups.contains(name)))
}

/// Requests that a claim is about, by verb and resource and place; those to create an object by name, as an apply makes them, where
/// `applies`.
fn requests(can: &Can, applies: bool) -> Vec<(Request, Option<&'static str>)> {
    let mut requests = Vec::new();
    let places: Vec<String> = match &can.scope {
        ClaimScope::Anywhere => NAMESPACES.iter().map(ToString::to_string).chain([String::new()]).collect(),
        ClaimScope::Cluster => vec![String::new()],
        ClaimScope::Namespaces(names) => names.clone(),
        ClaimScope::Where(_) => Vec::new(),
    };
    for verb in &can.verbs {
        for resource in &can.resources {
            let nameless = verb == "create" && resource.subresource.is_empty();
            let names: Vec<&str> = match can.names.first() {
                _ if nameless && !applies => vec![""],
                Some(name) if nameless => vec!["", name],
                None if nameless => vec!["", "a", "b", "other"],
                Some(name) => vec![name],
                None => vec!["a", "b", "other"],
            };
            for namespace in &places {
                for name in &names {
                    let request = Request {
                        verb: verb.clone(),
                        group: resource.group.clone(),
                        resource: resource.resource.clone(),
                        subresource: resource.subresource.clone(),
                        name: (*name).to_owned(),
                        namespace: namespace.clone(),
                        ..Request::default()
                    };
                    requests.push((request, None));
                }
            }
        }
    }
    requests
}

/// Whether RBAC allows something that a claim is about to somebody who is not excepted, by no binding to who is.
fn somebody_may(can: &Can, objects: &[Value], kept: &dyn Fn(&Value) -> bool) -> bool {
    // A binding to whom the claim excepts, or to masters, is as if it were not there.
    let mut objects: Vec<Value> = objects.iter().filter(|object| kept(object)).cloned().collect();
    let masters = Subject::Group("system:masters".to_owned());
    let left_out: Vec<Value> = everyone(&Can { subjects: vec![Who::Anyone], ..can.clone() }, &objects)
        .iter()
        .filter(|subject| **subject == masters || is_excepted(can, subject))
        .map(as_json)
        .collect();
    for object in &mut objects {
        if let Some(subjects) = object.get_mut("subjects").and_then(Value::as_array_mut) {
            subjects.retain(|subject| !left_out.contains(subject));
        }
    }
    let objects: Vec<Object> = objects.into_iter().map(Object).collect();
    let (cluster, _) = Cluster::lift(&objects);
    let index = Index::new(&cluster);
    let raw: Vec<Value> = objects.iter().map(|object| object.0.clone()).collect();
    everyone(can, &raw).iter().filter(|subject| !is_masters(subject) && !is_excepted(can, subject)).any(|subject| {
        let (user, groups) = asks(subject);
        requests(can, true).into_iter().any(|(request, _)| {
            index.allowed(&Request { user: user.clone(), groups: groups.clone(), ..request }).allowed
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn never_can_is_what_single_questions_say(objects in objects(), can in claim()) {
        let program = program(false, Claim::Can(can.clone()));
        let violated = violation(outcome(&program, &objects));
        prop_assert_eq!(violated.is_some(), somebody_may(&can, &objects, &|_| true), "{:#?}", violated);
        if let Some(violation) = violated {
            let responsible: Vec<(String, String)> = violation
                .responsible
                .iter()
                .map(|one| (one.object.kind.clone(), one.object.name.clone()))
                .collect();
            let is = |object: &Value, (kind, name): &(String, String)| {
                object["kind"] == kind.as_str() && object["metadata"]["name"] == name.as_str()
            };
            let kept = |object: &Value| {
                object["kind"] == "Namespace" || responsible.iter().any(|one| is(object, one))
            };
            prop_assert!(somebody_may(&can, &objects, &kept), "what is responsible does not suffice: {responsible:?}");
            for left_out in &responsible {
                let fewer = |object: &Value| kept(object) && !is(object, left_out);
                prop_assert!(!somebody_may(&can, &objects, &fewer), "{left_out:?} can be left out of {responsible:?}");
            }
        }
    }

    #[test]
    fn always_can_is_what_single_questions_say(objects in objects(), can in claim()) {
        prop_assume!(!can.subjects.contains(&Who::Anyone));
        let program = program(true, Claim::Can(can.clone()));
        let violated = violation(outcome(&program, &objects)).is_some();
        let lifted: Vec<Object> = objects.iter().cloned().map(Object).collect();
        let (cluster, _) = Cluster::lift(&lifted);
        let index = Index::new(&cluster);
        let can = Can { scope: if can.scope == ClaimScope::Anywhere { ClaimScope::Cluster } else { can.scope.clone() }, ..can };
        let all_may = everyone(&can, &objects).iter().filter(|subject| !is_excepted(&can, subject)).all(|subject| {
            let (user, groups) = asks(subject);
            // Some object name will do, for each verb, resource and place.
            let mut by_place: std::collections::BTreeMap<_, bool> = std::collections::BTreeMap::new();
            for (request, _) in requests(&can, false) {
                let key = (request.verb.clone(), request.group.clone(), request.resource.clone(), request.subresource.clone(), request.namespace.clone());
                let allowed = index.allowed(&Request { user: user.clone(), groups: groups.clone(), ..request }).allowed;
                *by_place.entry(key).or_default() |= allowed;
            }
            by_place.into_values().all(|allowed| allowed)
        });
        prop_assert_eq!(violated, !all_may);
    }
}

#[test]
fn a_group_that_authentication_adds_leaves_its_members_out() {
    let api = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": format!("{api}/v1"), "kind": "ClusterRole", "metadata": { "name": "reads" },
        "rules": [{ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] }],
    });
    let bound = |subject: Subject| {
        json!({
            "apiVersion": format!("{api}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "b" },
            "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": "reads" }, "subjects": [as_json(&subject)],
        })
    };
    let robot = |namespace: &str| Subject::ServiceAccount { namespace: namespace.to_owned(), name: "robot".to_owned() };
    let group = |name: &str| Subject::Group(name.to_owned());
    let violated = |except: &str, subject: Subject, by_any_path: bool| {
        let can = Can {
            subjects: vec![Who::Anyone],
            verbs: vec!["get".to_owned()],
            resources: vec![ClaimResource {
                group: String::new(),
                resource: "secrets".to_owned(),
                subresource: String::new(),
            }],
            names: Vec::new(),
            scope: ClaimScope::Anywhere,
            except: vec![group(except)],
            by_any_path,
        };
        violation(outcome(&program(false, Claim::Can(can)), &[role.clone(), bound(subject)])).is_some()
    };
    for by_any_path in [false, true] {
        let violated = |except: &str, subject| violated(except, subject, by_any_path);
        assert!(!violated("system:serviceaccounts:payments", robot("payments")));
        assert!(violated("system:serviceaccounts:payments", robot("shop")));
        assert!(violated("system:serviceaccounts:payments", group("system:serviceaccounts")));
        assert!(!violated("system:serviceaccounts", group("system:serviceaccounts:payments")));
        assert!(!violated("system:authenticated", group("system:serviceaccounts")));
        assert!(!violated("system:authenticated", Subject::User("ann".to_owned())));
        assert!(violated("system:authenticated", group("system:unauthenticated")));
        assert!(violated("devs", Subject::User("ann".to_owned())));
    }
}

/// That none of a group may read secrets somewhere.
fn never(group: &str, scope: ClaimScope, by_any_path: bool) -> Claim {
    Claim::Can(Can {
        subjects: vec![Who::Subject(Subject::Group(group.to_owned()))],
        verbs: vec!["get".to_owned()],
        resources: vec![ClaimResource {
            group: String::new(),
            resource: "secrets".to_owned(),
            subresource: String::new(),
        }],
        names: Vec::new(),
        scope,
        except: Vec::new(),
        by_any_path,
    })
}

/// `b/bot` may read secrets of `a`, or impersonate an account that may.
fn bot(by_a_step: bool) -> Vec<Value> {
    let api = "rbac.authorization.k8s.io";
    let account =
        |namespace: &str, name: &str| json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name });
    let role = |name: &str, verb: &str, resource: &str, subject: Value| {
        let metadata = json!({ "name": name, "namespace": "a" });
        [
            json!({
                "apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata,
                "rules": [{ "verbs": [verb], "apiGroups": [""], "resources": [resource] }],
            }),
            json!({
                "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
                "roleRef": { "apiGroup": api, "kind": "Role", "name": name }, "subjects": [subject],
            }),
        ]
    };
    let mut objects = Vec::from(["a", "b"].map(
        |name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "team": name } } }),
    ));
    objects
        .push(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "bot", "namespace": "b" } }));
    objects.push(
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "keeper", "namespace": "a" } }),
    );
    if by_a_step {
        objects.extend(role("lends", "impersonate", "serviceaccounts", account("b", "bot")));
        objects.extend(role("reads", "get", "secrets", account("a", "keeper")));
    } else {
        objects.extend(role("reads", "get", "secrets", account("b", "bot")));
    }
    objects
}

#[test]
fn a_group_whose_members_show_is_each_of_them() {
    let a = || ClaimScope::Namespaces(vec!["a".to_owned()]);
    let labelled = |team: &str| ClaimScope::Where(LabelSelector::labels([("team", team)]));
    let asked = |claim: Claim, objects: &[Value]| violation(outcome(&program(false, claim), objects));
    for group in ["system:serviceaccounts:b", "system:serviceaccounts", "system:authenticated"] {
        for by_any_path in [false, true] {
            for scope in [a(), labelled("a"), ClaimScope::Anywhere] {
                let violation = asked(never(group, scope, by_any_path), &bot(false)).expect("a violation");
                let said = format!("service account `b/bot`, of group `{group}`, may `get` secrets in namespace `a`");
                assert_eq!(violation.message, said);
                assert_eq!(violation.responsible.len(), 2, "{violation:#?}");
            }
            assert_eq!(asked(never(group, labelled("b"), by_any_path), &bot(false)), None);
        }
        // The account of `a` itself is no member of those of `b`.
        let violation = asked(never(group, a(), true), &bot(true)).expect("a violation");
        if group.ends_with(":b") {
            let said = format!(
                "service account `b/bot`, of group `{group}`, comes to `get` secrets in namespace `a` in 1 steps"
            );
            assert_eq!(violation.message, said);
            assert_eq!(violation.responsible.len(), 4, "{violation:#?}");
            assert_eq!(asked(never(group, a(), false), &bot(true)), None);
        }
    }
    for group in ["system:serviceaccounts:c", "devs", "system:unauthenticated"] {
        assert_eq!(asked(never(group, a(), true), &bot(false)), None, "{group}");
    }
    let excepted = |except: Vec<Subject>| {
        let Claim::Can(can) = never("system:serviceaccounts", a(), false) else { unreachable!() };
        asked(Claim::Can(Can { except, ..can }), &bot(false))
    };
    let account = Subject::ServiceAccount { namespace: "b".to_owned(), name: "bot".to_owned() };
    assert_eq!(excepted(vec![account]), None);
    assert_eq!(excepted(vec![Subject::Group("system:serviceaccounts:b".to_owned())]), None);
}

#[test]
fn a_witness_names_what_the_rule_allows() {
    let all = |resource: &str, subresource: &str| ClaimResource {
        group: String::new(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
    };
    let asked = |verb: &str, resource: ClaimResource, rule: Value| {
        let api = "rbac.authorization.k8s.io";
        let metadata = json!({ "name": "r", "namespace": "a" });
        let objects = [
            json!({ "apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata, "rules": [rule] }),
            json!({
                "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
                "roleRef": { "apiGroup": api, "kind": "Role", "name": "r" },
                "subjects": [{ "kind": "Group", "apiGroup": api, "name": "devs" }],
            }),
        ];
        let Claim::Can(can) = never("devs", ClaimScope::Namespaces(vec!["a".to_owned()]), false) else {
            unreachable!()
        };
        let claim = Claim::Can(Can { verbs: vec![verb.to_owned()], resources: vec![resource], ..can });
        violation(outcome(&program(false, claim), &objects)).expect("a violation").message
    };
    let rule = |verbs: &[&str], resources: &[&str], names: &[&str]| json!({ "verbs": verbs, "apiGroups": [""], "resources": resources, "resourceNames": names });
    let says = |what: &str| format!("group `devs` may {what} in namespace `a`");
    let two = rule(&["deletecollection", "get"], &["secrets"], &["x", "y"]);
    assert_eq!(asked("*", all("secrets", ""), two), says("`get` secrets named `x`"));
    assert_eq!(asked("list", all("*", ""), rule(&["list"], &["pods/log", "pods"], &[])), says("`list` pods/log"));
    let scaled = rule(&["update"], &["pods", "things/scale"], &[]);
    assert_eq!(asked("update", all("*", "scale"), scaled), says("`update` things/scale"));
    assert_eq!(asked("*", all("*", ""), rule(&["*"], &["*"], &[])), says("`any` any"));
    assert_eq!(asked("*", all("pods", "*"), rule(&["create"], &["*/exec"], &[])), says("`create` pods/exec"));
}

#[test]
fn another_authorizer_leaves_it_undecided() {
    let can = Can {
        subjects: vec![Who::Subject(Subject::User("ann".to_owned()))],
        verbs: vec!["get".to_owned()],
        resources: vec![ClaimResource {
            group: String::new(),
            resource: "pods".to_owned(),
            subresource: String::new(),
        }],
        names: Vec::new(),
        scope: ClaimScope::Anywhere,
        except: Vec::new(),
        by_any_path: false,
    };
    let program = program(false, Claim::Can(can));
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let asked = |authorizers: &[&str]| {
        let authorizers = authorizers.iter().map(|name| (*name).to_owned()).collect();
        let survey = Survey::new([], &schema).declared(program.view(), DAY).authorized_by(authorizers);
        judge(&survey).pop().expect("a verdict").outcome
    };
    assert_eq!(asked(&["Node"]), Outcome::Holds);
    assert!(matches!(asked(&["Node", "Webhook"]), Outcome::NotDecided(why) if why.contains("Webhook")));
}

#[test]
fn what_could_not_be_read_leaves_it_undecided() {
    let both = Claim::Both {
        first: RoleRef { namespace: None, name: "view".to_owned() },
        second: RoleRef { namespace: None, name: "edit".to_owned() },
        scope: ClaimScope::Anywhere,
    };
    let program = program(false, both);
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let unread = |line: &str| {
        let survey = Survey::new([], &schema).declared(program.view(), DAY).unread(&[line.to_owned()]);
        judge(&survey).pop().expect("a verdict").outcome
    };
    assert_eq!(unread("pods: forbidden"), Outcome::Holds);
    assert!(matches!(unread("rolebindings: forbidden"), Outcome::NotDecided(why) if why.contains("forbidden")));
}
