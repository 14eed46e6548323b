//! What pods mount of their nodes, and persistent volumes that give them more.

use kspec_analysis::abuse::{Attempt, Controls, Refusal, Refuser};

use super::*;

/// `spec.volumes` of one volume, that the container mounts.
fn mounting(volume: Value, read_only: bool) -> Value {
    let mut spec = container(json!({ "volumeMounts": [{ "name": "v", "mountPath": "/v", "readOnly": read_only }] }));
    spec["volumes"] = json!([volume]);
    spec["volumes"][0]["name"] = json!("v");
    spec
}

/// What one pod of `shop` comes to.
fn of_pod(cluster: &Cluster, goal: &Goal) -> Option<String> {
    chains(cluster, goal, "Pod shop/p").into_iter().next()
}

#[test]
fn the_control_planes_files_are_its_keys_and_its_store() {
    let of = |path: &str, read_only: bool, label: &str, goal: &Goal| {
        let mut server = pod("kube-system", "a", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
        server["metadata"]["labels"] = json!({ "component": label });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "pay" } });
        let open = pod("shop", "p", mounting(json!({ "hostPath": { "path": path } }), read_only));
        of_pod(&cluster([server, open, secret]), goal)
    };
    let keys = Some("reads through a host path the control plane's keys".to_owned());
    for (path, expected) in [
        ("/etc/kubernetes", true),
        ("/etc/kubernetes/", true),
        ("/etc/kubernetes/pki", true),
        ("/etc/kubernetes/pki/etcd", true),
        ("/etc/kubernetes/admin.conf", true),
        ("/var/lib/rancher/rke2/server/tls", true),
        ("/etc/kubernetes/pki/ca.crt", false),
        ("/etc/kubernetes/pki/etcd/ca.crt", false),
        ("/etc/kubernetes/manifests", false),
        ("/etc/kubernetes/scheduler.conf", false),
    ] {
        assert_eq!(of(path, true, "kube-apiserver", &Goal::ClusterAdmin), keys.clone().filter(|_| expected), "{path}");
        assert_eq!(of(path, true, "kube-proxy", &Goal::ClusterAdmin), None, "{path}, on another node");
    }
    // What lies above a distribution's own folder holds its keys where the distribution is seen.
    let above = |path: &str, seen: &str| {
        let mut server = mounting(json!({ "hostPath": { "path": seen } }), true);
        server["automountServiceAccountToken"] = json!(false);
        let mut server = pod("kube-system", "a", server);
        server["spec"]["nodeName"] = json!("n1");
        server["metadata"]["labels"] = json!({ "component": "kube-apiserver" });
        let open = pod("shop", "p", mounting(json!({ "hostPath": { "path": path } }), true));
        of_pod(&cluster([server, open]), &Goal::ClusterAdmin)
    };
    for path in ["/var", "/var/lib"] {
        assert_eq!(above(path, "/var/lib/rancher/rke2/server/tls"), keys, "{path}");
        assert_eq!(above(path, "/etc/kubernetes/pki"), None, "{path}");
    }
    let written = Some("writes through a host path what the control plane stores".to_owned());
    let read =
        Some("reads through a host path what the control plane stores: any secret in every namespace".to_owned());
    assert_eq!(of("/var/lib/etcd", false, "etcd", &Goal::ClusterAdmin), written);
    assert_eq!(of("/var/lib/etcd/member", true, "etcd", &Goal::ClusterAdmin), None);
    assert_eq!(of("/var/lib/etcd/member", true, "etcd", &Goal::AllSecrets), read);
    assert_eq!(of("/var/lib/etcd-backup", false, "etcd", &Goal::AllSecrets), None);
    assert_eq!(of("/var/lib/etcd", true, "kube-proxy", &Goal::AllSecrets), None);
    // Static pods run whatever they say; what is mounted read-only is not written.
    let pods =
        Some("writes through a host path to node n1 | takes the control plane's keys, which lie there".to_owned());
    assert_eq!(of("/etc/kubernetes/manifests", false, "etcd", &Goal::ClusterAdmin), pods);
}

#[test]
fn a_kubelets_own_key_reads_what_its_pods_hold() {
    let of = |path: &str| {
        let mut card = container(
            json!({ "env": [{ "name": "K", "valueFrom": { "secretKeyRef": { "name": "key", "key": "k" } } }] }),
        );
        card["nodeName"] = json!("n1");
        let open = pod("shop", "p", mounting(json!({ "hostPath": { "path": path } }), true));
        let key = Goal::Secret { namespace: Some("pay".into()), name: Some("key".into()) };
        of_pod(&cluster([open, pod("pay", "card", card)]), &key).is_some()
    };
    assert!(of("/var/lib/kubelet/pki"));
    assert!(!of("/var/lib/kubelet/plugins"));
}

#[test]
fn a_volume_of_ones_own_is_any_nodes_path() {
    let etcd = || pod("kube-system", "etcd", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
    let strict = || [etcd(), namespace("shop", "restricted"), namespace("kube-system", "restricted")];
    let of = |place: Option<&str>, wide: &[&str], here: &[&str]| {
        let objects = grant(None, "w", wide, user("u")).into_iter().chain(grant(place, "h", here, user("u")));
        let kind = |api: &str, kind: &str| json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "web", "namespace": "shop" }, "spec": {} });
        let there = [kind("apps/v1", "Deployment"), kind("batch/v1", "Job")];
        chains(&cluster(objects.chain(strict()).chain(there)), &Goal::Node(None), "user u").into_iter().next()
    };
    let way = |pod: &str| {
        Some(format!(
            "creates a persistent volume of a node's path | {pod} | claims the volume, and writes through it to any node"
        ))
    };
    let created = way("creates a new pod in namespace shop");
    let rewritten = way("rewrites a controller's template: a new pod in namespace shop");
    for rule in ["create pods", "create statefulsets.apps", "create jobs.batch"] {
        assert_eq!(of(Some("shop"), &["create persistentvolumes"], &[rule]), created, "{rule}");
    }
    assert_eq!(
        of(None, &["create persistentvolumes", "create pods"], &[]),
        way("creates a new pod in namespace kube-system")
    );
    for rule in ["patch deployments.apps", "update deployments.apps named web"] {
        assert_eq!(of(Some("shop"), &["create persistentvolumes"], &[rule]), rewritten, "{rule}");
    }
    // A volume keeps its source, a pod its volumes, a job its template; a volume alone is mounted by nobody.
    for (wide, here) in [
        ("update,patch persistentvolumes", "create pods"),
        ("create persistentvolumeclaims", "create pods"),
        ("create persistentvolumes/status", "create pods"),
        ("create persistentvolumes named pv", "create pods"),
        ("create persistentvolumes", "patch pods"),
        ("create persistentvolumes", "patch jobs.batch"),
        ("create persistentvolumes", "patch statefulsets.apps"),
        ("create persistentvolumes", "update deployments.apps named other"),
        ("create persistentvolumes", "create workflows.argoproj.io"),
        ("create persistentvolumes", "create persistentvolumeclaims"),
        ("create persistentvolumes", "get pods"),
    ] {
        assert_eq!(of(Some("shop"), &[wide], &[here]), None, "{wide}, {here}");
    }
    // No RoleBinding gives what belongs to no namespace.
    assert_eq!(of(Some("shop"), &[], &["create persistentvolumes", "create pods"]), None);
}

#[test]
fn a_claim_of_a_nodes_path_is_that_path() {
    let volume = |source: Value, more: Value| {
        let mut spec = source;
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" }, "spec": spec })
    };
    let claim = |name: &str, volume: &str| json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "shop" }, "spec": { "volumeName": volume } });
    let claimed = |name: &str| json!({ "persistentVolumeClaim": { "claimName": name } });
    let kept = |name: &str| json!({ "claimRef": { "namespace": "shop", "name": name } });
    let path = |path: &str| json!({ "hostPath": { "path": path } });
    let of = |objects: Vec<Value>, spec: Value| {
        of_pod(&cluster(objects.into_iter().chain([pod("shop", "p", spec)])), &Goal::Node(None))
    };
    let way = Some("writes through a host path to node n1".to_owned());
    for (source, expected) in [
        (path("/etc"), true),
        (json!({ "local": { "path": "/etc" } }), true),
        (path("/srv/data"), false),
        (json!({ "nfs": { "server": "a", "path": "/etc" } }), false),
        (json!({ "csi": { "driver": "d", "volumeHandle": "/etc" } }), false),
    ] {
        let objects = vec![volume(source.clone(), kept("data")), claim("data", "pv")];
        assert_eq!(of(objects, mounting(claimed("data"), false)), way.clone().filter(|_| expected), "{source}");
    }
    // Bound where one states the other, and the other nothing else.
    assert_eq!(of(vec![volume(path("/"), kept("data"))], mounting(claimed("data"), false)), way);
    assert_eq!(of(vec![volume(path("/"), json!({})), claim("data", "pv")], mounting(claimed("data"), false)), way);
    assert_eq!(of(vec![volume(path("/"), json!({})), claim("data", "")], mounting(claimed("data"), false)), None);
    let other = vec![volume(path("/"), kept("data")), claim("data", "other")];
    assert_eq!(of(other, mounting(claimed("data"), false)), None);
    let taken = vec![volume(path("/"), kept("other")), claim("data", "pv")];
    assert_eq!(of(taken, mounting(claimed("data"), false)), None);
    // Of this name, in this namespace.
    assert_eq!(of(vec![volume(path("/"), kept("data"))], mounting(claimed("other"), false)), None);
    let elsewhere = json!({ "claimRef": { "namespace": "pay", "name": "data" } });
    assert_eq!(of(vec![volume(path("/"), elsewhere)], mounting(claimed("data"), false)), None);
    // Read-only by the mount, or by the claim's volume.
    assert_eq!(of(vec![volume(path("/etc"), kept("data"))], mounting(claimed("data"), true)), None);
    let read_only = json!({ "persistentVolumeClaim": { "claimName": "data", "readOnly": true } });
    assert_eq!(of(vec![volume(path("/etc"), kept("data"))], mounting(read_only, false)), None);
    // Claims that the control plane makes.
    let template = || json!({ "ephemeral": { "volumeClaimTemplate": { "spec": {} } } });
    assert_eq!(of(vec![volume(path("/"), kept("p-v"))], mounting(template(), false)), way);
    assert_eq!(of(vec![volume(path("/"), kept("q-v"))], mounting(template(), false)), None);
    for (kept_for, expected) in [("data-db-0", true), ("data-db-x", false), ("data-db", false), ("data-other-0", false)]
    {
        let mut template = container(json!({ "volumeMounts": [{ "name": "data", "mountPath": "/v" }] }));
        template["nodeName"] = json!("n1");
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "db", "namespace": "shop" },
            "spec": { "template": { "spec": template }, "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] },
        });
        let cluster = cluster([set, volume(path("/"), kept(kept_for))]);
        let found = chains(&cluster, &Goal::Node(None), "StatefulSet shop/db");
        assert_eq!(found.first().cloned(), way.clone().filter(|_| expected), "{kept_for}");
    }
}

#[test]
fn a_folder_of_a_path_is_mounted_alone() {
    let of = |path: &str, mounts: Value| {
        let mut spec = container(json!({ "volumeMounts": mounts }));
        spec["volumes"] = json!([{ "name": "v", "hostPath": { "path": path } }]);
        of_pod(&cluster([pod("shop", "p", spec)]), &Goal::Node(None)).is_some()
    };
    let sub = |path: &str| json!([{ "name": "v", "mountPath": "/v", "subPath": path }]);
    for (path, folder, expected) in [
        ("/", "srv/data", false),
        ("/", "etc/cron.d", true),
        ("/etc/", "hostname", false),
        ("/etc", "cron.d", true),
        ("/", "", true),
    ] {
        assert_eq!(of(path, sub(folder)), expected, "{folder} of {path}");
    }
    // Of two mounts each counts; what variables make of a path nobody knows.
    assert!(of("/", json!([{ "name": "v", "mountPath": "/v", "subPath": "srv" }, { "name": "v", "mountPath": "/w" }])));
    assert!(of("/", json!([{ "name": "v", "mountPath": "/v", "subPathExpr": "srv/$(POD)" }])));
    // Of a claim likewise.
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" },
        "spec": { "hostPath": { "path": "/etc" }, "claimRef": { "namespace": "shop", "name": "data" } },
    });
    let claimed = |folder: &str| {
        let mut spec = mounting(json!({ "persistentVolumeClaim": { "claimName": "data" } }), false);
        spec["containers"][0]["volumeMounts"][0]["subPath"] = json!(folder);
        of_pod(&cluster([volume.clone(), pod("shop", "p", spec)]), &Goal::Node(None)).is_some()
    };
    assert!(claimed("cron.d"));
    assert!(!claimed("hostname"));
}

/// A persistent volume of a node's path, kept for a claim or for none.
fn volume(path: &str, claim: Option<(&str, &str)>) -> Value {
    let kept = claim.map(|(namespace, name)| json!({ "namespace": namespace, "name": name }));
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" },
        "spec": { "hostPath": { "path": path }, "claimRef": kept },
    })
}

/// Chains of a user who makes pods in `shop`, with these rules everywhere besides and these refusals there; and what is said of the last
/// step.
fn of_maker(objects: Vec<Value>, refusals: &[Refusal], more: &[&str], goal: &Goal) -> Vec<(String, String)> {
    let controls = Controls { refusals: refusals.to_vec(), ..Controls::default() };
    let wide = grant(None, "w", more, user("u")).into_iter().filter(|_| !more.is_empty());
    let own = grant(Some("shop"), "r", &["create pods"], user("u")).into_iter();
    let cluster = cluster(own.chain(wide).chain(objects));
    let settings = Settings { controls: Some(&controls), goals: std::slice::from_ref(goal), ..Settings::default() };
    let from = Origin::Subject(kspec_analysis::access::SubjectRef::User { name: "u".to_owned() });
    let paths = Paths::new(&cluster, &settings).to(goal, Some(&from)).paths;
    let last = |path: &Path| path.steps.last().and_then(|step| step.fact.clone()).unwrap_or_default();
    paths.iter().map(|path| (lines(std::slice::from_ref(path)).concat(), last(path))).collect()
}

fn refused(attempt: Attempt, lasting: bool) -> Refusal {
    let by = vec![Refuser::Policy("p".into())];
    Refusal { namespace: Some("shop".into()), attempt, name: None, by, lasting }
}

#[test]
fn a_claim_that_is_bound_leads_past_pod_security() {
    let of = |level: &str, volume: Value| of_maker(vec![namespace("shop", level), volume], &[], &[], &Goal::Node(None));
    let way = |said: &str| {
        let chain = "user u: creates a new pod in namespace shop | writes through a host path to any node";
        vec![(chain.to_owned(), format!("/etc of PersistentVolume pv is mounted{said}"))]
    };
    let data = Some(("shop", "data"));
    assert_eq!(of("baseline", volume("/etc", data)), way(""));
    assert_eq!(of("restricted", volume("/etc", data)), way(", as any group and any user but root"));
    // One that is kept for no claim anybody claims.
    assert_eq!(of("baseline", volume("/etc", None)), way(""));
    let claim = |namespace: &str| json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": namespace }, "spec": { "volumeName": "pv" } });
    let claimed = |by: &str| {
        of_maker(vec![namespace("shop", "baseline"), volume("/etc", None), claim(by)], &[], &[], &Goal::Node(None))
    };
    assert_eq!((claimed("shop"), claimed("pay")), (way(""), vec![]));
    for near in [
        volume("/etc", Some(("pay", "data"))),
        volume("/srv/data", data),
        volume("/var/lib/rancher/k3s/storage/pvc-1_shop_data", data),
        volume("/etc/kubernetes/pki", data),
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" }, "spec": { "nfs": { "server": "a", "path": "/etc" } } }),
    ] {
        assert_eq!(of("baseline", near.clone()), [], "{near}");
    }
}

#[test]
fn what_a_claim_holds_is_read_on_whichever_node() {
    let of = |path: &str, label: &str, goal: &Goal| {
        let mut server = pod("kube-system", "a", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
        server["metadata"]["labels"] = json!({ "component": label });
        let key = json!({ "env": [{ "name": "K", "valueFrom": { "secretKeyRef": { "name": "key", "key": "k" } } }] });
        let card = pod("pay", "card", container(key));
        let objects = vec![namespace("shop", "restricted"), volume(path, Some(("shop", "data"))), server, card];
        let found = of_maker(objects, &[], &[], goal);
        found.into_iter().find_map(|(line, _)| {
            line.strip_prefix("user u: creates a new pod in namespace shop | ").map(str::to_owned)
        })
    };
    let keys = "reads through a host path the control plane's keys";
    assert_eq!(of("/etc/kubernetes/pki", "kube-apiserver", &Goal::ClusterAdmin).as_deref(), Some(keys));
    assert_eq!(of("/etc/kubernetes/pki", "kube-proxy", &Goal::ClusterAdmin), None);
    let key = Goal::Secret { namespace: Some("pay".into()), name: Some("key".into()) };
    let files = "reads through a host path what node n1 keeps of its pods | finds there secret pay/key";
    assert_eq!(of("/var/lib/kubelet/pods", "kube-proxy", &key).as_deref(), Some(files));
    assert_eq!(of("/var/lib/kubelet/plugins", "kube-proxy", &key), None);
}

#[test]
fn claims_are_held_back_by_what_refuses_them() {
    let with = |claim: Option<(&str, &str)>, refusals: &[Refusal], more: &[&str]| {
        let objects = vec![namespace("shop", "restricted"), volume("/etc", claim)];
        let found = of_maker(objects, refusals, more, &Goal::Node(None)).into_iter().next();
        found.map(|(line, _)| line.strip_prefix("user u: ").unwrap_or_default().to_owned())
    };
    let (bound, free) = (Some(("shop", "data")), None);
    let writes = "writes through a host path to any node";
    let way = Some(format!("creates a new pod in namespace shop | {writes}"));
    assert_eq!(with(bound, &[refused(Attempt::BoundClaim, true)], &[]), None);
    // A claim that is made for the pod has another form.
    assert_eq!(with(free, &[refused(Attempt::BoundClaim, true)], &[]), way);
    let both = [refused(Attempt::BoundClaim, true), refused(Attempt::Claim, true)];
    assert_eq!(with(free, &both, &[]), None);
    for near in [Attempt::NewPod, Attempt::Secret, Attempt::Volume, Attempt::AddedClaim] {
        assert_eq!(with(bound, &[refused(near, true)], &[]), way, "{near:?}");
    }
    // Whoever takes away what refuses it, or the labels by which it does.
    let deletes = |name: &str| format!("delete validatingadmissionpolicies.adm named {name}");
    let taken = Some(format!("takes away what refuses pods of namespace shop | creates a new pod there | {writes}"));
    assert_eq!(with(bound, &both, &[&deletes("p")]), taken);
    assert_eq!(with(free, &both, &[&deletes("p")]), taken);
    assert_eq!(with(bound, &both, &[&deletes("q")]), None);
    // A level is none of what relabelling need change.
    let root = refused(Attempt::NewPod, true);
    let processes = refused(Attempt::NodeProcesses, true);
    let by_labels = [root.clone(), processes.clone(), refused(Attempt::BoundClaim, false)];
    let labelled =
        Some(format!("changes the labels that hold pods back of namespace shop | creates a new pod there | {writes}"));
    assert_eq!(with(bound, &by_labels, &["patch namespaces"]), labelled);
    let lasting = [&[root, processes], &both[..]].concat();
    assert_eq!(with(bound, &lasting, &["patch namespaces"]), None);
}

#[test]
fn a_claim_of_the_logs_is_read_through_by_whoever_reads_them() {
    let server = || {
        let mut server = pod("kube-system", "a", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
        server["metadata"]["labels"] = json!({ "component": "kube-apiserver" });
        server
    };
    let data = Some(("shop", "data"));
    let of = |level: &str, path: &str, claim: Option<(&str, &str)>, refusals: &[Refusal], more: &[&str]| {
        let objects = vec![namespace("shop", level), volume(path, claim), server()];
        let found = of_maker(objects, refusals, more, &Goal::ClusterAdmin).into_iter().next();
        found.map(|(line, _)| line.strip_prefix("user u: ").unwrap_or_default().to_owned())
    };
    let reads =
        "reads through a link among the logs every file of node n1 | takes the control plane's keys, which lie there";
    let way = Some(format!("creates a new pod in namespace shop | {reads}"));
    for rule in ["get pods/log", "get nodes/log", "get nodes/proxy"] {
        assert_eq!(of("baseline", "/var/log", data, &[], &[rule]), way, "{rule}");
    }
    assert_eq!(of("restricted", "/var/lib/docker/containers", data, &[], &["get pods/log"]), way);
    assert_eq!(of("restricted", "/var/log", None, &[], &["get pods/log"]), way);
    for (path, claim, rule) in [
        ("/var/log", data, "list pods/log"),
        ("/var/log", data, "get pods"),
        ("/var/log", data, "get pods/log named other"),
        ("/var/log", data, "get nodes/log named n2"),
        ("/var/log", Some(("pay", "data")), "get pods/log"),
        ("/var/logs", data, "get pods/log"),
        ("/srv/log", data, "get pods/log"),
    ] {
        assert_eq!(of("baseline", path, claim, &[], &[rule]), None, "{path}, {claim:?}, {rule}");
    }
    // What refuses the claim, and whoever takes that away.
    let refusals = |lasting: bool| [refused(Attempt::BoundClaim, lasting)];
    assert_eq!(of("baseline", "/var/log", data, &refusals(true), &["get pods/log"]), None);
    assert_eq!(of("baseline", "/var/log", None, &refusals(true), &["get pods/log"]), way);
    let deletes = ["get pods/log", "delete validatingadmissionpolicies.adm named p"];
    assert_eq!(
        of("baseline", "/var/log", data, &refusals(true), &deletes),
        Some(format!("takes away what refuses pods of namespace shop | creates a new pod there | {reads}"))
    );
}

#[test]
fn a_claim_of_the_logs_is_read_through_by_an_account_that_reads_them() {
    let mut server = pod("kube-system", "a", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
    server["metadata"]["labels"] = json!({ "component": "kube-apiserver" });
    let of = |place: &str, rule: &str, subject: Value, refusals: &[Refusal], more: &[&str]| {
        let own = grant(Some(place), "logs", &[rule], subject);
        let there = [namespace("shop", "baseline"), volume("/var/log", Some(("shop", "data"))), server.clone()];
        let found =
            of_maker(there.into_iter().chain(own).collect(), refusals, more, &Goal::ClusterAdmin).into_iter().next();
        found.map(|(line, fact)| (line.strip_prefix("user u: ").unwrap_or_default().to_owned(), fact))
    };
    let reads =
        "reads through a link among the logs every file of node n1 | takes the control plane's keys, which lie there";
    let way = Some((format!("creates a new pod in namespace shop | {reads}"), String::new()));
    let robot = || account("shop", "robot");
    assert_eq!(of("shop", "get pods/log", robot(), &[], &[]), way);
    assert_eq!(of("shop", "get pods", robot(), &[], &[]), None);
    assert_eq!(of("pay", "get pods/log", robot(), &[], &[]), None);
    assert_eq!(of("shop", "get pods/log", account("pay", "robot"), &[], &[]), None);
    assert_eq!(of("shop", "get pods/log", user("v"), &[], &[]), None);
    // The pod is refused the account, or the claim.
    for attempt in [Attempt::Account, Attempt::BoundClaim] {
        assert_eq!(of("shop", "get pods/log", robot(), &[refused(attempt, true)], &[]), None, "{attempt:?}");
        let labels = [refused(attempt, false)];
        assert_eq!(of("shop", "get pods/log", robot(), &labels, &[]), None, "{attempt:?}");
        let lifted = of("shop", "get pods/log", robot(), &labels, &["patch namespaces"]);
        assert!(lifted.is_some_and(|(line, _)| line.starts_with("changes the labels")), "{attempt:?}");
    }
}
