//! A plan of 2,000 objects against a live cluster (reading it, diffing, asking for every dry run) beside what the API server can
//! do in the same run: the same dry runs with nothing before, between or after them. Three rounds of each, turn by turn.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench without its input has nothing to measure, and a reader"
)]

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kspec_apply::{Options, ServerDryRun, Work, apply};
use kspec_diagnostics::{ItemId, Location, SourceMap, Span};
use kspec_lower::{HostSettings, LoweredObject, MANAGED_BY, PART_OF, PROJECT, Phase, inventory};
use kspec_model::{
    Object,
    program::{Date, NetworkFacts, Origin, Program, Project},
};
use kspec_plan::{Basis, Inputs, Planned, plan, refine};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::live::{Cluster, ConnectOptions, Want};
use kspec_test_harness::ControlPlane;
use serde_json::{Value, json};

const NAMESPACES: usize = 20;
/// In each namespace, of each of four kinds.
const EACH: usize = 25;
const ROUNDS: usize = 3;
const AT_ONCE: usize = 32;

fn main() {
    let server = ControlPlane::shared().expect("an API server");
    let options = ConnectOptions { kubeconfig: Some(server.kubeconfig().into()), ..ConnectOptions::default() };
    let cluster = Cluster::open(&options).expect("a connection");
    let program = program(&server.unique_name("bench"));
    let desired = desired(&program.project);
    let first = planned(&cluster, &program, &desired);
    let report = cluster.block_on(apply(cluster.connection(), &Work::of(&first), &Options::default(), &|_| {}));
    assert_eq!(report.expect("an apply").exit_code(), 0, "the objects are there");

    let (mut ours, mut servers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        servers.push(timed(|| bare(&cluster, &program.project.name, &desired)));
        ours.push(timed(|| {
            let planned = planned(&cluster, &program, &desired);
            assert!(planned.plan.changes.iter().all(|change| change.basis == Basis::DryRun), "every object was tried");
            assert!(!planned.plan.has_changes(), "nothing is left to do");
        }));
    }
    let rate = |times: &mut Vec<Duration>| {
        times.sort();
        let median = times.get(ROUNDS / 2).copied().unwrap_or_default().as_secs_f64();
        (desired.len() as f64) / median
    };
    let (servers, ours) = (rate(&mut servers), rate(&mut ours));
    println!("{} objects, {AT_ONCE} requests at a time, median of {ROUNDS}", desired.len());
    println!("the API server's dry runs alone: {servers:.0} objects/s");
    println!("a whole live plan:               {ours:.0} objects/s, {:.0} % of that", 100.0 * ours / servers);
}

fn timed(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

/// The dry runs alone: requests written beforehand, answers thrown away.
fn bare(cluster: &Cluster, project: &str, desired: &[LoweredObject]) {
    let served = cluster.connection().served();
    let requests: Vec<http::Request<kube::client::Body>> = desired
        .iter()
        .map(|lowered| {
            let object = &lowered.object;
            let version = object.api_version().rsplit('/').next();
            let resource = served.find(object.group(), object.kind(), version).expect("a kind that is served");
            let path = resource.path(object.namespace(), Some(object.name()));
            http::Request::patch(format!("{path}?fieldManager=kspec.{project}&fieldValidation=Strict&dryRun=All"))
                .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
                .header(http::header::ACCEPT, "application/json")
                .body(kube::client::Body::from(object.0.to_string().into_bytes()))
                .expect("a request")
        })
        .collect();
    let client = cluster.connection().client();
    cluster.block_on(async {
        stream::iter(requests.into_iter().map(|request| async {
            let answer = client.send(request).await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body");
        }))
        .buffer_unordered(AT_ONCE)
        .for_each(|()| async {})
        .await;
    });
}

fn planned(cluster: &Cluster, program: &Program, desired: &[LoweredObject]) -> Planned {
    let inventory = inventory(&program.project);
    let want = Want::of(desired.iter().map(|lowered| &lowered.object)).inventory(&inventory.namespace, &inventory.name);
    let state = cluster.read(&want).expect("the state");
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let inputs = Inputs {
        program,
        desired,
        host: &HostSettings::default(),
        state: &state,
        schema: &schema,
        sources: &SourceMap::default(),
        as_of: Date { year: 2026, month: 11, day: 21 },
    };
    let mut planned = plan(&inputs);
    refine(&mut planned, &inputs, &mut ServerDryRun::new(cluster, &program.project.name));
    planned
}

fn program(name: &str) -> Program {
    Program::empty(Project {
        name: name.to_owned(),
        owner: None,
        kubernetes: KubeVersion::NEWEST.to_string(),
        inventory_namespace: "default".to_owned(),
        environment: None,
        network: NetworkFacts::default(),
        admission: kspec_model::program::AdmissionFacts::default(),
    })
}

/// Namespaces, and in each accounts, roles, grants and policies.
fn desired(project: &Project) -> Vec<LoweredObject> {
    let inventory = inventory(project);
    let origin = Origin::from(Location { item: ItemId(0), span: Span::new(0, 1) });
    let metadata = |namespace: Option<&str>, name: &str| {
        let mut metadata = json!({ "name": name, "labels": {
            (MANAGED_BY.0): MANAGED_BY.1, (PROJECT): project.name, (PART_OF): inventory.id } });
        if let (Some(namespace), Some(fields)) = (namespace, metadata.as_object_mut()) {
            fields.insert("namespace".to_owned(), json!(namespace));
        }
        metadata
    };
    let rbac = "rbac.authorization.k8s.io";
    let mut lowered: Vec<(Phase, Value)> = Vec::new();
    for namespace in (0..NAMESPACES).map(|number| format!("{}-{number}", project.name)) {
        let inside = |name: &str| metadata(Some(&namespace), name);
        lowered.push((
            Phase::Namespaces,
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(None, &namespace) }),
        ));
        for number in 0..EACH {
            let name = format!("app-{number}");
            lowered.push((
                Phase::Accounts,
                json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": inside(&name),
                    "automountServiceAccountToken": false }),
            ));
            lowered.push((
                Phase::Roles,
                json!({ "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": inside(&name),
                    "rules": [{ "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"] },
                        { "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": [name], "verbs": ["patch"] }] }),
            ));
            lowered.push((
                Phase::Grants,
                json!({ "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": inside(&name),
                    "roleRef": { "apiGroup": rbac, "kind": "Role", "name": name },
                    "subjects": [{ "apiGroup": rbac, "kind": "Group", "name": "oidc:devs" }] }),
            ));
            lowered.push((
                Phase::NetworkAllow,
                json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": inside(&name),
                    "spec": { "podSelector": { "matchLabels": { "app": name } }, "policyTypes": ["Ingress"],
                        "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "gateway" } } }],
                            "ports": [{ "port": 8080, "protocol": "TCP" }] }] } }),
            ));
        }
    }
    lowered.sort_by_key(|(phase, _)| *phase);
    lowered
        .into_iter()
        .map(|(phase, object)| LoweredObject { object: Object(object), origin: origin.clone(), phase })
        .collect()
}
