//! Findings about a state's access, as they are told.

use std::borrow::Cow;

use kspec_diagnostics::Finding;
use kspec_model::Object;
use kspec_posture::{ControlPlane, Survey, Surveyed};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

/// What a state shows, and what is left out of it.
fn of(objects: Vec<Value>, unread: &[&str]) -> (Vec<Finding>, Vec<Finding>) {
    let schema = Schema::bundled(KubeVersion::V1_36);
    let objects = objects.into_iter().map(|object| Surveyed::itself(Cow::Owned(Object(object))));
    let unread: Vec<_> = unread.iter().map(|line| (*line).to_owned()).collect();
    let survey = Survey::new(objects, &schema).whole(ControlPlane::default()).unread(&unread);
    let mut found = kspec_posture::findings(&survey);
    found.retain(|finding| finding.code.to_string().starts_with("K02"));
    (found, kspec_posture::left_out(&survey))
}

fn lines(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("{} {:?}: {}\n", finding.code, finding.severity, finding.message));
        for line in finding.witness.iter().flat_map(|witness| &witness.steps) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn rbac(kind: &str, namespace: Option<&str>, name: &str, fields: Value) -> Value {
    let mut object = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": namespace } });
    object.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    object
}

fn binding(namespace: Option<&str>, name: &str, role: (&str, &str), subject: Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let reference = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1 });
    rbac(kind, namespace, name, json!({ "roleRef": reference, "subjects": [subject] }))
}

fn deployment(namespace: &str, name: &str, account: &str) -> Value {
    let spec = json!({ "serviceAccountName": account, "containers": [{ "name": "c", "image": "i" }] });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "matchLabels": { "app": name } }, "template": { "metadata": { "labels": { "app": name } }, "spec": spec } },
    })
}

fn estate() -> Vec<Value> {
    let group = |name: &str| json!({ "kind": "Group", "name": name });
    let account =
        |namespace: &str, name: &str| json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name });
    let rules = |verbs: &[&str], resources: &[&str]| json!({ "rules": [{ "apiGroups": [""], "verbs": verbs, "resources": resources }] });
    let mut objects = vec![
        binding(None, "ops", ("ClusterRole", "cluster-admin"), group("ops")),
        binding(Some("shop"), "devs", ("ClusterRole", "edit"), group("devs")),
        binding(Some("shop"), "gone", ("Role", "gone"), group("devs")),
        binding(Some("shop"), "ann", ("ClusterRole", "view"), json!({ "kind": "User", "name": "ann" })),
        rbac("ClusterRole", None, "all-verbs", rules(&["*"], &["configmaps"])),
        binding(Some("shop"), "wild", ("ClusterRole", "all-verbs"), account("shop", "backend")),
        rbac("ClusterRole", None, "settings", rules(&["get", "list"], &["configmaps"])),
        binding(None, "settings", ("ClusterRole", "settings"), account("shop", "backend")),
        deployment("shop", "cart", "backend"),
        deployment("shop", "search", "backend"),
        deployment("shop", "web", "default"),
        binding(Some("ci"), "old", ("ClusterRole", "edit"), account("ci", "old")),
        binding(None, "audit", ("ClusterRole", "secret-reader"), group("auditors")),
        rbac("ClusterRole", None, "secret-reader", rules(&["get", "list"], &["secrets"])),
    ];
    for number in 0..30 {
        let subject = json!({ "kind": "Group", "name": format!("team-{number:02}") });
        objects.push(binding(Some(&format!("team-{number:02}")), "team", ("ClusterRole", "edit"), subject));
    }
    objects
}

#[test]
fn an_estate_is_told_in_few_findings() {
    insta::assert_snapshot!(lines(&of(estate(), &[]).0));
}

#[test]
fn a_clean_cluster_shows_nothing_and_counts_what_it_leaves_out() {
    for version in KubeVersion::all().iter().copied() {
        let schema = Schema::bundled(version);
        let survey = Survey::new([], &schema).whole(ControlPlane::default());
        assert_eq!(kspec_posture::findings(&survey), [], "{version}");
        assert!(!kspec_posture::left_out(&survey).is_empty());
    }
}

#[test]
fn what_was_not_read_is_not_told_to_be_missing() {
    let absent = |unread: &[&str]| {
        let codes: Vec<_> = of(estate(), unread).0.iter().map(|finding| finding.code.to_string()).collect();
        ["K0226", "K0228", "K0235"].map(|code| codes.iter().any(|other| other == code))
    };
    assert_eq!(absent(&[]), [true, true, true]);
    assert_eq!(absent(&["pods: forbidden"]), [false, false, false]);
    assert_eq!(absent(&["leases.coordination.k8s.io: forbidden"]), [true, true, true]);
}

#[test]
fn what_is_said_to_help_is_about_the_way() {
    let make = || {
        let rules = json!({ "rules": [{ "apiGroups": [""], "verbs": ["create"], "resources": ["pods"] }] });
        let binding = binding(Some("shop"), "devs", ("Role", "make"), json!({ "kind": "Group", "name": "devs" }));
        vec![rbac("Role", Some("shop"), "make", rules), binding]
    };
    let shop = |level: &str| {
        let labels = json!({ "pod-security.kubernetes.io/enforce": level });
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop", "labels": labels } })
    };
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "etc" },
        "spec": { "hostPath": { "path": "/etc" }, "claimRef": { "namespace": "shop", "name": "data" } },
    });
    let help = |more: Vec<Value>| {
        let (found, _) = of(make().into_iter().chain(more).collect(), &[]);
        let node = found.into_iter().find(|finding| finding.code.to_string() == "K0223");
        node.and_then(|finding| finding.help).unwrap_or_default()
    };
    assert!(help(vec![shop("privileged"), volume.clone()]).starts_with("enforce Pod Security level"));
    let claimed = help(vec![shop("restricted"), volume]);
    assert!(claimed.starts_with("remove the volume") && !claimed.contains("enforce"), "{claimed}");
    assert_eq!(help(vec![shop("restricted")]), "");
}
