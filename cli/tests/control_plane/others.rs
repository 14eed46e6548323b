//! Policies of network plugins in a cluster that serves their kinds.

use kspec_test_harness::{Cluster, ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use crate::support::Place;

/// API group, version, kind, plural, whether it lives in a namespace; all that these kinds have in common with the plugins' own
/// definitions is what is asked of a server: their names.
const KINDS: [(&str, &str, &str, &str, bool); 4] = [
    ("crd.projectcalico.org", "v1", "NetworkPolicy", "networkpolicies", true),
    ("crd.projectcalico.org", "v1", "GlobalNetworkPolicy", "globalnetworkpolicies", false),
    ("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies", true),
    ("cilium.io", "v2", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", false),
];

fn definition((group, version, kind, plural, namespaced): (&str, &str, &str, &str, bool)) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group, "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List") },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

fn deployment(name: &str) -> Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "namespace": "default", "name": name },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "example.com/c" }] } },
        },
    })
}

#[test]
fn what_a_network_plugin_may_decide_is_unknown_for_as_long_as_it_is_there() {
    // Of its own: such policies bear on everything that runs in a cluster.
    let server = ControlPlane::start(Options::default()).expect("a control plane");
    let cluster = Cluster::from_kubeconfig(server.kubeconfig()).expect("a cluster");
    let admin = cluster.admin();
    let apply = |object: &Value| admin.apply(object, "somebody", false).expect("an answer").ok().expect("made");
    let place = Place::empty();
    place.write("kubeconfig", std::fs::read(cluster.kubeconfig()).expect("a kubeconfig"));
    let probe = || {
        place.kspec(&[
            "net",
            "probe",
            "--from",
            "default/one",
            "--to",
            "default/two",
            "--port",
            "80",
            "--state",
            "live",
            "-o",
            "json",
        ])
    };

    wait_until("the first namespace", || {
        Ok(admin.request("GET", "/api/v1/namespaces/default", None).is_ok_and(|answer| answer.is_ok()).then_some(()))
    })
    .expect("it is made");
    for name in ["one", "two"] {
        apply(&deployment(name));
    }
    probe().ends(0);

    for kind in KINDS {
        let (group, version, name, plural, namespaced) = kind;
        apply(&definition(kind));
        let served = format!("/apis/{group}/{version}/{plural}");
        wait_until("a kind that is served", || {
            Ok(admin.request("GET", &served, None).is_ok_and(|answer| answer.is_ok()).then_some(()))
        })
        .expect("it is served");
        // A kind of which there is no object restricts nobody.
        probe().ends(0);
        let mut policy = json!({
            "apiVersion": format!("{group}/{version}"), "kind": name, "metadata": { "name": "deny" },
            "spec": { "endpointSelector": {}, "selector": "all()", "types": ["Ingress"] },
        });
        if namespaced {
            policy["metadata"]["namespace"] = "default".into();
        }
        apply(&policy);
        let answer = probe().ends(6).json();
        let because = answer["unknown_because"].to_string();
        assert!(because.contains(name) && because.contains("deny"), "{answer}");
        let path = admin.path_of(&policy).expect("a path");
        admin.delete(&path).expect("an answer").ok().expect("deleted");
        probe().ends(0);
    }
}
