//! The API server's own policies, in CEL.

use std::collections::{BTreeMap, BTreeSet};

use kspec_lower::LoweredObject;
use kspec_model::program::Program;
use kspec_model::rules::{Action, Engine, Table};
use kspec_rules::{Decision, Engines, Evaluator, NoObjects, Review};
use kspec_test_harness::{Answer, Client};
use serde_json::Value;

use super::program::AS_OF;
use super::told::{self, line};

/// A program's policies in force, and the evaluator of the same table.
pub(crate) struct Policies {
    table: Table,
    evaluator: Evaluator,
    /// By name.
    policies: BTreeMap<String, Policy>,
    /// What was installed, last first.
    objects: Vec<Value>,
}

/// What a policy tells.
struct Policy {
    /// Ids of its rules, in the order in which it tells them.
    ids: Vec<String>,
    /// Whether it refuses, warns, or only writes to the audit log.
    action: Action,
    /// `GROUP/RESOURCE OPERATION` of the requests that it meets.
    meets: Vec<String>,
}

impl Policies {
    /// Puts a program's policies in force; every one must be accepted.
    pub(crate) fn install(client: &Client, program: &Program) -> Self {
        let (table, _) = kspec_lower::table(program, AS_OF);
        let (objects, findings) = kspec_lower::objects(program, &BTreeMap::new(), AS_OF);
        assert!(findings.is_empty(), "{findings:#?}");
        let ours = |lowered: &&LoweredObject| {
            lowered.object.group() == "admissionregistration.k8s.io" && !lowered.object.kind().contains("Webhook")
        };
        let objects: Vec<LoweredObject> = objects.iter().filter(ours).cloned().collect();
        let mut refused = Vec::new();
        for lowered in &objects {
            let answer = client.apply(&lowered.object.0, "kspec.judge", false).unwrap();
            if !answer.is_ok() {
                let message: String = answer.message();
                // Each error, without the expression around it.
                let errors = message.split("ERROR: ").skip(1).map(|error| error.chars().take(300).collect::<String>());
                let message = errors.collect::<Vec<_>>().join("\n");
                refused.push(format!("{}: {message}", lowered.object.key()));
            }
        }
        assert!(refused.is_empty(), "{} policies refused\n{}", refused.len(), refused.join("\n\n"));
        let mut policies = BTreeMap::new();
        let of_kind =
            |kind: &'static str| objects.iter().map(|lowered| &lowered.object.0).filter(move |o| o["kind"] == kind);
        for policy in of_kind("ValidatingAdmissionPolicy") {
            let name = policy["metadata"]["name"].as_str().unwrap().to_owned();
            policies.insert(name, Policy::read(policy, &table));
        }
        for binding in of_kind("ValidatingAdmissionPolicyBinding") {
            let action = match binding["spec"]["validationActions"][0].as_str().unwrap() {
                "Deny" => Action::Deny,
                "Warn" => Action::Warn,
                _ => Action::Audit,
            };
            policies.get_mut(binding["spec"]["policyName"].as_str().unwrap()).unwrap().action = action;
        }
        let evaluator = Evaluator::load(table.clone()).unwrap_or_else(|error| panic!("{error}"));
        let objects = objects.into_iter().rev().map(|lowered| lowered.object.0).collect();
        Self { table, evaluator, policies, objects }
    }

    /// Takes them away again.
    pub(crate) fn remove(&self, client: &Client) {
        for object in &self.objects {
            client.delete(&client.path_of(object).unwrap()).unwrap().ok().unwrap();
        }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// Names of those that only write to the audit log.
    pub(crate) fn auditing(&self) -> Vec<String> {
        let auditing = self.policies.iter().filter(|(_, policy)| policy.action == Action::Audit);
        auditing.map(|(name, _)| name.clone()).collect()
    }

    /// The server's verdict on a request and the evaluator's; `Err` says how they differ. Yields the number of verdicts.
    pub(crate) fn compare(&self, request: &Value, namespace: Option<&Value>, answer: &Answer) -> Result<usize, String> {
        let review = Review::from_request(request).unwrap().in_namespace(namespace);
        let outcomes = self.evaluator.judge(&review, Engines::Only(Engine::Cel), &NoObjects);
        let told = |id: &str, warn: Option<bool>| -> Vec<String> {
            let outcome = outcomes.iter().find(|outcome| outcome.bound.id == id);
            match outcome.map(|outcome| &outcome.decision) {
                Some(Decision::Violations(violations)) => violations
                    .iter()
                    .filter(|violation| warn.is_none_or(|warn| violation.warn == warn))
                    .map(|violation| format!("{}{}", outcome.unwrap().bound.rule.prefix(), violation.message))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let sub = review.subresource.map(|sub| format!("/{sub}")).unwrap_or_default();
        let asked = format!("{}/{}{sub} {}", review.group, review.resource, request["operation"].as_str().unwrap());
        let meeting = |action: Action| {
            self.policies.iter().filter(move |(_, policy)| policy.action == action).filter(|it| it.1.meets(&asked))
        };
        let advisory = |id: &str| outcomes.iter().any(|outcome| outcome.bound.id == id && outcome.advisory);
        // What each refusing policy would say.
        let mut refusals: BTreeMap<&str, String> = BTreeMap::new();
        for (name, policy) in meeting(Action::Deny) {
            let messages: Vec<String> =
                policy.ids.iter().filter(|id| !advisory(id)).flat_map(|id| told(id, Some(false))).collect();
            if !messages.is_empty() {
                refusals.insert(name, cut(&messages.join("; ")));
            }
        }
        let message = answer.message();
        if told::let_in(answer) {
            if !refusals.is_empty() {
                return Err(format!("the server lets in what the evaluator refuses: {refusals:#?}\n{message}"));
            }
        } else {
            let Some((policy, said)) = denial(&message) else {
                return Err(format!("{} {message}", answer.status));
            };
            match refusals.get(policy) {
                None => return Err(format!("the server refuses what the evaluator lets in: {message}")),
                Some(expected) if line(expected) == line(said) => {}
                Some(expected) => return Err(format!("the server says\n  {said}\nthe evaluator\n  {expected}")),
            }
        }
        // Each warning is one rule's.
        let mut expected: BTreeSet<String> = BTreeSet::new();
        for (name, policy) in meeting(Action::Warn) {
            for id in &policy.ids {
                let bound = self.table.rules.iter().find(|bound| bound.id == *id).unwrap();
                let only_warned = bound.action == Action::Deny && !advisory(id);
                let messages = told(id, only_warned.then_some(true));
                if !messages.is_empty() {
                    expected.insert(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{name}': {}",
                        cut(&messages.join("; "))
                    ));
                }
            }
        }
        let given: Vec<String> =
            told::warnings(answer).into_iter().filter(|text| text.contains("ValidatingAdmissionPolicy")).collect();
        told::warned_as(&given, &expected)?;
        Ok(outcomes.len())
    }
}

impl Policy {
    fn read(policy: &Value, table: &Table) -> Self {
        let variables = policy["spec"]["variables"].as_array().unwrap();
        let variables = variables.iter().map(|variable| variable["name"].as_str().unwrap());
        let known = table.rules.iter().map(|bound| bound.id.as_str());
        let by_variable: BTreeMap<String, &str> = known.map(|id| (id.replace('-', "_"), id)).collect();
        let ids = variables.filter_map(|name| by_variable.get(name.trim_end_matches('_')));
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let mut meets = Vec::new();
        for rule in policy["spec"]["matchConstraints"]["resourceRules"].as_array().unwrap() {
            let group = &texts(&rule["apiGroups"])[0];
            for resource in texts(&rule["resources"]) {
                meets.extend(texts(&rule["operations"]).iter().map(|verb| format!("{group}/{resource} {verb}")));
            }
        }
        Self { ids: ids.map(|id| (*id).to_owned()).collect(), action: Action::Audit, meets }
    }

    fn meets(&self, asked: &String) -> bool {
        self.meets.contains(asked)
    }
}

/// Whether a policy refused, and not something after admission.
pub(crate) fn is_denial(answer: &Answer) -> bool {
    denial(&answer.message()).is_some()
}

/// A message as it is sent: one line, cut.
fn cut(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.len() <= 5000 {
        return text;
    }
    let most = if text.is_ascii() { 4997 } else { 1200 };
    text.chars().take(most).collect::<String>() + "..."
}

/// The policy that refuses, and what it says.
pub(crate) fn denial(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("ValidatingAdmissionPolicy '")?;
    let (policy, rest) = rest.split_once('\'')?;
    let (_, said) = rest.split_once("denied request: ")?;
    Some((policy, said))
}
