//! The audit policy: over a scripted set of requests, the API server logs exactly what the program says.

use std::collections::BTreeMap;

use kspec_model::program::{Audit, AuditLevel, AuditResources, AuditRule, Subject};
use kspec_test_harness::{Client, ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use crate::host;
use crate::programs::{empty, origin};

const COMPLETE: &[&str] = &["ResponseComplete"];

fn rule(level: AuditLevel) -> AuditRule {
    AuditRule {
        level,
        subjects: Vec::new(),
        verbs: Vec::new(),
        resources: Vec::new(),
        namespaces: Vec::new(),
        urls: Vec::new(),
        omit_stages: Vec::new(),
        origin: origin(),
    }
}

fn on(group: &str, resources: &[&str], names: &[&str]) -> Vec<AuditResources> {
    let texts = |from: &[&str]| from.iter().map(|text| (*text).to_owned()).collect();
    vec![AuditResources { group: group.into(), resources: texts(resources), resource_names: texts(names) }]
}

fn texts(from: &[&str]) -> Vec<String> {
    from.iter().map(|text| (*text).to_owned()).collect()
}

fn rules() -> Vec<AuditRule> {
    use AuditLevel::{Metadata, None, Request, RequestResponse};
    vec![
        AuditRule { urls: texts(&["/healthz*", "/version"]), ..rule(None) },
        AuditRule { urls: texts(&["/metrics"]), omit_stages: texts(&["ResponseComplete"]), ..rule(Metadata) },
        AuditRule {
            subjects: vec![Subject::User("quiet".into()), Subject::Group("quiet-ones".into())],
            verbs: texts(&["get", "list"]),
            resources: on("", &["configmaps"], &[]),
            ..rule(None)
        },
        AuditRule { resources: on("", &["configmaps"], &["famous"]), ..rule(RequestResponse) },
        AuditRule { resources: on("", &["secrets", "configmaps"], &[]), ..rule(Metadata) },
        AuditRule { resources: on("", &["pods/status"], &[]), ..rule(Request) },
        AuditRule {
            verbs: texts(&["create", "update", "patch"]),
            resources: on("", &["serviceaccounts"], &[]),
            namespaces: texts(&["watched"]),
            ..rule(RequestResponse)
        },
        AuditRule { resources: on("rbac.authorization.k8s.io", &[], &[]), ..rule(Request) },
        AuditRule { resources: on("*", &["*/scale"], &[]), ..rule(None) },
        AuditRule { subjects: vec![Subject::User("script".into())], ..rule(Metadata) },
    ]
}

/// What one request must leave in the log: nothing, or a level and the stages at which it is logged.
type Expected = Option<(&'static str, &'static [&'static str])>;

struct Script<'a> {
    expected: BTreeMap<String, Vec<String>>,
    clients: BTreeMap<&'static str, &'a Client>,
}

impl Script<'_> {
    /// Asks, and notes what the log must hold for it. Requests are told apart by user, method and URL.
    fn ask(&mut self, user: &'static str, method: &str, path: &str, body: Option<Value>, expected: Expected) {
        let body = body.map(|body| body.to_string());
        let body = body.as_deref().map(|body| ("application/json", body));
        self.clients[user].request(method, path, body).unwrap();
        if let Some((level, stages)) = expected {
            let events = stages.iter().map(|stage| {
                // A request body is there from Request on, a response body only once the response is complete.
                let has_request = body.is_some() && level != "Metadata";
                let has_response = level == "RequestResponse" && *stage == "ResponseComplete";
                format!("{level} {stage} request={has_request} response={has_response}")
            });
            let key = format!("{user} {path}");
            self.expected.entry(key).or_default().extend(events);
        }
    }
}

fn logged(server: &ControlPlane, users: &[&str]) -> kspec_test_harness::Result<BTreeMap<String, Vec<String>>> {
    let mut logged: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in server.audit_events()? {
        let user = event["user"]["username"].as_str().unwrap();
        if users.contains(&user) {
            logged.entry(format!("{user} {}", event["requestURI"].as_str().unwrap())).or_default().push(format!(
                "{} {} request={} response={}",
                event["level"].as_str().unwrap(),
                event["stage"].as_str().unwrap(),
                event.get("requestObject").is_some(),
                event.get("responseObject").is_some(),
            ));
        }
    }
    Ok(logged)
}

#[test]
fn the_server_logs_what_the_program_says() {
    let mut server = ControlPlane::start(Options::default()).unwrap();
    let mut program = empty("audited");
    let omit_stages = vec!["RequestReceived".to_owned()];
    program.audit = Some(Audit { omit_stages, omit_managed_fields: Some(true), rules: rules(), origin: origin() });
    let folder = server.folder().join("host");
    host::write(&host::lower(&program), &folder);
    let watched = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "watched" } });
    server.admin().post("/api/v1/namespaces", &watched).unwrap().ok().unwrap();
    server.restart(Options::default().audit_policy(&folder.join("audit-policy.yaml"))).unwrap();

    let scripted = server.client_with_certificate("script", &["system:masters"]).unwrap();
    let quiet = server.client_with_certificate("quiet", &["system:masters"]).unwrap();
    let quiet_one = server.client_with_certificate("someone", &["quiet-ones"]).unwrap();
    let clients = BTreeMap::from([("script", &scripted), ("quiet", &quiet), ("someone", &quiet_one)]);
    let mut script = Script { expected: BTreeMap::new(), clients };
    let named =
        |kind: &str, name: &str| Some(json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name } }));
    let all: Expected = Some(("RequestResponse", COMPLETE));
    let request: Expected = Some(("Request", COMPLETE));
    let metadata: Expected = Some(("Metadata", COMPLETE));
    let default = "/api/v1/namespaces/default";

    // URLs: excluded, excluded by prefix, and one whose only stage left is omitted.
    script.ask("script", "GET", "/version", None, None);
    script.ask("script", "GET", "/healthz/ping", None, None);
    script.ask("script", "GET", "/metrics", None, None);
    script.ask("script", "GET", "/livez", None, metadata);
    // A user and a group whose reading is not recorded; their writing is.
    script.ask("quiet", "GET", &format!("{default}/configmaps"), None, None);
    script.ask("quiet", "GET", &format!("{default}/configmaps/famous"), None, None);
    script.ask("someone", "GET", &format!("{default}/configmaps/other"), None, None);
    script.ask("quiet", "POST", &format!("{default}/configmaps?by=quiet"), named("ConfigMap", "plain"), metadata);
    script.ask("quiet", "GET", "/livez?by=quiet", None, None);
    // By name, then by resource: bodies of the one, never of the others. A create has no name in its URL.
    script.ask("script", "GET", &format!("{default}/configmaps/famous"), None, all);
    script.ask("script", "PUT", &format!("{default}/configmaps/famous"), named("ConfigMap", "famous"), all);
    script.ask("script", "GET", &format!("{default}/configmaps/plain"), None, metadata);
    script.ask("script", "POST", &format!("{default}/secrets"), named("Secret", "s"), metadata);
    script.ask("script", "GET", &format!("{default}/secrets/s"), None, metadata);
    // A watch is logged when it starts and when it ends.
    let watch = format!("{default}/secrets?watch=true&timeoutSeconds=1");
    script.ask("script", "GET", &watch, None, Some(("Metadata", &["ResponseStarted", "ResponseComplete"])));
    // A subresource is not its resource.
    let status = Some(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" } }));
    script.ask("script", "PUT", &format!("{default}/pods/p/status"), status, request);
    script.ask("script", "GET", &format!("{default}/pods/p"), None, metadata);
    // One subresource of every group, and of nothing else.
    script.ask("script", "GET", "/apis/apps/v1/namespaces/default/deployments/d/scale", None, None);
    script.ask("script", "GET", &format!("{default}/replicationcontrollers/r/scale"), None, None);
    script.ask("script", "GET", "/apis/apps/v1/namespaces/default/deployments/d/status", None, metadata);
    script.ask("script", "GET", "/apis/apps/v1/namespaces/default/deployments/d", None, metadata);
    // A namespace and verbs.
    let watched = "/api/v1/namespaces/watched/serviceaccounts";
    script.ask("script", "POST", watched, named("ServiceAccount", "a"), all);
    script.ask("script", "GET", &format!("{watched}/a"), None, metadata);
    script.ask("script", "POST", &format!("{default}/serviceaccounts"), named("ServiceAccount", "a"), metadata);
    // A whole group, whoever asks; and somebody of whom nothing is said.
    script.ask("someone", "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view", None, request);
    script.ask("someone", "GET", &format!("{default}/pods/q"), None, None);
    // The last one shows that the log is complete.
    script.ask("script", "GET", "/livez?last", None, metadata);

    let users = ["script", "quiet", "someone"];
    wait_until("the last request is logged", || Ok(logged(&server, &users)?.get("script /livez?last").map(|_| ())))
        .unwrap();
    // The completion of a watch may come after its response; what differs after that is shown by the comparison.
    let _ = wait_until("the log is as expected", || Ok((logged(&server, &users)? == script.expected).then_some(())));
    assert_eq!(logged(&server, &users).unwrap(), script.expected);
}
