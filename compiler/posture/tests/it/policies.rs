//! Networks: how each oddity is told, and what is left untold.

use std::borrow::Cow;

use kspec_diagnostics::{Finding, ItemId, Location, Place, Span};
use kspec_model::Object;
use kspec_posture::{ControlPlane, Survey, Surveyed, findings};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

fn deployment(namespace: &str, name: &str, port: &str) -> Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels }, "spec": {
            "containers": [{ "name": "c", "ports": [{ "name": port, "containerPort": 8080 }] }] } } },
    })
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

fn admin(name: &str, priority: u16, rules: Value) -> Value {
    json!({
        "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": { "name": name },
        "spec": { "tier": "Admin", "priority": priority, "subject": { "namespaces": {} }, "ingress": rules },
    })
}

fn app(name: &str) -> Value {
    json!({ "matchLabels": { "app": name } })
}

/// Default denial in one namespace, with what is needed at both ends.
fn clean() -> Vec<Value> {
    let mut dns = deployment("kube-system", "coredns", "dns");
    dns["spec"]["template"]["metadata"]["labels"] = json!({ "k8s-app": "kube-dns" });
    let to_dns = json!({ "to": [{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } } }], "ports": [{ "port": 53, "protocol": "UDP" }] });
    vec![
        dns,
        deployment("shop", "web", "http"),
        deployment("shop", "api", "http"),
        policy("shop", "default", json!({ "policyTypes": ["Ingress", "Egress"] })),
        policy("shop", "dns", json!({ "policyTypes": ["Egress"], "egress": [to_dns] })),
        policy(
            "shop",
            "web-out",
            json!({ "podSelector": app("web"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "podSelector": app("api") }], "ports": [{ "port": "http" }] }] }),
        ),
        policy(
            "shop",
            "api-in",
            json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "podSelector": app("web") }], "ports": [{ "port": "http" }] }] }),
        ),
    ]
}

/// Objects of a state, each itself its place; those that `own` names are the program's.
fn told(objects: &[Value], own: &[&str], change: impl FnOnce(Survey<'_>) -> Survey<'_>) -> Vec<Finding> {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let surveyed = objects.iter().zip(0..).map(|(object, number)| {
        let surveyed = Surveyed::itself(Cow::Owned(Object(object.clone())));
        let at = Location { item: ItemId(number), span: Span::new(0, 1) };
        let is_own = own.contains(&object["metadata"]["name"].as_str().expect("text"));
        Surveyed { place: if is_own { Place::Source(at) } else { surveyed.place }, ..surveyed }
    });
    let survey = change(Survey::new(surveyed, &schema).whole(ControlPlane::default()));
    findings(&survey).into_iter().filter(|finding| finding.code.to_string().starts_with("K04")).collect()
}

fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("{:?} {}: {}\n", finding.severity, finding.code, finding.message));
        for label in &finding.labels {
            let Place::Object(name) = &label.place else { panic!("{label:?}") };
            text.push_str(&format!("  at {name}: {}\n", label.text));
        }
        let steps = finding.witness.iter().flat_map(|witness| &witness.steps);
        steps.for_each(|step| text.push_str(&format!("  witness: {step}\n")));
        text.push_str(&format!("  help: {}\n", finding.help.as_deref().unwrap_or_default()));
    }
    text
}

/// Something of every kind.
fn odd() -> Vec<Value> {
    let mut objects = clean();
    let from = |name: &str| json!([{ "pods": { "namespaceSelector": {}, "podSelector": app(name) } }]);
    objects.extend([
        deployment("new", "job", "http"),
        policy("shop", "nobody", json!({ "podSelector": app("gone"), "ingress": [{}] })),
        policy("shop", "from-nobody", json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "podSelector": app("gone") }] }] })),
        policy("shop", "grpc", json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "podSelector": app("web") }], "ports": [{ "port": "grpc" }] }] })),
        policy("shop", "one-sided", json!({ "podSelector": app("api"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "podSelector": app("web") }], "ports": [{ "port": 9000 }] }] })),
        policy("shop", "twice", json!({ "podSelector": app("api"), "ingress": [{ "from": [{ "podSelector": app("web") }], "ports": [{ "port": 8080 }] }] })),
        policy("new", "all", json!({ "podSelector": app("job"), "ingress": [{}] })),
        policy("new", "mute", json!({ "podSelector": app("job"), "policyTypes": ["Egress"], "egress": [{ "to": [{ "namespaceSelector": {}, "podSelector": app("helper") }] }] })),
        deployment("new", "helper", "http"),
        admin("first", 1, json!([{ "action": "Deny", "from": from("stranger") }, { "action": "Accept", "from": from("job"), "protocols": [{ "tcp": { "destinationPort": { "number": 81 } } }] }])),
        admin("also-first", 1, json!([{ "action": "Deny", "from": from("job"), "protocols": [{ "tcp": { "destinationPort": { "number": 81 } } }] }])),
        admin("late", 2, json!([{ "action": "Deny", "from": from("job"), "protocols": [{ "tcp": { "destinationPort": { "number": 81 } } }] }])),
    ]);
    objects
}

#[test]
fn each_kind_is_told_with_its_parties_witness_and_remedy() {
    insta::assert_snapshot!(shown(&told(&odd(), &[], |survey| survey)));
}

#[test]
fn a_clean_cluster_shows_nothing() {
    assert_eq!(shown(&told(&clean(), &[], |survey| survey)), "");
}

#[test]
fn of_a_program_alone_nothing_is_told_that_others_objects_could_change() {
    let codes: Vec<_> = told(&odd(), &[], |mut survey| {
        survey.control_plane = None;
        survey
    })
    .iter()
    .map(|finding| finding.code.to_string())
    .collect();
    assert_eq!(codes, ["K0414", "K0412"]);
}

#[test]
fn nothing_is_told_where_pods_could_not_be_read() {
    let unread = ["pods: pods is forbidden".to_owned()];
    assert_eq!(told(&odd(), &[], |survey| survey.unread(&unread)), []);
    let others = ["secrets: secrets is forbidden".to_owned()];
    assert_ne!(told(&odd(), &[], |survey| survey.unread(&others)), []);
}

#[test]
fn policies_that_are_not_evaluated_silence_what_they_may_change() {
    let cilium = json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": { "name": "c", "namespace": "shop" } });
    let mut objects = odd();
    objects.push(cilium);
    let found = told(&objects, &[], |survey| survey);
    let codes: Vec<_> = found.iter().map(|finding| finding.code.to_string()).collect();
    for code in ["K0406", "K0408", "K0412"] {
        assert!(!codes.contains(&code.to_owned()), "{codes:?}");
    }
    assert!(codes.contains(&"K0405".to_owned()) && codes.contains(&"K0414".to_owned()), "{codes:?}");
}

#[test]
fn of_the_programs_own_policies_it_is_left_to_declarations_what_is_told_of_them() {
    let own = ["nobody", "from-nobody", "grpc", "twice", "api-in", "one-sided"];
    let found = told(&odd(), &own, |survey| survey);
    let about: Vec<_> = found
        .iter()
        .filter(|finding| matches!(finding.labels[0].place, Place::Source(_)))
        .map(|finding| finding.code.to_string())
        .collect();
    // That the other end refuses is only known of a whole cluster.
    assert_eq!(about, ["K0408"]);
}
