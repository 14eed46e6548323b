//! What admission refuses beside ways to a node: connections, containers, accounts, secrets, volumes, tokens and bindings; each where
//! a policy refuses it whatever else is chosen, and near misses where something gets through.

use kspec_analysis::abuse::Attempt;
use serde_json::{Value, json};

use crate::controls::{asked, binding, namespace, policy};

/// A policy about an operation on a resource, `pods/exec` or `rolebindings.rbac.authorization.k8s.io`.
fn about(operation: &str, resource: &str, expression: &str) -> Value {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let rules =
        json!([{ "apiGroups": [group], "apiVersions": ["v1"], "operations": [operation], "resources": [resource] }]);
    policy(
        "p",
        json!({ "matchConstraints": { "resourceRules": rules }, "validations": [{ "expression": expression }] }),
    )
}

/// What is refused in namespace `shop`, or in none, with the names that it is refused for.
fn of(policy: Value, more: &[Value]) -> Vec<(Attempt, String)> {
    let fixed = [policy, binding("p", json!({})), namespace("shop", json!({}))];
    let found = asked(&[&fixed, more].concat());
    let there = |refusal: &&kspec_analysis::abuse::Refusal| {
        refusal.attempt.is_cluster_wide() || refusal.namespace.as_deref() == Some("shop")
    };
    let here = found.refusals.iter().filter(there);
    here.map(|refusal| (refusal.attempt, refusal.name.clone().unwrap_or_default())).collect()
}

fn any(attempt: Attempt) -> Vec<(Attempt, String)> {
    vec![(attempt, String::new())]
}

#[test]
fn connections_are_refused_whoever_makes_them() {
    for (resource, kind, attempt) in [
        ("pods/exec", "PodExecOptions", Attempt::Exec),
        ("pods/attach", "PodAttachOptions", Attempt::Attach),
        ("pods/portforward", "PodPortForwardOptions", Attempt::Forward),
        ("pods/proxy", "PodProxyOptions", Attempt::ProxyPod),
        ("services/proxy", "ServiceProxyOptions", Attempt::ProxyService),
    ] {
        let by_kind = format!("request.kind.kind != '{kind}'");
        let subresource = resource.split('/').next_back().unwrap();
        let by_subresource = format!("request.subResource != '{subresource}' || request.operation != 'CONNECT'");
        for expression in ["false", &by_kind, &by_subresource, "request.namespace != 'shop'"] {
            assert_eq!(of(about("CONNECT", resource, expression), &[]), any(attempt), "{resource}: {expression}");
        }
        for near in
            ["request.userInfo.username == 'ops'", "request.name == 'web'", "request.namespace == 'shop'", "true"]
        {
            assert_eq!(of(about("CONNECT", resource, near), &[]), [], "{resource}: {near}");
        }
        assert_eq!(of(about("CREATE", resource, "false"), &[]), [], "{resource}");
    }
    assert_eq!(of(about("CONNECT", "pods/exec", "object.container == 'debug'"), &[]), []);
    assert_eq!(of(about("CONNECT", "pods/log", "false"), &[]), []);
}

/// As the library's own rules make exceptions.
#[test]
fn exceptions_for_nobody_are_none() {
    let exec = |expression: &str| of(about("CONNECT", "pods/exec", expression), &[]);
    assert_eq!(exec("request.userInfo.groups.exists(g, g in [])"), any(Attempt::Exec));
    assert_eq!(exec("request.userInfo.username == 'system:apiserver'"), any(Attempt::Exec));
    assert_eq!(exec("!request.userInfo.groups.all(g, !(g in []))"), any(Attempt::Exec));
    for near in [
        "request.userInfo.groups.exists(g, g in ['ops'])",
        "request.userInfo.groups.exists(g, !(g in []))",
        "!request.userInfo.groups.all(g, g in [])",
        "request.userInfo.username != 'system:apiserver'",
        "request.userInfo.username in ['system:apiserver', 'ops']",
        "request.userInfo.username == ''",
    ] {
        assert_eq!(exec(near), [], "{near}");
    }
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "cluster-admin" } });
    let bind = |except: &str| {
        let expression = format!(
            "request.userInfo.username == 'system:apiserver' || object.roleRef.name != 'cluster-admin' || object.subjects.all(s, s.name in [{except}])"
        );
        let policy = about("CREATE", "clusterrolebindings.rbac.authorization.k8s.io", &expression);
        of(policy, std::slice::from_ref(&role)).len()
    };
    assert_eq!((bind("'system:masters'"), bind(""), bind("'system:masters', 'ops'")), (1, 1, 0));
}

#[test]
fn any_container_is_refused_where_none_may_be_added() {
    let on = |expression: &str| of(about("UPDATE", "pods/ephemeralcontainers", expression), &[]);
    let all = [
        Attempt::AddedContainer,
        Attempt::AnyContainer,
        Attempt::AddedMount,
        Attempt::AddedClaim,
        Attempt::AddedSecret,
    ]
    .map(|attempt| (attempt, String::new()));
    assert_eq!(on("false"), all);
    assert_eq!(on("size(object.spec.?ephemeralContainers.orValue([])) == 0"), all);
    assert_eq!(on("object.spec.ephemeralContainers.all(c, c.image.startsWith('own/'))"), []);
    let harmless = "object.spec.ephemeralContainers.all(c, !has(c.securityContext))";
    assert_eq!(on(harmless), [(Attempt::AddedContainer, String::new())], "one without is let in");
    // What its pod has it mounts, by another request.
    let mounts = "object.spec.ephemeralContainers.all(c, !has(c.volumeMounts))";
    let both = [Attempt::AddedMount, Attempt::AddedClaim].map(|attempt| (attempt, String::new()));
    assert_eq!(on(mounts), both);
    let volumes = |field: &str| format!("object.spec.?volumes.orValue([]).all(v, !has(v.{field}))");
    assert_eq!(on(&volumes("hostPath")), any(Attempt::AddedMount));
    assert_eq!(on(&volumes("persistentVolumeClaim")), [], "an ephemeral one is a claim too");
    let claims = format!("{} && {}", volumes("persistentVolumeClaim"), volumes("ephemeral"));
    assert_eq!(on(&claims), any(Attempt::AddedClaim));
    assert_eq!(on("object.spec.ephemeralContainers.all(c, c.volumeMounts.all(m, m.readOnly))"), []);
}

#[test]
fn host_processes_are_refused_where_windows_runs() {
    let node = |os: &str| json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "w1", "labels": { "kubernetes.io/os": os } } });
    let on = |expression: &str| of(about("CREATE", "pods", expression), &[node("windows")]);
    let context = "?securityContext.?windowsOptions.?hostProcess.orValue(false)";
    let of_pod = format!("!object.spec.{context}");
    let of_containers = format!("object.spec.containers.all(c, !c.{context})");
    assert_eq!(on(&format!("{of_pod} && {of_containers}")), any(Attempt::HostProcess));
    assert_eq!(
        on("!object.spec.?hostNetwork.orValue(false)"),
        any(Attempt::HostProcess),
        "it needs the node's network"
    );
    for near in
        [&of_pod, &of_containers, "!object.spec.?hostPID.orValue(false) || object.spec.?hostNetwork.orValue(false)"]
    {
        assert_eq!(on(near), [], "{near}");
    }
    let both = format!("{of_pod} && {of_containers}");
    assert_eq!(of(about("CREATE", "pods", &both), &[node("linux")]), []);
}

#[test]
fn shared_memory_is_refused_where_some_pod_shares_it() {
    let sharing = |on: bool| {
        let spec = json!({ "hostIPC": on, "containers": [{ "name": "c" }] });
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "db", "namespace": "shop" }, "spec": spec })
    };
    let on = |shares: bool, expression: &str| of(about("CREATE", "pods", expression), &[sharing(shares)]);
    assert_eq!(on(true, "!object.spec.?hostIPC.orValue(false)"), any(Attempt::NodeMemory));
    assert_eq!(on(false, "!object.spec.?hostIPC.orValue(false)"), []);
    assert_eq!(on(true, "!object.spec.?hostNetwork.orValue(false)"), []);
}

#[test]
fn sight_of_the_nodes_processes_is_refused() {
    let on = |expression: &str| of(about("CREATE", "pods", expression), &[]);
    assert_eq!(on("!object.spec.?hostPID.orValue(false)"), any(Attempt::NodeProcesses));
    assert_eq!(on("!has(object.spec.hostPID) || object.spec.hostPID == false"), any(Attempt::NodeProcesses));
    for near in [
        "!object.spec.?hostIPC.orValue(false)",
        "!object.spec.?hostPID.orValue(false) || object.metadata.namespace == 'shop'",
        "!object.spec.?hostPID.orValue(false) || request.userInfo.username == 'ops'",
    ] {
        assert_eq!(on(near), [], "{near}");
    }
}

#[test]
fn pods_run_as_no_other_account() {
    let account = |name: &str| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": "shop" } });
    let on = |expression: &str| {
        of(about("CREATE", "pods", expression), &[account("root"), account("web"), account("default")])
    };
    let named = |names: &[&str]| names.iter().map(|name| (Attempt::Account, (*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(on("object.spec.serviceAccountName == 'default'"), named(&["root", "web"]));
    assert_eq!(
        on("!has(object.spec.serviceAccountName) || object.spec.serviceAccountName in ['default', 'web']"),
        named(&["root"])
    );
    assert_eq!(on("!(object.spec.?serviceAccountName.orValue('') in ['root'])"), named(&["root"]));
    for near in [
        "object.spec.serviceAccountName == 'default' || object.metadata.labels['app'] == 'web'",
        "object.spec.serviceAccountName == 'default' || request.userInfo.username == 'ops'",
        "object.metadata.name != 'root'",
    ] {
        assert_eq!(on(near), [], "{near}");
    }
}

#[test]
fn a_secret_is_taken_in_six_ways() {
    let lists = |of: &str| {
        ["containers", "initContainers"].map(|list| of.replace("LIST", &format!("object.spec.?{list}.orValue([])")))
    };
    let [one, init] =
        lists("LIST.all(c, c.?env.orValue([]).all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)))");
    let [all, init_all] = lists("LIST.all(c, c.?envFrom.orValue([]).all(e, !has(e.secretRef)))");
    let volumes = "object.spec.?volumes.orValue([]).all(v, !has(v.secret))".to_owned();
    let projected =
        "object.spec.?volumes.orValue([]).all(v, !has(v.projected) || v.projected.sources.all(s, !has(s.secret)))"
            .to_owned();
    let ways = [one, init, all, init_all, volumes, projected];
    let on = |left_out: Option<usize>| {
        let kept = ways.iter().enumerate().filter(|(at, _)| Some(*at) != left_out).map(|(_, way)| format!("({way})"));
        of(about("CREATE", "pods", &kept.collect::<Vec<_>>().join(" && ")), &[])
    };
    assert_eq!(on(None), any(Attempt::Secret));
    for (left_out, way) in ways.iter().enumerate() {
        assert_eq!(on(Some(left_out)), [], "{way}");
    }
}

#[test]
fn volumes_of_nodes_are_refused_by_what_is_about_no_namespace() {
    let neither = "!has(object.spec.hostPath) && !has(object.spec.local)";
    let on = |expression: &str| of(about("CREATE", "persistentvolumes", expression), &[]);
    assert_eq!(on(neither), any(Attempt::Volume));
    assert_eq!(on("has(object.spec.csi)"), [], "an object with both is no object, but nobody knows it here");
    assert_eq!(on("!has(object.spec.hostPath)"), []);
    assert_eq!(on("!has(object.spec.local)"), []);
    let scoped = |scope: &str, selector: Value| {
        let rules = json!([{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["persistentvolumes"], "scope": scope }]);
        let spec = json!({ "matchConstraints": { "resourceRules": rules, "namespaceSelector": selector }, "validations": [{ "expression": neither }] });
        of(policy("p", spec), &[])
    };
    assert_eq!(scoped("Cluster", json!({})), any(Attempt::Volume));
    assert_eq!(scoped("*", json!({ "matchLabels": { "tier": "open" } })), any(Attempt::Volume));
    assert_eq!(scoped("Namespaced", json!({})), []);

    let types = |names: &str| {
        let expression = format!("object.spec.?volumes.orValue([]).all(v, [{names}].all(n, !(n in v)))");
        of(about("CREATE", "pods", &expression), &[])
    };
    let both = [Attempt::BoundClaim, Attempt::Claim].map(|attempt| (attempt, String::new()));
    assert_eq!(types("'persistentVolumeClaim', 'ephemeral'"), both);
    let there = any(Attempt::BoundClaim);
    assert_eq!(types("'persistentVolumeClaim'"), there, "the control plane makes the claim of an ephemeral volume");
    assert_eq!(types("'ephemeral'"), []);
}

#[test]
fn bindings_are_refused_by_the_role_that_they_bind() {
    let role = |kind: &str, name: &str| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name, "namespace": "shop" } });
    let bound = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "b", "namespace": "shop" },
        "roleRef": { "kind": "ClusterRole", "name": "cluster-admin" }, "subjects": [],
    });
    let roles = [role("ClusterRole", "cluster-admin"), role("ClusterRole", "view"), role("Role", "own"), bound];
    let named =
        |attempt: Attempt, names: &[&str]| names.iter().map(|name| (attempt, (*name).to_owned())).collect::<Vec<_>>();
    for (operation, kind, attempt) in [
        ("CREATE", "rolebindings", Attempt::Bind),
        ("UPDATE", "rolebindings", Attempt::Rebind),
        ("CREATE", "clusterrolebindings", Attempt::BindEverywhere),
        ("UPDATE", "clusterrolebindings", Attempt::RebindEverywhere),
    ] {
        let on =
            |expression: &str| of(about(operation, &format!("{kind}.rbac.authorization.k8s.io"), expression), &roles);
        assert_eq!(on("false"), any(attempt));
        assert_eq!(on("object.roleRef.name != 'cluster-admin'"), named(attempt, &["ClusterRole/cluster-admin"]));
        let own: &[&str] = if attempt.is_cluster_wide() { &[] } else { &["Role/own"] };
        assert_eq!(on("object.roleRef.kind == 'ClusterRole'"), named(attempt, own));
        for near in [
            "object.subjects.all(s, s.name != 'system:authenticated')",
            "object.roleRef.name != 'cluster-admin' || request.userInfo.username == 'ops'",
            "object.metadata.name != 'cluster-admin'",
        ] {
            assert_eq!(on(near), [], "{near}");
        }
    }
    // A binding keeps its role.
    let kept = "oldObject.roleRef.name != 'cluster-admin'";
    let admin = named(Attempt::Rebind, &["ClusterRole/cluster-admin"]);
    assert_eq!(of(about("UPDATE", "rolebindings.rbac.authorization.k8s.io", kept), &roles), admin);
}

#[test]
fn tokens_are_refused_by_their_account() {
    let account = |name: &str| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": "shop" } });
    let on =
        |expression: &str| of(about("CREATE", "serviceaccounts/token", expression), &[account("root"), account("web")]);
    assert_eq!(on("false"), any(Attempt::Token));
    assert_eq!(on("request.name != 'root'"), [(Attempt::Token, "root".to_owned())]);
    assert_eq!(on("request.userInfo.username.startsWith('system:node:')"), []);
    assert_eq!(on("object.spec.expirationSeconds < 3600"), []);
}

#[test]
fn secrets_for_tokens_are_refused_by_their_type() {
    let account = |name: &str| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": "shop" } });
    let on = |expression: &str| of(about("CREATE", "secrets", expression), &[account("root"), account("web")]);
    assert_eq!(on("object.type != 'kubernetes.io/service-account-token'"), any(Attempt::TokenSecret));
    let annotation = "object.metadata.?annotations[?'kubernetes.io/service-account.name'].orValue('')";
    assert_eq!(on(&format!("{annotation} != 'root'")), [(Attempt::TokenSecret, "root".to_owned())]);
    assert_eq!(on("object.type != 'kubernetes.io/dockerconfigjson'"), []);
    assert_eq!(on("object.metadata.name.startsWith('token-')"), []);
}

#[test]
fn secrets_for_tokens_are_refused_to_become_anothers() {
    let account = |name: &str| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": "shop" } });
    let on = |expression: &str| of(about("UPDATE", "secrets", expression), &[account("root"), account("web")]);
    assert_eq!(on("object.type != 'kubernetes.io/service-account-token'"), any(Attempt::RetargetedSecret));
    let annotation = "object.metadata.?annotations[?'kubernetes.io/service-account.name'].orValue('')";
    assert_eq!(on(&format!("{annotation} != 'root'")), [(Attempt::RetargetedSecret, "root".to_owned())]);
    assert_eq!(on("object.metadata.name.startsWith('token-')"), []);
    assert_eq!(on("object.metadata.annotations['kubernetes.io/service-account.uid'] != ''"), []);
}

/// To whom a command is refused in `shop`, of these subjects; with a role that they have.
fn refused_to(policy: Value, rule: Value, subjects: &[Value]) -> Vec<String> {
    let rbac = "rbac.authorization.k8s.io";
    let role = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": { "name": "r" }, "rules": [rule] });
    let bound = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "b" },
        "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": "r" }, "subjects": subjects,
    });
    let found = asked(&[policy, binding("p", json!({})), namespace("shop", json!({})), role, bound]);
    assert_eq!(found.refusals, [], "whoever sends it");
    let here = found.of_senders.iter().filter(|of| of.refusal.namespace.as_deref() == Some("shop"));
    here.flat_map(|of| of.senders.iter().map(|sender| sender.to_string())).collect()
}

fn subjects() -> [Value; 5] {
    let account =
        |namespace: &str, name: &str| json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name });
    let named = |kind: &str, name: &str| json!({ "kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name });
    [
        named("User", "ann"),
        named("User", "ops"),
        named("Group", "devs"),
        account("shop", "web"),
        account("ops", "agent"),
    ]
}

fn exec_rule() -> Value {
    json!({ "verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"] })
}

#[test]
fn who_sends_a_request_decides_where_that_is_known() {
    let to = |expression: &str| refused_to(about("CONNECT", "pods/exec", expression), exec_rule(), &subjects());
    let (ann, ops, devs) = ("user ann", "user ops", "group devs");
    let (web, agent) = ("service account shop/web", "service account ops/agent");
    for (expression, refused) in [
        ("request.userInfo.username == 'ops'", &[ann, web, agent][..]),
        ("request.userInfo.username in ['ops', 'system:serviceaccount:shop:web']", &[ann, agent]),
        ("request.userInfo.username.startsWith('system:serviceaccount:ops:')", &[ann, ops, web]),
        ("!request.userInfo.username.startsWith('system:serviceaccount:')", &[web, agent]),
        // Which groups a user is of, whoever authenticates them says.
        ("'admins' in request.userInfo.groups", &[web, agent]),
        ("request.userInfo.groups.exists(g, g == 'system:serviceaccounts:ops')", &[web]),
        ("!('system:serviceaccounts' in request.userInfo.groups)", &[web, agent]),
        ("!('devs' in request.userInfo.groups)", &[devs]),
        ("request.userInfo.groups.all(g, g != 'devs')", &[devs]),
        ("request.userInfo.extra['x'].exists(v, v == 'y')", &[]),
        ("request.userInfo.username == 'ops' || request.name == 'web'", &[]),
    ] {
        let mut refused: Vec<String> = refused.iter().map(|name| (*name).to_owned()).collect();
        let mut found = to(expression);
        refused.sort();
        found.sort();
        assert_eq!(found, refused, "{expression}");
    }
    let conditions = json!([{ "name": "c", "expression": "request.userInfo.username != 'ops'" }]);
    let mut policy = about("CONNECT", "pods/exec", "false");
    policy["spec"]["matchConditions"] = conditions;
    assert_eq!(refused_to(policy, exec_rule(), &subjects()).len(), 3);
}

#[test]
fn whom_a_policy_lets_pass_is_told() {
    let passes = |expression: &str| {
        let rbac = "rbac.authorization.k8s.io";
        let role = json!({ "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": { "name": "r" }, "rules": [exec_rule()] });
        let bound = json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": "b" },
            "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": "r" }, "subjects": subjects(),
        });
        let found = asked(&[about("CONNECT", "pods/exec", expression), binding("p", json!({})), role, bound]);
        let told = found.passes_to.into_iter().filter(|(attempt, ..)| *attempt == Attempt::Exec);
        told.map(|(.., sender)| sender.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(passes("request.userInfo.username == 'ops'"), ["user ops"]);
    assert_eq!(passes("'devs' in request.userInfo.groups"), ["group devs"]);
    assert_eq!(passes("request.userInfo.username == 'ops' && request.name == 'web'"), [] as [&str; 0]);
}

#[test]
fn groups_that_others_choose_are_not_an_accounts_own() {
    let of = |rule: Value| {
        let policy = about("CONNECT", "pods/exec", "'admins' in request.userInfo.groups");
        refused_to(policy, rule, &subjects()).len()
    };
    let rule = |verb: &str, group: &str, resource: &str, names: &[&str]| json!({ "verbs": [verb], "apiGroups": [group], "resources": [resource], "resourceNames": names });
    let signer = |name: &str| rule("approve", "certificates.k8s.io", "signers", &[name]);
    assert_eq!(of(exec_rule()), 2);
    assert_eq!(of(rule("impersonate", "", "groups", &["admins"])), 0);
    assert_eq!(of(rule("impersonate:user-info", "authentication.k8s.io", "groups", &[])), 0);
    assert_eq!(of(signer("kubernetes.io/kube-apiserver-client")), 0);
    assert_eq!(of(rule("impersonate", "", "users", &[])), 2);
    assert_eq!(of(signer("kubernetes.io/kubelet-serving")), 2);
    assert_eq!(of(rule("*", "*", "*", &[])), 2, "who may do everything has no need to");
}

#[test]
fn what_controllers_send_is_nobodys_own() {
    let policy = || about("CREATE", "pods", "request.userInfo.username == 'ops'");
    assert_eq!(refused_to(policy(), exec_rule(), &subjects()), [] as [&str; 0]);
}

#[test]
fn an_added_container_takes_a_secret_in_two_ways() {
    let list = "object.spec.?ephemeralContainers.orValue([])";
    let one = format!("{list}.all(c, c.?env.orValue([]).all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)))");
    let all = format!("{list}.all(c, c.?envFrom.orValue([]).all(e, !has(e.secretRef)))");
    let on = |expression: &str| of(about("UPDATE", "pods/ephemeralcontainers", expression), &[]);
    assert_eq!(on(&format!("{one} && {all}")), any(Attempt::AddedSecret));
    for near in [one, all] {
        assert_eq!(on(&near), [], "{near}");
    }
}

#[test]
fn policies_that_let_it_pass_are_told() {
    let passes = |resource: &str, expression: &str| {
        let found = asked(&[about("CONNECT", resource, expression), binding("p", json!({}))]);
        found.passes.into_iter().map(|(attempt, _)| attempt).collect::<Vec<_>>()
    };
    assert_eq!(
        passes("pods/*", "request.subResource != 'exec'"),
        [Attempt::Attach, Attempt::Forward, Attempt::ProxyPod]
    );
    assert_eq!(passes("pods/exec", "request.userInfo.username == 'ops'"), []);
}
