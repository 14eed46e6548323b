//! Roles and grants: the API server's authorizer answers as the analysis does, over generated programs.

use std::collections::BTreeMap;

use kspec_analysis::access::{Index, Request, effective_groups};
use kspec_model::cluster::Cluster;
use kspec_model::program::{
    Date, Exception, Grant, GrantScope, Program, Role, RoleRef, RoleRule, ServiceAccount, Subject,
};
use kspec_model::{LabelSelector, Object};
use kspec_test_harness::{Client, ControlPlane, Question, wait_until};
use serde_json::Value;

use crate::programs::{TODAY, apply, empty, lower, namespace, origin};
use crate::random::Random;

const PROGRAMS: u64 = 6;
const QUESTIONS_EACH: usize = 900;

/// What rules and questions are made of: (group, resource, subresource).
const RESOURCES: &[(&str, &str, &str)] = &[
    ("", "pods", ""),
    ("", "pods", "log"),
    ("", "pods", "exec"),
    ("", "secrets", ""),
    ("", "configmaps", ""),
    ("", "nodes", "proxy"),
    ("apps", "deployments", ""),
    ("apps", "deployments", "scale"),
    ("apps", "statefulsets", "scale"),
    ("batch", "jobs", ""),
    ("rbac.authorization.k8s.io", "roles", ""),
    ("example.com", "widgets", "status"),
];
const VERBS: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "escalate"];
const NAMES: &[&str] = &["api", "db", "api-tls"];
const PATHS: &[&str] = &["/healthz", "/healthz/etcd", "/metrics", "/metrics/cadvisor", "/logs"];
const RULE_PATHS: &[&str] = &["/healthz", "/healthz/*", "/metrics", "/metrics*", "*", "/logs/"];

/// Everything a generated program can mention; names carry the run, so that a cluster in use does no harm.
struct World {
    run: String,
    namespaces: Vec<String>,
    subjects: Vec<Subject>,
}

impl World {
    fn new(run: &str) -> World {
        let namespaces: Vec<String> = ["prod-a", "prod-b", "dev"].iter().map(|stem| format!("{run}-{stem}")).collect();
        let mut subjects = vec![
            Subject::User(format!("{run}:ann@example.com")),
            Subject::User(format!("{run}:bob")),
            Subject::Group(format!("{run}:devs")),
            Subject::Group(format!("{run}:sre")),
            // A binding may name a service account's user or its namespace's group instead of the account.
            Subject::User(format!("system:serviceaccount:{}:runner", namespaces[0])),
            Subject::Group(format!("system:serviceaccounts:{}", namespaces[1])),
        ];
        for namespace in &namespaces {
            for name in ["default", "runner"] {
                subjects.push(Subject::ServiceAccount { namespace: namespace.clone(), name: name.to_owned() });
            }
        }
        World { run: run.to_owned(), namespaces, subjects }
    }

    fn program(&self, random: &mut Random) -> Program {
        let mut program = empty(&self.run);
        for (name, stage) in self.namespaces.iter().zip(["prod", "prod", "dev"]) {
            program.namespaces.push(namespace(name, &[("stage", stage)]));
        }
        program.service_accounts = self.namespaces.iter().map(|namespace| account(namespace, "runner")).collect();
        for count in 0..10 {
            let namespace = (count % 2 == 0).then(|| random.pick(&self.namespaces).clone());
            let name = if namespace.is_some() { format!("role-{count}") } else { format!("{}:role-{count}", self.run) };
            let urls = namespace.is_none();
            let rules = (0..=random.below(3)).map(|_| rule(random, urls)).collect();
            program.roles.push(role(namespace, &name, rules));
        }
        for _ in 0..14 {
            let grant = self.grant(&program.roles, random);
            // One role granted twice to the same subjects in one scope is one object.
            if !program.grants.iter().any(|known| known.role == grant.role && known.subjects == grant.subjects) {
                program.grants.push(grant);
            }
        }
        self.aggregated(&mut program, random);
        self.last_words(&mut program);
        program
    }

    fn grant(&self, roles: &[Role], random: &mut Random) -> Grant {
        let role = random.pick(roles);
        let built_in = ["view", "edit", "admin", "system:public-info-viewer"];
        let role = if random.one_in(6) {
            RoleRef { namespace: None, name: (*random.pick(&built_in)).to_owned() }
        } else {
            RoleRef { namespace: role.namespace.clone(), name: role.name.clone() }
        };
        let scope = match &role.namespace {
            Some(namespace) => GrantScope::Namespaces(vec![namespace.clone()]),
            None => match random.below(4) {
                0 => GrantScope::Cluster,
                1 => GrantScope::Where(LabelSelector::labels([("stage", *random.pick(&["prod", "dev", "none"]))])),
                _ => GrantScope::Namespaces(random.some(&self.namespaces, 2)),
            },
        };
        let mut grant = self::grant(role, scope, random.some(&self.subjects, 3));
        if random.one_in(4) {
            let day = if random.one_in(2) { TODAY } else { Date { day: TODAY.day - 1, ..TODAY } };
            let until_at = origin().at;
            let (reason, owner) = ("an incident".to_owned(), "sre".to_owned());
            grant.exception = Some(Exception { reason, owner, until: day, until_at });
            grant.break_glass = true;
        }
        grant
    }

    /// An aggregated role, granted in one namespace. Each part has a rule of its own that shows when it has arrived.
    fn aggregated(&self, program: &mut Program, random: &mut Random) {
        let label = (format!("{}/aggregate", self.run), "yes".to_owned());
        for part in ["zz-part-1", "zz-part-2"] {
            let rules = vec![rule(random, true), get(part)];
            let name = format!("{}:{part}", self.run);
            program.roles.push(Role { labels: BTreeMap::from([label.clone()]), ..role(None, &name, rules) });
        }
        let whole = RoleRef { namespace: None, name: format!("{}:whole", self.run) };
        let aggregation = Some(vec![LabelSelector::labels([label])]);
        program.roles.push(Role { aggregation, ..role(None, &whole.name, Vec::new()) });
        let subjects = vec![self.subjects[0].clone(), Subject::User(format!("{}:zz-last", self.run))];
        program.grants.push(grant(whole, GrantScope::Namespaces(vec![self.namespaces[2].clone()]), subjects));
    }

    /// Grants whose effect shows that the authorizer has seen all others: its watch of each kind is in order.
    fn last_words(&self, program: &mut Program) {
        let subject = vec![Subject::User(format!("{}:zz-last", self.run))];
        let namespaced = RoleRef { namespace: Some(self.namespaces[0].clone()), name: "zz-last".into() };
        let everywhere = RoleRef { namespace: None, name: format!("{}:zz-last", self.run) };
        program.roles.push(role(namespaced.namespace.clone(), &namespaced.name, vec![get("pods")]));
        program.roles.push(role(None, &everywhere.name, vec![get("nodes")]));
        let scope = GrantScope::Namespaces(vec![self.namespaces[0].clone()]);
        program.grants.push(grant(namespaced, scope, subject.clone()));
        program.grants.push(grant(everywhere, GrantScope::Cluster, subject));
    }

    fn wait_for_authorizer(&self, client: &Client) {
        let (first, last) = (self.namespaces[0].as_str(), self.namespaces[2].as_str());
        for (resource, namespace) in [("zz-part-1", last), ("zz-part-2", last), ("pods", first), ("nodes", "")] {
            let question = Question {
                user: format!("{}:zz-last", self.run),
                verb: "get".into(),
                resource: resource.into(),
                namespace: namespace.into(),
                ..Question::default()
            };
            wait_until("the authorizer knows the last grant", || Ok(client.can(&question)?.then_some(()))).unwrap();
        }
    }

    fn question(&self, random: &mut Random) -> Request {
        let (user, groups) = match random.pick(&self.subjects) {
            Subject::User(name) => (name.clone(), random.some(&[format!("{}:devs", self.run), "others".into()], 2)),
            Subject::Group(name) => (format!("{}:carl", self.run), vec![name.clone()]),
            Subject::ServiceAccount { namespace, name } => {
                (format!("system:serviceaccount:{namespace}:{name}"), Vec::new())
            }
        };
        let verb = (*random.pick(VERBS)).to_owned();
        if random.one_in(8) {
            let path = Some((*random.pick(PATHS)).to_owned());
            return Request { user, groups, verb: "get".into(), path, ..Request::default() };
        }
        let (group, resource, subresource) = *random.pick(RESOURCES);
        let namespace = if random.one_in(6) { String::new() } else { random.pick(&self.namespaces).clone() };
        Request {
            user,
            groups,
            verb,
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            name: if random.one_in(2) { String::new() } else { (*random.pick(NAMES)).into() },
            namespace,
            path: None,
        }
    }
}

fn get(resource: &str) -> RoleRule {
    RoleRule {
        verbs: vec!["get".into()],
        api_groups: vec![String::new()],
        resources: vec![resource.into()],
        ..RoleRule::default()
    }
}

fn account(namespace: &str, name: &str) -> ServiceAccount {
    ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        existing: false,
        automount_token: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        image_pull_secrets: Vec::new(),
        doc: None,
        origin: origin(),
    }
}

fn role(namespace: Option<String>, name: &str, rules: Vec<RoleRule>) -> Role {
    Role {
        namespace,
        name: name.to_owned(),
        existing: false,
        rules,
        aggregation: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        doc: Some("What the test needs.".to_owned()),
        origin: origin(),
    }
}

fn grant(role: RoleRef, scope: GrantScope, subjects: Vec<Subject>) -> Grant {
    Grant {
        role,
        scope,
        scope_at: None,
        subjects,
        name: None,
        exception: None,
        break_glass: false,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        doc: None,
        origin: origin(),
    }
}

fn rule(random: &mut Random, urls: bool) -> RoleRule {
    let all = vec!["*".to_owned()];
    let texts = |from: &[&str]| from.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    if urls && random.one_in(4) {
        let verbs = if random.one_in(3) { all } else { texts(&["get"]) };
        return RoleRule { verbs, urls: texts(&random.some(RULE_PATHS, 2)), ..RoleRule::default() };
    }
    let chosen = random.some(RESOURCES, 3);
    let mut resources: Vec<String> = chosen
        .iter()
        .map(|(_, resource, sub)| if sub.is_empty() { (*resource).to_owned() } else { format!("{resource}/{sub}") })
        .collect();
    match random.below(8) {
        0 => resources = all.clone(),
        1 => resources.push("*/scale".into()),
        2 => resources.push("pods/*".into()),
        _ => {}
    }
    let mut api_groups: Vec<String> = chosen.iter().map(|(group, ..)| (*group).to_owned()).collect();
    api_groups.sort();
    api_groups.dedup();
    RoleRule {
        verbs: if random.one_in(6) { all.clone() } else { texts(&random.some(VERBS, 4)) },
        api_groups: if random.one_in(6) { all } else { api_groups },
        resources,
        resource_names: if random.one_in(4) { texts(&random.some(NAMES, 2)) } else { Vec::new() },
        urls: Vec::new(),
    }
}

fn asked(request: &Request) -> Question {
    Question {
        user: request.user.clone(),
        // The review judges exactly the groups it is given; authentication would add these.
        groups: effective_groups(&request.user, &request.groups),
        verb: request.verb.clone(),
        group: request.group.clone(),
        resource: request.resource.clone(),
        subresource: request.subresource.clone(),
        name: request.name.clone(),
        namespace: request.namespace.clone(),
        path: request.path.clone(),
    }
}

/// What the cluster has beside the program: built-in roles and bindings, and whatever else is there.
pub(crate) fn cluster_wide(client: &Client) -> Vec<Object> {
    let list = |plural: &str, kind: &str| -> Vec<Object> {
        let mut list = client.get(&format!("/apis/rbac.authorization.k8s.io/v1/{plural}")).unwrap();
        let items: Vec<Value> = list["items"].as_array_mut().unwrap().drain(..).collect();
        let typed = |mut item: Value| {
            item["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
            item["kind"] = kind.into();
            Object(item)
        };
        items.into_iter().map(typed).collect()
    };
    [list("clusterroles", "ClusterRole"), list("clusterrolebindings", "ClusterRoleBinding")].concat()
}

#[test]
fn the_authorizer_answers_as_the_model_does() {
    authorizer_answers_on(ControlPlane::shared().unwrap());
}

/// Judges the generated programs on a server.
pub(crate) fn authorizer_answers_on(cluster: &kspec_test_harness::Cluster) {
    let client = cluster.admin();
    let (mut allowed, mut denied) = (0, 0);
    for seed in 0..PROGRAMS {
        let mut random = Random::new(seed);
        let world = World::new(&cluster.unique_name("access"));
        let before = cluster_wide(client);
        let program = world.program(&mut random);
        let lowered = lower(&program);
        apply(client, &lowered);
        world.wait_for_authorizer(client);

        let (model, problems) = Cluster::lift(before.iter().chain(lowered.iter().map(|it| &it.object)));
        assert!(problems.is_empty(), "{problems:#?}");
        let index = Index::new(&model);
        for _ in 0..QUESTIONS_EACH {
            let request = world.question(&mut random);
            let server = client.can(&asked(&request)).unwrap();
            let answer = index.allowed(&request);
            assert_eq!(answer.allowed, server, "seed {seed}: {request:#?}\nthe model: {:#?}", answer.because);
            *if server { &mut allowed } else { &mut denied } += 1;
        }
    }
    // Questions of which nearly all have one answer would show little.
    assert!(allowed > 500 && denied > 500, "{allowed} allowed, {denied} denied");
}
