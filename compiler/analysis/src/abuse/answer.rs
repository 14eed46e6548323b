//! Questions to the graph, and chains as answers.

use kspec_model::{
    LabelSelector, ObjectKey,
    cluster::{CUSTOM_WORKLOADS, Cluster},
    program::RoleRef,
};
use serde::{Deserialize, Serialize};

use super::{
    controls::{Attempt, Control, Controls, Refusal, Refuser},
    graph::{Cut, Edge, Graph, Ground, Via},
    node_way::NodeWay,
    power::Power,
    search::Ways,
    state::{Scope, State},
    step::StepKind,
};
use crate::{
    access::{PolicyRule, SubjectRef, index::role_key},
    system,
};

const CONNECT: [&str; 4] = ["exec", "attach", "portforward", "proxy"];

/// Who or what a chain begins with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A subject.
    Subject(SubjectRef),
    /// Code in the pods of a workload.
    Workload(ObjectKey),
}

/// What a chain leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// Everything, everywhere.
    ClusterAdmin,
    /// Root on a node, or on this one.
    Node(Option<String>),
    /// A secret: any, any of a namespace, or this one.
    Secret {
        /// Namespace; none for any.
        namespace: Option<String>,
        /// Name; none for any.
        name: Option<String>,
    },
    /// Every secret of every namespace.
    AllSecrets,
    /// Acting as someone else.
    Subject(SubjectRef),
    /// Code in a workload's pods.
    Workload(ObjectKey),
    /// A connection to a workload's ports, whatever policies say: the API server makes it, or the kubelet.
    Ports(ObjectKey),
    /// What is sent to a service.
    Traffic {
        /// Namespace.
        namespace: String,
        /// Name of the service.
        name: String,
    },
}

/// A grant whose scope is told by the labels of namespaces: the next apply binds the role wherever they match.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicGrant {
    /// The namespaces.
    pub scope: LabelSelector,
    /// What is granted.
    pub role: RoleRef,
    /// To whom.
    pub subjects: Vec<SubjectRef>,
}

/// What is not followed, for want of knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotFollowed {
    /// Custom resources that some role lets be written, and of which is not known whether anything makes pods of them: `PLURAL.GROUP`.
    pub custom: Vec<String>,
    /// Those that are known to become pods, and that the cluster is not seen to define.
    pub not_defined: Vec<String>,
}

/// A permission that a step takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// Whom the binding names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectRef>,
    /// The binding; none where a step before this one writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<ObjectKey>,
    /// The role it binds.
    pub role: ObjectKey,
    /// The role's rule.
    pub rule: PolicyRule,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// Its kind.
    pub kind: StepKind,
    /// What is done, as a sentence without its subject.
    pub text: String,
    /// What is reached by it.
    pub to: String,
    /// The permissions that it takes, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Reason>,
    /// What of the pod makes it possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// The control that does not let it happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<Control>,
    /// Webhooks and policies that are asked about it, and of which is not known that they let it pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_be_refused_by: Vec<ObjectKey>,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Path {
    /// Where it begins.
    pub from: Origin,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// By what it comes to be root on a node, where that is its end; documents leave it to the steps.
    #[serde(skip)]
    pub node_way: Option<NodeWay>,
}

/// The chains to one goal, the shortest from each origin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Chains that nothing cuts.
    pub paths: Vec<Path>,
    /// Of origins that have none: chains that a control cuts.
    pub held_back: Vec<Path>,
    /// Chains of the system's own components, by what every API server gives them.
    pub system: Vec<Path>,
}

/// What the graph is drawn for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// Subjects to ask about, whether or not a binding names them.
    pub from: &'a [SubjectRef],
    /// Goals to ask about: a secret or service account that the cluster is not known to have counts as if it were there.
    pub goals: &'a [Goal],
    /// Whether `get` on `pods/exec` and `pods/attach` is enough, as it is over WebSockets before Kubernetes 1.35.
    pub exec_by_get: bool,
    /// Whether constrained impersonation is on, as it is from Kubernetes 1.36.
    pub constrained_impersonation: bool,
    /// Grants whose scope is told by labels.
    pub dynamic: &'a [DynamicGrant],
    /// What admission was asked, if it was.
    pub controls: Option<&'a Controls>,
}

/// A cluster's graph.
#[derive(Debug)]
pub struct Paths<'a> {
    pub(super) graph: Graph<'a>,
}

impl<'a> Paths<'a> {
    /// Draws the graph.
    #[must_use]
    pub fn new(cluster: &'a Cluster, settings: &Settings<'a>) -> Self {
        let mut more: Vec<_> = settings.from.iter().map(State::of).collect();
        more.extend(settings.goals.iter().filter_map(|goal| match goal {
            Goal::Subject(subject) => Some(State::of(subject)),
            Goal::Secret { namespace: Some(namespace), name: Some(name) } => Some(State::Secret(namespace, name)),
            Goal::Traffic { namespace, name } => Some(State::Traffic(namespace, name)),
            _ => None,
        }));
        Self { graph: Graph::new(cluster, &more, settings) }
    }

    /// The shortest chains to a goal, from one origin or from every one. From everyone, a group's chain is not repeated for its
    /// members, nor an account's for the pods that mount its token.
    #[must_use]
    pub fn to(&self, goal: &Goal, from: Option<&Origin>) -> Answer {
        let goals: Vec<u32> =
            (0..).zip(&self.graph.states).filter(|(_, s)| is_goal(s, goal)).map(|(id, _)| id).collect();
        let ways =
            |cut: bool| Ways::to(&goals, self.graph.states.len(), &self.graph.edges, |edge| cut || edge.cut.is_none());
        let (open, all) = (ways(false), ways(true));
        let mut answer = Answer::default();
        for (state, origin) in self.origins(from) {
            let free = open.from(state, &self.graph.edges);
            let held_back = free.is_empty();
            let way = if held_back { all.from(state, &self.graph.edges) } else { free };
            let Some(first) = way.first() else { continue };
            if from.is_none() && said_elsewhere(first) {
                continue;
            }
            let system = from.is_none() && is_system(&origin, &way);
            let path = self.path(origin, &way);
            match (system, held_back) {
                (true, false) => answer.system.push(path),
                (true, true) => {}
                (false, true) => answer.held_back.push(path),
                (false, false) => answer.paths.push(path),
            }
        }
        for list in [&mut answer.paths, &mut answer.held_back, &mut answer.system] {
            list.sort_by(|a, b| (a.steps.len(), &a.from).cmp(&(b.steps.len(), &b.from)));
        }
        answer
    }

    /// Where chains may begin.
    pub(super) fn origins(&self, from: Option<&Origin>) -> Vec<(u32, Origin)> {
        let origin = |state: &State<'a>| match state {
            State::Inside(key) => Some(Origin::Workload((*key).clone())),
            state => state.subject().map(Origin::Subject),
        };
        let known: Vec<_> = (0..).zip(&self.graph.states).filter_map(|(id, s)| Some((id, origin(s)?))).collect();
        match from {
            None => known,
            Some(from) => known.into_iter().filter(|(_, origin)| origin == from).collect(),
        }
    }

    /// Whether a chain can begin there at all: the cluster has such a subject or workload.
    #[must_use]
    pub fn knows(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Subject(subject) => self.graph.known(State::of(subject)).is_some(),
            Origin::Workload(key) => self.graph.states.iter().any(|s| matches!(s, State::Inside(k) if *k == key)),
        }
    }

    /// Whether a chain is a system component's own.
    pub(super) fn is_of_the_system(&self, origin: &Origin, way: &[&Edge<'a>]) -> bool {
        is_system(origin, way)
    }

    /// What is not followed, for want of knowledge.
    #[must_use]
    pub fn not_followed(&self) -> NotFollowed {
        let cluster = self.graph.facts.cluster;
        let written = |group: &str, plural: &str| {
            let verbs = ["create", "update", "patch", "*"];
            cluster.roles.iter().any(|(_, role)| {
                !role.labels.contains_key("kubernetes.io/bootstrapping")
                    && role.rules.iter().any(|rule| {
                        rule.api_groups.iter().any(|known| known == group)
                            && rule.resources.iter().any(|known| known == plural || known == "*")
                            && rule.verbs.iter().any(|verb| verbs.contains(&verb.as_str()))
                    })
            })
        };
        let known = |group: &str, plural: &str| CUSTOM_WORKLOADS.iter().any(|r| r.group == group && r.plural == plural);
        let custom =
            cluster.definitions.iter().filter(|(group, plural)| !known(group, plural) && written(group, plural));
        let rows = CUSTOM_WORKLOADS.iter().filter(|row| !self.graph.facts.serves(row.group, row.plural, row.kind));
        NotFollowed {
            custom: custom.map(|(group, plural)| format!("{plural}.{group}")).collect(),
            not_defined: rows
                .filter(|row| written(row.group, row.plural))
                .map(|row| format!("{}.{}", row.plural, row.group))
                .collect(),
        }
    }

    /// A way as it is said.
    pub(super) fn path(&self, from: Origin, way: &[&Edge<'a>]) -> Path {
        Path { from, steps: self.steps(way), node_way: self.node_way(way) }
    }

    fn steps(&self, way: &[&Edge<'a>]) -> Vec<Step> {
        let mut steps: Vec<(StepKind, State<'a>, &Edge<'a>, Option<Cut<'a>>)> = Vec::new();
        for edge in way {
            let Some(to) = self.graph.states.get(edge.to as usize).copied() else { continue };
            match edge.via {
                Via::Step(kind) => steps.push((kind, to, edge, edge.cut)),
                // What was chosen is what the step before it reached.
                Via::Choice => {
                    if let Some(last) = steps.last_mut() {
                        last.1 = to;
                        last.3 = last.3.or(edge.cut);
                    }
                }
                Via::Member => {}
            }
        }
        steps.into_iter().map(|(kind, to, edge, cut)| self.step(kind, to, edge, cut)).collect()
    }

    fn step(&self, kind: StepKind, to: State<'a>, edge: &Edge<'a>, cut: Option<Cut<'a>>) -> Step {
        let shown = to.to_string();
        let mut reasons: Vec<Reason> = Vec::new();
        // One rule may allow all that a step takes.
        for reason in edge.grounds.iter().filter_map(reason) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Step {
            kind,
            text: kind.say(&shown),
            to: shown,
            because: reasons,
            fact: edge.fact.clone(),
            held_back_by: cut.map(Control::from),
            // What refuses it is told already.
            may_be_refused_by: if cut.is_some() { Vec::new() } else { self.guards(kind, to, edge) },
        }
    }

    /// Webhooks and policies that see what a step writes, and of which is not known that they let it pass.
    fn guards(&self, kind: StepKind, to: State<'a>, edge: &Edge<'a>) -> Vec<ObjectKey> {
        let mut asked: Vec<(&str, &str, &str, &str)> = Vec::new();
        for deed in edge.grounds.iter().map(|ground| ground.deed) {
            let operation = match deed.verbs.first() {
                _ if CONNECT.contains(&deed.subresource) => "CONNECT",
                Some(&"create") => "CREATE",
                Some(&"update") => "UPDATE",
                _ => continue,
            };
            // No webhook or policy is asked about webhooks and policies.
            if deed.group != "admissionregistration.k8s.io" {
                asked.push((operation, deed.group, deed.resource, deed.subresource));
            }
        }
        let from = self.graph.states.get(edge.from as usize).copied();
        let of_request = edge.of;
        let adds = of_request.is_some_and(|attempt| {
            matches!(attempt, Attempt::AddedContainer | Attempt::AddedMount | Attempt::AddedClaim)
        });
        let makes_pod = matches!(kind, StepKind::CreatePod | StepKind::RewriteTemplate | StepKind::AlterWrites);
        if adds {
            asked.push(("UPDATE", "", "pods", "ephemeralcontainers"));
        } else if makes_pod || of_request.is_some() {
            asked.push(("CREATE", "", "pods", ""));
        }
        let place = if of_request.is_some() { from.and_then(|from| from.namespace()) } else { to.namespace() };
        let namespace = place.and_then(|name| self.graph.facts.cluster.namespaces.get(name));
        let controls = self.graph.facts.controls;
        let attempt = attempted(kind, edge);
        let passes = |key: &ObjectKey, attempt| controls.is_some_and(|c| c.passes.contains(&(attempt, key.clone())));
        let sender = from.and_then(|from| from.subject());
        let passes_to = |key: &ObjectKey, attempt| {
            let asked = sender.clone().map(|sender| (attempt, key.clone(), sender));
            asked.is_some_and(|asked| controls.is_some_and(|controls| controls.passes_to.contains(&asked)))
        };
        let lets_pass = |key: &ObjectKey| {
            controls.is_some_and(|controls| match of_request {
                // What may refuse any pod or container is told of the step before.
                Some(_) if adds && !passes(key, Attempt::AnyContainer) => true,
                Some(_) if !adds && !controls.pass_harmless.contains(key) => true,
                Some(attempt) => passes(key, attempt),
                None if makes_pod => controls.pass_harmless.contains(key),
                None => attempt.is_some_and(|attempt| passes(key, attempt) || passes_to(key, attempt)),
            })
        };
        if of_request.is_some() && controls.is_none() {
            return Vec::new();
        }
        // What was taken away on the way is not asked any more.
        let taken = |key: &ObjectKey| {
            let refuses = |refusal: &Refusal| refusal.by.contains(&Refuser::Policy(key.name.clone()));
            matches!(
                from,
                Some(
                    State::UnruledPod(..)
                        | State::UnheldContainer(..)
                        | State::ClaimingPod { lifted: true, .. }
                        | State::LoggingPod { lifted: true, .. }
                )
            ) && controls.is_some_and(|controls| controls.refusals.iter().any(refuses))
        };
        let guards = self.graph.facts.cluster.guards.iter().filter(|(key, guards)| {
            !lets_pass(key)
                && !taken(key)
                && guards.iter().any(|guard| {
                    namespace.is_none_or(|namespace| guard.is_asked_in(&namespace.labels))
                        && guard.rules.iter().any(|rule| asked.iter().any(|(o, g, r, s)| rule.matches(o, g, r, s)))
                })
        });
        guards.map(|(key, _)| key.clone()).collect()
    }
}

fn reason(ground: &Ground<'_>) -> Option<Reason> {
    Some(Reason {
        subject: ground.subject.and_then(|state| state.subject()),
        binding: ground.binding.cloned(),
        role: role_key(ground.role?),
        rule: PolicyRule::from(ground.rule?),
    })
}

/// What admission is asked of a step that is a request about no pod of one's own.
fn attempted(kind: StepKind, edge: &Edge<'_>) -> Option<Attempt> {
    let deed = edge.grounds.first().map(|ground| ground.deed)?;
    Some(match (kind, deed.power) {
        (StepKind::Exec, _) => Attempt::Exec,
        (StepKind::Attach, _) => Attempt::Attach,
        (StepKind::AddContainer, _) => Attempt::AnyContainer,
        (StepKind::Connect, Power::ProxyPods) => Attempt::ProxyPod,
        (StepKind::Connect, Power::ProxyServices) => Attempt::ProxyService,
        (StepKind::Connect, _) => Attempt::Forward,
        (StepKind::IssueToken, _) => Attempt::Token,
        (StepKind::CreateTokenSecret, _) => Attempt::TokenSecret,
        (StepKind::RewriteTokenSecret, _) => Attempt::RetargetedSecret,
        (StepKind::CreateVolume, _) => Attempt::Volume,
        (StepKind::Bind, Power::CreateClusterBindings) => Attempt::BindEverywhere,
        (StepKind::Bind, _) => Attempt::Bind,
        (StepKind::Rebind, Power::RewriteClusterBindings) => Attempt::RebindEverywhere,
        (StepKind::Rebind, _) => Attempt::Rebind,
        _ => return None,
    })
}

fn is_goal(state: &State<'_>, goal: &Goal) -> bool {
    match (goal, state) {
        (Goal::ClusterAdmin, State::ClusterAdmin) | (Goal::Node(None), State::Node(_) | State::AnyNode) => true,
        (Goal::Node(Some(wanted)), State::Node(Some(name))) => wanted == name,
        (Goal::AllSecrets, State::Secrets(Scope::Cluster | Scope::Namespaces)) => true,
        (Goal::Secret { namespace: None, .. }, State::Secrets(_) | State::Secret(..)) => true,
        (Goal::Secret { namespace: Some(wanted), name }, State::Secret(namespace, own)) => {
            wanted == namespace && name.as_ref().is_none_or(|name| name == own)
        }
        (Goal::Secret { namespace: Some(wanted), name: None }, State::Secrets(Scope::Namespace(namespace))) => {
            wanted == namespace
        }
        (Goal::Workload(wanted), State::Inside(key)) => wanted == *key,
        (Goal::Ports(wanted), State::Ports(key)) => wanted == *key,
        (Goal::Traffic { namespace, name }, State::Traffic(n, own)) => namespace == n && name == own,
        (Goal::Subject(wanted), state) => state.subject().as_ref() == Some(wanted),
        _ => false,
    }
}

/// Whether a chain is another's but for its beginning: a group's, or an account's whose token a pod mounts.
fn said_elsewhere(first: &Edge<'_>) -> bool {
    matches!(first.via, Via::Member | Via::Step(StepKind::UseToken))
}

/// Whether a chain belongs to the system: a component of its own, by nothing but what every API server gives it.
fn is_system(origin: &Origin, way: &[&Edge<'_>]) -> bool {
    let component = match origin {
        Origin::Subject(subject) => system::is_component(subject),
        Origin::Workload(key) => {
            return key.namespace.as_deref().is_some_and(|namespace| system::NAMESPACES.contains(&namespace));
        }
    };
    component && way.first().is_some_and(|edge| edge.grounds.iter().all(|ground| ground.built_in))
}
