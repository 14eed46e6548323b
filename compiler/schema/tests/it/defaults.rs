//! What the server fills in. The judge of Pod Security holds it against the real one.

use kspec_schema::defaults::{carries_pod, complete};
use serde_json::{Value, json};

fn completed(mut object: Value) -> Value {
    complete(&mut object);
    object
}

fn pod(spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": spec })
}

#[test]
fn a_volume_without_a_source_is_an_empty_dir() {
    let volumes =
        json!([{ "name": "a" }, { "name": "b", "hostPath": null }, { "name": "c", "nfs": { "server": "s" } }]);
    let pod = completed(pod(json!({ "volumes": volumes })));
    let volumes = &pod["spec"]["volumes"];
    assert_eq!(volumes[0]["emptyDir"], json!({}));
    assert_eq!(volumes[1]["emptyDir"], json!({}));
    assert!(volumes[2].get("emptyDir").is_none());
}

#[test]
fn pods_get_what_templates_do_not() {
    let spec = json!({ "hostNetwork": true, "containers": [
        { "name": "c", "image": "a", "ports": [{ "containerPort": 80 }, { "containerPort": 81, "hostPort": 8081 }],
          "resources": { "limits": { "cpu": "1" } } },
    ] });
    let pod = completed(pod(spec.clone()));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["ports"][0], json!({ "containerPort": 80, "hostPort": 80, "protocol": "TCP" }));
    assert_eq!(container["ports"][1]["hostPort"], 8081);
    assert_eq!(container["resources"]["requests"], json!({ "cpu": "1" }));
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "template": { "spec": spec } } });
    let deployment = completed(deployment);
    let template = &deployment["spec"]["template"]["spec"];
    assert!(template["containers"][0]["ports"][0].get("hostPort").is_none());
    assert!(template.get("serviceAccountName").is_none());
    assert_eq!(template["dnsPolicy"], "ClusterFirst");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["rollingUpdate"], json!({ "maxSurge": "25%", "maxUnavailable": "25%" }));
}

#[test]
fn annotations_of_apparmor_become_fields() {
    let mut pod = pod(json!({ "containers": [{ "name": "a", "image": "a" }, { "name": "b", "image": "b",
        "securityContext": { "appArmorProfile": { "type": "RuntimeDefault" } } }] }));
    let prefix = "container.apparmor.security.beta.kubernetes.io/";
    pod["metadata"]["annotations"] = json!({ format!("{prefix}a"): "localhost/x", format!("{prefix}b"): "unconfined" });
    let pod = completed(pod);
    let profile = |at: usize| pod["spec"]["containers"][at]["securityContext"]["appArmorProfile"].clone();
    assert_eq!(profile(0), json!({ "type": "Localhost", "localhostProfile": "x" }));
    assert_eq!(profile(1), json!({ "type": "RuntimeDefault" }));
}

#[test]
fn completing_twice_changes_nothing() {
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "spec": { "template": { "spec": { "containers": [
        { "name": "c", "image": "a@sha256:0", "livenessProbe": { "timeoutSeconds": 0, "httpGet": { "port": 80 } } },
    ] } } } });
    let once = completed(job);
    assert_eq!(once["spec"]["backoffLimit"], 6);
    let container = &once["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["livenessProbe"]["timeoutSeconds"], 1);
    assert_eq!(completed(once.clone()), once);
}

#[test]
fn what_carries_no_pod_stays_as_it_is() {
    for object in [json!({ "apiVersion": "v1", "kind": "Secret" }), json!("text"), Value::Null, json!({ "kind": 3 })] {
        assert!(!carries_pod(&object));
        assert_eq!(completed(object.clone()), object);
    }
    // Fields that hold something else than they should are left to whoever checks types.
    let odd = json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "containers": { "a": 1 }, "volumes": [3] } });
    assert_eq!(completed(odd)["spec"]["volumes"], json!([3]));
}
