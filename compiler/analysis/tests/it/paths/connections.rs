//! Connections that the API server makes, and services that are led elsewhere.

use kspec_model::ObjectKey;

use super::*;

fn shop() -> Vec<Value> {
    let mut web = pod("shop", "web", json!({ "nodeName": "n1", "automountServiceAccountToken": false }));
    web["metadata"]["labels"] = json!({ "app": "web" });
    let service = |name: &str, app: &str| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "shop" }, "spec": { "selector": { "app": app }, "ports": [{ "port": 80 }] } });
    vec![web, service("web", "web"), service("other", "other")]
}

fn of(rule: &str, goal: &Goal) -> Vec<String> {
    chains(&cluster(grant(Some("shop"), "r", &[rule], user("u")).into_iter().chain(shop())), goal, "user u")
}

#[test]
fn ports_are_reached_through_the_api_server() {
    let web = ObjectKey {
        group: String::new(),
        kind: "Pod".to_owned(),
        namespace: Some("shop".to_owned()),
        name: "web".to_owned(),
    };
    let goal = Goal::Ports(web);
    for rule in [
        "create pods/portforward",
        "get pods/proxy",
        "create pods/proxy named web",
        "get services/proxy",
        "get services/proxy named web",
    ] {
        assert_eq!(of(rule, &goal), ["opens a connection to the ports of Pod shop/web"], "{rule}");
    }
    for rule in [
        "get pods/portforward",
        "create pods/portforward named db",
        "delete pods/proxy",
        "get services/proxy named other",
        "get pods",
    ] {
        assert_eq!(of(rule, &goal), [] as [&str; 0], "{rule}");
    }
}

#[test]
fn services_lead_where_their_writers_want() {
    let goal = Goal::Traffic { namespace: "shop".to_owned(), name: "web".to_owned() };
    for rule in [
        "patch services",
        "update services named web",
        "create endpointslices.discovery.k8s.io",
        "patch endpointslices.discovery.k8s.io",
        "update endpoints named web",
    ] {
        assert_eq!(of(rule, &goal), ["has a service lead to itself: what is sent to service shop/web"], "{rule}");
    }
    assert_eq!(
        of("create pods/exec", &goal),
        ["runs a command in Pod shop/web | serves what is sent to service shop/web"]
    );
    for rule in [
        "get services",
        "patch services named other",
        "patch services/status",
        "update endpoints named other",
        "get endpointslices.discovery.k8s.io",
    ] {
        assert_eq!(of(rule, &goal), [] as [&str; 0], "{rule}");
    }
    let other = Goal::Traffic { namespace: "shop".to_owned(), name: "other".to_owned() };
    assert_eq!(of("create pods/exec", &other), [] as [&str; 0]);
}

#[test]
fn code_in_a_pod_is_a_goal_of_its_own() {
    let key = |name: &str| {
        Goal::Workload(ObjectKey {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        })
    };
    assert_eq!(of("create pods/exec", &key("web")), ["runs a command in Pod shop/web"]);
    assert_eq!(of("create pods/exec", &key("db")), [] as [&str; 0]);
    assert_eq!(of("create pods/portforward", &key("web")), [] as [&str; 0]);
}
