//! `never … can … by any path`: chains of abuse that end in the permission.

use std::collections::BTreeSet;

use kspec_analysis::{
    abuse::{Holder, Origin, Paths, Reached, Settings, Way},
    access::{Extent, Pattern, Spot, SubjectRef},
};
use kspec_model::{
    ObjectKey,
    cluster::Cluster,
    program::{Can, RoleRef},
};
use kspec_schema::KubeVersion;

use super::{
    Outcome, Prover, Violation,
    access::{self, Deed, narrowed, patterns, said, subject},
    minimal::{minimal, only},
    say, short,
};

/// Kinds of which a part unread would make a "no" a guess.
const READ: &[&str] = &[
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "namespaces",
    "pods",
    "replicasets",
    "secrets",
    "serviceaccounts",
    "statefulsets",
];

impl<'s> Prover<'s, '_> {
    pub(super) fn never_by_any_path(&self, can: &Can, notes: &mut Vec<String>) -> Outcome {
        if let Some(violation) = self.never_can(can, notes) {
            return Outcome::Violated(violation);
        }
        let paths = self.paths.get_or_init(|| self.draw(&self.coming.cluster));
        let mut system = BTreeSet::new();
        for who in &can.subjects {
            let who = subject(who);
            let group = who.as_ref().filter(|who| who.has_known_members());
            for pattern in patterns(can) {
                let deed = self.deed(pattern, &can.scope);
                let allowed = allowed(&self.coming.cluster, &deed);
                let carries = |holder: &Holder<'_>| carries(&self.coming.cluster, &deed, &allowed, holder);
                for way in ways(paths, &carries, who.as_ref()) {
                    let meant = match &way.path.from {
                        Origin::Subject(subject) => !subject.is_masters() && !access::is_excepted(can, subject),
                        Origin::Workload(_) => true,
                    };
                    if !meant {
                        continue;
                    }
                    if (who.is_none() || group.is_some()) && way.of_the_system {
                        system.insert(origin_text(&way.path.from));
                        continue;
                    }
                    return Outcome::Violated(self.chain(&way, &deed, group));
                }
            }
        }
        if !system.is_empty() {
            let count = system.len();
            notes.push(format!(
                "{count} of the system's own components come there by what every API server gives them: they are no part of this"
            ));
        }
        let unread = self.unread(READ).or_else(|| self.authorizers()).or_else(|| self.not_followed(can, paths));
        unread.map_or_else(|| self.whole(), Outcome::NotDecided)
    }

    /// Custom resources that somebody whom a claim is about comes to write, and of which is not known whether pods are made of them.
    fn not_followed(&self, can: &Can, paths: &Paths<'_>) -> Option<String> {
        let unknown = paths.not_followed();
        let cluster = &self.coming.cluster;
        unknown.custom.iter().chain(&unknown.not_defined).find_map(|name| {
            let (resource, group) = name.split_once('.').unwrap_or((name, ""));
            let writes = |verb| {
                let pattern = Pattern { verb, group, resource, subresource: "", name: None };
                let deed = Deed { pattern, namespaces: None, of_cluster: false };
                let allowed = allowed(cluster, &deed);
                let carries = |holder: &Holder<'_>| carries(cluster, &deed, &allowed, holder);
                can.subjects.iter().map(subject).any(|who| {
                    !self.chains(&deed, who.as_ref()).is_empty() || !ways(paths, &carries, who.as_ref()).is_empty()
                })
            };
            let writes = ["create", "update", "patch"].into_iter().any(writes);
            writes.then(|| format!("they come to write {name}, and whether anything makes pods of these is not known"))
        })
    }

    /// Draws the graph of abuse.
    fn draw<'c>(&self, cluster: &'c Cluster) -> Paths<'c>
    where
        's: 'c,
    {
        let version = self.survey.schema.version();
        let settings = Settings {
            from: self.asked,
            goals: &[],
            exec_by_get: version < KubeVersion::V1_35,
            constrained_impersonation: version >= KubeVersion::V1_36,
            dynamic: self.dynamic,
            controls: Some(self.survey.controls()),
        };
        Paths::new(cluster, &settings)
    }

    fn chain(&self, way: &Way, deed: &Deed<'_>, group: Option<&SubjectRef>) -> Violation {
        let cluster = &self.coming.cluster;
        let last = way
            .ends_as
            .as_ref()
            .and_then(|end| deed.pattern.chains(cluster, deed.spot(), Some(end), Extent::Some).into_iter().next());
        let acts = match &way.path.from {
            Origin::Subject(subject) => access::member(subject, group.filter(|group| *group != subject)),
            Origin::Workload(_) => origin_text(&way.path.from),
        };
        let place = match &deed.namespaces {
            _ if deed.of_cluster => " in the whole cluster".to_owned(),
            Some(namespaces) => {
                let first = namespaces.first().map(|name| self.coming.say(name)).unwrap_or_default();
                if namespaces.len() > 1 { String::new() } else { format!(" in {first}") }
            }
            None => String::new(),
        };
        let message = format!(
            "{acts} comes to {}{place} in {} steps",
            said(&narrowed(&deed.pattern, last.as_ref().and_then(|last| last.rule.as_ref()))),
            way.path.steps.len()
        );
        let mut witness = vec![origin_text(&way.path.from)];
        let mut objects: BTreeSet<ObjectKey> = way.through.iter().cloned().collect();
        for step in &way.path.steps {
            let mut text = step.text.clone();
            for reason in &step.because {
                let binding =
                    reason.binding.as_ref().map(|binding| format!("{} → ", short(binding))).unwrap_or_default();
                text = format!("{text}  [{binding}{}]", short(&reason.role));
                objects.extend(reason.binding.clone());
                objects.insert(reason.role.clone());
            }
            if let Some(fact) = &step.fact {
                text = format!("{text}  [{fact}]");
            }
            if !step.may_be_refused_by.is_empty() {
                let guards: Vec<String> = step.may_be_refused_by.iter().map(short).collect();
                text = format!("{text} (may be refused by {})", guards.join(", "));
            }
            witness.push(text);
        }
        if let Some(last) = &last {
            witness.extend(access::steps(last));
            objects.extend(last.binding.iter().chain(&last.role).cloned());
        }
        let objects = access::gathered(cluster, objects);
        let from = way.path.from.clone();
        let suffices = |kept: &BTreeSet<ObjectKey>, whole: bool| {
            let part = part(cluster, kept, whole);
            let allowed = allowed(&part, deed);
            let carries = |holder: &Holder<'_>| carries(&part, deed, &allowed, holder);
            !self.draw(&part).to_permission(&carries, Some(&from)).is_empty()
        };
        let whole = !suffices(&objects, false);
        let kept = minimal(objects, |kept| suffices(kept, whole));
        let responsible = kept.iter().map(|object| self.responsible(object, text(object))).collect();
        let help =
            "take a step of the chain away: what a role allows, a binding, what the pod shares or mounts".to_owned();
        Violation { message, witness, responsible, help }
    }
}

/// Chains that somebody can go; of a group whose members show, those of its members too.
fn ways(paths: &Paths<'_>, carries: &dyn Fn(&Holder<'_>) -> bool, who: Option<&SubjectRef>) -> Vec<Way> {
    let Some(group) = who.filter(|who| who.has_known_members()) else {
        return paths.to_permission(carries, who.map(|who| Origin::Subject(who.plain())).as_ref());
    };
    let mut ways = paths.to_permission(carries, None);
    ways.retain(|way| matches!(&way.path.from, Origin::Subject(subject) if subject.acts_as(group)));
    ways
}

fn text(object: &ObjectKey) -> String {
    let what = match object.kind.as_str() {
        "RoleBinding" | "ClusterRoleBinding" => "binds a role of the chain",
        "Role" | "ClusterRole" => "allows a step of the chain",
        "Secret" => "is used on the way",
        _ => "runs on the way",
    };
    format!("{} {what}", short(object))
}

/// A cluster with no other roles, bindings, workloads and secrets than these; with every workload and secret if need be.
fn part(cluster: &Cluster, kept: &BTreeSet<ObjectKey>, whole: bool) -> Cluster {
    let secret = |(namespace, name): &(String, String)| ObjectKey {
        group: String::new(),
        kind: "Secret".to_owned(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
    };
    let mut part = cluster.clone();
    let roles = only(cluster, kept);
    (part.roles, part.bindings) = (roles.roles, roles.bindings);
    part.workloads.retain(|key, _| whole || kept.contains(key));
    part.secrets.retain(|key, _| whole || kept.contains(&secret(key)));
    part
}

/// Subjects that a binding gives it.
fn allowed(cluster: &Cluster, deed: &Deed<'_>) -> BTreeSet<SubjectRef> {
    let chains = deed.pattern.chains(cluster, deed.spot(), None, Extent::Some);
    chains.into_iter().map(|chain| chain.subject.plain()).collect()
}

/// Whether whoever has got hold of something may do it.
fn carries(cluster: &Cluster, deed: &Deed<'_>, allowed: &BTreeSet<SubjectRef>, holder: &Holder<'_>) -> bool {
    match holder {
        Holder::Subject(subject) => allowed.contains(&subject.plain()),
        Holder::Role(role, reached) => is_there(deed, *reached) && gives(cluster, role, &deed.pattern),
        Holder::Everything(reached) => is_there(deed, *reached),
        Holder::Secret(namespace, name) => {
            let Pattern { verb, group, resource, subresource, name: wanted } = deed.pattern;
            let reads = matches!(verb, "get" | "list" | "watch" | "*");
            let secrets = matches!(group, "" | "*") && matches!(resource, "secrets" | "*") && subresource.is_empty();
            let reached = namespace.map_or(Reached::Namespaces, Reached::Namespace);
            reads && secrets && is_there(deed, reached) && (name.is_none() || wanted.is_none() || *name == wanted)
        }
    }
}

fn gives(cluster: &Cluster, role: &RoleRef, pattern: &Pattern<'_>) -> bool {
    let facts = cluster.roles.get(role);
    facts.is_some_and(|facts| facts.rules.iter().any(|rule| pattern.is_allowed_by(rule, Extent::Some)))
}

/// Whether what holds there holds in a place that is asked about.
fn is_there(deed: &Deed<'_>, reached: Reached<'_>) -> bool {
    match (deed.spot(), reached) {
        (_, Reached::Cluster) | (Spot::Anywhere, _) => true,
        (Spot::Cluster, _) => false,
        (Spot::In(namespaces), Reached::Namespaces) => !namespaces.is_empty(),
        (Spot::In(namespaces), Reached::Namespace(namespace)) => namespaces.contains(namespace),
    }
}

fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::Subject(subject) => say(subject),
        Origin::Workload(key) => format!("code in {}", short(key)),
    }
}
