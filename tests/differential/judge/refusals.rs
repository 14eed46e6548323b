//! What is said of manifests that no API server would hold (K0125), against a server that is asked to hold them.

use kspec_model::{Object, cluster};
use kspec_schema::{KubeVersion, Schema};
use kspec_test_harness::{Client, ControlPlane};
use serde_json::{Value, json};

/// Names, keys and values on both sides of every bound.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "a",
        "A",
        "1",
        "80",
        "1a",
        "a1",
        "a.b",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "a-b",
        "a--b",
        "a_b",
        "_a",
        "a:b",
        "a/b",
        "/a",
        "a/",
        "a/b/c",
        "a%b",
        ".",
        "..",
        "...",
        "a b",
        " a",
        "é",
        "example.com/a",
        "Example.com/a",
        "example.com/A_b",
        "a\nb",
        "default",
    ]
    .map(str::to_owned)
    .to_vec();
    for length in [15, 16, 52, 53, 63, 64, 253, 254] {
        texts.push("a".repeat(length));
    }
    // Parts of a subdomain are only bounded together.
    texts.push(format!("{}.b", "a".repeat(64)));
    texts.push(format!("{}/b", "a".repeat(64)));
    texts.push(format!("a/{}", "b".repeat(64)));
    texts
}

fn template() -> Value {
    json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{
            "name": "c", "image": "example.com/c:1", "ports": [{ "name": "http", "containerPort": 80 }],
        }] },
    })
}

fn controller(kind: &str) -> Value {
    let spec = json!({ "serviceName": "web", "selector": { "matchLabels": { "app": "web" } }, "template": template() });
    let mut object = json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "web" }, "spec": spec });
    if kind != "StatefulSet" {
        object["spec"].as_object_mut().unwrap().remove("serviceName");
    }
    object
}

fn rbac(kind: &str, rest: Value) -> Value {
    let mut object =
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": "web" } });
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

/// Objects that a server holds, and places of them where text is put. A place that ends in `/*` is a map, which gets the text as a key.
fn objects() -> Vec<(Value, &'static [&'static str])> {
    let pod = template();
    let mut job_template = template();
    job_template["spec"]["restartPolicy"] = json!("Never");
    let bound = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" });
    let account = json!([{ "kind": "ServiceAccount", "name": "web", "namespace": "shop" }]);
    vec![
        (json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "web" } }), &[]),
        (json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" } }), &[]),
        (json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "web" } }), &[]),
        (json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "web" } }), &[]),
        (
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" }, "spec": pod["spec"] }),
            &["/spec/containers/0/ports/0/name"],
        ),
        (
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" }, "spec": {
                "selector": { "app": "web" }, "ports": [{ "name": "http", "port": 80, "targetPort": "http" }, { "name": "other", "port": 81 }],
            } }),
            &["/spec/ports/0/name", "/spec/ports/0/targetPort", "/spec/selector/app", "/spec/selector/*"],
        ),
        (
            controller("DaemonSet"),
            &["/spec/template/metadata/labels/*", "/spec/template/spec/containers/0/ports/0/name"],
        ),
        (
            controller("Deployment"),
            &["/spec/template/metadata/labels/b", "/spec/template/spec/containers/0/ports/0/name"],
        ),
        (controller("ReplicaSet"), &["/spec/template/metadata/labels/*"]),
        (controller("StatefulSet"), &["/spec/template/metadata/labels/*"]),
        (
            json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "web" }, "spec": { "template": job_template } }),
            &["/spec/template/metadata/labels/*", "/spec/template/spec/containers/0/ports/0/name"],
        ),
        (
            json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "web" }, "spec": {
                "schedule": "0 0 * * *", "jobTemplate": { "spec": { "template": job_template } },
            } }),
            &["/spec/jobTemplate/spec/template/metadata/labels/*"],
        ),
        (
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "web" }, "spec": {
                "podSelector": { "matchLabels": { "app": "web" } },
                "ingress": [{ "from": [{ "podSelector": { "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web"] }] } }] }],
                "egress": [{ "to": [{ "namespaceSelector": { "matchLabels": { "app": "web" } } }], "ports": [{ "port": "http" }] }],
            } }),
            &[
                "/spec/podSelector/matchLabels/app",
                "/spec/podSelector/matchLabels/*",
                "/spec/ingress/0/from/0/podSelector/matchExpressions/0/key",
                "/spec/ingress/0/from/0/podSelector/matchExpressions/0/values/0",
                "/spec/egress/0/to/0/namespaceSelector/matchLabels/*",
                "/spec/egress/0/ports/0/port",
            ],
        ),
        (
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "web" }, "spec": {
                "defaultBackend": { "service": { "name": "web", "port": { "name": "http" } } },
            } }),
            &["/spec/defaultBackend/service/port/name"],
        ),
        (rbac("Role", json!({ "rules": [] })), &[]),
        (
            rbac(
                "ClusterRole",
                json!({ "aggregationRule": { "clusterRoleSelectors": [{ "matchLabels": { "app": "web" } }] } }),
            ),
            &["/aggregationRule/clusterRoleSelectors/0/matchLabels/*"],
        ),
        (rbac("ClusterRole", json!({ "aggregationRule": { "clusterRoleSelectors": [] } })), &[]),
        (rbac("RoleBinding", json!({ "roleRef": bound, "subjects": account })), &["/roleRef/name", "/subjects/0/name"]),
        (
            rbac("ClusterRoleBinding", json!({ "roleRef": bound, "subjects": account })),
            &["/subjects/0/apiGroup", "/subjects/0/kind"],
        ),
    ]
}

/// Each of these written into each place.
fn written() -> Vec<Value> {
    let mut written = Vec::new();
    for (object, places) in objects() {
        written.push(object.clone());
        let always = ["/metadata/name", "/metadata/labels/app", "/metadata/labels/*", "/metadata/annotations/*"];
        for place in always.iter().chain(places) {
            for text in texts() {
                let mut object = object.clone();
                let (parent, last) = place.rsplit_once('/').unwrap();
                if let Some(map) = parent.strip_prefix("/metadata/") {
                    object["metadata"][map] = json!({});
                }
                let parent = object.pointer_mut(parent).unwrap();
                match parent {
                    Value::Array(list) => list[last.parse::<usize>().unwrap()] = json!(text),
                    map if last == "*" => map[&text] = json!("x"),
                    map => map[last] = json!(text),
                }
                written.push(object);
            }
        }
    }
    written.extend(selectors());
    written.extend(probes());
    written.extend(ingresses());
    written.extend(rules());
    written.extend(subjects());
    let mut twice = objects().remove(4).0;
    twice["spec"]["containers"][0]["ports"] =
        json!([{ "name": "a", "containerPort": 1 }, { "name": "a", "containerPort": 2 }]);
    let mut nameless = objects().remove(5).0;
    nameless["spec"]["ports"] = json!([{ "name": "a", "port": 1 }, { "port": 2 }]);
    let mut same = nameless.clone();
    same["spec"]["ports"][1]["name"] = json!("a");
    written.extend([twice, nameless, same]);
    written
}

/// Controllers whose selectors ask for what their templates have, and for something else.
fn selectors() -> Vec<Value> {
    let requirement = |key: &str, operator: &str, values: &[&str]| {
        let mut requirement = json!({ "key": key, "operator": operator });
        if !values.is_empty() {
            requirement["values"] = json!(values);
        }
        json!({ "matchExpressions": [requirement] })
    };
    let mut asked = vec![Value::Null, json!({}), json!({ "matchLabels": {} }), json!({ "matchExpressions": [] })];
    for labels in [
        json!({ "app": "web" }),
        json!({ "app": "db" }),
        json!({ "tier": "web" }),
        json!({ "app": "web", "tier": "x" }),
    ] {
        asked.push(json!({ "matchLabels": labels }));
    }
    for key in ["app", "tier", "job-name", "batch.kubernetes.io/job-name"] {
        for (operator, values) in
            [("In", &["web", "x"][..]), ("NotIn", &["web"]), ("Exists", &[]), ("DoesNotExist", &[])]
        {
            asked.push(requirement(key, operator, values));
        }
    }
    let mut objects = Vec::new();
    for selector in asked {
        for labels in [json!({ "app": "web" }), json!({ "app": "web", "tier": "x" }), Value::Null] {
            for kind in ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"] {
                let mut object = controller(kind);
                object["spec"]["selector"] = selector.clone();
                object["spec"]["template"]["metadata"]["labels"] = labels.clone();
                objects.push(object);
            }
            for manual in [Value::Null, json!(false), json!(true)] {
                let mut template = template();
                template["spec"]["restartPolicy"] = json!("Never");
                template["metadata"]["labels"] = labels.clone();
                let spec = json!({ "selector": selector, "manualSelector": manual, "template": template });
                objects.push(
                    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "web" }, "spec": spec }),
                );
                let spec = json!({ "schedule": "0 0 * * *", "jobTemplate": { "spec": spec } });
                objects.push(
                    json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "web" }, "spec": spec }),
                );
            }
        }
    }
    for selector in [Value::Null, json!({}), json!({ "app": "web" }), json!({ "app": "db" }), json!({ "tier": "x" })] {
        for labels in [json!({ "app": "web" }), json!({}), Value::Null] {
            let mut template = template();
            template["metadata"]["labels"] = labels;
            let spec = json!({ "selector": selector, "template": template });
            objects.push(json!({ "apiVersion": "v1", "kind": "ReplicationController", "metadata": { "name": "web" }, "spec": spec }));
        }
    }
    objects
}

/// Probes and hooks of each kind, at ports on both sides of every bound.
fn probes() -> Vec<Value> {
    let long = "a".repeat(16);
    let ports = [json!(-1), json!(0), json!(1), json!(80), json!(65535), json!(65536), Value::Null]
        .into_iter()
        .chain(["", "80", "http", "HTTP", "a-b", "a--b", "-a", "a_b", &long[1..], &long].map(|name| json!(name)));
    let mut handlers = vec![json!({}), json!({ "exec": { "command": ["true"] } })];
    handlers.push(json!({ "exec": { "command": ["true"] }, "tcpSocket": { "port": 80 } }));
    for port in ports {
        handlers.push(json!({ "httpGet": { "port": port } }));
        handlers.push(json!({ "tcpSocket": { "port": port } }));
        if !port.is_string() {
            handlers.push(json!({ "grpc": { "port": port } }));
        }
    }
    let mut objects = Vec::new();
    for handler in handlers {
        for place in ["livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop"] {
            let is_hook = ["postStart", "preStop"].contains(&place);
            if is_hook && handler.get("grpc").is_some() {
                continue;
            }
            let fields = if is_hook { json!({ "lifecycle": { place: handler } }) } else { json!({ place: handler }) };
            let with = |mut container: Value| {
                container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                container
            };
            let container = template()["spec"]["containers"][0].clone();
            let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" }, "spec": { "containers": [with(container.clone())] } });
            objects.push(pod.clone());
            pod["spec"]["containers"] = json!([container.clone()]);
            pod["spec"]["initContainers"] =
                json!([with(json!({ "name": "i", "image": "i", "restartPolicy": "Always" }))]);
            objects.push(pod);
        }
        let mut deployment = controller("Deployment");
        deployment["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] = handler;
        objects.push(deployment);
    }
    objects
}

/// Ingresses of hosts and paths.
fn ingresses() -> Vec<Value> {
    let ingress = |spec: Value| json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "web" }, "spec": spec });
    let backend = json!({ "service": { "name": "web", "port": { "number": 80 } } });
    let long = "a".repeat(251);
    let mut hosts = texts();
    hosts.extend(
        [
            "",
            "*",
            "*.",
            "*.a",
            "*.a.b",
            "*a.b",
            "a.*",
            "a.*.b",
            "*.*.a",
            "**.a",
            "1.2.3.4",
            "01.2.3.4",
            "1.2.3.256",
            "1.2.3",
            "0.0.0.0",
            "::1",
            "*.1.2.3.4",
            "web.example.com:80",
            "Web.example.com",
        ]
        .map(str::to_owned),
    );
    hosts.extend([format!("*.{long}"), format!("*.a{long}")]);
    let mut objects = vec![ingress(json!({})), ingress(json!({ "rules": [] })), ingress(json!({ "rules": [{}] }))];
    objects.push(ingress(json!({ "rules": [{ "http": { "paths": [] } }] })));
    for host in &hosts {
        objects.push(ingress(json!({ "rules": [{ "host": host }] })));
        objects.push(ingress(json!({ "defaultBackend": backend, "tls": [{ "hosts": [host] }] })));
    }
    let paths = [
        "", "/", "/a", "a", "/a/b/", "//", "/a//b", "/./a", "/../a", "/a/..", "/a/.", "/..a", "/a..", "/%2f", "/a%2Fb",
        "/%2e", "/*", "*", " /", "/a b", "/é", "/.",
    ];
    for kind in
        [Value::Null, json!("Exact"), json!("Prefix"), json!("ImplementationSpecific"), json!("exact"), json!("")]
    {
        for path in paths {
            let entry = json!({ "path": path, "pathType": kind, "backend": backend });
            objects.push(ingress(json!({ "rules": [{ "host": "a.example.com", "http": { "paths": [entry] } }] })));
        }
        let entry = json!({ "pathType": kind, "backend": backend });
        objects.push(ingress(json!({ "rules": [{ "host": "*.example.com", "http": { "paths": [entry] } }] })));
    }
    objects
}

/// Rules with and without each of their lists.
fn rules() -> Vec<Value> {
    let lists = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];
    let mut rules = Vec::new();
    for which in 0..1 << lists.len() {
        let mut rule = json!({});
        for (bit, list) in lists.iter().enumerate() {
            if which & (1 << bit) != 0 {
                rule[list] = json!(["x"]);
            }
        }
        rules.extend(["Role", "ClusterRole"].map(|kind| rbac(kind, json!({ "rules": [rule] }))));
    }
    rules
}

/// Subjects of each kind, group and place.
fn subjects() -> Vec<Value> {
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" });
    let mut bindings = Vec::new();
    for kind in ["User", "Group", "ServiceAccount"] {
        for group in [None, Some(""), Some("rbac.authorization.k8s.io"), Some("apps")] {
            for namespace in [None, Some("shop")] {
                let mut subject = json!({ "kind": kind, "name": "web" });
                if let Some(group) = group {
                    subject["apiGroup"] = json!(group);
                }
                if let Some(namespace) = namespace {
                    subject["namespace"] = json!(namespace);
                }
                let kinds = ["RoleBinding", "ClusterRoleBinding"];
                bindings.extend(kinds.map(|kind| rbac(kind, json!({ "roleRef": role, "subjects": [subject] }))));
            }
        }
    }
    bindings
}

/// Whether the server refuses what it is shown.
fn is_refused(client: &Client, namespace: &str, object: &Value) -> bool {
    let mut named = object.clone();
    named["metadata"]["name"] = json!("x");
    if !["Namespace", "ClusterRole", "ClusterRoleBinding"].contains(&object["kind"].as_str().unwrap()) {
        named["metadata"]["namespace"] = json!(namespace);
    }
    let path = client.path_of(&named).unwrap();
    let (path, _) = path.rsplit_once('/').unwrap();
    let answer = client.post(&format!("{path}?dryRun=All"), object).unwrap();
    match answer.status {
        // There already, which is found out last.
        201 | 409 => false,
        400 | 422 => true,
        status => panic!("{status}: {object}\n{}", answer.message()),
    }
}

#[test]
fn what_no_server_would_hold() {
    let cluster = ControlPlane::shared().unwrap();
    let namespace = cluster.namespace_for_pods("held").unwrap();
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let written = written();
    let (mut refused, mut wrong) = (0, Vec::new());
    for object in &written {
        let (_, problems) = cluster::Cluster::lift([&Object(object.clone())]);
        let said: Vec<String> =
            problems.into_iter().map(|problem| problem.message).chain(schema.refusals(object)).collect();
        let is_refused = is_refused(cluster.admin(), &namespace, object);
        refused += usize::from(is_refused);
        if is_refused == said.is_empty() {
            wrong.push(format!("refused: {is_refused}, said: {said:?}: {object}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), written.len(), wrong[..wrong.len().min(12)].join("\n"));
    assert!(refused * 4 > written.len() && refused * 4 < written.len() * 3, "{refused} of {} refused", written.len());
}
