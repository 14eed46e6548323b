//! ValidatingAdmissionPolicies and their bindings, as far as it takes to decide by them ("Validating Admission Policy", Kubernetes
//! documentation). Expressions are left as CEL.

use super::GuardRule;
use crate::LabelSelector;

/// A policy that a binding enforces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyFacts {
    /// Whether it, or a binding of it, is filled in by other objects (`paramKind`, `paramRef`).
    pub takes_params: bool,
    /// Whether a fault of it is a refusal (`failurePolicy`).
    pub faults_refuse: bool,
    /// What it is about (`matchConstraints`).
    pub about: MatchFacts,
    /// Its `matchConditions`: unless all hold, it is not asked.
    pub conditions: Vec<String>,
    /// Its `variables`, in order: name and expression.
    pub variables: Vec<(String, String)>,
    /// Its `validations`: what does not hold of one is refused.
    pub validations: Vec<String>,
    /// Bindings of it that refuse (`validationActions` has `Deny`), as what they hold for (`matchResources`).
    pub bindings: Vec<MatchFacts>,
}

/// What a policy or a binding is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatchFacts {
    /// Requests; none for all.
    pub rules: Option<Vec<GuardRule>>,
    /// Requests that are left out, if only some of them are.
    pub left_out: Vec<GuardRule>,
    /// Namespaces.
    pub namespaces: LabelSelector,
    /// Whether it asks for labels of the object.
    pub by_labels: bool,
}
