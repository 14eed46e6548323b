//! The escalation check: the API server refuses and takes roles and bindings of limited users as the analysis foretells.

use kspec_analysis::access::{Grant, Index};
use kspec_model::{
    Object,
    cluster::Cluster,
    program::{RoleRef, RoleRule},
};
use kspec_test_harness::{Client, ControlPlane, Question, wait_until};
use serde_json::{Value, json};

use crate::{access::cluster_wide, random::Random};

const USERS: usize = 12;
const WRITES_EACH: usize = 40;
const GROUP: &str = "rbac.authorization.k8s.io";
const API: &str = "rbac.authorization.k8s.io/v1";

const VERBS: &[&str] = &["get", "list", "create", "*"];
const RESOURCES: &[&str] = &["pods", "pods/log", "deployments", "deployments/scale", "*", "*/scale"];
const GROUPS: &[&str] = &["", "apps", "*"];
const NAMES: &[&str] = &["api", "db"];
const URLS: &[&str] = &["/metrics", "/metrics/*", "/healthz", "*"];

fn texts(from: &[&str]) -> Vec<String> {
    from.iter().map(|text| (*text).to_owned()).collect()
}

/// A rule as the API server takes it.
fn rule(random: &mut Random, urls: bool) -> RoleRule {
    if urls && random.one_in(5) {
        let verbs = texts(&[*random.pick(&["get", "*"])]);
        return RoleRule { verbs, urls: texts(&random.some(URLS, 2)), ..RoleRule::default() };
    }
    RoleRule {
        verbs: texts(&random.some(VERBS, 2)),
        api_groups: texts(&random.some(GROUPS, 2)),
        resources: texts(&random.some(RESOURCES, 3)),
        resource_names: if random.one_in(4) { texts(&random.some(NAMES, 2)) } else { Vec::new() },
        urls: Vec::new(),
    }
}

fn rules_json(rules: &[RoleRule]) -> Value {
    let one = |rule: &RoleRule| match rule.urls.as_slice() {
        [] => json!({
            "verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources,
            "resourceNames": rule.resource_names,
        }),
        urls => json!({ "verbs": rule.verbs, "nonResourceURLs": urls }),
    };
    rules.iter().map(one).collect()
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    match namespace {
        Some(namespace) => json!({ "name": name, "namespace": namespace }),
        None => json!({ "name": name }),
    }
}

fn role(name: &str, namespace: Option<&str>, rules: &[RoleRule]) -> Value {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    json!({ "apiVersion": API, "kind": kind, "metadata": metadata(name, namespace), "rules": rules_json(rules) })
}

fn binding(name: &str, namespace: Option<&str>, role: &RoleRef, user: &str) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let of = if role.namespace.is_some() { "Role" } else { "ClusterRole" };
    json!({
        "apiVersion": API, "kind": kind, "metadata": metadata(name, namespace),
        "roleRef": { "apiGroup": GROUP, "kind": of, "name": role.name },
        "subjects": [{ "apiGroup": GROUP, "kind": "User", "name": user }],
    })
}

/// What a user may write, with a share of what they may give: some hold `bind` or `escalate`, some only rules.
struct World {
    run: String,
    namespace: String,
    random: Random,
    /// Roles that bindings may name.
    roles: Vec<RoleRef>,
}

impl World {
    fn objects(&mut self) -> Vec<Value> {
        let (run, namespace) = (self.run.clone(), self.namespace.clone());
        let mut objects = vec![json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } })];
        for count in 0..8 {
            let inside = (count % 2 == 0).then_some(namespace.as_str());
            let name = format!("{run}-held-{count}");
            let rules: Vec<RoleRule> =
                (0..=self.random.below(2)).map(|_| rule(&mut self.random, inside.is_none())).collect();
            objects.push(role(&name, inside, &rules));
            self.roles.push(RoleRef { namespace: inside.map(str::to_owned), name });
        }
        self.roles.push(RoleRef { namespace: None, name: "view".to_owned() });
        self.roles.push(RoleRef { namespace: None, name: format!("{run}-no-such") });
        let write = RoleRule {
            verbs: texts(&["create"]),
            api_groups: texts(&[GROUP]),
            resources: texts(&["roles", "rolebindings", "clusterroles", "clusterrolebindings"]),
            ..RoleRule::default()
        };
        let writer = format!("{run}-writer");
        objects.push(role(&writer, None, &[write]));
        let writer = RoleRef { namespace: None, name: writer };
        for user in 0..USERS {
            let name = format!("{run}-user-{user}");
            objects.push(binding(&format!("{name}-writes"), None, &writer, &name));
            for (at, held) in self.random.some(&self.roles.clone(), 3).iter().enumerate() {
                let everywhere = held.namespace.is_none() && self.random.one_in(2);
                let inside = (!everywhere).then_some(namespace.as_str());
                objects.push(binding(&format!("{name}-{at}"), inside, held, &name));
            }
            if self.random.one_in(3) {
                let verb = *self.random.pick(&["bind", "escalate"]);
                let named = if self.random.one_in(2) {
                    self.random.some(&self.roles, 2).iter().map(|role| role.name.clone()).collect()
                } else {
                    Vec::new()
                };
                let privilege = RoleRule {
                    verbs: texts(&[verb]),
                    api_groups: texts(&[GROUP]),
                    resources: texts(&[*self.random.pick(&["roles", "clusterroles"])]),
                    resource_names: named,
                    ..RoleRule::default()
                };
                let everywhere = self.random.one_in(2);
                let inside = (!everywhere).then_some(namespace.as_str());
                let held = RoleRef { namespace: inside.map(str::to_owned), name: format!("{name}-{verb}") };
                objects.push(role(&held.name, inside, &[privilege]));
                objects.push(binding(&held.name, inside, &held, &name));
            }
        }
        objects
    }
}

/// The watches of the authorizer have seen the last object.
fn settle(client: &Client, world: &World) {
    let question = Question {
        user: format!("{}-last", world.run),
        verb: "get".into(),
        resource: "zz-last".into(),
        namespace: world.namespace.clone(),
        ..Question::default()
    };
    wait_until("the authorizer knows the last binding", || Ok(client.can(&question)?.then_some(()))).unwrap();
}

#[test]
fn the_escalation_check_decides_as_foretold() {
    let cluster = ControlPlane::shared().unwrap();
    let client = cluster.admin();
    let run = cluster.unique_name("escalation");
    let mut world = World { namespace: format!("{run}-ns"), run, random: Random::new(7), roles: Vec::new() };
    let mut objects = world.objects();
    let before = cluster_wide(client);
    let last = RoleRule {
        verbs: texts(&["get"]),
        api_groups: texts(&[""]),
        resources: texts(&["zz-last"]),
        ..RoleRule::default()
    };
    for inside in [None, Some(world.namespace.clone())] {
        let name = format!("{}-last", world.run);
        objects.push(role(&name, inside.as_deref(), std::slice::from_ref(&last)));
        let of = RoleRef { namespace: inside.clone(), name: name.clone() };
        objects.push(binding(&name, inside.as_deref(), &of, &name));
    }
    for object in &objects {
        let answer = client.apply(object, "judge", false).unwrap();
        assert!(answer.is_ok(), "{}: {object}", answer.message());
    }
    settle(client, &world);

    let lifted: Vec<Object> = before.into_iter().chain(objects.into_iter().map(Object)).collect();
    let (model, problems) = Cluster::lift(&lifted);
    assert!(problems.is_empty(), "{problems:#?}");
    let index = Index::new(&model);
    let (mut taken, mut refused) = (0, 0);
    for user in 0..USERS {
        let name = format!("{}-user-{user}", world.run);
        let acting = client.acting_as(&name, &[]);
        for write in 0..WRITES_EACH {
            let inside = world.random.one_in(2).then(|| world.namespace.clone());
            let object_name = format!("{name}-new-{write}");
            let (plural, object, foretold) = if world.random.one_in(2) {
                let rules: Vec<RoleRule> =
                    (0..=world.random.below(1)).map(|_| rule(&mut world.random, inside.is_none())).collect();
                let written = RoleRef { namespace: inside.clone(), name: object_name.clone() };
                let mut object = role(&object_name, inside.as_deref(), &rules);
                let aggregates = inside.is_none() && world.random.one_in(6);
                if aggregates {
                    object["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "b" } }] });
                }
                let grant = Grant::Role { role: &written, rules: &rules, aggregates, named: false };
                let plural = if inside.is_some() { "roles" } else { "clusterroles" };
                (plural, object, index.covers(&name, &[], &grant))
            } else {
                let of: Vec<RoleRef> =
                    world.roles.iter().filter(|role| inside.is_some() || role.namespace.is_none()).cloned().collect();
                let of = world.random.pick(&of).clone();
                let grant = Grant::Binding { namespace: inside.as_deref(), role: &of };
                let plural = if inside.is_some() { "rolebindings" } else { "clusterrolebindings" };
                (plural, binding(&object_name, inside.as_deref(), &of, "someone"), index.covers(&name, &[], &grant))
            };
            let place = inside.as_ref().map_or(String::new(), |namespace| format!("/namespaces/{namespace}"));
            let answer = acting.post(&format!("/apis/{API}{place}/{plural}?dryRun=All"), &object).unwrap();
            // What else than the check may refuse: none of these objects is invalid, and all may be created.
            assert!(answer.is_ok() || [403, 404].contains(&answer.status), "{}: {object}", answer.message());
            assert_eq!(foretold.allowed, answer.is_ok(), "{}\n{object}\nforetold: {foretold:#?}", answer.message());
            *if answer.is_ok() { &mut taken } else { &mut refused } += 1;
        }
    }
    assert!(taken > 60 && refused > 60, "{taken} taken, {refused} refused");
}
