//! Where objects are written.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use kspec_lower::manifest_path;
use kspec_model::Object;
use proptest::prelude::*;
use serde_json::json;

fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Object {
    let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    Object(object)
}

#[test]
fn paths_are_readable() {
    let rbac = "rbac.authorization.k8s.io/v1";
    let paths = [
        object(rbac, "Role", Some("payments"), "release"),
        object(rbac, "ClusterRole", None, "shop:viewer"),
        object(rbac, "ClusterRole", None, "shop_viewer"),
        object(rbac, "RoleBinding", Some("payments"), "viewer:user:oncall@example.com"),
        object(rbac, "RoleBinding", Some("payments"), "Viewer"),
        object("v1", "ConfigMap", Some("cluster"), "c"),
        object("cert-manager.io/v1", "Certificate", Some("payments"), "api"),
        object("v1", "ConfigMap", Some("../.."), "../../etc/passwd"),
        object("v1", "ConfigMap", None, ""),
    ];
    assert_snapshot!(paths.iter().map(manifest_path).collect::<Vec<_>>().join("\n"), @"
    manifests/payments/role-release.yaml
    manifests/cluster/clusterrole-shop_viewer.yaml
    manifests/cluster/clusterrole-shop_viewer+f376107572ed.yaml
    manifests/payments/rolebinding-viewer_user_oncall@example.com.yaml
    manifests/payments/rolebinding-viewer+6f574a30ef1b.yaml
    manifests/cluster+/configmap-c.yaml
    manifests/payments/certificate.cert-manager.io_api.yaml
    manifests/_..+0cfd1c96cbc0/configmap-.._.._etc_passwd+7676905afd04.yaml
    manifests/cluster/configmap-.yaml
    ");
}

proptest! {
    /// Also where file systems fold case.
    #[test]
    fn two_objects_never_share_a_path(objects in prop::collection::vec(
        (
            prop::sample::select(vec![
                ("v1", "ConfigMap"),
                ("rbac.authorization.k8s.io/v1", "Role"),
                ("rbac.authorization.k8s.io/v1", "RoleBinding"),
                ("a.b/v1", "Role"),
                ("a.b-c/v1", "Role"),
            ]),
            prop::option::of("[a-c]{1,2}|cluster"),
            "[abAB:_.@+/~-]{0,6}|a{178,190}",
        ),
        2..40,
    )) {
        let mut seen = BTreeMap::new();
        for ((api_version, kind), namespace, name) in objects {
            let object = object(api_version, kind, namespace.as_deref(), &name);
            let path = manifest_path(&object);
            prop_assert_eq!(path.split('/').count(), 3);
            prop_assert!(path.split('/').all(|part| part.len() <= 255 && part != ".." && part != "."));
            if let Some(other) = seen.insert(path.to_lowercase(), object.key()) {
                prop_assert_eq!(other, object.key(), "{}", path);
            }
        }
    }
}
