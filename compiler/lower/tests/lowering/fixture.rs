//! Programs made by hand.

use std::{cell::Cell, collections::BTreeMap, fmt::Write};

use kspec_diagnostics::{Finding, ItemId, Location, Span};
use kspec_lower::{LoweredObject, Share, Shown, admission::lowering, manifest_path, objects, show_objects, to_yaml};
use kspec_model::{
    LabelSelector, Labels,
    cluster::{Cluster, Lift},
    program::*,
};

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// A place of its own for each declaration of a test.
pub(crate) fn place() -> Location {
    let item = NEXT.with(|next| next.replace(next.get() + 1));
    Location { item: ItemId(item), span: Span::new(0, 1) }
}

pub(crate) fn origin() -> Origin {
    place().into()
}

pub(crate) const TODAY: Date = Date { year: 2026, month: 11, day: 21 };

pub(crate) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

pub(crate) fn program() -> Program {
    Program::empty(Project {
        name: "shop".to_owned(),
        owner: None,
        kubernetes: "1.36".to_owned(),
        inventory_namespace: "kspec-system".to_owned(),
        environment: None,
        network: NetworkFacts {
            pods: vec!["10.244.0.0/16".parse().unwrap()],
            services: vec!["10.96.0.0/12".parse().unwrap()],
            nodes: vec!["192.168.0.0/24".parse().unwrap()],
            ..NetworkFacts::default()
        },
        admission: kspec_model::program::AdmissionFacts::default(),
    })
}

pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace {
        name: name.to_owned(),
        existing: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        pod_security: None,
        automount_token: None,
        quotas: vec![],
        limits: vec![],
        doc: None,
        origin: origin(),
    }
}

pub(crate) fn workload(namespace: &str, name: &str) -> Workload {
    Workload {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        existing: false,
        pods: LabelSelector::labels([("app", name)]),
        pod_labels: map(&[("app", name)]),
        ports: BTreeMap::new(),
        service_account: None,
        bound: None,
        doc: None,
        origin: origin(),
    }
}

pub(crate) fn with_port(mut workload: Workload, name: &str, port: u16) -> Workload {
    workload.ports.insert(name.to_owned(), vec![tcp(port)]);
    workload
}

pub(crate) fn tcp(port: u16) -> PortSpec {
    PortSpec { first: port, last: port, protocol: Protocol::Tcp }
}

pub(crate) fn named(name: &str) -> PortRef {
    PortRef::Named { name: name.to_owned(), protocol: Protocol::Tcp }
}

pub(crate) fn pod(namespace: &str, name: &str) -> Peer {
    Peer::Workload { namespace: namespace.to_owned(), name: name.to_owned() }
}

pub(crate) fn edge(from: Peer, to: Peer, ports: Vec<PortRef>) -> Edge {
    Edge { from, to, ports, doc: None, origin: origin() }
}

pub(crate) fn deny() -> DefaultDeny {
    DefaultDeny { ingress: true, egress: true, name: None, origin: origin() }
}

pub(crate) fn network(namespaces: &[&str], denies: Vec<DefaultDeny>, edges: Vec<Edge>) -> Network {
    Network { scope: NetworkScope::Namespaces(strings(namespaces)), denies, edges, policies: vec![], origin: origin() }
}

pub(crate) fn role(namespace: Option<&str>, name: &str, rules: Vec<RoleRule>) -> Role {
    Role {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        existing: false,
        rules,
        aggregation: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        doc: None,
        origin: origin(),
    }
}

pub(crate) fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> RoleRule {
    RoleRule {
        verbs: strings(verbs),
        api_groups: strings(groups),
        resources: strings(resources),
        ..RoleRule::default()
    }
}

pub(crate) fn grant(namespace: Option<&str>, role: &str, scope: GrantScope, subjects: Vec<Subject>) -> Grant {
    Grant {
        role: RoleRef { namespace: namespace.map(str::to_owned), name: role.to_owned() },
        scope,
        scope_at: None,
        subjects,
        name: None,
        exception: None,
        break_glass: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        doc: None,
        origin: origin(),
    }
}

pub(crate) fn until(year: i32, month: u8, day: u8) -> Exception {
    Exception {
        reason: "incident access".to_owned(),
        owner: "oidc:payments-devs".to_owned(),
        until: Date { year, month, day },
        until_at: place(),
    }
}

pub(crate) fn lower(program: &Program) -> (Vec<LoweredObject>, Vec<Finding>) {
    let (lowered, findings) = objects(program, &BTreeMap::new(), TODAY);
    assert_eq!(known(program), meant(&lowered));
    (lowered, findings)
}

/// What those who look at a program as a cluster are told of its access and its networks without objects.
fn known(program: &Program) -> Cluster {
    let view = program.view();
    let lowering = lowering(&view, TODAY);
    let mut lift = Lift::default();
    for share in [Share::Networks, Share::Others] {
        show_objects(&view, TODAY, &lowering, share, &mut |shown, _| {
            if let Shown::Known(key, known) = shown {
                lift.take(&key, known);
            }
        });
    }
    let (cluster, problems) = lift.finish();
    assert_eq!(problems, []);
    cluster
}

/// What the objects of the same kinds mean.
fn meant(lowered: &[LoweredObject]) -> Cluster {
    const KINDS: [&str; 5] = ["NetworkPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"];
    let objects = lowered.iter().map(|lowered| &lowered.object).filter(|object| KINDS.contains(&object.kind()));
    let (mut cluster, problems) = Cluster::lift(objects);
    assert_eq!(problems, []);
    // Nothing selects them.
    cluster.roles.iter_mut().filter(|(role, _)| role.namespace.is_some()).for_each(|(_, facts)| facts.labels.clear());
    cluster
}

pub(crate) fn lower_with(program: &Program, state: &[(&str, Labels)]) -> Vec<LoweredObject> {
    let state = state.iter().map(|(name, labels)| ((*name).to_owned(), labels.clone())).collect();
    objects(program, &state, TODAY).0
}

/// Every object as its file, in the order of an apply. The ownership labels are the same everywhere and left out.
pub(crate) fn render(lowered: &[LoweredObject]) -> String {
    let mut text = String::new();
    for LoweredObject { object, phase, .. } in lowered {
        let mut object = object.clone();
        let metadata = object.0["metadata"].as_object_mut().unwrap();
        let labels = metadata["labels"].as_object_mut().unwrap();
        for key in ["app.kubernetes.io/managed-by", "kspec.dev/project", "applyset.kubernetes.io/part-of"] {
            labels.remove(key).unwrap();
        }
        if labels.is_empty() {
            metadata.remove("labels");
        }
        writeln!(text, "# {phase:?}: {}\n{}", manifest_path(&object), to_yaml(&object)).unwrap();
    }
    text
}

/// Findings as lines.
pub(crate) fn lines(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{} {}\n", finding.code, finding.message)).collect()
}

/// The objects of a program on a day.
pub(crate) fn objects_of(program: &Program, as_of: Date) -> Vec<LoweredObject> {
    let (objects, findings) = objects(program, &BTreeMap::new(), as_of);
    assert!(findings.is_empty(), "{findings:#?}");
    objects
}
