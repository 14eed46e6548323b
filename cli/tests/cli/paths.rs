//! How what was given could be abused, as people and pipelines read it.

use serde_json::Value;

use crate::support::{Place, repository};

/// A pipeline that may edit everywhere, developers of a namespace that Pod Security watches over, and an agent that is open.
const STATE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: baseline } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ci }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ kind: ServiceAccount, namespace: ci, name: deployer }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: devs, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: devs }]
---
apiVersion: v1
kind: Pod
metadata: { name: agent, namespace: mon }
spec:
  containers: [{ name: agent, image: agent, securityContext: { privileged: true } }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: images }
webhooks:
  - name: images.example.com
    rules: [{ operations: [CREATE, UPDATE], apiGroups: [""], apiVersions: [v1], resources: [pods] }]
"#;

/// The namespaces of a cluster that is as it was made.
const CLEAN: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: default }
---
apiVersion: v1
kind: Namespace
metadata: { name: kube-system }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: default, namespace: default }
"#;

fn ask(place: &Place, state: &str, more: &[&str]) -> crate::support::Done {
    place.kspec(&[&["access", "paths", "--state", state], more].concat())
}

#[test]
fn chains_say_what_allows_each_step_and_what_holds_them_back() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    insta::assert_snapshot!(ask(&place, "state", &["--to", "cluster-admin", "--to", "node"]).ends(0).out);
}

#[test]
fn a_clean_cluster_has_no_chain_but_the_systems_own() {
    let place = Place::with(&[("state/objects.yaml", CLEAN)]);
    let goals = ["--to", "cluster-admin", "--to", "node", "--to", "secret", "-o", "json"];
    let document = ask(&place, "state", &goals).ends(0).json();
    for goal in document["goals"].as_array().expect("goals") {
        assert_eq!((&goal["paths"], &goal["held_back"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{goal}");
        assert!(!goal["system"].as_array().expect("a list").is_empty());
    }
    let quiet = ask(&place, "state", &[]).ends(0);
    let system = "of the system's own components, as every cluster has them: 11 paths";
    assert_eq!(quiet.out, format!("to cluster-admin: no path\n\n{system}; -v lists them\n"));
    let listed = ask(&place, "state", &["-v"]).ends(0).out;
    assert_eq!(listed.lines().filter(|line| line.starts_with("serviceaccount/kube-system/")).count(), 9, "{listed}");
}

#[test]
fn the_document_holds_by_its_schema() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    let document = ask(&place, "state", &["--to", "node", "--to", "secret/pay/key", "-o", "json"]).ends(0).json();
    let path = repository().join("docs/reference/schemas/access-paths.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a schema")).expect("JSON");
    jsonschema::validate(&schema, &document).expect("a document of that schema");
    assert_eq!(document["goals"][1]["paths"][0]["from"], "serviceaccount/ci/deployer");
}

#[test]
fn from_one_nothing_is_left_out() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    let from = |from: &str| ask(&place, "state", &["--from", from]).ends(0).out;
    for name in ["system:serviceaccount:ci:deployer", "user/system:serviceaccount:ci:deployer", "sa/ci/deployer"] {
        assert!(from(name).starts_with("to cluster-admin: 1 path\n\nserviceaccount/ci/deployer\n"), "{name}");
    }
    assert!(from("group/system:masters").contains("1. may do everything"));
    assert_eq!(from("user/nobody"), "to cluster-admin: no path\n");
    let agent = ask(&place, "state", &["--from", "pod/mon/agent", "--to", "node"]).ends(0).out;
    assert!(agent.contains("container agent is privileged"), "{agent}");
}

#[test]
fn ends_that_mean_nothing_are_refused() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    ask(&place, "state", &["--to", "root"]).ends(64).says(&["`root`", "cluster-admin"]);
    ask(&place, "state", &["--from", "ann"]).ends(64).says(&["`ann`", "user/NAME"]);
    ask(&place, "state", &["--from", "pod/mon/gone"]).ends(6).says(&["pod/mon/gone"]);
    let unread = r#"{"format_version":1,"kind":"kspec-snapshot","version":"v1.36.0","source":{"directory":"x"},
        "unread":["clusterroles: forbidden"],"host":{"files":{}},"objects":[]}"#;
    place.write("snapshot.json", unread);
    ask(&place, "snapshot.json", &[]).ends(6).says(&["clusterroles: forbidden"]);
}

#[test]
fn a_state_is_told_what_of_its_access_to_look_at() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    let document = place.kspec(&["check", "--state", "state", "-o", "json"]).ends(0).json();
    let mut told = String::new();
    for finding in document["findings"].as_array().expect("a list") {
        let text = |field: &str| finding[field].as_str().expect("a text").to_owned();
        if text("code").starts_with("K02") {
            told.push_str(&format!("{} {}: {}\n", text("code"), text("severity"), text("message")));
            for step in finding["witness"].as_array().into_iter().flatten() {
                told.push_str(&format!("  {}\n", step.as_str().expect("a line")));
            }
        }
    }
    let listed = place.kspec(&["check", "--state", "state", "-v"]).ends(0).out;
    let (_, left_out) = listed.rsplit_once("\n24 findings").expect("what was left out");
    insta::assert_snapshot!(format!("{told}{left_out}"));
}

#[test]
fn a_clean_cluster_has_no_finding_and_says_what_was_left_out() {
    let place = Place::with(&[("state/objects.yaml", CLEAN)]);
    let document = place.kspec(&["check", "--state", "state", "-o", "json"]).ends(0).json();
    let codes = document["findings"].as_array().expect("a list").iter().filter_map(|finding| finding["code"].as_str());
    assert_eq!(codes.filter(|code| code.starts_with("K02")).collect::<Vec<_>>(), [] as [&str; 0]);
    let out = place.kspec(&["check", "--state", "state"]).ends(0).out;
    assert!(out.ends_with(" about Kubernetes' own roles and components left out (-v shows them)\n"), "{out}");
}

/// Developers who make pods, and what may stand in their way.
fn developers(more: &str) -> String {
    let grants = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: dev, namespace: shop }
rules: [{ apiGroups: [""], resources: [pods], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: devs, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: dev }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: devs }]
"#;
    format!("{grants}---\n{more}")
}

/// Where they do.
const SHOP: &str = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: LEVEL } }\n";

/// A policy against each way to the node.
const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: node }
spec:
  matchConstraints: { resourceRules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods] }] }
  variables: [{ name: all, expression: "object.spec.containers + object.spec.?initContainers.orValue([])" }]
  validations:
    - expression: "variables.all.all(c, !c.?securityContext.?privileged.orValue(false))"
    - expression: "variables.all.all(c, c.?securityContext.?capabilities.?add.orValue([]).all(a, a in ['NET_BIND_SERVICE']))"
    - expression: "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: node }
spec: { policyName: node, validationActions: [Deny] }
"#;

/// The API server's own configuration.
const ADMISSION: &str = r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults: { enforce: baseline }
"#;

/// The chains to a node, each step that is cut or in doubt with by what.
fn to_node(files: &[(&str, &str)], more: &[&str]) -> String {
    let place = Place::with(files);
    let document = place.kspec(&[&["access", "paths", "--to", "node", "-o", "json"], more].concat()).ends(0).json();
    let mut told = String::new();
    for list in ["paths", "held_back"] {
        let paths = document.pointer(&format!("/goals/0/{list}")).and_then(Value::as_array);
        for path in paths.expect("a list") {
            for step in path["steps"].as_array().expect("steps") {
                let held = step["held_back_by"].as_str().map(|by| format!(", held back by {by}"));
                let doubt: Vec<_> = step["may_be_refused_by"].as_array().into_iter().flatten().collect();
                let doubt: Vec<_> = doubt
                    .iter()
                    .map(|name| format!(", may be refused by {}", name.as_str().expect("a name")))
                    .collect();
                told.push_str(&format!(
                    "{}{}{}\n",
                    step["text"].as_str().expect("a text"),
                    held.unwrap_or_default(),
                    doubt.concat()
                ));
            }
        }
    }
    told
}

#[test]
fn each_kind_of_control_says_what_it_holds_back() {
    let held = |by: &str| {
        format!("creates a new pod in namespace shop\nmakes it privileged, on any node, held back by {by}\n")
    };
    let open = "creates a new pod in namespace shop\nmakes it privileged, on any node\n";
    let of = |objects: &str, more: (&str, &str)| {
        to_node(&[("state/objects.yaml", &developers(objects)), more], &["--state", "state"])
    };
    let nothing = ("state/notes.txt", "");
    let labelled = |level_is: &str| of(&SHOP.replace("LEVEL", level_is), nothing);
    assert_eq!(labelled("baseline"), held("Pod Security level baseline of namespace shop"));
    assert_eq!(labelled("privileged"), open);

    let plain = SHOP.split(", labels").next().expect("a namespace").to_owned() + " }\n";
    let server = |text: &str| of(&plain, ("state/admission.yaml", text));
    let by_default = server(ADMISSION);
    assert!(by_default.contains("held back by Pod Security level baseline, the default of "), "{by_default}");
    assert!(by_default.ends_with("admission.yaml, in namespace shop\n"), "{by_default}");
    assert_eq!(
        server(&ADMISSION.replace(
            "defaults: { enforce: baseline }",
            "defaults: { enforce: baseline }\n      exemptions: { namespaces: [shop] }"
        )),
        open
    );

    // What the API server does not run holds nothing back.
    let flags = |plugin: &str| {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: kube-apiserver-a, namespace: kube-system }\nspec: { containers: [{ name: kube-apiserver, command: [kube-apiserver, --authorization-mode=RBAC, --disable-admission-plugins=PLUGIN] }] }\n";
        pod.replace("PLUGIN", plugin)
    };
    let strict = SHOP.replace("LEVEL", "restricted");
    let without = |plugin: &str| of(&strict, ("state/server.yaml", &flags(plugin)));
    assert_eq!(without("PodSecurity"), open);
    assert_eq!(without("NodeRestriction"), held("Pod Security level restricted of namespace shop"));

    let unasked = flags("ValidatingAdmissionPolicy");
    let of = |policy: &str, more| of(&format!("{plain}---\n{policy}"), more);
    assert_eq!(of(POLICY, nothing), held("ValidatingAdmissionPolicy node in namespace shop"));
    assert_eq!(of(POLICY, ("state/server.yaml", &unasked)), open);
    let in_doubt = open.replace(
        "makes it privileged, on any node",
        "makes it privileged, on any node, may be refused by ValidatingAdmissionPolicy node",
    );
    // Who asks is not known: an ordinary pod passes all the same.
    let exempt = POLICY.replace(
        "  variables:",
        "  matchConditions: [{ name: c, expression: \"request.userInfo.username != 'ops'\" }]\n  variables:",
    );
    assert_eq!(of(&exempt, nothing), in_doubt);
    // What its parameters say is not read.
    let filled = POLICY.replace("  variables:", "  paramKind: { apiVersion: v1, kind: ConfigMap }\n  variables:");
    assert_eq!(
        of(&filled, nothing),
        "creates a new pod in namespace shop, may be refused by ValidatingAdmissionPolicy node\nmakes it privileged, on any node\n"
    );
    assert_eq!(of(&POLICY.replace("validationActions: [Deny]", "validationActions: [Warn]"), nothing), open);
}

#[test]
fn bootstrap_tokens_lead_nowhere_where_they_are_not_taken() {
    let objects = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: joining }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:bootstrappers:own" }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: writer, namespace: kube-system }
rules: [{ apiGroups: [""], resources: [secrets], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: writer, namespace: kube-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: writer }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: ann }]
---
apiVersion: v1
kind: Pod
metadata: { name: kube-apiserver-a, namespace: kube-system }
spec: { containers: [{ name: kube-apiserver, command: [kube-apiserver, --authorization-mode=Node, FLAGS] }] }
"#;
    let of = |objects: &str| {
        let place = Place::with(&[("state/objects.yaml", objects)]);
        ask(&place, "state", &["--from", "user/ann"]).ends(0).out.contains("writes a bootstrap token")
    };
    let with = |flag: &str| of(&objects.replace("FLAGS", flag));
    assert!(with("--enable-bootstrap-token-auth"));
    assert!(with("--enable-bootstrap-token-auth=true"));
    assert!(!with("--enable-bootstrap-token-auth=false"));
    assert!(!with("--anonymous-auth=false"));
    let unseen = objects.rsplit_once("---").expect("a server").0;
    assert!(of(unseen));
}

#[test]
fn a_node_asks_for_tokens_unless_it_is_seen_to_be_restricted() {
    let objects = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: root }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, namespace: ops, name: root }]
---
apiVersion: v1
kind: Pod
metadata: { name: idle, namespace: ops }
spec: { serviceAccountName: root, automountServiceAccountToken: false, nodeName: n1, containers: [{ name: idle, image: idle }] }
---
apiVersion: v1
kind: Pod
metadata: { name: agent, namespace: mon }
spec: { nodeName: n1, containers: [{ name: agent, image: agent, securityContext: { privileged: true } }] }
---
apiVersion: v1
kind: Pod
metadata: { name: kube-apiserver-a, namespace: kube-system }
spec: { containers: [{ name: kube-apiserver, command: [kube-apiserver, --authorization-mode=Node, FLAGS] }] }
"#;
    let of = |flags: &str| {
        let place = Place::with(&[("state/objects.yaml", &objects.replace("FLAGS", flags))]);
        ask(&place, "state", &["--from", "pod/mon/agent"]).ends(0).out.contains("asks for a token")
    };
    assert!(of("--anonymous-auth=false"));
    assert!(of("--enable-admission-plugins=AlwaysPullImages"));
    assert!(!of("'--enable-admission-plugins=AlwaysPullImages,NodeRestriction'"));
    assert!(of("--enable-admission-plugins=NodeRestriction, --disable-admission-plugins=NodeRestriction"));
}

#[test]
fn the_programs_own_rules_hold_back_what_they_refuse() {
    let config = "name = \"shop\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n";
    let module = |rules: &str| {
        format!(
            "use std.pod_security.{{privileged, hostNamespaces, hostPathVolumes, capabilities_baseline}}\nnamespace shop {{ pod_security: privileged }}\ngroup devs = \"devs\"\n/// Builds.\nrole dev in shop {{ allow create on pods }}\n/// They build.\ngrant dev to devs\nenforce {rules} in shop\n"
        )
    };
    let of = |rules: &str| to_node(&[("kspec.toml", config), ("main.kspec", &module(rules))], &["--project", "."]);
    let told = of("privileged, hostPathVolumes, capabilities_baseline(36)");
    assert!(told.contains("held back by rule ") && told.ends_with(" in namespace shop\n"), "{told}");
    let near = of("privileged, hostPathVolumes");
    assert!(!near.contains("held back"), "{near}");
}

#[test]
fn goals_that_are_not_there_are_named() {
    let place = Place::with(&[("state/objects.yaml", STATE)]);
    ask(&place, "state", &["--to", "node/absent"])
        .ends(6)
        .says(&["there is no node absent in what is asked", "no node is known"]);
    let nodes = "\
apiVersion: v1
kind: Node
metadata: { name: worker-1 }
---
apiVersion: v1
kind: Pod
metadata: { name: agent-2, namespace: mon }
spec: { nodeName: worker-2, containers: [{ name: agent, image: agent, securityContext: { privileged: true } }] }
";
    place.write("state/nodes.yaml", nodes);
    ask(&place, "state", &["--to", "node/absent"]).ends(6).says(&["known: worker-1, worker-2"]);
    ask(&place, "state", &["--to", "node/worker-1"]).ends(0);
    ask(&place, "state", &["--to", "node/worker-2"]).ends(0).says(&["pod/mon/agent-2"]);
    ask(&place, "state", &["--to", "pod/mon/nobody"]).ends(6).says(&["nothing runs as pod/mon/nobody"]);
}

#[test]
fn the_librarys_rules_hold_back_what_has_no_exception() {
    let config = "name = \"shop\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n";
    let of = |rule: &str, to: &str, allow: &str| {
        let module = format!(
            "use std.admission.{{no_exec, no_port_forward}}\nnamespace shop {{ pod_security: restricted }}\ngroup devs = \"devs\"\n/// Helps.\nrole dev in shop {{ {allow} }}\n/// They help.\ngrant dev to devs\nenforce {rule} in shop\n"
        );
        let place = Place::with(&[
            ("kspec.toml", config),
            ("main.kspec", &module),
            (
                "state/objects.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: { name: web, namespace: shop }\nspec: { containers: [{ name: c }] }\n",
            ),
        ]);
        let asked = ["access", "paths", "--project", ".", "--state", "state", "--from", "group/devs", "--to", to];
        place.kspec(&asked).ends(0).out
    };
    let exec = "allow create on pods/exec";
    let told = of("no_exec", "pod/shop/web", exec);
    assert!(told.contains("held back by rule no_exec in namespace shop"), "{told}");
    let told = of("no_exec([\"sre\"])", "pod/shop/web", exec);
    assert!(told.starts_with("to pod/shop/web: 1 path\n"), "{told}");
    let told = of("no_port_forward", "ports/pod/shop/web", "allow create on pods/portforward");
    assert!(told.contains("held back by rule no_port_forward in namespace shop"), "{told}");
}

/// What is stored on nodes: a backup of the control plane's store, and someone who may create volumes and, by an apply, one deployment.
const STORAGE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { pod-security.kubernetes.io/enforce: restricted } }
---
apiVersion: v1
kind: Pod
metadata: { name: etcd-n1, namespace: kube-system, labels: { component: etcd } }
spec: { nodeName: n1, automountServiceAccountToken: false, containers: [{ name: etcd, image: etcd }] }
---
apiVersion: v1
kind: Pod
metadata: { name: backup, namespace: ops }
spec:
  nodeName: n1
  automountServiceAccountToken: false
  containers: [{ name: b, image: b, volumeMounts: [{ name: d, mountPath: /d, readOnly: true }] }]
  volumes: [{ name: d, persistentVolumeClaim: { claimName: data } }]
---
apiVersion: v1
kind: PersistentVolume
metadata: { name: etcd }
spec: { local: { path: /var/lib/etcd }, claimRef: { namespace: ops, name: data } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: storage }
rules: [{ apiGroups: [""], resources: [persistentvolumes], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: web, namespace: shop }
rules: [{ apiGroups: [apps], resources: [deployments], verbs: [create, patch], resourceNames: [web] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: web, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: web }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: ann }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: storage }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: storage }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: ann }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: exec }
rules: [{ apiGroups: [""], resources: [pods/exec], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: exec, namespace: ops }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: exec }
subjects: [{ kind: User, apiGroup: rbac.authorization.k8s.io, name: bob }]
"#;

/// A policy that lets a request pass where it holds.
fn policy(operation: &str, resource: &str, expression: &str) -> String {
    format!(
        r#"---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{ name: p }}
spec:
  matchConstraints: {{ resourceRules: [{{ apiGroups: [""], apiVersions: [v1], operations: [{operation}], resources: [{resource}] }}] }}
  validations: [{{ expression: "{expression}" }}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{ name: p }}
spec: {{ policyName: p, validationActions: [Deny] }}
"#
    )
}

#[test]
fn volumes_of_nodes_and_requests_that_are_refused_are_told() {
    let of = |policy: &str, from: &str, to: &str| {
        let place = Place::with(&[("state/objects.yaml", &format!("{STORAGE}{policy}"))]);
        ask(&place, "state", &["--from", from, "--to", to]).ends(0).out
    };
    insta::assert_snapshot!(of("", "user/ann", "node"));
    let (open, held) = ("to all-secrets: 1 path\n", "to all-secrets: no path\n\nheld back: 1 path\n");
    assert!(of("", "user/bob", "all-secrets").starts_with(open));
    let refused = of(&policy("CONNECT", "pods/exec", "request.namespace != 'ops'"), "user/bob", "all-secrets");
    assert!(refused.starts_with(held) && refused.contains("held back by ValidatingAdmissionPolicy p in namespace ops"));
    let refused =
        of(&policy("CONNECT", "pods/exec", "request.userInfo.username == 'carol'"), "user/bob", "all-secrets");
    assert!(refused.starts_with(held), "{refused}");
    let own = of(&policy("CONNECT", "pods/exec", "request.userInfo.username == 'bob'"), "user/bob", "all-secrets");
    assert!(own.starts_with(open) && !own.contains("may be refused by"), "{own}");
    let someone = "'carols' in request.userInfo.groups";
    let named = of(&policy("CONNECT", "pods/exec", someone), "user/bob", "all-secrets");
    assert!(named.starts_with(open) && named.contains("may be refused by ValidatingAdmissionPolicy p"), "{named}");
    let volumes = "!has(object.spec.hostPath) && !has(object.spec.local)";
    let refused = of(&policy("CREATE", "persistentvolumes", volumes), "user/ann", "node");
    assert!(refused.starts_with("to node: no path\n\nheld back: 1 path\n"), "{refused}");
    let near = of(&policy("CREATE", "persistentvolumes", "!has(object.spec.hostPath)"), "user/ann", "node");
    assert!(near.contains("may be refused by ValidatingAdmissionPolicy p\n"), "{near}");
}
