//! Whole plans.

use kspec_model::{
    Object,
    program::{Encryption, EncryptionProvider, EncryptionRule, KeyedProvider},
};
use kspec_plan::{Action, Basis, DryRun, DryRunError, DryRunRequest, Planned, RefusalKind, SavedPlanError, refine};
use kspec_state::{HostState, State};
use serde_json::{Value, json};

use crate::world::{World, binding, namespace, owned, owned_by, role, state};

/// The plan as a person would skim it.
fn skim(planned: &Planned) -> String {
    let plan = &planned.plan;
    let mut lines = Vec::new();
    for change in &plan.changes {
        let mut line = format!("{:?} {}", change.action, change.object).to_lowercase();
        if change.basis != Basis::Merge {
            line.push_str(&format!(" [{:?}]", change.basis));
        }
        if change.replaces {
            line.push_str(" replaces");
        }
        if let Some(old) = &change.moved_from {
            line.push_str(&format!(" from {old}"));
        }
        if let Some(new) = &change.moved_to {
            line.push_str(&format!(" to {new}"));
        }
        if let Some(source) = &change.source {
            line.push_str(&format!(" @{}:{}", source.file, source.line));
        }
        if let Some(reason) = &change.reason {
            line.push_str(&format!(" ({reason})"));
        }
        lines.push(line);
        if change.action != Action::Create {
            for field in &change.diff {
                let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
                lines.push(format!("    {}: {} => {}", field.path, side(&field.before), side(&field.after)));
            }
        }
    }
    for refusal in &plan.refusals {
        lines.push(format!("refused: {} ({})", refusal.message, refusal.help));
    }
    for (title, entries) in [("gains", &plan.access.gained), ("loses", &plan.access.lost)] {
        for entry in entries {
            lines.push(format!(
                "{} {} {title} {} on {} in {} by {}",
                entry.subject.kind,
                entry.subject.name,
                entry.verbs.join(","),
                entry.resources.join(","),
                entry.namespace.as_deref().unwrap_or("the cluster"),
                entry.because.iter().map(|because| because.binding.as_str()).collect::<Vec<_>>().join("; "),
            ));
        }
    }
    for (title, entries) in [("opens", &plan.connectivity.opened), ("closes", &plan.connectivity.closed)] {
        for entry in entries {
            lines.push(format!("{title} {} -> {}: {}", entry.src, entry.dst, entry.conn));
        }
    }
    for host in &plan.hosts {
        let on = if host.servers.is_empty() { String::new() } else { format!(" on {}", host.servers.join(", ")) };
        lines.push(format!(
            "{:?} {:?} {}{on}: {:?} => {:?}: {}",
            host.severity, host.setting, host.name, host.before, host.after, host.message
        ));
    }
    lines.join("\n")
}

fn deployment(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": namespace, "name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x:1", "ports": [{"containerPort": 8080}]}]}}},
    })
}

#[test]
fn every_action_is_told_with_its_place_and_its_meaning() {
    let world = World::new(
        vec![
            namespace("payments"),
            role("payments", "same", &["get"]),
            role("payments", "release", &["get", "list"]),
            role("payments", "new", &["delete"]),
            role("payments", "theirs", &["watch"]),
            binding("payments", "release-devs", "release", "devs"),
            binding("payments", "new-devs", "new", "devs"),
        ],
        vec![
            namespace("payments"),
            namespace("legacy"),
            owned(
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "payments", "name": "old"}}),
            ),
            owned(role("payments", "same", &["get"])),
            owned(role("payments", "release", &["get", "delete"])),
            owned(role("payments", "gone", &["get"])),
            owned(binding("payments", "gone-ops", "gone", "ops")),
            owned(binding("payments", "release-devs", "same", "devs")),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                "metadata": {"namespace": "payments", "name": "theirs", "annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "payments"}},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ],
    );
    insta::assert_snapshot!(skim(&world.plan()));
}

#[test]
fn what_was_applied_plans_to_nothing() {
    let objects =
        vec![namespace("payments"), role("payments", "release", &["get"]), binding("payments", "b", "release", "devs")];
    let world = World::new(objects.clone(), objects.into_iter().map(owned).collect());
    let planned = world.plan();
    assert!(!planned.plan.has_changes(), "{}", skim(&planned));
    assert_eq!(planned.plan.summary.none, 3);
    assert_eq!(planned.plan.access, kspec_plan::Access::default());
}

#[test]
fn protected_and_adopted_objects_are_released_and_copies_of_labels_left_alone() {
    let adopted = |mut object: Value| {
        object["metadata"]["annotations"] = json!({"kspec.dev/adopted-by": "shop"});
        object
    };
    let controlled = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "name": "copy",
        "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1", "controller": true}]}});
    let world = World::new(
        vec![],
        vec![
            owned(namespace("a")),
            adopted(owned(role("a", "adopted", &["get"]))),
            owned(controlled),
            owned(
                json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"namespace": "a", "name": "s"}}),
            ),
            owned(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kspec", "name": "kspec-shop"}}),
            ),
        ],
    );
    insta::assert_snapshot!(skim(&world.plan()));
}

#[test]
fn a_move_is_one_thing_under_two_names() {
    let world = World::new(
        vec![namespace("payments"), role("payments", "releaser", &["get"])],
        vec![owned(namespace("payments")), owned(role("payments", "release", &["get"]))],
    )
    .moved("Role", ("payments", "release"), ("payments", "releaser"));
    let planned = world.plan();
    assert_eq!(planned.plan.summary.moved, 1);
    insta::assert_snapshot!(skim(&planned), @r#"
    none namespace payments @shop.kspec:3
    create role payments/releaser from Role payments/release @shop.kspec:3
    delete role payments/release to Role payments/releaser
    "#);
}

#[test]
fn another_projects_object_is_refused_by_name() {
    let world = World::new(
        vec![role("payments", "release", &["get"])],
        vec![owned_by("bank", role("payments", "release", &["get"])), namespace("payments")],
    );
    let planned = world.plan();
    assert_eq!(planned.plan.refusals[0].kind, RefusalKind::ForeignOwner);
    insta::assert_snapshot!(skim(&planned), @r#"
    none role payments/release @shop.kspec:3
    refused: Role payments/release belongs to `bank`, and two projects never share an object (remove it from `bank`, or declare it `existing` here)
    "#);
}

#[test]
fn a_field_that_another_manager_owns_is_refused_by_name() {
    let mut actual = owned(role("payments", "release", &["get", "list"]));
    actual["metadata"]["managedFields"] = json!([
        {"manager": "kspec.shop", "operation": "Apply", "fieldsV1": {"f:rules": {}}},
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:rules": {}}},
    ]);
    let planned = World::new(vec![role("payments", "release", &["get"])], vec![actual]).plan();
    insta::assert_snapshot!(skim(&planned), @r#"
    update role payments/release @shop.kspec:3
        rules: [{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}] => [{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]
    refused: Role payments/release: rules is also set by `kubectl-edit` (let one of the two say it: take the field out of the program, or have the other manager give it up; a change made by hand is taken back by hand, since a value that both agree on is no conflict)
    "#);
}

#[test]
fn connections_open_and_close() {
    let policy = |name: &str, spec: Value| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "payments", "name": name}, "spec": spec});
    let world = World::new(
        vec![policy(
            "db-ingress",
            json!({"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": 5432, "protocol": "TCP"}]}]}),
        )],
        vec![
            namespace("payments"),
            deployment("payments", "api"),
            deployment("payments", "db"),
            owned(policy(
                "db-ingress",
                json!({"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]}),
            )),
        ],
    );
    let planned = world.plan();
    assert_eq!(planned.plan.connectivity.closed, []);
    insta::assert_snapshot!(skim(&planned).lines().filter(|line| line.starts_with("opens")).collect::<Vec<_>>().join("\n"), @"opens payments/api[Deployment] -> payments/db[Deployment]: TCP 5432");
}

#[test]
fn what_refuses_while_nobody_answers_waits_for_services_and_names_urls() {
    let webhook =
        |policy: Value, client: Value| json!({ "name": "w", "failurePolicy": policy, "clientConfig": client });
    let service = json!({ "service": { "namespace": "kspec", "name": "webhook" } });
    let url = |path: &str| json!({ "url": format!("https://gate.example.com/{path}") });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "gate" },
        "webhooks": [
            webhook(json!("Fail"), service), webhook(json!("Fail"), url("fail")), webhook(Value::Null, url("unsaid")),
            webhook(json!("Ignore"), url("ignore")),
        ],
    });
    let planned = World::new(vec![configuration.clone()], vec![]).plan();
    let change = &planned.plan.changes[0];
    assert_eq!(change.waits_for, ["kspec/webhook"]);
    assert_eq!(change.unchecked, ["https://gate.example.com/fail", "https://gate.example.com/unsaid"]);
    // What is in force already needs no word.
    let planned = World::new(vec![configuration.clone()], vec![owned(configuration)]).plan();
    assert_eq!((planned.plan.changes[0].action, planned.plan.changes[0].unchecked.len()), (Action::None, 0));
}

#[test]
fn what_waits_for_its_namespace_says_so() {
    let planned = World::new(vec![namespace("new"), role("new", "r", &["get"])], vec![]).plan();
    let bases: Vec<Basis> = planned.plan.changes.iter().map(|change| change.basis).collect();
    assert_eq!(bases, [Basis::Merge, Basis::KnownAfterApply]);
}

#[test]
fn secret_contents_are_in_no_document() {
    let secret = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "a", "name": "s"}, "stringData": {"password": value}});
    let new = World::new(vec![namespace("a"), secret("hunter2")], vec![owned(namespace("a"))]).plan();
    let old = World::new(vec![secret("hunter2")], vec![owned(secret("other"))]).plan();
    for planned in [&new, &old] {
        let text = serde_json::to_string(&planned.plan).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("other"), "{text}");
        assert!(matches!(planned.to_file(), Err(SavedPlanError::HoldsSecret(_))));
    }
    assert!(new.wanted.iter().any(|wanted| wanted.object.0.to_string().contains("hunter2")));
    assert_eq!(old.plan.changes[0].diff[0].path, "data.password");
    assert_eq!(old.plan.changes[0].diff[0].after, Some(json!("<withheld>")));
    let encoded = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "a", "name": "s"}, "data": {"password": "aHVudGVyMg=="}});
    let same = World::new(vec![secret("hunter2")], vec![owned(encoded)]).plan();
    assert!(!same.plan.has_changes());
}

/// The static pod of an API server, as a node reports it.
fn api_server(node: &str, flags: &[&str]) -> Value {
    let command: Vec<&str> = ["kube-apiserver"].iter().chain(flags).copied().collect();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "kube-system", "name": format!("kube-apiserver-{node}")},
        "spec": {"containers": [{"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1.36.3", "command": command}]},
    })
}

#[test]
fn each_of_several_api_servers_is_compared() {
    let one = ["--authorization-mode=Node,RBAC", "--profiling=true", "--enable-admission-plugins=NodeRestriction"];
    let other =
        ["--authorization-mode=Node,RBAC,Webhook", "--profiling=true", "--enable-admission-plugins=AlwaysPullImages"];
    let mut world = World::new(vec![], vec![api_server("cp1", &one), api_server("cp2", &other)]);
    world.host.flags = [("authorization-mode", "Node,RBAC"), ("profiling", "false")]
        .map(|(flag, value)| (flag.to_owned(), value.to_owned()))
        .into();
    insta::assert_snapshot!("hosts_several", skim(&world.plan()));
    assert_eq!(world.state.authorizers(), ["Node", "Webhook"]);
}

#[test]
fn flags_that_a_file_says_must_go() {
    let running =
        ["--anonymous-auth=true", "--oidc-client-id=x", "--oidc-issuer-url=https://a", "--authorization-config=/a"];
    let mut world = World::new(vec![], vec![api_server("cp1", &running)]);
    world.host.authentication =
        Some(json!({"kind": "AuthenticationConfiguration", "anonymous": {"enabled": true}, "jwt": []}));
    world.host.flags =
        [("authentication-config", "/etc/kubernetes/kspec/authentication.yaml"), ("authorization-mode", "Node,RBAC")]
            .map(|(flag, value)| (flag.to_owned(), value.to_owned()))
            .into();
    insta::assert_snapshot!("hosts_flags_to_go", skim(&world.plan()));
    // Without anonymous access in the file, the flag is what says it.
    world.host.authentication = Some(json!({"kind": "AuthenticationConfiguration", "jwt": []}));
    assert!(!skim(&world.plan()).contains("anonymous-auth"));
}

#[test]
fn a_key_that_writes_too_early_is_told_with_the_steps() {
    let mut world = World::new(vec![], vec![]);
    let provider = |keys: &[&str]| EncryptionProvider::Keyed {
        algorithm: KeyedProvider::SecretBox,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
    };
    let document = |keys: &[&str]| {
        let keys: Vec<Value> = keys.iter().map(|key| json!({"name": key, "secret": "c2VjcmV0"})).collect();
        json!({"kind": "EncryptionConfiguration", "resources": [{"resources": ["secrets"], "providers": [{"secretbox": {"keys": keys}}]}]})
    };
    let rule = EncryptionRule {
        resources: vec!["secrets".to_owned()],
        providers: vec![provider(&["new", "old"])],
        origin: crate::world::origin(),
    };
    world.program.encryption = Some(Encryption { rules: vec![rule], origin: crate::world::origin() });
    world.host.encryption = Some(document(&["new", "old"]));
    let mut of = |running: &[&str], nodes: &[&str]| {
        let servers: Vec<Value> =
            nodes.iter().map(|node| api_server(node, &["--encryption-provider-config=/etc/encryption.yaml"])).collect();
        let host =
            HostState { flags: None, files: [("encryption.yaml".to_owned(), document(running).to_string())].into() };
        let objects = state(servers).objects;
        world.state = State::new(world.state.origin.clone(), objects, host);
        let found = skim(&world.plan());
        found.lines().filter(|line| line.contains("EncryptionConfiguration")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("hosts_rotation", of(&["old"], &["cp1", "cp2"]));
    // One that is read already may write; and a single API server is never beside another.
    assert!(!of(&["old", "new"], &["cp1", "cp2"]).contains("In steps"));
    assert!(!of(&["old"], &["cp1"]).contains("In steps"));
}

#[test]
fn hosts_are_compared_by_what_is_in_effect() {
    let mut world = World::new(vec![], vec![]);
    let flags = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|(flag, value)| ((*flag).to_owned(), vec![(*value).to_owned()])).collect())
    };
    world.host.flags = [
        ("anonymous-auth", "false"),
        ("enable-admission-plugins", "NodeRestriction,AlwaysPullImages"),
        ("profiling", "false"),
        ("request-timeout", "60s"),
        ("authorization-mode", "Node,RBAC"),
        ("encryption-provider-config", "/etc/kubernetes/kspec/encryption.yaml"),
    ]
    .into_iter()
    .map(|(flag, value)| (flag.to_owned(), value.to_owned()))
    .collect();
    world.host.encryption = Some(
        json!({"kind": "EncryptionConfiguration", "resources": [{"resources": ["secrets"], "providers": [{"aescbc": {"keys": [{"name": "k2", "secret": "__KSPEC_KEY_k2__"}, {"name": "k1", "secret": "__KSPEC_KEY_k1__"}]}}, {"identity": {}}]}]}),
    );
    world.host.audit =
        Some(json!({"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": [{"level": "Metadata"}]}));
    insta::assert_snapshot!("hosts_unseen", skim(&world.plan()));

    let host = HostState {
        flags: flags(&[
            ("anonymous-auth", "true"),
            ("disable-admission-plugins", "PodSecurity"),
            ("authorization-mode", "AlwaysAllow"),
            ("token-auth-file", "/etc/tokens"),
            ("encryption-provider-config", "/etc/encryption.yaml"),
        ]),
        files: [("host/encryption.yaml".to_owned(), json!({"kind": "EncryptionConfiguration", "resources": [{"resources": ["secrets"], "providers": [{"aescbc": {"keys": [{"name": "k1", "secret": "c2VjcmV0"}]}}, {"identity": {}}]}]}).to_string())].into(),
    };
    world.state = State::new(world.state.origin.clone(), Vec::new(), host);
    insta::assert_snapshot!("hosts_seen", skim(&world.plan()));
}

#[test]
fn a_saved_plan_reads_back_and_knows_when_it_is_stale() {
    let world = World::new(
        vec![role("payments", "release", &["get"])],
        vec![namespace("payments"), deployment("payments", "api")],
    );
    let planned = world.plan();
    let text = planned.to_file().unwrap();
    let again = Planned::of_file(&text).unwrap();
    assert_eq!(again, planned);
    assert!(!again.is_stale(&world.state));
    // Workloads come and go; what the plan stands on must not.
    assert!(!again.is_stale(&state(vec![namespace("payments")])));
    assert!(again.is_stale(&state(vec![namespace("payments"), role("payments", "release", &["get"])])));
    assert!(again.is_stale(&state(vec![namespace("payments"), binding("payments", "x", "y", "z")])));
    assert!(matches!(Planned::of_file("{}"), Err(SavedPlanError::Unreadable(_))));
    assert_eq!(
        Planned::of_file(&text.replacen("\"format_version\": 1", "\"format_version\": 9", 1)),
        Err(SavedPlanError::Format(9))
    );
}

struct Server;

impl DryRun for Server {
    fn dry_run(&mut self, requests: &[DryRunRequest<'_>]) -> Vec<Result<Object, DryRunError>> {
        let answer = |request: &DryRunRequest<'_>| {
            let mut object = request.object.clone();
            object.0["metadata"]["managedFields"] =
                json!([{"manager": "kspec.shop", "operation": "Apply", "fieldsV1": {"f:rules": {}}}]);
            match object.name() {
                "conflict" => Err(DryRunError::Conflict("rules is set by `helm`".to_owned())),
                "bad" => Err(DryRunError::Refused("spec.x: Invalid value".to_owned())),
                "unasked" => Err(DryRunError::Unavailable),
                "mutated" => {
                    object.0["rules"] = json!([]);
                    Ok(object)
                }
                _ => Ok(object),
            }
        };
        requests.iter().map(answer).collect()
    }
}

#[test]
fn a_servers_dry_run_decides_where_it_may_be_asked() {
    let names = ["bad", "conflict", "mutated", "same", "unasked"];
    let world = World::new(
        names.iter().map(|name| role("p", name, &["get"])).collect(),
        names.iter().map(|name| owned(role("p", name, if *name == "same" { &["get"] } else { &["list"] }))).collect(),
    );
    let mut planned = world.plan();
    refine(&mut planned, &world.inputs(), &mut Server);
    insta::assert_snapshot!(
        skim(&planned).lines().filter(|line| !line.contains("loses")).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn access_and_connectivity_are_those_of_the_servers_objects() {
    let open = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]});
    let policy = |name: &str, spec: &Value| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "p", "name": name}, "spec": spec});
    let shut = json!({"podSelector": {}, "policyTypes": ["Ingress"]});
    let world = World::new(
        vec![
            role("p", "mutated", &["get"]),
            role("p", "unasked", &["get"]),
            binding("p", "a", "mutated", "a"),
            binding("p", "b", "unasked", "b"),
            policy("gate", &shut),
        ],
        vec![
            namespace("p"),
            owned(role("p", "mutated", &["list"])),
            owned(role("p", "unasked", &["list"])),
            owned(binding("p", "a", "mutated", "a")),
            owned(binding("p", "b", "unasked", "b")),
            deployment("p", "api"),
            deployment("p", "db"),
            policy("gate", &open),
        ],
    );
    let said = |planned: &Planned| {
        let told = skim(planned);
        told.lines().filter(|line| line.starts_with("Group") || line.contains("->")).collect::<Vec<_>>().join("\n")
    };
    let mut planned = world.plan();
    let merged = said(&planned);
    refine(&mut planned, &world.inputs(), &mut Server);
    insta::assert_snapshot!(format!("merged:\n{merged}\nrefined:\n{}", said(&planned)));
}

#[test]
fn what_kubernetes_holds_immutable_is_replaced_or_refused_before_anything_is_done() {
    let claim = |class: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "p", "name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}}}})
    };
    let quota = |scope: &str| {
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "p", "name": "quota"},
        "spec": {"hard": {"pods": "5"}, "scopes": [scope]}})
    };
    let settings = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "p", "name": "settings"}, "data": {"a": value}, "immutable": true});
    let web = |label: &str| {
        let mut web = deployment("p", "web");
        web["spec"]["selector"]["matchLabels"] = json!({"app": label});
        web["spec"]["template"]["metadata"]["labels"] = json!({"app": label});
        web
    };
    let world = World::new(
        vec![claim("fast"), quota("BestEffort"), settings("2"), web("new")],
        vec![
            namespace("p"),
            owned(claim("slow")),
            owned(quota("NotBestEffort")),
            owned(settings("1")),
            owned(web("old")),
        ],
    );
    let mut planned = world.plan();
    insta::assert_snapshot!(skim(&planned).lines().filter(|line| !line.contains("->")).collect::<Vec<_>>().join("\n"));
    // A server that lets it be is believed.
    refine(&mut planned, &world.inputs(), &mut Server);
    assert_eq!(planned.plan.refusals, []);
}

#[test]
fn the_document_is_the_same_each_time_and_reads_back() {
    let world = World::new(
        vec![namespace("payments"), role("payments", "release", &["get"])],
        vec![owned(role("payments", "gone", &["get"]))],
    );
    let text = serde_json::to_string_pretty(&world.plan().plan).unwrap();
    assert_eq!(text, serde_json::to_string_pretty(&world.plan().plan).unwrap());
    insta::assert_snapshot!(text);
    assert_eq!(serde_json::from_str::<kspec_plan::Plan>(&text).unwrap(), world.plan().plan);
    let schema = kspec_plan::plan_schema();
    let document: Value = serde_json::from_str(&text).unwrap();
    for field in document.as_object().unwrap().keys() {
        assert!(schema["properties"].get(field).is_some(), "{field} is not in the schema");
    }
}

#[test]
fn others_webhooks_are_told_where_they_are_weak() {
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "guard"},
        "webhooks": [{
            "name": "pods.example.com", "failurePolicy": "Ignore", "sideEffects": "None", "timeoutSeconds": 30,
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    });
    let planned = World::new(vec![], vec![webhook]).plan();
    let told: Vec<(&str, Option<u32>)> = planned
        .plan
        .weaknesses
        .iter()
        .map(|weakness| (weakness.code.as_str(), weakness.source.as_ref().map(|source| source.line)))
        .collect();
    assert_eq!(told, [("K0511", Some(1)), ("K0512", Some(1))]);
    assert!(!planned.plan.has_changes());
}
