use kspec_apply::{ApplyError, Deletion, Intent, Options, Outcome, RELEASED, Work};
use kspec_model::{Object, ObjectKey};
use serde_json::{Value, json};

use crate::fixture::{Bench, of_kind, outcomes};

fn named(names: &[&str]) -> Options {
    Options { deletions: names.iter().map(|name| Deletion::parse(name).unwrap()).collect(), ..Options::default() }
}

fn deleting(live: Option<&Value>) -> bool {
    live.is_none_or(|live| live["metadata"].get("deletionTimestamp").is_some())
}

/// The lists of the inventory.
fn listed(bench: &Bench, annotation: &str) -> String {
    let parent = Object(bench.get(&bench.inventory.key()).unwrap());
    parent.annotations()[&format!("applyset.kubernetes.io/{annotation}")].clone()
}

#[test]
fn what_left_the_program_is_deleted_and_the_inventory_shrinks() {
    let bench = Bench::new("prune");
    let work = bench.work();
    bench.apply(&work);
    let parent = Object(bench.get(&bench.inventory.key()).unwrap());
    assert_eq!(parent.labels()["applyset.kubernetes.io/id"], bench.inventory.id);
    assert_eq!(listed(&bench, "additional-namespaces"), bench.namespace());
    assert_eq!(
        listed(&bench, "contains-group-kinds"),
        "ClusterRole.rbac.authorization.k8s.io,ConfigMap,Namespace,NetworkPolicy.networking.k8s.io,ResourceQuota,\
         Role.rbac.authorization.k8s.io,RoleBinding.rbac.authorization.k8s.io,ServiceAccount"
    );

    let leaves = |key: &ObjectKey| ["RoleBinding", "Role", "NetworkPolicy", "ConfigMap"].contains(&key.kind.as_str());
    let less = bench.without(work, leaves);
    let report = bench.apply(&less);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    for removal in &less.removals {
        assert!(deleting(bench.get(&removal.object.key()).as_ref()), "{}", removal.object.key());
    }
    let deleted = report.results.iter().filter(|result| result.outcome == Outcome::Deleted).count();
    assert_eq!(deleted, less.removals.len());
    assert_eq!(
        listed(&bench, "contains-group-kinds"),
        "ClusterRole.rbac.authorization.k8s.io,Namespace,ResourceQuota,ServiceAccount"
    );
    // The plan was made before; that they are gone by now is no failure.
    assert_eq!(bench.apply(&less).changed(), 0);
}

#[test]
fn namespaces_and_accounts_are_released_with_their_fields_and_deleted_when_named() {
    let bench = Bench::new("release");
    let work = bench.work();
    bench.apply(&work);
    let none = bench.without(work, |_| true);
    let report = bench.apply(&none);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));

    let namespace =
        ObjectKey { group: String::new(), kind: "Namespace".into(), namespace: None, name: bench.namespace() };
    let account = ObjectKey {
        kind: "ServiceAccount".into(),
        namespace: Some(bench.namespace()),
        name: "db".into(),
        ..namespace.clone()
    };
    for key in [&namespace, &account] {
        let result = report.results.iter().find(|result| result.object.key() == *key).unwrap();
        let Outcome::Released { because } = &result.outcome else { panic!("{result:?}") };
        assert!(because.contains("--delete"), "{because}");
        let live = bench.get(key).unwrap();
        assert!(!deleting(Some(&live)));
        let labels = Object(live.clone()).labels();
        assert!(!labels.keys().any(|label| label.contains("applyset") || label.contains("kspec")), "{labels:?}");
        assert_eq!(live["metadata"]["annotations"][RELEASED], bench.project());
        assert!(
            !live["metadata"]["managedFields"].to_string().contains(&format!("\"{}\"", bench.manager())),
            "{live:#}"
        );
    }
    // What the program had set stays: a released namespace is no weaker than before.
    let live = bench.get(&namespace).unwrap();
    assert_eq!(live["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    assert_eq!(bench.get(&account).unwrap()["automountServiceAccountToken"], false);

    // A released object may be declared again, without a quarrel with ourselves.
    let mut again = Work { removals: Vec::new(), ..bench.work() };
    again.wanted.truncate(1);
    again.wanted[0].intent = Intent::Adopt;
    assert_eq!(bench.apply(&again).results[0].outcome, Outcome::Adopted);
    bench.apply(&bench.without(again, |_| true));

    let empty = Work { removals: Vec::new(), wanted: Vec::new(), inventory: bench.inventory.clone() };
    let options = named(&[&format!("Namespace/{}", bench.namespace())]);
    let report = bench.apply_with(&empty, &options).unwrap();
    assert_eq!(report.results[0].outcome, Outcome::Deleted);
    assert!(deleting(bench.get(&namespace).as_ref()));
}

#[test]
fn adopted_objects_are_released() {
    let bench = Bench::new("adopted");
    let mut work = bench.work();
    bench.apply(&work);
    let mut settings = work.wanted.pop().unwrap();
    settings.intent = Intent::Adopt;
    settings.object.0["metadata"]["name"] = json!("theirs");
    let theirs = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "b": "2" },
        "metadata": { "name": "theirs", "namespace": bench.namespace() } });
    bench.server.admin().apply(&theirs, "helm", false).unwrap().ok().unwrap();
    work.wanted.push(settings);
    assert_eq!(bench.apply(&work).exit_code(), 0);

    let less = bench.without(work, |key| key.name == "theirs");
    let report = bench.apply(&less);
    assert!(matches!(report.results.last().unwrap().outcome, Outcome::Released { .. }), "{:#?}", outcomes(&report));
    let live = bench.get(&less.removals[0].object.key()).unwrap();
    assert_eq!(live["data"], json!({ "a": "1", "b": "2" }));

    let report = bench.apply_with(
        &Work { removals: Vec::new(), ..less.clone() },
        &named(&[&format!("configmap/{}/theirs", bench.namespace())]),
    );
    assert_eq!(report.unwrap().results.last().unwrap().outcome, Outcome::Deleted);
}

#[test]
fn only_our_own_is_removed() {
    let bench = Bench::new("foreign");
    let work = bench.work();
    bench.apply(&work);
    let theirs = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "not-ours", "namespace": bench.namespace() } });
    bench.server.admin().apply(&theirs, "helm", false).unwrap().ok().unwrap();
    // Made by a controller, which copied our labels from its owner.
    let owner = bench.get(&work.wanted[0].object.key()).unwrap();
    let mut copied = bench.owned(json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "copied", "namespace": bench.namespace() } }));
    copied["metadata"]["ownerReferences"] = json!([{ "apiVersion": "v1", "kind": "Namespace", "controller": true,
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"] }]);
    bench.server.admin().apply(&copied, "a-controller", false).unwrap().ok().unwrap();

    let mut with = work.clone();
    for object in [theirs, copied] {
        with.removals.push(kspec_apply::Removal { object: Object(object), keep: None });
    }
    assert_eq!(bench.apply(&with).changed(), 0);
    for removal in &with.removals {
        assert!(!deleting(bench.get(&removal.object.key()).as_ref()), "{}", removal.object.key());
    }

    let refused = |name: &str| bench.apply_with(&work, &named(&[name])).unwrap_err();
    assert!(matches!(refused(&format!("configmap/{}/not-ours", bench.namespace())), ApplyError::NotOurs { .. }));
    let declared = refused(&format!("Namespace/{}", bench.namespace()));
    assert!(matches!(declared, ApplyError::StillDeclared { .. }));
    assert_eq!(declared.exit_code(), 3);
    let less = bench.without(work, of_kind("NetworkPolicy"));
    let options = named(&["NetworkPolicy/no-such"]);
    assert!(matches!(bench.apply_with(&less, &options).unwrap_err(), ApplyError::NotOurs { .. }));
}

#[test]
fn nothing_is_removed_while_something_could_not_be_applied() {
    let bench = Bench::new("half");
    let work = bench.work();
    bench.apply(&work);
    let mut less = bench.without(work, of_kind("RoleBinding"));
    let broken = json!({ "apiVersion": "v1", "kind": "ConfigMap", "dataa": {},
        "metadata": { "name": "broken", "namespace": bench.namespace() } });
    less.wanted.push(bench.wanted(kspec_lower::Phase::Rest, broken));
    let report = bench.apply(&less);
    assert_eq!(report.exit_code(), 5);
    assert!(matches!(report.results.last().unwrap().outcome, Outcome::NotTried { .. }), "{:#?}", outcomes(&report));
    assert!(bench.get(&less.removals[0].object.key()).is_some());
    assert!(listed(&bench, "contains-group-kinds").contains("RoleBinding"));

    less.wanted.pop();
    assert_eq!(bench.apply(&less).exit_code(), 0);
    assert!(bench.get(&less.removals[0].object.key()).is_none());
}
