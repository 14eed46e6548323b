//! What admission refuses of the ways to a node: each kind of policy where it does, and a near miss where nobody can tell.

use kspec_analysis::abuse::{Attempt, Control, Controls};
use kspec_model::program::{Can, Claim, ClaimResource, ClaimScope, Subject, Who};
use kspec_model::{Object, cluster::Cluster};
use kspec_posture::controls::controls;
use serde_json::{Value, json};

use crate::support::{outcome, program, violation};

/// Three policies that together refuse every way to be root on a node, by conditions on pods' parts.
const PRIVILEGED: &str = "!object.spec.containers.exists(c, has(c.securityContext) && has(c.securityContext.privileged) && c.securityContext.privileged) && (!has(object.spec.initContainers) || object.spec.initContainers.all(c, !(c.?securityContext.?privileged.orValue(false))))";
const CAPABILITIES: &str = "size((object.spec.containers + object.spec.?initContainers.orValue([])).filter(c, c.?securityContext.?capabilities.?add.orValue([]).exists(x, !(x in ['CHOWN', 'NET_BIND_SERVICE'])))) == 0";
const PROCESSES: &str = "!object.spec.?hostPID.orValue(false)";
const HOST_PATHS: &str = "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))";

pub(crate) fn policy(name: &str, spec: Value) -> Value {
    let mut whole = json!({ "matchConstraints": { "resourceRules": [
        { "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"] },
    ] } });
    for (field, value) in spec.as_object().expect("fields") {
        whole[field] = value.clone();
    }
    json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name }, "spec": whole })
}

pub(crate) fn binding(policy: &str, more: Value) -> Value {
    let mut spec = json!({ "policyName": policy, "validationActions": ["Deny"] });
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": policy }, "spec": spec })
}

pub(crate) fn namespace(name: &str, labels: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}

pub(crate) fn asked(objects: &[Value]) -> Controls {
    let objects: Vec<_> = objects.iter().cloned().map(Object).collect();
    let (cluster, problems) = Cluster::lift(&objects);
    assert_eq!(problems, []);
    controls(None, &cluster)
}

/// Where new pods are refused and by what, one a line; what goes by labels is marked.
fn refused(objects: &[Value]) -> Vec<String> {
    let found = asked(objects);
    let pods = found.refusals.iter().filter(|refusal| refusal.attempt == Attempt::NewPod);
    let line = |refusal: &kspec_analysis::abuse::Refusal| {
        let control = Control::Admission { namespace: refusal.namespace.clone(), by: refusal.by.clone() };
        format!("{control}{}", if refusal.lasting { "" } else { ", by its labels" })
    };
    pods.map(line).collect()
}

/// One policy of all three conditions, with these fields beside, bound like this, in a namespace labelled `tier: open`.
fn whole(fields: Value, bound: Value) -> Vec<String> {
    let validations =
        json!([{ "expression": PRIVILEGED }, { "expression": CAPABILITIES }, { "expression": HOST_PATHS }]);
    let mut spec = json!({ "validations": validations });
    for (field, value) in fields.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    refused(&[policy("p", spec), binding("p", bound), namespace("shop", json!({ "tier": "open" }))])
}

const SHOP: &str = "ValidatingAdmissionPolicy p in namespace shop";
const NEW: &str = "ValidatingAdmissionPolicy p in new namespaces";

#[test]
fn every_way_has_to_be_refused() {
    assert_eq!(whole(json!({}), json!({})), [SHOP, NEW]);
    let texts = [PRIVILEGED, CAPABILITIES, HOST_PATHS];
    let names = ["privileged", "capabilities", "host-paths"];
    let of = |left_out: Option<usize>| {
        let kept = (0..texts.len()).filter(|at| Some(*at) != left_out);
        let objects = kept.flat_map(|at| {
            let spec = json!({ "validations": [{ "expression": texts[at] }] });
            [policy(names[at], spec), binding(names[at], json!({}))]
        });
        refused(&objects.chain([namespace("shop", json!({}))]).collect::<Vec<_>>())
    };
    let together = "ValidatingAdmissionPolicy capabilities, ValidatingAdmissionPolicy host-paths, ValidatingAdmissionPolicy privileged";
    assert_eq!(of(None), [format!("{together} in namespace shop"), format!("{together} in new namespaces")]);
    for (left_out, name) in names.iter().enumerate() {
        assert_eq!(of(Some(left_out)), [] as [&str; 0], "{name}");
    }
}

#[test]
fn what_nobody_can_tell_holds_nothing_back() {
    // Filled in by other objects.
    assert_eq!(whole(json!({ "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" } }), json!({})), [] as [&str; 0]);
    // A fault lets pass.
    assert_eq!(whole(json!({ "failurePolicy": "Ignore" }), json!({})), [] as [&str; 0]);
    // Who asks, and what the image is called, the attacker chooses.
    for condition in [
        "request.userInfo.username != 'ops'",
        "object.metadata.?labels.?exempt.orValue('') != 'yes'",
        "object.spec.containers.all(c, c.image.startsWith('docker.io/'))",
        "authorizer.group('').resource('pods').check('patch').allowed()",
        "no CEL (",
    ] {
        let conditions = json!({ "matchConditions": [{ "name": "c", "expression": condition }] });
        assert_eq!(whole(conditions, json!({})), [] as [&str; 0], "{condition}");
    }
    let about_all = json!({ "matchConditions": [{ "name": "c", "expression": "request.operation != 'DELETE' && request.kind.kind == 'Pod'" }] });
    assert_eq!(whole(about_all, json!({})), [SHOP, NEW]);
}

#[test]
fn a_policy_holds_where_it_is_bound() {
    let namespaces = |selector: Value| json!({ "matchResources": { "namespaceSelector": selector } });
    let by_labels = format!("{SHOP}, by its labels");
    assert_eq!(whole(json!({}), namespaces(json!({ "matchLabels": { "tier": "open" } }))), [by_labels]);
    assert_eq!(whole(json!({}), namespaces(json!({ "matchLabels": { "tier": "shut" } }))), [] as [&str; 0]);
    let named = |operator: &str, names: &[&str]| {
        namespaces(
            json!({ "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": operator, "values": names }] }),
        )
    };
    assert_eq!(whole(json!({}), named("In", &["shop"])), [SHOP]);
    // Nobody makes a namespace that is there; one that is not, they do.
    assert_eq!(whole(json!({}), named("NotIn", &["other"])), [SHOP]);
    assert_eq!(whole(json!({}), named("NotIn", &["shop"])), [NEW]);
    for nearly in [
        json!({ "validationActions": ["Warn", "Audit"] }),
        json!({ "matchResources": { "objectSelector": { "matchLabels": { "app": "web" } } } }),
        json!({ "matchResources": { "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"] }] } }),
        json!({ "matchResources": { "excludeResourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["*"], "resourceNames": ["web"] }] } }),
        json!({ "paramRef": { "name": "p", "parameterNotFoundAction": "Deny" } }),
    ] {
        assert_eq!(whole(json!({}), nearly.clone()), [] as [&str; 0], "{nearly}");
    }
}

#[test]
fn a_condition_on_the_namespace_is_decided_there() {
    let tier = json!({ "matchConditions": [{ "name": "c", "expression": "namespaceObject.metadata.labels['tier'] == 'open'" }] });
    assert_eq!(whole(tier, json!({})), [format!("{SHOP}, by its labels")]);
    let name = json!({ "matchConditions": [{ "name": "c", "expression": "object.metadata.namespace == 'shop' || request.namespace == 'shop'" }] });
    assert_eq!(whole(name, json!({})), [SHOP]);
    let other = json!({ "matchConditions": [{ "name": "c", "expression": "request.namespace == 'other'" }] });
    assert_eq!(whole(other, json!({})), [] as [&str; 0]);
}

#[test]
fn variables_are_looked_up() {
    let variables = json!([
        { "name": "all", "expression": "object.spec.containers + object.spec.?initContainers.orValue([])" },
        { "name": "wanted", "expression": "variables.all.map(c, c.?securityContext.?privileged.orValue(false), c.name)" },
    ]);
    let of = |expression: &str| {
        let validations = [expression, CAPABILITIES, HOST_PATHS].map(|text| json!({ "expression": text }));
        let spec = json!({ "variables": variables, "validations": validations });
        refused(&[policy("p", spec), binding("p", json!({})), namespace("shop", json!({}))])
    };
    assert_eq!(of("size(variables.wanted) == 0"), [SHOP, NEW]);
    assert_eq!(of("variables.wanted.size() < 2"), [] as [&str; 0]);
    assert_eq!(of("variables.other.size() == 0"), [] as [&str; 0]);
}

#[test]
fn capabilities_are_spelled_in_more_than_one_way() {
    let of = |capabilities: &str| {
        let validations = [PRIVILEGED, capabilities, HOST_PATHS].map(|text| json!({ "expression": text }));
        let spec = json!({ "validations": validations });
        refused(&[policy("p", spec), binding("p", json!({})), namespace("shop", json!({}))])
    };
    let denied = "['ALL', 'SYS_ADMIN', 'SYS_MODULE', 'SYS_RAWIO', 'DAC_READ_SEARCH', 'SYS_PTRACE']";
    let list = "(object.spec.containers + object.spec.?initContainers.orValue([])).all(c, c.?securityContext.?capabilities.?add.orValue([]).all(x, ";
    // containerd takes `sys_admin` for it.
    assert_eq!(of(&format!("{list}!(x in {denied})))")), [] as [&str; 0]);
    let sets = "(object.spec.containers + object.spec.?initContainers.orValue([])).all(c, ";
    let added = "c.?securityContext.?capabilities.?add.orValue([])";
    assert_eq!(of(&format!("{sets}sets.contains(['CHOWN', 'KILL'], {added}))")), [SHOP, NEW]);
    assert_eq!(of(&format!("{sets}!sets.intersects({added}, {denied}))")), [] as [&str; 0]);
    assert_eq!(
        of(&format!("{list}!(x.upperAscii() in {denied}) && !x.upperAscii().startsWith('CAP_')))")),
        [SHOP, NEW]
    );
    // CRI-O takes `cap_sys_admin`, and both `Sys_Admin`.
    assert_eq!(of(&format!("{list}!(x.upperAscii() in {denied}) && !x.startsWith('CAP_')))")), [] as [&str; 0]);
    let kernel =
        "['CAP_ALL', 'CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_SYS_RAWIO', 'CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE']";
    let lower = format!("{denied}.map(d, d.lowerAscii())");
    let small = format!("{kernel}.map(d, d.lowerAscii())");
    assert_eq!(
        of(&format!("{list}!(x in {denied} || x in {kernel} || x in {lower} || x in {small})))")),
        [] as [&str; 0]
    );
    assert_eq!(of(&format!("{list}!(x.lowerAscii() in {lower} || x.upperAscii() in {kernel})))")), [SHOP, NEW]);
}

#[test]
fn added_containers_are_another_request() {
    let on = |resources: &[&str]| {
        let rules = json!([{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": resources }]);
        let expression = "object.spec.?ephemeralContainers.orValue([]).all(c, c.?securityContext.orValue({}) == {} || (!has(c.securityContext.privileged) && !has(c.securityContext.capabilities)))";
        let spec = json!({ "matchConstraints": { "resourceRules": rules }, "validations": [{ "expression": expression }, { "expression": "false" }] });
        let found = asked(&[policy("p", spec), binding("p", json!({})), namespace("shop", json!({}))]);
        let attempts = found.refusals.iter().filter(|refusal| refusal.namespace.is_some());
        let mut attempts: Vec<_> = attempts.map(|refusal| refusal.attempt).collect();
        attempts.sort();
        attempts
    };
    let (pods, containers) = (
        [
            Attempt::NewPod,
            Attempt::NodeProcesses,
            Attempt::Account,
            Attempt::Secret,
            Attempt::BoundClaim,
            Attempt::Claim,
        ],
        [
            Attempt::AddedContainer,
            Attempt::AnyContainer,
            Attempt::AddedMount,
            Attempt::AddedClaim,
            Attempt::AddedSecret,
        ],
    );
    assert_eq!(on(&["pods"]), pods);
    assert_eq!(on(&["pods/ephemeralcontainers"]), containers);
    let connections = [Attempt::Exec, Attempt::Attach, Attempt::Forward, Attempt::ProxyPod];
    let mut all = [&pods[..], &containers, &connections].concat();
    all.sort();
    assert_eq!(on(&["pods/*"]), all);
    assert_eq!(on(&["deployments"]), []);
}

#[test]
fn policies_that_let_pods_pass_are_told_apart() {
    let of = |expression: &str| {
        let spec = json!({ "validations": [{ "expression": expression }] });
        let found = asked(&[policy("p", spec), binding("p", json!({}))]);
        (!found.pass_harmless.is_empty(), found.passes.iter().any(|(attempt, _)| *attempt == Attempt::NewPod))
    };
    assert_eq!(of(PRIVILEGED), (true, true), "capabilities are another way");
    assert_eq!(of(HOST_PATHS), (true, true));
    assert_eq!(of("object.spec.containers.all(c, c.image.startsWith('own/'))"), (false, false));
    assert_eq!(of("object.spec.serviceAccountName != 'admin'"), (false, false));
    assert_eq!(of("false"), (false, false));
    let all = format!("({PRIVILEGED}) && ({CAPABILITIES}) && ({HOST_PATHS})");
    assert_eq!(of(&all), (true, false));
}

/// As Gatekeeper's library writes it (`K8sNativeValidation`), with its exceptions left empty.
#[test]
fn policies_are_read_as_people_write_them() {
    let lists = |name: &str| json!({ "name": name, "expression": format!("has(object.spec.{name}) ? object.spec.{name} : []") });
    let bad = |name: &str, what: &str| {
        let over = "(variables.containers + variables.initContainers + variables.ephemeralContainers)";
        let expression = format!("{over}.filter(container, {what}).map(container, 'not allowed: ' + container.name)");
        json!({ "name": name, "expression": expression })
    };
    let privileged = "has(container.securityContext) && has(container.securityContext.privileged) && container.securityContext.privileged == true";
    let capable = "has(container.securityContext) && has(container.securityContext.capabilities) && has(container.securityContext.capabilities.add) && container.securityContext.capabilities.add.exists(capability, !(capability in ['CHOWN']))";
    let of = |update: &str, privileged: &str| {
        let variables = json!([
            lists("containers"),
            lists("initContainers"),
            lists("ephemeralContainers"),
            bad("privileged", privileged),
            bad("capable", capable),
            { "name": "exempt", "expression": update },
        ]);
        let validations = json!([
            { "expression": "variables.exempt || size(variables.privileged) == 0", "messageExpression": "variables.privileged.join(', ')" },
            { "expression": "size(variables.capable) < 1" },
            { "expression": "[has(object.spec.volumes) ? object.spec.volumes : []].all(all, !all.exists(v, 'hostPath' in v))" },
        ]);
        let spec = json!({ "variables": variables, "validations": validations });
        refused(&[policy("p", spec), binding("p", json!({})), namespace("shop", json!({}))])
    };
    let update = "has(request.operation) && request.operation == 'UPDATE'";
    assert_eq!(of(update, privileged), [SHOP, NEW]);
    assert_eq!(of("request.dryRun", privileged), [] as [&str; 0]);
    assert_eq!(of(update, &format!("{privileged} && !(container.image in ['agent'])")), [] as [&str; 0]);
}

#[test]
fn a_guarantee_by_any_path_holds_by_what_holds_back() {
    let rbac = "rbac.authorization.k8s.io";
    let role = |namespace: &str, name: &str, rule: Value, subject: Value| {
        let metadata = json!({ "name": name, "namespace": namespace });
        [
            json!({ "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": metadata, "rules": [rule] }),
            json!({
                "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": metadata, "subjects": [subject],
                "roleRef": { "apiGroup": rbac, "kind": "Role", "name": name },
            }),
        ]
    };
    let makes_pods = json!({ "verbs": ["create"], "apiGroups": [""], "resources": ["pods"] });
    let reads = json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] });
    // An agent elsewhere reads secrets: whoever holds its node has its token.
    let agent = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "agent", "namespace": "mon" },
        "spec": { "serviceAccountName": "agent", "nodeName": "a", "containers": [{ "name": "c" }] },
    });
    let mut objects = vec![agent, namespace("shop", json!({})), namespace("mon", json!({}))];
    objects.extend(role("shop", "dev", makes_pods, json!({ "kind": "Group", "apiGroup": rbac, "name": "devs" })));
    objects.extend(role(
        "mon",
        "agent",
        reads,
        json!({ "kind": "ServiceAccount", "namespace": "mon", "name": "agent" }),
    ));
    let claim = program(
        false,
        Claim::Can(Can {
            subjects: vec![Who::Subject(Subject::Group("devs".to_owned()))],
            verbs: vec!["get".to_owned()],
            resources: vec![ClaimResource {
                group: String::new(),
                resource: "secrets".to_owned(),
                subresource: String::new(),
            }],
            names: Vec::new(),
            scope: ClaimScope::Namespaces(vec!["mon".to_owned()]),
            except: Vec::new(),
            by_any_path: true,
        }),
    );
    let with = |validations: &[&str]| {
        let validations: Vec<_> = validations.iter().map(|text| json!({ "expression": text })).collect();
        let policy = [policy("p", json!({ "validations": validations })), binding("p", json!({}))];
        violation(outcome(&claim, &[objects.clone(), policy.to_vec()].concat())).map(|violation| violation.witness)
    };
    assert_eq!(with(&[PRIVILEGED, CAPABILITIES, HOST_PATHS, PROCESSES]), None);
    let near = with(&[PRIVILEGED, CAPABILITIES, HOST_PATHS]).expect("a chain");
    assert!(near.iter().any(|line| line.contains("reads through the node's processes")), "{near:?}");
    let near = with(&[PRIVILEGED, CAPABILITIES]).expect("a chain");
    assert!(near.iter().any(|line| line.contains("makes it privileged")), "{near:?}");
}
