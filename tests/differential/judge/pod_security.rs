//! The labels of a namespace's Pod Security refuse what its level forbids, and warn of what the warned level forbids.

use kspec_model::program::{PodSecurity, PodSecurityLevel, PodSecurityMode};
use kspec_test_harness::{Answer, Client, Cluster, ControlPlane, wait_until};
use serde_json::{Value, json};

use crate::programs::{apply, empty, lower, namespace};

fn mode(level: PodSecurityLevel) -> Option<PodSecurityMode> {
    Some(PodSecurityMode { level, version: None })
}

fn pod(name: &str, security: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [{ "name": "c", "image": "registry.example.com/c:1", "securityContext": security }] },
    })
}

fn create(client: &Client, namespace: &str, pod: &Value) -> Answer {
    client.post(&format!("/api/v1/namespaces/{namespace}/pods?dryRun=All"), pod).unwrap()
}

#[test]
fn a_level_refuses_what_it_forbids() {
    levels_refuse_on(ControlPlane::shared().unwrap());
}

/// Judges every level on a server.
pub(crate) fn levels_refuse_on(cluster: &Cluster) {
    use PodSecurityLevel::{Baseline, Privileged, Restricted};
    let client = cluster.admin();
    let pods = [
        (Privileged, pod("privileged", json!({ "privileged": true }))),
        (Baseline, pod("baseline", json!({}))),
        (
            Restricted,
            pod(
                "restricted",
                json!({
                    "allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": { "drop": ["ALL"] },
                    "seccompProfile": { "type": "RuntimeDefault" },
                }),
            ),
        ),
    ];
    for enforced in [Privileged, Baseline, Restricted] {
        let name = cluster.unique_name(enforced.as_str());
        let mut program = empty("pss");
        let security = PodSecurity { enforce: mode(enforced), warn: mode(Restricted), audit: None };
        program.namespaces.push(kspec_model::program::Namespace {
            pod_security: Some(security),
            // Stating it makes the default service account ours, so that no controller is waited for.
            automount_token: Some(false),
            ..namespace(&name, &[])
        });
        apply(client, &lower(&program));
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        wait_until("the default service account", || Ok(client.request("GET", &account, None)?.is_ok().then_some(())))
            .unwrap();
        for (needs, pod) in &pods {
            let answer = create(client, &name, pod);
            if *needs < enforced {
                assert_eq!(answer.status, 403, "{pod:#} in a {enforced:?} namespace: {}", answer.message());
                let words = format!("violates PodSecurity \"{}:latest\"", enforced.as_str());
                assert!(answer.message().contains(&words), "{}", answer.message());
            } else {
                assert_eq!(answer.status, 201, "{pod:#} in a {enforced:?} namespace: {}", answer.message());
                let warned = answer.warnings.iter().any(|warning| warning.contains("restricted:latest"));
                assert_eq!(warned, *needs < Restricted, "{:?}", answer.warnings);
            }
        }
    }
}
