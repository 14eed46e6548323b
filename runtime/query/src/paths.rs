//! `access paths`: how its ends are spelt, and its answer as a document.

use kspec_analysis::{
    abuse::{self, Answer, Goal, Origin},
    access::SubjectRef,
};
use kspec_model::ObjectKey;
use kspec_plan::{SubjectName, short};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Model,
    document::{QUERY_FORMAT, Rule},
};

/// Kinds that run pods, by the words they go by.
const WORKLOADS: [(&str, &str, &[&str]); 8] = [
    ("", "Pod", &["pod", "pods", "po"]),
    ("", "ReplicationController", &["replicationcontroller", "replicationcontrollers", "rc"]),
    ("apps", "Deployment", &["deployment", "deployments", "deploy"]),
    ("apps", "StatefulSet", &["statefulset", "statefulsets", "sts"]),
    ("apps", "DaemonSet", &["daemonset", "daemonsets", "ds"]),
    ("apps", "ReplicaSet", &["replicaset", "replicasets", "rs"]),
    ("batch", "Job", &["job", "jobs"]),
    ("batch", "CronJob", &["cronjob", "cronjobs", "cj"]),
];

/// An end of a path that is spelt in no way that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEnd {
    /// As it was spelt.
    pub spelt: String,
    /// What to write.
    pub help: &'static str,
}

impl std::fmt::Display for UnknownEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is no end of a path", self.spelt)
    }
}

impl std::error::Error for UnknownEnd {}

/// Reads `user/NAME`, `group/NAME`, `serviceaccount/NAMESPACE/NAME`, the user name of a service account, or
/// `KIND/NAMESPACE/NAME` of a workload.
///
/// # Errors
/// Any other text.
pub fn origin(text: &str) -> Result<Origin, UnknownEnd> {
    let unknown = || UnknownEnd {
        spelt: text.to_owned(),
        help: "write user/NAME, group/NAME, serviceaccount/NAMESPACE/NAME, or a workload as deployment/NAMESPACE/NAME",
    };
    let user = text.strip_prefix("user/").unwrap_or(text);
    if let Some((namespace, name)) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        return Ok(Origin::Subject(account(namespace, name)));
    }
    let (kind, rest) = text.split_once('/').filter(|(_, rest)| !rest.is_empty()).ok_or_else(unknown)?;
    let kind = kind.to_lowercase();
    match kind.as_str() {
        "user" => return Ok(Origin::Subject(SubjectRef::User { name: rest.to_owned() })),
        "group" => return Ok(Origin::Subject(SubjectRef::Group { name: rest.to_owned() })),
        _ => {}
    }
    let (namespace, name) = rest.split_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(unknown)?;
    if ["serviceaccount", "serviceaccounts", "sa"].contains(&kind.as_str()) {
        return Ok(Origin::Subject(account(namespace, name)));
    }
    let (group, kind, _) = WORKLOADS.iter().find(|(.., words)| words.contains(&kind.as_str())).ok_or_else(unknown)?;
    Ok(Origin::Workload(ObjectKey {
        group: (*group).to_owned(),
        kind: (*kind).to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }))
}

/// Reads `cluster-admin`, `node[/NAME]`, `secret[/NAMESPACE[/NAME]]`, `all-secrets`, `ports/` before a workload,
/// `traffic/NAMESPACE/SERVICE`, or a subject or a workload as [`origin`] does.
///
/// # Errors
/// Any other text.
pub fn goal(text: &str) -> Result<Goal, UnknownEnd> {
    let unknown = || UnknownEnd {
        spelt: text.to_owned(),
        help: "write cluster-admin, node, node/NAME, secret, secret/NAMESPACE, secret/NAMESPACE/NAME, all-secrets, a subject \
               as serviceaccount/NAMESPACE/NAME, a workload as deployment/NAMESPACE/NAME, ports/ before a workload, or \
               traffic/NAMESPACE/SERVICE",
    };
    if let Some(workload) = text.strip_prefix("ports/") {
        let Ok(Origin::Workload(key)) = origin(workload) else { return Err(unknown()) };
        return Ok(Goal::Ports(key));
    }
    let mut words = text.split('/').map(str::to_owned);
    match (words.next().as_deref(), words.next(), words.next(), words.next()) {
        (Some("cluster-admin"), None, ..) => Ok(Goal::ClusterAdmin),
        (Some("node" | "nodes"), name, None, None) => Ok(Goal::Node(name)),
        (Some("secret" | "secrets"), namespace, name, None) => Ok(Goal::Secret { namespace, name }),
        (Some("all-secrets"), None, ..) => Ok(Goal::AllSecrets),
        (Some("traffic"), Some(namespace), Some(name), None) => Ok(Goal::Traffic { namespace, name }),
        _ => match origin(text) {
            Ok(Origin::Subject(subject)) => Ok(Goal::Subject(subject)),
            Ok(Origin::Workload(key)) => Ok(Goal::Workload(key)),
            Err(_) => Err(unknown()),
        },
    }
}

/// How many nodes are named before the rest is counted.
const NAMED: usize = 8;

/// Which nodes are known, in words.
#[must_use]
pub fn nodes_there_are(model: &Model) -> String {
    let known = model.known_nodes();
    if known.is_empty() {
        return "no node is known: there is no object of one, and no pod says where it runs".to_owned();
    }
    let mut text = format!("nodes known: {}", known.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "));
    if known.len() > NAMED {
        text.push_str(&format!(" and {} more", known.len() - NAMED));
    }
    text
}

fn account(namespace: &str, name: &str) -> SubjectRef {
    SubjectRef::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The answer of `access paths`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathsDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// One for each goal asked about.
    pub goals: Vec<GoalPaths>,
    /// Authorizers beside RBAC that may allow more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
    /// What could not be read, or is not known: there may be more chains by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_followed: Vec<String>,
}

/// The chains to one goal, the shortest from each origin, the shortest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GoalPaths {
    /// The goal, as it was asked.
    pub goal: String,
    /// Chains that no control cuts.
    pub paths: Vec<PathDocument>,
    /// Chains that a control cuts, of those who have no other.
    pub held_back: Vec<PathDocument>,
    /// Chains of the system's own components, by what every API server gives them; not shown to people unless asked.
    pub system: Vec<PathDocument>,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathDocument {
    /// Where it begins, as `--from` reads it: `serviceaccount/ci/deployer`.
    pub from: String,
    /// Its steps.
    pub steps: Vec<StepDocument>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StepDocument {
    /// Its kind, such as `create-pod`.
    pub kind: String,
    /// What is done.
    pub text: String,
    /// What is reached.
    pub to: String,
    /// The permissions it takes, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<ReasonDocument>,
    /// What of the pod makes it possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// The control that keeps it from happening: a Pod Security level, admission rules and policies, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<String>,
    /// Webhooks and policies that are asked about it, and of which is not known that they let it pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_be_refused_by: Vec<String>,
}

/// A permission of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReasonDocument {
    /// Whom the binding names; absent where a step before this one makes the binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectName>,
    /// `ClusterRoleBinding ci`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// `ClusterRole deployer`
    pub role: String,
    /// The role's rule.
    pub rule: Rule,
}

impl PathsDocument {
    /// Of the answers to some goals, each as it was spelt.
    #[must_use]
    pub fn new(answers: &[(String, Answer)], not_covered: &[String], not_followed: Vec<String>) -> Self {
        let list = |paths: &[abuse::Path]| paths.iter().map(PathDocument::from).collect();
        let goal = |(goal, answer): &(String, Answer)| GoalPaths {
            goal: goal.clone(),
            paths: list(&answer.paths),
            held_back: list(&answer.held_back),
            system: list(&answer.system),
        };
        Self {
            format_version: QUERY_FORMAT,
            goals: answers.iter().map(goal).collect(),
            not_covered: not_covered.to_vec(),
            not_followed,
        }
    }
}

/// What there may be more chains by: what could not be read, and custom resources of which too little is known.
#[must_use]
pub fn not_followed(graph: &abuse::Paths<'_>, unread: &[String]) -> Vec<String> {
    let unknown = graph.not_followed();
    let mut lines: Vec<String> = unread.iter().map(|line| format!("not read: {line}")).collect();
    let list = |names: &[String]| names.join(", ");
    if !unknown.custom.is_empty() {
        let names = list(&unknown.custom);
        lines.push(format!(
            "roles let custom resources be written of which is not known whether anything makes pods of them: {names}"
        ));
    }
    if !unknown.not_defined.is_empty() {
        let names = list(&unknown.not_defined);
        lines.push(format!(
            "roles let custom resources be written that become pods, and that nothing here defines: {names}"
        ));
    }
    lines
}

impl From<&abuse::Path> for PathDocument {
    fn from(path: &abuse::Path) -> Self {
        let from = match &path.from {
            Origin::Subject(SubjectRef::User { name }) => format!("user/{name}"),
            Origin::Subject(SubjectRef::Group { name }) => format!("group/{name}"),
            Origin::Subject(SubjectRef::ServiceAccount { namespace, name }) => {
                format!("serviceaccount/{namespace}/{name}")
            }
            Origin::Workload(key) => {
                format!("{}/{}/{}", key.kind.to_lowercase(), key.namespace.as_deref().unwrap_or_default(), key.name)
            }
        };
        Self { from, steps: path.steps.iter().map(StepDocument::from).collect() }
    }
}

impl From<&abuse::Step> for StepDocument {
    fn from(step: &abuse::Step) -> Self {
        let reason = |reason: &abuse::Reason| ReasonDocument {
            subject: reason.subject.as_ref().map(SubjectName::from),
            binding: reason.binding.as_ref().map(short),
            role: short(&reason.role),
            rule: (&reason.rule).into(),
        };
        Self {
            kind: step.kind.word().to_owned(),
            text: step.text.clone(),
            to: step.to.clone(),
            because: step.because.iter().map(reason).collect(),
            fact: step.fact.clone(),
            held_back_by: step.held_back_by.as_ref().map(ToString::to_string),
            may_be_refused_by: step.may_be_refused_by.iter().map(short).collect(),
        }
    }
}
