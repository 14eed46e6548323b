//! Bindings and roles that chains write are those that the escalation check lets through, and no others.

use kspec_analysis::{
    abuse::{Goal, Origin, Paths, Settings, StepKind},
    access::{Authority, Grant, Index, Request, SubjectRef},
};
use kspec_model::{Object, cluster::Cluster, program::RoleRef};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A rule over what the check is about, with names that fit and names that do not.
fn rule() -> impl Strategy<Value = Value> {
    let some = |words: &[&'static str]| prop::collection::vec(select(words.to_vec()), 1..3);
    (
        some(&["create", "update", "patch", "bind", "escalate", "get", "*"]),
        select(vec![RBAC, "*", "apps"]),
        some(&["clusterroles", "clusterrolebindings", "rolebindings", "roles", "*", "*/x"]),
        prop::option::weighted(0.3, select(vec!["cluster-admin", "root", "own", "other"])),
    )
        .prop_map(|(verbs, group, resources, name)| {
            json!({ "verbs": verbs, "apiGroups": [group], "resources": resources, "resourceNames": Vec::from_iter(name) })
        })
}

fn cluster(own: &[Value], everyone: &[Value]) -> Cluster {
    let role = |name: &str, rules: &[Value]| json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules });
    let bind = |name: &str, role: &str, kind: &str, subject: &str| {
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": name },
            "roleRef": { "kind": "ClusterRole", "name": role }, "subjects": [{ "kind": kind, "name": subject }],
        })
    };
    let all = json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] });
    let objects = [
        role("cluster-admin", &[all]),
        bind("root", "cluster-admin", "User", "admin"),
        role("own", own),
        bind("own", "own", "User", "u"),
        role("everyone", everyone),
        bind("everyone", "everyone", "Group", "system:authenticated"),
    ];
    let (cluster, problems) = Cluster::lift(&objects.map(Object));
    assert_eq!(problems, []);
    cluster
}

/// Whether one write makes `u` an admin, asked of the engine that answers questions about access.
fn one_write(cluster: &Cluster) -> bool {
    let index = Index::new(cluster);
    let may = |verb: &str, resource: &str, name: &str| {
        let request = Request {
            user: "u".into(),
            verb: verb.into(),
            group: RBAC.into(),
            resource: resource.into(),
            name: name.into(),
            ..Request::default()
        };
        index.allowed(&request).allowed
    };
    let rewrite = |resource: &str, name: &str| may("update", resource, name) || may("patch", resource, name);
    let named = |name: &str| RoleRef { namespace: None, name: name.into() };
    let admin = named("cluster-admin");
    let binds = index.covers("u", &[], &Grant::Binding { namespace: None, role: &admin }).by == Some(Authority::Bind);
    let raises = |name: &str| {
        let role = named(name);
        let rules = &cluster.roles[&admin].rules;
        let grant = Grant::Role { role: &role, rules, aggregates: false, named: true };
        rewrite("clusterroles", name) && index.covers("u", &[], &grant).by == Some(Authority::Escalate)
    };
    // By its name where none of that name is there: an apply is allowed if both are.
    let create = |name: &str| may("create", "clusterrolebindings", name) && rewrite("clusterrolebindings", name);
    let creates = may("create", "clusterrolebindings", "") || create("cluster-admin") || create("other");
    binds && (creates || rewrite("clusterrolebindings", "root")) || raises("own") || raises("everyone")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn chains_write_what_the_escalation_check_lets_through(
        own in prop::collection::vec(rule(), 1..4),
        everyone in prop::collection::vec(rule(), 0..2),
    ) {
        let cluster = cluster(&own, &everyone);
        let user = Origin::Subject(SubjectRef::User { name: "u".into() });
        let answer = Paths::new(&cluster, &Settings::default()).to(&Goal::ClusterAdmin, Some(&user));
        let first = answer.paths.first().map(|path| (path.steps.len(), path.steps[0].kind));
        if first.is_none_or(|(_, kind)| kind != StepKind::HoldEverything) {
            let direct = first.is_some_and(|(steps, kind)| {
                steps == 1 && matches!(kind, StepKind::Bind | StepKind::Rebind | StepKind::Escalate)
            });
            prop_assert_eq!(direct, one_write(&cluster), "{:?}", answer.paths);
        }
    }
}
