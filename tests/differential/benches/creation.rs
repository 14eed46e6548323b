//! What fifty rules, as policies inside a real API server, add to the creation of a pod.
//!
//! Pods are created in a namespace where the rules hold and in one like it where there are none, by turns in the same run;
//! the figure is the ratio of the medians. A second pair of columns asks for a dry run, which leaves out the write to etcd.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use kspec_model::program::Date;
use kspec_project::{Choice, load};
use kspec_test_harness::{Client, ControlPlane, wait_until};
use serde_json::{Value, json};

const RULES: usize = 50;
const PODS: usize = 600;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // The filters of `scripts/bench` name other benches.
    if arguments.first().is_some_and(|filter| !filter.starts_with('-') && !"creation".contains(filter.as_str())) {
        return;
    }
    let cluster = ControlPlane::shared().unwrap();
    let client = cluster.admin();
    let inside = cluster.namespace_for_pods("judged").unwrap();
    let outside = cluster.namespace_for_pods("plain").unwrap();
    let policies = enforce(client, &inside);
    println!("{RULES} rules in {policies} policies, {PODS} pods in each namespace by turns, one after the other");
    for (title, query) in [("created", ""), ("dry run", "?dryRun=All")] {
        // The first few warm the server up.
        for at in 0..50 {
            for namespace in [&inside, &outside] {
                create(client, namespace, &format!("warm-{}-{at}", query.len()), query);
            }
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for at in 0..PODS {
            let name = format!("pod-{}-{at}", query.len());
            // Neither is always the second of a pair.
            if at % 2 == 0 {
                with.push(create(client, &inside, &name, query));
                without.push(create(client, &outside, &name, query));
            } else {
                without.push(create(client, &outside, &name, query));
                with.push(create(client, &inside, &name, query));
            }
        }
        let (with, without) = (quartiles(with), quartiles(without));
        println!(
            "  {title:<8} without {:>5.2} ms, with {:>5.2} ms, ratio {:.2}   (lower quartiles {:.2}, {:.2}, ratio {:.2})",
            without[1],
            with[1],
            with[1] / without[1],
            without[0],
            with[0],
            with[0] / without[0]
        );
    }
}

/// Milliseconds that a creation takes.
fn create(client: &Client, namespace: &str, name: &str, query: &str) -> f64 {
    let pod = pod(name, "registry.example.com/shop/api:1.4.2");
    let began = Instant::now();
    let answer = client.post(&format!("/api/v1/namespaces/{namespace}/pods{query}"), &pod).unwrap();
    let took = began.elapsed().as_secs_f64() * 1e3;
    assert!(answer.is_ok(), "{}", answer.message());
    took
}

/// Lower quartile and median.
fn quartiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [values[values.len() / 4], values[values.len() / 2]]
}

fn pod(name: &str, image: &str) -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": image,
            "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "cpu": "500m", "memory": "256Mi" } },
            "ports": [{ "name": format!("http-{name}"), "containerPort": 8080 }],
            "livenessProbe": { "httpGet": { "path": "/healthz", "port": 8080 } },
            "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
                "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" } },
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": "api", "team": "payments" } },
        "spec": { "containers": [container("api"), container("sidecar")], "securityContext": { "runAsNonRoot": true } },
    })
}

/// Rules of five shapes.
fn rules(namespace: &str) -> String {
    let mut source = format!("existing namespace judged = {namespace:?}\n");
    let mut names = Vec::new();
    for n in 0..RULES {
        let body = match n % 5 {
            0 => format!(
                "for c in all_containers {{ deny if c.ports.any(p => p.containerPort == {}) because \"{{c.name}} listens on it\" }}",
                9000 + n
            ),
            1 => format!(
                "for c in all_containers {{ deny if (c.image ?? \"\").like(\"r{n}.example.com/*\") because \"{{c.name}} uses r{n}\" }}"
            ),
            2 => format!(
                "deny if object.metadata.labels.team == \"t{n}\" && !(object.spec.securityContext.runAsNonRoot ?? false) because \"team {n}\""
            ),
            3 => format!(
                "for c in containers, init_containers {{ deny if (c.resources.limits.memory ?? 0) > {n}Gi because \"{{c.name}} may use too much\" }}"
            ),
            _ => format!(
                "for c in all_containers {{ deny if (c.securityContext.runAsUser ?? {n}) == 0 because \"{{c.name}} is root\" }}"
            ),
        };
        let _ = write!(source, "/// Rule {n}.\nrule r{n} on Pod {{\n  {body}\n}}\n");
        names.push(format!("r{n}"));
    }
    let _ = writeln!(source, "enforce {} in judged", names.join(", "));
    source
}

/// Puts the rules in force, and yields in how many policies.
fn enforce(client: &Client, namespace: &str) -> usize {
    let as_of = Date { year: 2026, month: 11, day: 21 };
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("creation");
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("kspec.toml"), "name = \"creation\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n")
        .unwrap();
    std::fs::write(root.join("main.kspec"), rules(namespace)).unwrap();
    let mut project = load(&root, &Choice { environment: None, as_of, update_lock: true })
        .unwrap_or_else(|cause| panic!("{cause:?}"));
    let findings = project.compiler.check();
    let errors = findings.iter().filter(|finding| finding.severity == kspec_diagnostics::Severity::Error);
    let errors: Vec<_> = errors.map(|finding| format!("{} {}", finding.code, finding.message)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let (objects, _) = kspec_lower::objects(project.compiler.program(), &BTreeMap::new(), as_of);
    let mut policies = 0;
    for lowered in objects.iter().filter(|lowered| lowered.object.group() == "admissionregistration.k8s.io") {
        client.apply(&lowered.object.0, "kspec.bench", false).unwrap().ok().expect("a policy that is accepted");
        policies += usize::from(lowered.object.kind() == "ValidatingAdmissionPolicy");
    }
    assert!(policies > 0);
    let refused = pod("probe", "r1.example.com/shop/api:1");
    let mut good = 0;
    wait_until("the policies are in force", || {
        let answer = client.post(&format!("/api/v1/namespaces/{namespace}/pods?dryRun=All"), &refused)?;
        good = if answer.is_ok() { 0 } else { good + 1 };
        Ok((good >= 3).then_some(()))
    })
    .unwrap();
    policies
}
