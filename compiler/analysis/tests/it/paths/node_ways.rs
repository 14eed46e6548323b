//! By what chains come to a node: what is said to cut a way does, and what is not does not.

use kspec_analysis::abuse::{Attempt, Controls, NodeWay, Refusal, Refuser};
use kspec_model::cluster::PodSecurityDefaults;

use super::*;

/// By what `u`, or whoever is in `Pod shop/p`, comes to a node.
fn way(cluster: &Cluster, refusals: &[Refusal]) -> Option<NodeWay> {
    let controls = Controls { refusals: refusals.to_vec(), ..Controls::default() };
    let settings = Settings { controls: Some(&controls), ..Settings::default() };
    let paths = Paths::new(cluster, &settings).to(&Goal::Node(None), None).paths;
    let mut asked = paths.into_iter().filter(|path| match &path.from {
        Origin::Subject(subject) => subject.to_string() == "user u",
        Origin::Workload(key) => key.name == "p",
    });
    asked.next().map(|path| path.node_way.expect("a way to a node"))
}

/// A user who makes pods in `shop`, with these rules everywhere besides.
fn maker(wide: &[&str], more: impl IntoIterator<Item = Value>) -> Cluster {
    let own = grant(Some("shop"), "r", &["create pods"], user("u"));
    let wide = if wide.is_empty() { Vec::new() } else { grant(None, "w", wide, user("u")).to_vec() };
    cluster(own.into_iter().chain(wide).chain(more))
}

fn refused(attempt: Attempt) -> Refusal {
    let namespace = (!attempt.is_cluster_wide()).then(|| "shop".to_owned());
    Refusal { namespace, attempt, name: None, by: vec![Refuser::Policy("p".into())], lasting: true }
}

/// Somebody's pod, to have a node.
fn other() -> Value {
    pod("other", "o", json!({ "nodeName": "n1", "automountServiceAccountToken": false }))
}

fn volume(path: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv" },
        "spec": { "hostPath": { "path": path }, "claimRef": { "namespace": "shop", "name": claim } },
    })
}

/// A pod of `shop` that mounts a volume.
fn mounting(volume: Value) -> Value {
    let mut spec = container(json!({ "volumeMounts": [{ "name": "v", "mountPath": "/v" }] }));
    spec["volumes"] = json!([volume]);
    spec["volumes"][0]["name"] = json!("v");
    pod("shop", "p", spec)
}

#[test]
fn a_level_cuts_pods_that_are_made_where_it_is_asked() {
    let made = |level: &str| way(&maker(&[], [namespace("shop", level), other()]), &[]);
    assert_eq!(made("privileged"), Some(NodeWay::Unlevelled));
    assert_eq!((made("baseline"), made("restricted")), (None, None));
    let with = |level: &str, exemptions: Value, off: bool| {
        let mut cluster = maker(&[], [namespace("shop", level), other()]);
        let configuration = json!({ "kind": "PodSecurityConfiguration", "exemptions": exemptions });
        cluster.pod_security = PodSecurityDefaults::read("admission.yaml", &configuration).unwrap();
        cluster.pod_security.off = off;
        way(&cluster, &[])
    };
    for (exemptions, off) in [
        (json!({ "namespaces": ["shop"] }), false),
        (json!({ "usernames": ["u"] }), false),
        (json!({ "runtimeClasses": ["kata"] }), false),
        (json!({}), true),
    ] {
        // No level is any help.
        for level in ["privileged", "baseline", "restricted"] {
            assert_eq!(with(level, exemptions.clone(), off), Some(NodeWay::Exempt), "{exemptions}, {off}, {level}");
        }
    }
    assert_eq!(with("baseline", json!({ "namespaces": ["other"] }), false), None);
}

#[test]
fn what_is_lifted_first_is_cut_there() {
    let lifted = |wide: &[&str], refusals: &[Refusal]| {
        way(&maker(wide, [namespace("shop", "restricted"), namespace("other", "restricted"), other()]), refusals)
    };
    assert_eq!(lifted(&[], &[]), None);
    assert_eq!(lifted(&["patch namespaces"], &[]), Some(NodeWay::Lifted));
    assert_eq!(lifted(&["create namespaces", "create pods"], &[]), Some(NodeWay::Lifted));
    let open =
        |wide: &[&str]| way(&maker(wide, [namespace("shop", "privileged"), other()]), &[refused(Attempt::NewPod)]);
    assert_eq!(open(&["delete validatingadmissionpolicies.adm named p"]), Some(NodeWay::Lifted));
    assert_eq!(open(&[]), None);
}

#[test]
fn no_level_cuts_what_lies_behind_a_claim() {
    for level in ["privileged", "baseline", "restricted"] {
        let own = |refusals: &[Refusal]| {
            way(&maker(&["create persistentvolumes"], [namespace("shop", level), other()]), refusals)
        };
        let there = |objects: Vec<Value>, refusals: &[Refusal]| {
            way(&maker(&[], [namespace("shop", level), other()].into_iter().chain(objects)), refusals)
        };
        let (data, elsewhere) = (volume("/etc", "data"), volume("/srv", "data"));
        if level == "privileged" {
            // A pod that is privileged needs no claim.
            assert_eq!(own(&[]), Some(NodeWay::Unlevelled));
            assert_eq!(there(vec![data.clone()], &[]), Some(NodeWay::Unlevelled));
        } else {
            assert_eq!(own(&[]), Some(NodeWay::OwnVolume));
            assert_eq!(own(&[refused(Attempt::Volume)]), None);
            assert_eq!(there(vec![data.clone()], &[]), Some(NodeWay::Claimed));
            assert_eq!(there(vec![data.clone()], &[refused(Attempt::BoundClaim)]), None);
            assert_eq!(there(vec![elsewhere.clone()], &[]), None);
        }
        let claimed = || mounting(json!({ "persistentVolumeClaim": { "claimName": "data" } }));
        let running = |objects: Vec<Value>| way(&cluster([namespace("shop", level)].into_iter().chain(objects)), &[]);
        assert_eq!(running(vec![claimed(), data]), Some(NodeWay::RunningClaim), "{level}");
        assert_eq!(running(vec![claimed(), elsewhere]), None);
        // What runs is asked nothing any more, whatever the level has become.
        let path = |path: &str| mounting(json!({ "hostPath": { "path": path } }));
        assert_eq!(running(vec![path("/etc")]), Some(NodeWay::Running));
        assert_eq!(running(vec![path("/srv")]), None);
        let privileged = container(json!({ "securityContext": { "privileged": true } }));
        assert_eq!(running(vec![pod("shop", "p", privileged)]), Some(NodeWay::Running));
    }
}

#[test]
fn an_added_container_has_its_pods_claims() {
    let adds = |level: &str, path: &str, refusals: &[Refusal]| {
        let spec = mounting(json!({ "persistentVolumeClaim": { "claimName": "data", "readOnly": false } }));
        let mut spec = spec["spec"].clone();
        // The pod itself mounts none of it.
        spec["containers"][0]["volumeMounts"] = json!([]);
        let own = grant(Some("shop"), "r", &["patch pods/ephemeralcontainers"], user("u"));
        let objects = [namespace("shop", level), volume(path, "data"), pod("shop", "q", spec)];
        way(&cluster(own.into_iter().chain(objects)), refusals)
    };
    assert_eq!(adds("privileged", "/etc", &[]), Some(NodeWay::Unlevelled));
    assert_eq!(adds("baseline", "/etc", &[]), Some(NodeWay::RunningClaim));
    assert_eq!(adds("baseline", "/etc", &[refused(Attempt::AddedClaim)]), None);
    assert_eq!(adds("baseline", "/srv", &[]), None);
}
