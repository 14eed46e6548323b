//! A plan of 10,000 objects against a directory: reading it, diffing, and both deltas; and diffing alone as the baseline.
#![expect(clippy::expect_used, reason = "a bench without its input has nothing to measure")]

use std::{fs, path::Path};

use kspec_diagnostics::{ItemId, Location, SourceMap, Span};
use kspec_lower::{HostSettings, LoweredObject, MANAGED_BY, PART_OF, PROJECT, Phase, inventory};
use kspec_model::{
    Object,
    program::{Date, NetworkFacts, Origin, Program, Project},
};
use kspec_plan::{Inputs, diff_object, plan};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::read_directory;
use serde_json::{Value, json};

fn main() {
    divan::main();
}

fn program() -> Program {
    let project = Project {
        name: "bench".to_owned(),
        owner: None,
        kubernetes: "1.36".to_owned(),
        inventory_namespace: "kspec".to_owned(),
        environment: None,
        network: NetworkFacts::default(),
        admission: kspec_model::program::AdmissionFacts::default(),
    };
    Program::empty(project)
}

/// Object `n` of a fleet of teams: a namespace, then roles, bindings, policies in turn. Every ninth may differ when `drifted`.
fn object(n: usize, program: &Program, drifted: bool) -> (Phase, Value) {
    let (team, part) = (n / 20, n % 20);
    let namespace = format!("team-{team}");
    let drift = drifted && n.is_multiple_of(9);
    let labels = json!({(MANAGED_BY.0): MANAGED_BY.1, (PROJECT): program.project.name, (PART_OF): inventory(&program.project).id});
    let metadata = json!({"name": format!("object-{part}"), "namespace": namespace, "labels": labels});
    match part % 3 {
        _ if part == 0 => (
            Phase::Namespaces,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}),
        ),
        0 => {
            let verbs = if drift { json!(["get"]) } else { json!(["get", "list", "watch"]) };
            (
                Phase::Roles,
                json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": [
                    {"apiGroups": [""], "resources": ["pods", "pods/log", "services"], "verbs": verbs},
                    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
                ]}),
            )
        }
        1 => (
            Phase::Grants,
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": format!("object-{}", part + 2)},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": format!("oidc:team-{team}")}]}),
        ),
        _ => {
            let port = if drift { 9090 } else { 8080 };
            (
                Phase::NetworkAllow,
                json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": {
                    "podSelector": {"matchLabels": {"app": format!("app-{part}")}}, "policyTypes": ["Ingress"],
                    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}], "ports": [{"port": port, "protocol": "TCP"}]}]}}),
            )
        }
    }
}

fn desired(objects: usize, program: &Program) -> Vec<LoweredObject> {
    let origin = Origin::from(Location { item: ItemId(0), span: Span::default() });
    let mut desired: Vec<LoweredObject> = (0..objects)
        .map(|n| object(n, program, true))
        .map(|(phase, value)| LoweredObject { object: Object(value), origin: origin.clone(), phase })
        .collect();
    desired.sort_by_key(|lowered| (lowered.phase, lowered.object.key()));
    desired
}

/// The same objects as files, one a team, with two workloads beside them.
fn write(folder: &Path, objects: usize, program: &Program) {
    for team in 0..objects.div_ceil(20) {
        let mut items: Vec<Value> =
            (team * 20..(team * 20 + 20).min(objects)).map(|n| object(n, program, false).1).collect();
        if team.is_multiple_of(10) {
            for app in ["gateway", "app-2"] {
                items.push(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": app, "namespace": format!("team-{team}")},
                    "spec": {"selector": {"matchLabels": {"app": app}}, "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}}}));
            }
        }
        let text: String =
            items.iter().map(|item| format!("---\n{}", kspec_lower::to_yaml(&Object(item.clone())))).collect();
        fs::write(folder.join(format!("{team:05}.yaml")), text).expect("a writable folder");
    }
}

#[divan::bench(args = [1_000, 10_000], sample_count = 5, sample_size = 1)]
fn directory_and_plan(bencher: divan::Bencher, objects: usize) {
    let program = program();
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), objects, &program);
    let desired = desired(objects, &program);
    let (host, sources) = (HostSettings::default(), SourceMap::default());
    bencher.bench_local(|| {
        let (state, problems) = read_directory(folder.path(), &schema);
        assert!(problems.is_empty());
        let inputs = Inputs {
            program: &program,
            desired: &desired,
            host: &host,
            state: &state,
            schema: &schema,
            sources: &sources,
            as_of: Date { year: 2026, month: 11, day: 21 },
        };
        let planned = plan(&inputs);
        assert!(planned.plan.summary.update > 0 && planned.plan.summary.create == 0);
        planned
    });
}

#[divan::bench(args = [10_000], sample_count = 5, sample_size = 1)]
fn diff_alone(bencher: divan::Bencher, objects: usize) {
    let program = program();
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let pairs: Vec<(Object, Object)> =
        (0..objects).map(|n| (Object(object(n, &program, true).1), Object(object(n, &program, false).1))).collect();
    bencher.bench_local(|| {
        pairs
            .iter()
            .map(|(desired, actual)| diff_object(desired, actual, &schema, "kspec.bench").changes.len())
            .sum::<usize>()
    });
}
