//! One object against another.

use kspec_model::Object;
use kspec_plan::{ObjectDiff, diff_object, diff_result, merge_object};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

const MANAGER: &str = "kspec.shop";

fn diff(desired: Value, actual: Value) -> ObjectDiff {
    diff_object(&Object(desired), &Object(actual), &Schema::bundled(KubeVersion::NEWEST), MANAGER)
}

fn text(diff: &ObjectDiff) -> String {
    let mut lines: Vec<String> = diff
        .changes
        .iter()
        .map(|change| {
            let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
            format!("{}: {} => {}", change.path, side(&change.before), side(&change.after))
        })
        .collect();
    lines.extend(
        diff.conflicts.iter().map(|conflict| format!("! {} is {}'s", conflict.path, conflict.managers.join(", "))),
    );
    lines.join("\n")
}

fn policy(spec: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "n"}, "spec": spec})
}

fn service(ports: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"}, "spec": {"ports": ports}})
}

#[test]
fn fields_that_are_left_unset_are_nobodys_business() {
    let desired = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"team": "shop"}},
    });
    let actual = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": "shop", "uid": "x", "resourceVersion": "12", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"team": "shop", "kubernetes.io/metadata.name": "shop", "other": "theirs"},
            "annotations": {"owner": "them"},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    });
    assert_eq!(text(&diff(desired, actual)), "");
}

#[test]
fn keyed_lists_merge_by_their_keys() {
    let desired =
        service(json!([{"port": 80, "targetPort": "http"}, {"port": 53, "protocol": "UDP", "targetPort": 5353}]));
    let actual = service(json!([
        {"port": 53, "protocol": "TCP", "targetPort": 53, "nodePort": 30053},
        {"port": 80, "protocol": "TCP", "targetPort": 8080, "nodePort": 30080},
    ]));
    insta::assert_snapshot!(text(&diff(desired, actual)), @r#"
    spec.ports[port=53,protocol=UDP]: - => {"port":53,"protocol":"UDP","targetPort":5353}
    spec.ports[port=80,protocol=TCP].targetPort: 8080 => "http"
    "#);
}

#[test]
fn atomic_lists_are_compared_whole_but_for_what_the_server_fills_in() {
    let role = |rules: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules});
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
    assert_eq!(text(&diff(role(rules.clone()), role(rules.clone()))), "");
    assert_eq!(
        text(&diff(
            role(json!([])),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": null})
        )),
        ""
    );
    insta::assert_snapshot!(
        text(&diff(role(rules), role(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}])))),
        @r#"rules: [{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}] => [{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]"#
    );

    let ports = json!({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 5432}]}]});
    let served = json!({
        "podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 5432, "protocol": "TCP"}]}],
    });
    assert_eq!(text(&diff(policy(ports.clone()), policy(served))), "");
    // Without a peer selector, the peer is another one.
    let open = json!({"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 5432}]}]});
    assert_eq!(diff(policy(ports), policy(open)).changes.len(), 1);

    let limits = |item: Value| json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}});
    let wanted = limits(json!({"type": "Container", "default": {"cpu": "0.5"}, "max": {"memory": "1Gi"}}));
    let served = limits(json!({
        "type": "Container", "max": {"memory": "1Gi"},
        "default": {"cpu": "500m", "memory": "1Gi"}, "defaultRequest": {"cpu": "500m", "memory": "1Gi"},
    }));
    assert_eq!(text(&diff(wanted, served)), "");
}

#[test]
fn defaults_of_what_was_never_on_a_server_are_no_change() {
    let desired = policy(json!({"podSelector": {}, "policyTypes": ["Ingress"], "egress": []}));
    assert_eq!(text(&diff(desired, policy(json!({})))), "");
    let binding = |subject: Value, role: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"}, "subjects": [subject], "roleRef": role});
    let full = binding(
        json!({"kind": "Group", "name": "devs", "apiGroup": "rbac.authorization.k8s.io"}),
        json!({"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}),
    );
    let short = binding(json!({"kind": "Group", "name": "devs"}), json!({"kind": "Role", "name": "r"}));
    assert_eq!(text(&diff(full.clone(), short.clone())), "");
    assert_eq!(text(&diff(short, full)), "");
}

#[test]
fn quantities_are_amounts() {
    let quota = |cpu: Value| json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": cpu, "pods": "50"}}});
    assert_eq!(text(&diff(quota(json!("1000m")), quota(json!("1")))), "");
    assert_eq!(text(&diff(quota(json!(1)), quota(json!("1")))), "");
    insta::assert_snapshot!(text(&diff(quota(json!("2")), quota(json!("1")))), @r#"spec.hard["requests.cpu"]: "1" => "2""#);
}

#[test]
fn a_bindings_role_cannot_change_so_the_binding_is_replaced() {
    let binding = |role: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}});
    let diff = diff(binding("view"), binding("edit"));
    assert!(diff.replaces);
    assert_eq!(diff.changes[0].path, "roleRef");
}

fn managed(entries: Value, labels: Value, annotations: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "labels": labels, "annotations": annotations, "managedFields": entries},
        "data": {"a": "1", "b": "2"},
    })
}

#[test]
fn what_we_once_applied_and_no_longer_want_goes_away_unless_it_is_somebody_elses_too() {
    let entries = json!([
        {"manager": MANAGER, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {
            "f:metadata": {"f:labels": {"f:keep": {}, "f:gone": {}, "f:shared": {}}, "f:annotations": {"f:old": {}}},
            "f:data": {"f:a": {}, "f:b": {}},
        }},
        {"manager": "helm", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:shared": {}, "f:theirs": {}}}, "f:data": {"f:b": {}}}},
        {"manager": "kubelet", "operation": "Update", "subresource": "status", "fieldsV1": {"f:metadata": {"f:labels": {"f:gone": {}}}}},
    ]);
    let actual = managed(entries, json!({"keep": "1", "gone": "1", "shared": "1", "theirs": "1"}), json!({"old": "x"}));
    let desired = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": {"keep": "1"}}, "data": {"a": "1", "b": "3"}});
    insta::assert_snapshot!(text(&diff(desired.clone(), actual.clone())), @r#"
    data.b: "2" => "3"
    metadata.annotations.old: "x" => -
    metadata.labels.gone: "1" => -
    ! data.b is helm's
    "#);
    let merged = merge_object(&Object(desired), &Object(actual), &Schema::bundled(KubeVersion::NEWEST), MANAGER);
    assert_eq!(merged.0["metadata"]["labels"], json!({"keep": "1", "shared": "1", "theirs": "1"}));
    assert_eq!(merged.0["metadata"]["annotations"], json!({}));
    assert_eq!(merged.0["data"], json!({"a": "1", "b": "3"}));
}

/// As the server does: first the fields are merged, then what is absent is filled in.
#[test]
fn a_field_goes_back_to_the_default_that_its_new_neighbours_give_it() {
    let entries = json!([
        {"manager": MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:podSelector": {}, "f:policyTypes": {}}}},
    ]);
    let mut actual = policy(json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
    actual["metadata"]["managedFields"] = entries;
    let desired = policy(json!({"podSelector": {}, "egress": [{}]}));
    insta::assert_snapshot!(text(&diff(desired, actual)), @r#"
    spec.egress: - => [{}]
    spec.policyTypes: ["Ingress"] => ["Ingress","Egress"]
    "#);
}

#[test]
fn owning_an_empty_mapping_is_not_owning_what_is_in_it() {
    let entries = json!([
        {"manager": MANAGER, "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}}}},
        {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:data": {}, "f:spec": {"f:selector": {}}}},
    ]);
    let desired = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    let actual = managed(entries.clone(), json!({}), json!({}));
    assert_eq!(text(&diff(desired, actual)), "data.a: \"1\" => -");
    // Nor is what is owned always there.
    let service = |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "managedFields": entries}, "spec": spec});
    insta::assert_snapshot!(text(&diff(service(json!({"selector": {"app": "a"}})), service(json!({})))), @r#"
    spec.selector: - => {"app":"a"}
    ! spec.selector is helm's
    "#);
}

#[test]
fn list_items_and_set_members_go_away_by_themselves() {
    let entries = json!([{"manager": MANAGER, "operation": "Apply", "fieldsV1": {
        "f:metadata": {"f:finalizers": {"v:\"x.io/a\"": {}, "v:\"x.io/b\"": {}}},
        "f:spec": {"f:ports": {
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}},
            "k:{\"port\":90,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
        }},
    }}]);
    let actual = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "s", "managedFields": entries, "finalizers": ["x.io/a", "x.io/b", "y.io/c"]},
        "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 80}, {"port": 90, "protocol": "TCP", "targetPort": 90}, {"port": 100, "protocol": "TCP"}]},
    });
    let desired = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "finalizers": ["x.io/a"]}, "spec": {"ports": [{"port": 80}]}});
    insta::assert_snapshot!(text(&diff(desired.clone(), actual.clone())), @r#"
    metadata.finalizers[="x.io/b"]: "x.io/b" => -
    spec.ports[port=80,protocol=TCP].name: "http" => -
    spec.ports[port=90,protocol=TCP]: {"port":90,"protocol":"TCP","targetPort":90} => -
    "#);
    let merged = merge_object(&Object(desired), &Object(actual), &Schema::bundled(KubeVersion::NEWEST), MANAGER);
    assert_eq!(
        merged.0["spec"]["ports"],
        json!([{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 100, "protocol": "TCP"}])
    );
    assert_eq!(merged.0["metadata"]["finalizers"], json!(["x.io/a", "y.io/c"]));
}

#[test]
fn in_files_without_managed_fields_our_own_annotations_are_known_by_their_prefix() {
    let role = |annotations: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r", "annotations": annotations}});
    let diff = diff(
        role(json!({"kspec.dev/purpose": "b"})),
        role(json!({"kspec.dev/purpose": "a", "kspec.dev/until": "2026-01-01", "team": "x"})),
    );
    insta::assert_snapshot!(text(&diff), @r#"
    metadata.annotations["kspec.dev/purpose"]: "a" => "b"
    metadata.annotations["kspec.dev/until"]: "2026-01-01" => -
    "#);
}

#[test]
fn kinds_without_a_schema_merge_mappings_and_replace_lists() {
    let gizmo =
        |spec: Value| json!({"apiVersion": "x.io/v1", "kind": "Gizmo", "metadata": {"name": "g"}, "spec": spec});
    let diff = diff(gizmo(json!({"a": 1, "list": [1]})), gizmo(json!({"a": 1.0, "b": 2, "list": [1, 2]})));
    insta::assert_snapshot!(text(&diff), @"spec.list: [1,2] => [1]");
}

#[test]
fn a_dry_runs_result_is_compared_on_our_fields_alone() {
    let fields = |labels: Value| json!([{"manager": MANAGER, "operation": "Apply", "fieldsV1": {"f:metadata": {"f:labels": labels}}}]);
    let object = |fields: Value, labels: Value, version: &str| {
        Object(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "resourceVersion": version, "managedFields": fields, "labels": labels}}),
        )
    };
    let before = object(fields(json!({"f:a": {}, "f:gone": {}})), json!({"a": "1", "gone": "1", "theirs": "1"}), "1");
    let after = object(
        fields(json!({"f:a": {}, "f:new": {}})),
        json!({"a": "1", "new": "1", "theirs": "changed meanwhile"}),
        "2",
    );
    let diff = diff_result(&before, &after, &Schema::bundled(KubeVersion::NEWEST), MANAGER);
    insta::assert_snapshot!(text(&diff), @r#"
    metadata.labels.gone: "1" => -
    metadata.labels.new: - => "1"
    "#);
}
