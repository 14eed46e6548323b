use kspec_apply::{Effect, Intent, Options, Outcome, Stop};
use kspec_lower::Phase;
use kspec_plan::ADOPTED;
use serde_json::json;

use crate::fixture::{Bench, apply_as, outcomes};

#[test]
fn a_first_apply_makes_everything_and_a_second_changes_nothing() {
    let bench = Bench::new("first");
    let work = bench.work();
    let report = bench.apply(&work);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    for result in &report.results {
        // The controller may have made the default account before us: then it is an update.
        let default = result.object.name == "default";
        assert!(result.outcome == Outcome::Created || default && result.outcome == Outcome::Updated, "{result:?}");
    }
    let before = bench.versions(&work);
    assert_eq!(before.len(), work.wanted.len() + 1);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["format_version"], 1);
    assert_eq!(
        json["results"][0],
        json!({ "object": { "apiVersion": "v1", "kind": "Namespace", "name": bench.namespace() },
            "outcome": { "is": "created" }, "effect": { "is": "observed", "what": "the namespace is active" } })
    );

    let again = bench.apply(&work);
    assert_eq!(again.changed(), 0, "{:#?}", outcomes(&again));
    // The quota's controller writes its status once, soon after it appears.
    let quota = |versions: &mut std::collections::BTreeMap<_, _>| {
        versions.retain(|key: &kspec_model::ObjectKey, _| key.kind != "ResourceQuota" && key.name != "default");
    };
    let (mut before, mut after) = (before, bench.versions(&work));
    quota(&mut before);
    quota(&mut after);
    assert_eq!(after, before);
}

#[test]
fn effects_are_observed_where_the_api_shows_them() {
    let bench = Bench::new("effects");
    let mut work = bench.work();
    let aggregate = format!("{}:all", bench.project());
    let label = format!("{}.example.com/part", bench.project());
    work.wanted.push(bench.wanted(
        Phase::Roles,
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": aggregate },
            "aggregationRule": { "clusterRoleSelectors": [{ "matchLabels": { label.clone(): "yes" } }] } }),
    ));
    work.wanted.push(bench.wanted(
        Phase::Roles,
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": format!("{}:part", bench.project()), "labels": { label: "yes" } },
            "rules": [{ "apiGroups": [""], "resources": ["services"], "verbs": ["get"] }] }),
    ));
    let report = bench.apply(&work);
    assert_eq!(report.exit_code(), 0);
    let effect = |kind: &str, name: &str| {
        let result = report.results.iter().find(|result| result.object.kind == kind && result.object.name == name);
        result.unwrap().effect.clone().unwrap()
    };
    assert_eq!(
        effect("Namespace", &bench.namespace()),
        Effect::Observed { what: "the namespace is active".to_owned() }
    );
    assert_eq!(effect("ResourceQuota", "quota"), Effect::Observed { what: "the quota is counted".to_owned() });
    assert_eq!(
        effect("ClusterRole", &aggregate),
        Effect::Observed { what: "the aggregated rules are filled in".to_owned() }
    );
    assert_eq!(effect("ServiceAccount", "db"), Effect::Observed { what: "the service account exists".to_owned() });
    assert_eq!(effect("RoleBinding", "release-devs"), Effect::NotObservable);
    assert_eq!(effect("NetworkPolicy", "default-deny"), Effect::NotObservable);
    // What a controller filled in is not ours, and the next apply leaves it.
    assert_eq!(bench.apply(&work).changed(), 0);
}

#[test]
fn an_instance_follows_its_definition_in_one_run() {
    let bench = Bench::new("crd");
    let mut work = bench.work();
    let group = format!("{}.example.com", bench.project());
    work.wanted.push(bench.wanted(
        Phase::Definitions,
        json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("widgets.{group}") },
            "spec": { "group": group, "scope": "Namespaced",
                "names": { "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                    "type": "object", "properties": { "spec": { "type": "object",
                        "properties": { "size": { "type": "integer" } } } } } } }] } }),
    ));
    work.wanted.push(bench.wanted(
        Phase::Rest,
        json!({ "apiVersion": format!("{group}/v1"), "kind": "Widget",
            "metadata": { "name": "one", "namespace": bench.namespace() }, "spec": { "size": 3 } }),
    ));
    let report = bench.apply(&work);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    assert_eq!(bench.apply(&work).changed(), 0);
}

#[test]
fn what_is_there_is_adopted_only_when_planned_and_marked_for_good() {
    let bench = Bench::new("adopt");
    let mut work = bench.work();
    let namespace = bench.namespace();
    let admin = bench.server.admin();
    let live = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
    admin.apply(&live, "helm", false).unwrap().ok().unwrap();

    let refused = bench.apply(&work);
    assert!(outcomes(&refused)[0].contains("made by someone else since the plan"), "{:#?}", outcomes(&refused));
    assert!(outcomes(&refused)[1].ends_with(&format!("not tried: namespace `{namespace}` could not be applied")));
    assert_eq!(refused.exit_code(), 5);

    work.wanted[0].intent = Intent::Adopt;
    let report = bench.apply(&work);
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    assert_eq!(report.results[0].outcome, Outcome::Adopted);

    work.wanted[0].intent = Intent::Write;
    assert_eq!(bench.apply(&work).changed(), 0);
    let live = bench.get(&work.wanted[0].object.key()).unwrap();
    assert_eq!(live["metadata"]["annotations"][ADOPTED], bench.project());
    let held: Vec<&str> = live["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["fieldsV1"].to_string().contains(ADOPTED))
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(held, [format!("kspec.{}.adoption", bench.project())]);
}

#[test]
fn a_changed_role_replaces_the_binding() {
    let bench = Bench::new("replace");
    let mut work = bench.work();
    bench.apply(&work);
    let position = work.wanted.iter().position(|wanted| wanted.object.kind() == "RoleBinding").unwrap();
    work.wanted[position] = bench.wanted(Phase::Grants, bench.binding("release-devs", "ClusterRole", "view"));
    let report = bench.apply(&work);
    assert_eq!(report.results[position].outcome, Outcome::Replaced, "{:#?}", outcomes(&report));
    let live = bench.get(&work.wanted[position].object.key()).unwrap();
    assert_eq!(live["roleRef"]["name"], "view");

    // What the server would refuse does not cost the old one.
    work.wanted[position] = bench.wanted(Phase::Grants, bench.binding("release-devs", "Nonsense", "view"));
    let report = bench.apply(&work);
    assert!(matches!(report.results[position].outcome, Outcome::Failed { .. }));
    assert_eq!(bench.get(&work.wanted[position].object.key()).unwrap()["roleRef"]["name"], "view");
}

#[test]
fn a_run_that_is_cut_short_is_completed_by_the_next() {
    let bench = Bench::new("cut");
    let work = bench.work();
    let cluster = bench.admin();
    let stop = Stop::default();
    let options = Options { stop: stop.clone(), at_once: 1, ..Options::default() };
    let cut = cluster
        .block_on(kspec_apply::apply(cluster.connection(), &work, &options, &|result| {
            if result.object.kind == "Role" {
                stop.now();
            }
        }))
        .unwrap();
    assert_eq!(cut.exit_code(), 5);
    assert_eq!(cut.stopped.as_deref(), Some("interrupted"));
    assert!(cut.results.iter().any(|result| result.outcome == Outcome::Created));
    assert!(cut.not_tried().count() >= 4, "{:#?}", outcomes(&cut));
    assert_eq!(cut.results.len(), work.wanted.len());

    let report = apply_as(&cluster, &work, &Options::default()).unwrap();
    assert_eq!(report.exit_code(), 0, "{:#?}", outcomes(&report));
    assert_eq!(apply_as(&cluster, &work, &Options::default()).unwrap().changed(), 0);
}
