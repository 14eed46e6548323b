//! A server with a program's policies in force.

use std::collections::BTreeMap;
use std::path::Path;

use kspec_lower::LoweredObject;
use kspec_model::program::{Date, Program};
use kspec_model::rules::{Engine, Table};
use kspec_project::{Choice, load};
use kspec_rules::{Asked, Decision, Engines, Evaluator, NoObjects, Review};
use kspec_test_harness::{Answer, Client, Cluster, wait_until};
use serde_json::{Value, json};

/// The day on which programs are compiled.
const AS_OF: Date = Date { year: 2026, month: 11, day: 21 };

/// A module beside this file.
fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("judge/admission/{name}.kspec"));
    std::fs::read_to_string(path).unwrap()
}

/// Compiles a project of one module; errors are a failure.
fn compile(name: &str, source: &str) -> Program {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("admission-{name}"));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    let settings = format!("name = \"{name}\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n");
    std::fs::write(root.join("kspec.toml"), settings).unwrap();
    std::fs::write(root.join("main.kspec"), source).unwrap();
    let choice = Choice { environment: None, as_of: AS_OF, update_lock: true };
    let mut project = load(&root, &choice).unwrap_or_else(|cause| panic!("{cause:?}"));
    let mut findings = project.findings.clone();
    findings.extend(project.compiler.check());
    let sources = project.compiler.sources();
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == kspec_diagnostics::Severity::Error)
        .map(|finding| {
            let at = finding.labels.first().and_then(|label| sources.position(&label.place));
            format!("{} {} {at:?} {:?}", finding.code, finding.message, finding.help)
        })
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    project.compiler.program().clone()
}

/// A program's policies in force in a namespace of their own, and a namespace like it where there are none.
pub(crate) struct Bench<'c> {
    pub(crate) client: &'c Client,
    pub(crate) judged: Judged,
    pub(crate) placements: Vec<kspec_lower::Placement>,
    /// Where the rules hold.
    pub(crate) inside: String,
    /// Where they don't.
    pub(crate) outside: String,
    /// The object of the namespace where they hold.
    pub(crate) namespace: Value,
}

impl<'c> Bench<'c> {
    /// The module of a name, bound in `judged`, in a namespace that no other test has.
    pub(crate) fn new(cluster: &'c Cluster, name: &str) -> Self {
        Self::with(cluster, name, |_, _, _| {})
    }

    /// The same, with what is done in both namespaces before.
    pub(crate) fn with(cluster: &'c Cluster, name: &str, before: impl FnOnce(&Client, &str, &str)) -> Self {
        let client = cluster.admin();
        let (inside, outside) = (cluster.unique_name("judged"), cluster.unique_name("plain"));
        let object = namespace(client, &inside);
        namespace(client, &outside);
        before(client, &inside, &outside);
        let source = source(name).replace("namespace judged", &format!("namespace judged = {inside:?}"));
        let program = compile(&cluster.unique_name(&name[..4]), &source);
        let placements = kspec_lower::placements(&program, AS_OF);
        Self { client, judged: Judged::new(client, &program), placements, inside, outside, namespace: object }
    }
}

/// A server where a program's policies are in force, and the evaluator of the same table.
pub(crate) struct Judged {
    pub(crate) table: Table,
    pub(crate) evaluator: Evaluator,
    /// Ids of the rules of each policy, in the order in which it tells them, and whether it refuses.
    pub(crate) policies: BTreeMap<String, Told>,
}

/// What a policy tells.
pub(crate) struct Told {
    pub(crate) ids: Vec<String>,
    pub(crate) denies: bool,
    /// `GROUP/RESOURCE OPERATION` of the requests that it meets.
    pub(crate) meets: Vec<String>,
}

impl Judged {
    /// Puts a program's policies in force; every one must be accepted.
    pub(crate) fn new(client: &Client, program: &Program) -> Self {
        let (table, _) = kspec_lower::table(program, AS_OF);
        let (objects, findings) = kspec_lower::objects(program, &BTreeMap::new(), AS_OF);
        assert!(findings.is_empty(), "{findings:#?}");
        let ours = |lowered: &&LoweredObject| lowered.object.group() == "admissionregistration.k8s.io";
        let objects: Vec<LoweredObject> = objects.iter().filter(ours).cloned().collect();
        let mut refused = Vec::new();
        for lowered in &objects {
            if lowered.object.kind().contains("Webhook") {
                continue;
            }
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
            let variables = policy["spec"]["variables"].as_array().unwrap();
            let variables: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
            let known = table.rules.iter().map(|bound| bound.id.as_str());
            let by_variable: BTreeMap<String, &str> = known.map(|id| (id.replace('-', "_"), id)).collect();
            let ids = variables.iter().filter_map(|name| by_variable.get(name.trim_end_matches('_')));
            let name = policy["metadata"]["name"].as_str().unwrap().to_owned();
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
            policies.insert(name, Told { ids: ids.map(|id| (*id).to_owned()).collect(), denies: false, meets });
        }
        for binding in of_kind("ValidatingAdmissionPolicyBinding") {
            let denies = binding["spec"]["validationActions"][0] == "Deny";
            policies.get_mut(binding["spec"]["policyName"].as_str().unwrap()).unwrap().denies = denies;
        }
        let evaluator = Evaluator::load(table.clone()).unwrap_or_else(|error| panic!("{error}"));
        Self { table, evaluator, policies }
    }

    /// The server's verdict on a request and the evaluator's; `Err` says how they differ. Yields the number of verdicts.
    pub(crate) fn compare(&self, request: &Value, namespace: &Value, answer: &Answer) -> Result<usize, String> {
        let review = Review::from_request(request).unwrap().in_namespace(Some(namespace));
        let outcomes = self.evaluator.judge(&review, Engines::Only(Engine::Cel), &NoObjects);
        let told = |id: &str, warn: Option<bool>| -> Vec<String> {
            let outcome = outcomes.iter().find(|outcome| outcome.bound.id == id);
            match outcome.map(|outcome| &outcome.decision) {
                Some(Decision::Violations(violations)) => violations
                    .iter()
                    .filter(|violation| warn.is_none_or(|warn| violation.warn == warn))
                    .map(|violation| format!("{}: {}", outcome.unwrap().bound.rule.name, violation.message))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let faults: Vec<String> = outcomes
            .iter()
            .filter_map(|outcome| match &outcome.decision {
                Decision::Fault(fault) => Some(format!("{}: {fault:?}", outcome.bound.id)),
                _ => None,
            })
            .collect();
        if !faults.is_empty() {
            return Err(format!("the evaluator has no verdict: {}", faults.join("; ")));
        }
        let sub = review.subresource.map(|sub| format!("/{sub}")).unwrap_or_default();
        let asked = format!("{}/{}{sub} {}", review.group, review.resource, request["operation"].as_str().unwrap());
        let meets = |policy: &Told| policy.meets.contains(&asked);
        let met = |id: &str| outcomes.iter().any(|outcome| outcome.bound.id == id);
        let advisory = |id: &str| outcomes.iter().any(|outcome| outcome.bound.id == id && outcome.advisory);
        // What each refusing policy would say.
        let mut refusals: BTreeMap<&str, String> = BTreeMap::new();
        for (name, policy) in self.policies.iter().filter(|(_, policy)| policy.denies && meets(policy)) {
            let messages: Vec<String> =
                policy.ids.iter().filter(|id| !advisory(id)).flat_map(|id| told(id, Some(false))).collect();
            if !messages.is_empty() {
                refusals.insert(name, cut(&messages.join("; ")));
            }
        }
        let message = answer.message();
        if answer.is_ok() {
            if !refusals.is_empty() {
                return Err(format!("the server lets in what the evaluator refuses: {refusals:#?}"));
            }
        } else {
            let Some((policy, said)) = denial(&message) else {
                return Err(format!("{} {message}", answer.status));
            };
            match refusals.get(policy) {
                None => return Err(format!("the server refuses what the evaluator lets in: {message}")),
                Some(expected) if expected.trim() == said.trim() => {}
                Some(expected) => return Err(format!("the server says\n  {said}\nthe evaluator\n  {expected}")),
            }
        }
        // Each warning is one rule's.
        let mut expected: Vec<String> = Vec::new();
        for (name, policy) in self.policies.iter().filter(|(_, policy)| !policy.denies && meets(policy)) {
            for id in &policy.ids {
                let bound = self.table.rules.iter().find(|bound| bound.id == *id).unwrap();
                let only_warned = bound.action == kspec_model::rules::Action::Deny && !advisory(id);
                let messages = told(id, only_warned.then_some(true));
                if met(id) && !messages.is_empty() {
                    expected.push(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{name}': {}",
                        cut(&messages.join("; "))
                    ));
                }
            }
        }
        // The server says the same thing once.
        expected.sort();
        expected.dedup();
        let given: Vec<String> = answer
            .warnings
            .iter()
            .filter(|warning| warning.contains("ValidatingAdmissionPolicy"))
            .map(|warning| unquoted(warning))
            .collect();
        let total: usize = expected.iter().map(|warning| warning.chars().count()).sum();
        let fits = total < 4000;
        for warning in &given {
            let matches = |expected: &String| {
                let given: String = warning.chars().take(200).collect();
                expected
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .starts_with(given.split_whitespace().collect::<Vec<_>>().join(" ").as_str())
            };
            if !expected.iter().any(matches) {
                return Err(format!("the server warns and the evaluator does not: {warning}\nexpected {expected:#?}"));
            }
        }
        if fits && given.len() != expected.len() {
            return Err(format!("the server warns of {given:#?}, the evaluator of {expected:#?}"));
        }
        Ok(outcomes.len())
    }

    /// Waits until the policies are in force: until a request is judged as expected, several times on end.
    pub(crate) fn wait(&self, mut probe: impl FnMut() -> bool) {
        let mut good = 0;
        wait_until("the policies are in force", || {
            good = if probe() { good + 1 } else { 0 };
            Ok((good >= 3).then_some(()))
        })
        .unwrap();
    }
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

/// The text of a `Warning` header: `299 - "…"`.
fn unquoted(warning: &str) -> String {
    let text = warning.strip_prefix("299 - \"").and_then(|text| text.strip_suffix('"')).unwrap_or(warning);
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

/// The policy that refuses, and what it says.
fn denial(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("ValidatingAdmissionPolicy '")?;
    let (policy, rest) = rest.split_once('\'')?;
    let (_, said) = rest.split_once("denied request: ")?;
    Some((policy, said))
}

/// A namespace in which pods can be made at once.
fn namespace(client: &Client, name: &str) -> Value {
    let labels = json!({ "team": "b" });
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
    client.apply(&object, "kspec.judge", false).unwrap().ok().unwrap();
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name } });
    client.apply(&account, "kspec.judge", false).unwrap().ok().unwrap();
    client.get(&format!("/api/v1/namespaces/{name}")).unwrap()
}

/// The AdmissionRequest of a create that the server was asked for.
pub(crate) fn created(resource: (&str, &str, &str), kind: &str, namespace: Option<&str>, object: &Value) -> Value {
    Asked {
        operation: kspec_model::rules::Operation::Create,
        resource,
        subresource: None,
        kind,
        namespace,
        object: Some(object),
        old: None,
        user: "admin",
        groups: &["system:masters".to_owned(), "system:authenticated".to_owned()],
    }
    .request()
}
