//! Answers as documents: what `-o json` prints.

use kspec_analysis::access::{self, Authority};
use kspec_plan::{Access, SubjectName, short};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of these documents.
pub const QUERY_FORMAT: u32 = 1;

/// The answer of `access can-i`; with `--batch`, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CanIDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Whether RBAC allows it.
    pub allowed: bool,
    /// Every binding that does; empty when denied.
    pub because: Vec<Chain>,
    /// Authorizers beside RBAC that may allow more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
}

/// A subject, its binding, the role that it binds, and the rule there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Chain {
    /// The subject of the binding that matched.
    pub subject: SubjectName,
    /// `RoleBinding shop/release`; absent for `system:masters`, who need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// `Role shop/release`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The role's first rule that allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
}

/// A rule, spelt as Kubernetes spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Verbs.
    pub verbs: Vec<String>,
    /// API groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// Resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Object names; absent means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// URL paths.
    #[serde(default, rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

/// The answer of `access who-can`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WhoCanDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Everyone that a binding names and that may.
    pub subjects: Vec<AllowedSubject>,
    /// Authorizers beside RBAC that may allow more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
}

/// Someone who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AllowedSubject {
    /// Who.
    pub subject: SubjectName,
    /// By which bindings.
    pub because: Vec<Chain>,
}

/// The answer of `access rules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RulesDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Rules held, in the order of bindings.
    pub rules: Vec<HeldRule>,
    /// Authorizers beside RBAC that may allow more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
}

/// A rule and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HeldRule {
    /// The rule.
    pub rule: Rule,
    /// Namespace that it holds in; absent for everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The subject that it is held as.
    pub subject: SubjectName,
    /// `RoleBinding shop/release`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// `Role shop/release`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// The answer of `access covers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoversDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Whether every object would pass.
    pub allowed: bool,
    /// One for each role or binding asked about.
    pub objects: Vec<CoveredObject>,
    /// Authorizers beside RBAC that may allow more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
}

/// What the API server would say to one role or binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoveredObject {
    /// What would be written: `RoleBinding in shop of ClusterRole edit`.
    pub object: String,
    /// Whether the escalation check passes.
    pub allowed: bool,
    /// Why it does: `masters`, `escalate`, `bind` (the verb), or `held` (every rule).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Bindings that give the verb.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Chain>,
    /// Permissions that are not held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Rule>,
    /// Whether the role that would be bound does not exist.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub role_missing: bool,
    /// Whether RBAC lets them create such an object at all: the escalation check comes after that.
    pub may_create: bool,
}

/// The answer of `access diff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccessDiffDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Who gains and loses what.
    #[serde(flatten)]
    pub access: Access,
    /// Authorizers beside RBAC, on either side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<String>,
}

impl From<&access::PolicyRule> for Rule {
    fn from(rule: &access::PolicyRule) -> Self {
        Self {
            verbs: rule.verbs.clone(),
            api_groups: rule.api_groups.clone(),
            resources: rule.resources.clone(),
            resource_names: rule.resource_names.clone(),
            non_resource_urls: rule.non_resource_urls.clone(),
        }
    }
}

impl From<&access::Because> for Chain {
    fn from(because: &access::Because) -> Self {
        Self {
            subject: (&because.subject).into(),
            binding: because.binding.as_ref().map(short),
            role: because.role.as_ref().map(short),
            rule: because.rule.as_ref().map(Rule::from),
        }
    }
}

impl CanIDocument {
    /// Of an answer.
    #[must_use]
    pub fn new(answer: &access::Answer, not_covered: &[String]) -> Self {
        Self {
            format_version: QUERY_FORMAT,
            allowed: answer.allowed,
            because: answer.because.iter().map(Chain::from).collect(),
            not_covered: not_covered.to_vec(),
        }
    }
}

impl WhoCanDocument {
    /// Of an answer.
    #[must_use]
    pub fn new(allowed: &[access::Allowed], not_covered: &[String]) -> Self {
        let subject = |allowed: &access::Allowed| AllowedSubject {
            subject: (&allowed.subject).into(),
            because: allowed.because.iter().map(Chain::from).collect(),
        };
        Self {
            format_version: QUERY_FORMAT,
            subjects: allowed.iter().map(subject).collect(),
            not_covered: not_covered.to_vec(),
        }
    }
}

impl RulesDocument {
    /// Of an answer.
    #[must_use]
    pub fn new(held: &[access::HeldRule], not_covered: &[String]) -> Self {
        let rule = |held: &access::HeldRule| HeldRule {
            rule: (&held.rule).into(),
            namespace: held.namespace.clone(),
            subject: (&held.subject).into(),
            binding: held.binding.as_ref().map(short),
            role: held.role.as_ref().map(short),
        };
        Self { format_version: QUERY_FORMAT, rules: held.iter().map(rule).collect(), not_covered: not_covered.to_vec() }
    }
}

impl CoveredObject {
    /// Of an answer about what `object` names.
    #[must_use]
    pub fn new(object: String, covered: &access::Covered, may_create: bool) -> Self {
        let by = |authority: Authority| match authority {
            Authority::Masters => "masters",
            Authority::Escalate => "escalate",
            Authority::Bind => "bind",
            Authority::Held => "held",
        };
        Self {
            object,
            allowed: covered.allowed,
            by: covered.by.map(|authority| by(authority).to_owned()),
            because: covered.because.iter().map(Chain::from).collect(),
            missing: covered.missing.iter().map(Rule::from).collect(),
            role_missing: covered.role_missing,
            may_create,
        }
    }
}

/// The schemas of these documents, by the question that they answer.
#[must_use]
pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("access-can-i", schemars::schema_for!(CanIDocument).to_value()),
        ("access-covers", schemars::schema_for!(CoversDocument).to_value()),
        ("access-diff", schemars::schema_for!(AccessDiffDocument).to_value()),
        ("access-paths", schemars::schema_for!(crate::paths::PathsDocument).to_value()),
        ("access-rules", schemars::schema_for!(RulesDocument).to_value()),
        ("access-who-can", schemars::schema_for!(WhoCanDocument).to_value()),
    ]
}
