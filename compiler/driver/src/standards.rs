//! The Pod Security Standards as evaluators, each compiled when it is first asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kspec_diagnostics::Finding;
use kspec_model::program::PodSecurityLevel;
use kspec_model::rules::{Operation, Severity};
use kspec_rules::{Decision, Engines, Evaluator, Fault, LoadError, NoObjects, Review};
use kspec_schema::Schema;
use serde_json::{Value, json};

use crate::pod_security::{Library, pod_security};

/// The standards of a library.
pub struct Standards {
    schema: Arc<Schema>,
    library: Library,
    compiled: BTreeMap<(PodSecurityLevel, u8), Arc<Evaluator>>,
    request: Value,
}

/// What an object does that a standard forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violated {
    /// The control, as Kubernetes names it.
    pub control: String,
    /// What is wrong.
    pub message: String,
    /// Where in the object, as far as one place can be named.
    pub path: Option<String>,
    /// What a violation is worth.
    pub severity: Severity,
}

/// Why a standard cannot be judged by: the library is at fault.
#[derive(Debug)]
pub enum StandardsError {
    /// The library has errors; where there is none, it binds no rule.
    Findings(Vec<Finding>),
    /// What it compiles to cannot be loaded.
    Load(LoadError),
}

/// The request to create an object.
pub(crate) fn creation<'a>(
    object: &'a Value,
    (group, resource): (&'a str, &'a str),
    namespace: &'a str,
    request: &'a Value,
) -> Review<'a> {
    Review {
        operation: Operation::Create,
        group,
        resource,
        subresource: None,
        namespace: Some(namespace),
        name: object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default(),
        object: Some(object),
        old: None,
        request,
        namespace_object: None,
    }
}

impl fmt::Display for StandardsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings(findings) if findings.is_empty() => f.write_str("std.pod_security binds no rule"),
            Self::Findings(findings) => {
                f.write_str("std.pod_security has errors")?;
                findings.iter().try_for_each(|finding| write!(f, "; {}: {}", finding.code, finding.message))
            }
            Self::Load(error) => write!(f, "std.pod_security cannot be loaded: {error}"),
        }
    }
}

impl std::error::Error for StandardsError {}

impl Standards {
    /// The standards of a library, typed for a version of Kubernetes.
    #[must_use]
    pub fn new(schema: Arc<Schema>, library: Library) -> Self {
        Self { schema, library, compiled: BTreeMap::new(), request: json!({ "operation": "CREATE" }) }
    }

    fn of(&mut self, level: PodSecurityLevel, minor: u8) -> Result<Arc<Evaluator>, StandardsError> {
        if let Some(known) = self.compiled.get(&(level, minor)) {
            return Ok(Arc::clone(known));
        }
        let table = pod_security(level, minor, &self.schema, self.library).map_err(StandardsError::Findings)?;
        let evaluator = Arc::new(Evaluator::load(table).map_err(StandardsError::Load)?);
        self.compiled.insert((level, minor), Arc::clone(&evaluator));
        Ok(evaluator)
    }

    /// What an object, completed with the server's defaults, violates of a level in the edition of `v1.{minor}`: a pod, or
    /// by its template what stamps pods. Anything else violates nothing.
    ///
    /// # Errors
    /// As [`StandardsError`].
    pub fn judge(
        &mut self,
        (level, minor): (PodSecurityLevel, u8),
        object: &Value,
        namespace: &str,
    ) -> Result<Vec<Violated>, StandardsError> {
        let Some(info) = self.schema.kind_of(object).cloned() else { return Ok(Vec::new()) };
        let evaluator = self.of(level, minor)?;
        // No rule is on PodTemplates; what is in one is a pod all the same.
        let template = (info.group.is_empty() && info.kind == "PodTemplate").then(|| object.get("template")).flatten();
        let (object, resource, prefix) = match template {
            Some(template) => (template, "pods", "template."),
            None => (object, &*info.plural, ""),
        };
        let review = creation(object, (&info.group, resource), namespace, &self.request);
        let mut violated = Vec::new();
        for outcome in evaluator.judge(&review, Engines::All, &NoObjects) {
            let rule = &outcome.bound.rule;
            let mut say = |message: String, path: Option<String>| {
                violated.push(Violated {
                    control: rule.name.clone(),
                    message,
                    path: path.map(|path| format!("{prefix}{path}")),
                    severity: rule.severity,
                });
            };
            match outcome.decision {
                Decision::Pass => {}
                Decision::Violations(violations) => {
                    violations.into_iter().for_each(|violation| say(violation.message, violation.path));
                }
                // What is not as its schema says is not known to be harmless.
                Decision::Fault(Fault::Failed { message, .. }) => say(format!("cannot be judged: {message}"), None),
                Decision::Fault(Fault::NeedsCluster(lookup)) => {
                    say(format!("cannot be judged without {}", lookup.kind), None);
                }
            }
        }
        Ok(violated)
    }
}
