use kspec_model::{Object, ObjectKey};
use kspec_state::{
    State,
    live::{Cluster, LiveError, Want},
};
use kspec_test_harness::{ControlPlane, wait_until};
use serde_json::{Value, json};

use crate::connecting::kubeconfig;

fn admin() -> Cluster {
    let folder = tempfile::tempdir().unwrap();
    Cluster::open(&kubeconfig(folder.path(), |_| {})).unwrap()
}

/// Somebody bound to these rules, in a namespace or everywhere.
fn person(namespace: Option<&str>, rules: &Value) -> (Cluster, String) {
    let server = ControlPlane::shared().unwrap();
    let user = server.unique_name("reader");
    let group = "rbac.authorization.k8s.io";
    let binding = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    for mut object in [
        json!({ "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": { "name": user }, "rules": rules }),
        json!({ "apiVersion": format!("{group}/v1"), "kind": binding, "metadata": { "name": user },
            "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": user },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": user }] }),
    ] {
        if let (Some(namespace), "RoleBinding") = (namespace, object["kind"].as_str().unwrap()) {
            object["metadata"]["namespace"] = json!(namespace);
        }
        server.admin().apply(&object, "test", false).unwrap().ok().unwrap();
    }
    let acting = server.admin().acting_as(&user, &["system:authenticated"]);
    let path = namespace
        .map_or("/api/v1/services?limit=1".to_owned(), |namespace| format!("/api/v1/namespaces/{namespace}/services"));
    wait_until("the reader's rights", || Ok(acting.get(&path).is_ok().then_some(()))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = kubeconfig(folder.path(), |config| {
        config["users"][0]["user"]["as"] = json!(user);
        config["users"][0]["user"]["as-groups"] = json!(["system:authenticated"]);
    });
    (Cluster::open(&options).unwrap(), user)
}

fn put(object: &Value) {
    ControlPlane::shared().unwrap().admin().apply(object, "test", false).unwrap().ok().unwrap();
}

fn namespace() -> String {
    ControlPlane::shared().unwrap().unique_namespace("read").unwrap()
}

fn find<'a>(state: &'a State, kind: &str, namespace: &str, name: &str) -> Option<&'a Object> {
    state
        .iter()
        .find(|(key, _)| key.kind == kind && key.namespace.as_deref() == Some(namespace) && key.name == name)
        .map(|(_, object)| &object.object)
}

fn role(namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name, "namespace": namespace },
        "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }] })
}

#[test]
fn everything_that_bears_on_security_is_read_with_get_and_list_alone() {
    let (cluster, _) = person(None, &json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"] }]));
    let namespace = namespace();
    put(&role(&namespace, "viewer"));
    let state = cluster.read(&Want::default()).unwrap();
    assert_eq!(state.unread, Vec::<String>::new());
    assert!(state.version.as_deref().unwrap().starts_with("v1."));
    assert!(state.origin.to_string().starts_with("context here (https://127.0.0.1:"), "{}", state.origin);
    let read = find(&state, "Role", &namespace, "viewer").unwrap();
    assert_eq!(read.api_version(), "rbac.authorization.k8s.io/v1");
    assert_eq!(read.0["metadata"]["managedFields"][0]["manager"], "test");
    for (kind, name) in
        [("ClusterRole", "cluster-admin"), ("Namespace", "kube-system"), ("ClusterRoleBinding", "cluster-admin")]
    {
        assert!(state.keys().any(|key| key.kind == kind && key.name == name), "{kind} {name}");
    }
    assert!(!state.keys().any(|key| key.kind == "Secret" || key.kind == "ConfigMap"));
}

#[test]
fn pages_make_one_whole() {
    let namespace = namespace();
    let names: Vec<String> = (0..1203).map(|number| format!("r{number}")).collect();
    let admin = ControlPlane::shared().unwrap().admin();
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles");
    std::thread::scope(|scope| {
        for names in names.chunks(151) {
            let (path, namespace) = (&path, &namespace);
            scope.spawn(move || {
                names.iter().for_each(|name| drop(admin.post(path, &role(namespace, name)).unwrap().ok().unwrap()))
            });
        }
    });
    let state = self::admin().read(&Want::default()).unwrap();
    let read = state.keys().filter(|key| key.kind == "Role" && key.namespace.as_deref() == Some(&namespace)).count();
    assert_eq!(read, names.len());
}

#[test]
fn a_kind_that_may_not_be_listed_is_said_to_be_unread() {
    let (cluster, user) = person(
        None,
        &json!([{ "apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["get", "list"] }]),
    );
    let state = cluster.read(&Want::default()).unwrap();
    assert!(state.keys().any(|key| key.kind == "Namespace"));
    assert!(
        state.unread.contains(&format!("roles.rbac.authorization.k8s.io: forbidden for user `{user}`")),
        "{:?}",
        state.unread
    );
    assert!(!state.unread.iter().any(|line| line.starts_with("namespaces")));
}

#[test]
fn a_kind_that_the_program_declares_may_not_go_unread() {
    let (cluster, user) =
        person(None, &json!([{ "apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"] }]));
    let namespace = namespace();
    let error = cluster.read(&Want::of([&Object(role(&namespace, "viewer"))])).unwrap_err();
    assert_eq!(
        error,
        LiveError::Forbidden {
            verb: "list".to_owned(),
            resource: "roles.rbac.authorization.k8s.io".to_owned(),
            namespace: Some(namespace.clone()),
            user: Some(user.clone()),
        }
    );
    assert_eq!(error.exit_code(), 6);
    assert_eq!(
        error.to_string(),
        format!(
            "user `{user}` may not list roles.rbac.authorization.k8s.io in namespace `{namespace}`; ask for a role that allows \
             `list` on roles.rbac.authorization.k8s.io"
        )
    );
    let namespaces = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
    let error = cluster.read(&Want::of([&Object(namespaces)])).unwrap_err();
    assert!(error.to_string().contains("may not list namespaces at the cluster scope"), "{error}");
}

#[test]
fn rights_in_the_programs_namespaces_are_enough() {
    let (mine, theirs) = (namespace(), namespace());
    for namespace in [&mine, &theirs] {
        put(&role(namespace, "viewer"));
    }
    let rules = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"] }]);
    let (cluster, user) = person(Some(&mine), &rules);
    let state = cluster.read(&Want::of([&Object(role(&mine, "viewer"))])).unwrap();
    assert!(find(&state, "Role", &mine, "viewer").is_some());
    assert!(find(&state, "Role", &theirs, "viewer").is_none());
    let line = format!("roles.rbac.authorization.k8s.io outside {mine}: forbidden for user `{user}`");
    assert!(state.unread.contains(&line), "{:?}", state.unread);
}

#[test]
fn of_secrets_and_config_maps_only_those_that_the_program_declares_are_read_and_no_secret_is_kept() {
    let namespace = namespace();
    let secret = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name, "namespace": namespace,
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{\"stringData\":{\"k\":\"sesame\"}}" } },
            "stringData": { "k": "sesame" } })
    };
    let settings = |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": namespace }, "data": { "a": "1" } });
    for object in [secret("ours"), secret("theirs"), settings("ours"), settings("theirs")] {
        put(&object);
    }
    // To get these two is all that it needs; to list secrets is to read them.
    let rules = json!([
        { "apiGroups": [""], "resources": ["secrets", "configmaps"], "resourceNames": ["ours"], "verbs": ["get"] },
        { "apiGroups": [""], "resources": ["services"], "verbs": ["list"] },
    ]);
    let (cluster, _) = person(Some(&namespace), &rules);
    let state = cluster.read(&Want::of([&Object(secret("ours")), &Object(settings("ours"))])).unwrap();
    let read = find(&state, "Secret", &namespace, "ours").unwrap();
    assert!(read.0["data"]["k"].as_str().unwrap().starts_with("<withheld"), "{}", read.0);
    assert!(!read.0.to_string().contains("sesame"), "{}", read.0);
    assert!(!read.0.to_string().contains("c2VzYW1l"), "{}", read.0);
    assert!(find(&state, "ConfigMap", &namespace, "ours").is_some());
    for kind in ["Secret", "ConfigMap"] {
        assert!(find(&state, kind, &namespace, "theirs").is_none());
    }
}

#[test]
fn the_inventory_brings_members_of_kinds_that_nothing_else_reads() {
    let namespace = namespace();
    let id = format!("applyset-{namespace}-v1");
    let parent = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kspec-shop", "namespace": namespace,
        "labels": { "applyset.kubernetes.io/id": id },
        "annotations": { "applyset.kubernetes.io/contains-group-kinds": "PodDisruptionBudget.policy,Role.rbac.authorization.k8s.io,Gone.example.com" } } });
    let budget = |name: &str, labels: Value| {
        json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": { "name": name, "namespace": namespace, "labels": labels },
            "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "a" } } } })
    };
    for object in [parent, budget("ours", json!({ "applyset.kubernetes.io/part-of": id })), budget("theirs", json!({}))]
    {
        put(&object);
    }
    let state = admin().read(&Want::default().inventory(&namespace, "kspec-shop")).unwrap();
    assert!(find(&state, "ConfigMap", &namespace, "kspec-shop").is_some());
    assert!(find(&state, "PodDisruptionBudget", &namespace, "ours").is_some());
    assert!(find(&state, "PodDisruptionBudget", &namespace, "theirs").is_none());

    let none = admin().read(&Want::default().inventory(&namespace, "kspec-new")).unwrap();
    assert!(find(&none, "ConfigMap", &namespace, "kspec-new").is_none());
}

#[test]
fn the_version_that_the_program_speaks_is_the_one_that_is_read() {
    let namespace = namespace();
    let autoscaler = json!({ "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "api", "namespace": namespace },
        "spec": { "maxReplicas": 3, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "api" } } });
    put(&autoscaler);
    let want = Want::of([&Object(autoscaler)]);
    let state = admin().read(&want).unwrap();
    let read = find(&state, "HorizontalPodAutoscaler", &namespace, "api").unwrap();
    assert_eq!(read.api_version(), "autoscaling/v1");
    assert_eq!(read.0["spec"]["targetCPUUtilizationPercentage"], 70);

    // A kind that is not served has no objects, which is no error: its definition may come with the program.
    let key =
        ObjectKey { group: "example.com".into(), kind: "Widget".into(), namespace: Some(namespace), name: "w".into() };
    let want = Want { objects: vec![("example.com/v1".to_owned(), key)], inventory: None };
    assert!(admin().read(&want).is_ok());
}

#[test]
fn flags_are_read_from_the_static_pod_of_an_api_server() {
    let server = ControlPlane::shared().unwrap();
    let pod = json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": server.unique_name("kube-apiserver"), "namespace": "kube-system", "labels": { "component": "kube-apiserver" } },
        "spec": { "containers": [{ "name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1.36.3",
            "command": ["kube-apiserver", "--anonymous-auth=false", "--profiling", "false"] }] } });
    let pods = "/api/v1/namespaces/kube-system/pods";
    wait_until("the default service account", || {
        Ok(server.admin().get("/api/v1/namespaces/kube-system/serviceaccounts/default").is_ok().then_some(()))
    })
    .unwrap();
    server.admin().post(pods, &pod).unwrap().ok().unwrap();
    let state = admin().read(&Want::default()).unwrap();
    server.admin().delete(&format!("{pods}/{}", pod["metadata"]["name"].as_str().unwrap())).unwrap();
    let flags = state.host.flags.unwrap();
    assert_eq!(flags["anonymous-auth"], ["false"]);
    assert_eq!(flags["profiling"], ["false"]);
}
