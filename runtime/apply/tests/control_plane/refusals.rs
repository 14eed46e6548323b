use kspec_apply::{ApplyError, Failure, Intent, Options, Outcome};
use kspec_lower::Phase;
use kspec_state::live::{Cluster, ConnectOptions, LiveError};
use serde_json::json;

use crate::fixture::{Bench, Line, apply_as, outcomes};

#[test]
fn a_conflict_names_the_manager_and_the_field_and_changes_nothing() {
    let bench = Bench::new("conflict");
    let mut work = bench.work();
    bench.apply(&work);
    let key = work.wanted.last().unwrap().object.key();
    let theirs = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "theirs" },
        "metadata": { "name": key.name, "namespace": key.namespace } });
    bench.server.admin().apply(&theirs, "helm", false).unwrap().ok().unwrap();
    let before = bench.get(&key).unwrap();

    work.wanted.last_mut().unwrap().object.0["data"]["b"] = json!("2");
    // Force is for adoption; this object is ours already.
    let report = bench.apply_with(&work, &Options { force_adopt: true, ..Options::default() }).unwrap();
    let Outcome::Failed { failure } = &report.results.last().unwrap().outcome else {
        panic!("{:#?}", outcomes(&report))
    };
    assert_eq!(
        *failure,
        Failure::Conflict { managers: [("helm".to_owned(), vec!["data.a".to_owned()])].into(), adopting: false }
    );
    assert!(failure.to_string().contains("`helm` holds data.a"), "{failure}");
    assert_eq!(report.exit_code(), 5);
    assert_eq!(bench.get(&key).unwrap(), before);
}

#[test]
fn adoption_takes_fields_over_only_when_asked() {
    let bench = Bench::new("force");
    let mut work = bench.work();
    work.wanted.truncate(1);
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": bench.namespace(),
        "labels": { "pod-security.kubernetes.io/enforce": "privileged", "team": "x" } } });
    bench.server.admin().apply(&namespace, "helm", false).unwrap().ok().unwrap();
    let before = bench.get(&work.wanted[0].object.key()).unwrap();
    work.wanted[0].intent = Intent::Adopt;

    let report = bench.apply(&work);
    assert!(outcomes(&report)[0].contains("`helm` holds"), "{:#?}", outcomes(&report));
    assert!(outcomes(&report)[0].contains("--adopt"));
    assert_eq!(report.exit_code(), 1);
    assert_eq!(bench.get(&work.wanted[0].object.key()).unwrap(), before);

    let report = bench.apply_with(&work, &Options { force_adopt: true, ..Options::default() }).unwrap();
    assert_eq!(report.results[0].outcome, Outcome::Adopted, "{:#?}", outcomes(&report));
    let labels = bench.get(&work.wanted[0].object.key()).unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    assert_eq!(labels["team"], "x");
}

#[test]
fn two_projects_never_share_an_object() {
    let (one, two) = (Bench::new("one"), Bench::new("two"));
    let mut mine = one.work();
    mine.wanted.truncate(1);
    one.apply(&mine);
    let mut object = mine.wanted[0].object.0.clone();
    object["metadata"]["labels"] = json!({});
    let mut theirs = two.work();
    theirs.wanted = vec![two.wanted(Phase::Namespaces, object)];
    theirs.wanted[0].intent = Intent::Adopt;
    let report = two.apply_with(&theirs, &Options { force_adopt: true, ..Options::default() }).unwrap();
    assert_eq!(
        report.results[0].outcome,
        Outcome::Failed { failure: Failure::Foreign { owner: one.project().to_owned() } }
    );
}

#[test]
fn one_forbidden_object_leaves_the_rest_applied() {
    let bench = Bench::new("forbidden");
    let work = bench.work();
    // Everything but quotas.
    let (cluster, user) = bench.person(&json!([
        { "apiGroups": [""], "resources": ["namespaces", "serviceaccounts", "configmaps", "pods"], "verbs": ["*"] },
        { "apiGroups": ["", "rbac.authorization.k8s.io", "networking.k8s.io"], "verbs": ["get", "list"], "resources": ["*"] },
        { "apiGroups": ["rbac.authorization.k8s.io", "networking.k8s.io"], "verbs": ["*"], "resources": ["*"] },
    ]));
    let report = apply_as(&cluster, &work, &Options::default()).unwrap();
    assert_eq!(report.exit_code(), 5);
    let failed: Vec<String> = report.failed().map(|(key, failure)| format!("{}: {failure}", key.kind)).collect();
    assert_eq!(
        failed,
        [format!(
            "ResourceQuota: user `{user}` may not patch resourcequotas in namespace `{}`; ask for a role that allows `patch` on \
             resourcequotas",
            bench.namespace()
        )]
    );
    assert_eq!(report.not_tried().count(), 0);
    assert_eq!(bench.versions(&work).len(), work.wanted.len());

    let completed = bench.apply(&work);
    assert_eq!(completed.changed(), 1, "{:#?}", outcomes(&completed));
}

#[test]
fn a_refusal_holds_back_what_depends_on_it_and_nothing_else() {
    let bench = Bench::new("depends");
    let mut work = bench.work();
    for wanted in &mut work.wanted {
        match wanted.object.name() {
            "release" => wanted.object.0["rules"][0]["verbss"] = json!(["get"]),
            "db-ingress" => wanted.object.0["spec"]["policyTypes"] = json!(["Sideways"]),
            _ => {}
        }
    }
    let report = bench.apply(&work);
    let lines = outcomes(&report).join("\n");
    assert!(lines.contains("Role release: failed: the server refuses it"), "{lines}");
    assert!(lines.contains("RoleBinding release-devs: not tried: Role.rbac.authorization.k8s.io"), "{lines}");
    assert!(lines.contains("NetworkPolicy db-ingress: failed"), "{lines}");
    assert!(lines.contains("NetworkPolicy default-deny: not tried: NetworkPolicy.networking.k8s.io"), "{lines}");
    assert!(lines.contains("ConfigMap settings: created"), "{lines}");
    assert_eq!(report.exit_code(), 5);
}

#[test]
fn an_unknown_kind_is_named_before_anything_is_done() {
    let bench = Bench::new("unknown");
    let mut work = bench.work();
    for (version, kind) in [("cert-manager.io/v1", "Certificate"), ("policy/v1beta1", "PodDisruptionBudget")] {
        work.wanted.push(bench.wanted(
            Phase::Rest,
            json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "x", "namespace": bench.namespace() } }),
        ));
    }
    let error = bench.apply_with(&work, &Options::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no kind Certificate in cert-manager.io/v1"), "{text}");
    assert!(text.contains("install what defines it"), "{text}");
    assert!(
        text.contains("no kind PodDisruptionBudget in policy/v1beta1") && text.contains("it serves policy/v1"),
        "{text}"
    );
    assert_eq!(error.exit_code(), 1);
    assert!(bench.versions(&work).is_empty());
}

#[test]
fn no_rights_at_all_change_nothing() {
    let bench = Bench::new("rightless");
    let work = bench.work();
    let path = bench.kubeconfig_as("nobody-at-all");
    let cluster =
        Cluster::open(&ConnectOptions { kubeconfig: Some(path.into()), ..ConnectOptions::default() }).unwrap();
    let error = apply_as(&cluster, &work, &Options::default()).unwrap_err();
    assert!(matches!(error, ApplyError::Inventory { .. }));
    assert_eq!(error.exit_code(), 6);
    let text = error.to_string();
    assert!(text.contains("user `nobody-at-all` may not get configmaps in namespace `default`"), "{text}");
    assert!(bench.versions(&work).is_empty());
}

#[test]
fn a_missing_inventory_namespace_is_named_and_a_declared_one_comes_first() {
    let mut bench = Bench::new("home");
    let namespace = bench.namespace();
    bench.inventory.namespace.clone_from(&namespace);
    let work = bench.work();
    let mut homeless = work.clone();
    homeless.wanted.retain(|wanted| wanted.object.namespace().is_none() && wanted.object.kind() == "ClusterRole");
    let error = bench.apply_with(&homeless, &Options::default()).unwrap_err();
    assert!(error.to_string().contains(&format!("no namespace `{namespace}` for the inventory")), "{error}");
    assert!(bench.versions(&homeless).is_empty());

    let report = bench.apply(&work);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    assert_eq!(bench.apply(&work).changed(), 0);
}

#[test]
fn no_server_at_all_changes_nothing() {
    let bench = Bench::new("away");
    // Nobody listens there.
    let options = bench.through("127.0.0.1:1");
    let error = Cluster::open(&options).unwrap_err();
    assert!(matches!(error, LiveError::Unreachable { .. }));
    assert_eq!(ApplyError::from(error).exit_code(), 6);
    assert!(bench.versions(&bench.work()).is_empty());
}

#[test]
fn a_server_that_goes_away_is_asked_no_further_and_the_next_run_goes_on() {
    let bench = Bench::new("gone");
    let work = bench.work();
    let line = Line::to(&bench.address());
    let cluster = Cluster::open(&bench.through(&line.address)).unwrap();
    let options = Options { at_once: 1, ..Options::default() };
    let report = cluster
        .block_on(kspec_apply::apply(cluster.connection(), &work, &options, &|result| {
            if result.object.kind == "Role" {
                line.cut();
            }
        }))
        .unwrap();
    assert_eq!(report.exit_code(), 5);
    let lines = outcomes(&report).join("\n");
    assert_eq!(report.failed().count(), 1, "{lines}");
    let (_, failure) = report.failed().next().unwrap();
    assert!(matches!(failure, Failure::NoAnswer { .. }), "{lines}");
    assert!(
        report.stopped.as_deref().unwrap().starts_with("no answer from https://127.0.0.1:"),
        "{:?}",
        report.stopped
    );
    assert!(report.not_tried().count() >= 4, "{lines}");
    assert!(report.inventory.is_some());

    let report = bench.apply(&work);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    assert!(report.changed() >= 5);
}

#[test]
fn an_object_that_is_being_deleted_is_left_to_go() {
    let bench = Bench::new("going");
    let work = bench.work();
    bench.apply(&work);
    let key = work.wanted.last().unwrap().object.key();
    let held = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": key.name, "namespace": key.namespace, "finalizers": ["example.com/hold"] } });
    let admin = bench.server.admin();
    let path = admin.path_of(&held).unwrap();
    admin.apply(&held, "holder", false).unwrap().ok().unwrap();
    admin.delete(&path).unwrap().ok().unwrap();

    let report = bench.apply(&work);
    assert_eq!(
        outcomes(&report).last().unwrap(),
        "ConfigMap settings: failed: it is being deleted; apply again once it is gone"
    );
    assert_eq!(report.exit_code(), 5);
    let free = json!({ "metadata": { "finalizers": null } });
    admin.request("PATCH", &path, Some(("application/merge-patch+json", &free.to_string()))).unwrap().ok().unwrap();
    assert_eq!(bench.apply(&work).changed(), 1);
}
