//! What every API server holds from its first start.

use kspec_schema::{KubeVersion, Schema};
use serde_json::json;

use crate::round_trip::{assert_adopts, state};

#[test]
fn the_servers_own_objects_are_all_declared() {
    for &version in KubeVersion::all() {
        let schema = Schema::bundled(version);
        let namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"].map(|name| {
            json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
            })
        });
        let held = state(schema.default_rbac().iter().cloned().chain(namespaces));
        let imported = assert_adopts(&held, version);
        let verbatim: Vec<&str> = imported.report.verbatim.iter().map(|kept| kept.object.as_str()).collect();
        // It binds nobody, for the Node authorizer does its work now.
        assert_eq!(verbatim, ["ClusterRoleBinding system:node"], "{version}");
        assert!(imported.report.declared > 100, "{}", imported.report.declared);
    }
}
