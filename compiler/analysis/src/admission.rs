//! What webhooks and policies that are in a cluster, whoever wrote them, are weak in.
//!
//! Read are ValidatingWebhookConfiguration, MutatingWebhookConfiguration, ValidatingAdmissionPolicy and
//! MutatingAdmissionPolicy with their bindings (`admissionregistration.k8s.io/v1`).

mod request;

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::{Finding, Place, codes};
use kspec_model::{LabelSelector, Labels, Object};
use serde_json::Value;

use self::request::Wanted;

/// Longer than this the API server waits for no webhook unless told: `timeoutSeconds`' default (KEP-1000, v1 API).
const USUAL_TIMEOUT: i64 = 10;
/// The system's own namespace.
const SYSTEM: &str = "kube-system";
const GROUP: &str = "admissionregistration.k8s.io";
/// Kinds whose webhook or policy guards what may run, and who may do what.
const GUARDED: [&str; 14] = [
    "pods",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "namespaces",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "serviceaccounts",
    "secrets",
];
/// Resources that are created to ask something, or many times a second by the cluster itself.
const QUESTIONS: [&str; 8] = [
    "subjectaccessreviews",
    "selfsubjectaccessreviews",
    "localsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "tokenreviews",
    "leases",
    "events",
];

/// Weaknesses of every webhook and policy among some objects.
#[must_use]
pub fn weaknesses(objects: &[(&Object, &Place)]) -> Vec<Finding> {
    let mut namespaces: BTreeMap<&str, Labels> = BTreeMap::new();
    for (object, _) in objects.iter().filter(|(object, _)| object.kind() == "Namespace" && object.group().is_empty()) {
        namespaces.insert(object.name(), object.labels());
    }
    let labels = |name: &str| {
        let mut labels = namespaces.get(name).cloned().unwrap_or_default();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
        labels
    };
    let mut findings = Vec::new();
    let ours = || objects.iter().filter(|(object, _)| object.group() == GROUP);
    for (object, place) in ours() {
        if matches!(object.kind(), "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") {
            for webhook in list(&object.0, "/webhooks") {
                let webhook = Webhook { configuration: object, place, json: webhook };
                webhook.weaknesses(&labels, &mut findings);
            }
        }
    }
    for (policy, binding) in [
        ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    ] {
        let of = |kind: &'static str| ours().filter(move |(object, _)| object.kind() == kind);
        let named: BTreeSet<&str> = of(binding).map(|(object, _)| object.str_at("/spec/policyName")).collect();
        let declared: BTreeSet<&str> = of(policy).map(|(object, _)| object.name()).collect();
        for (object, place) in of(policy) {
            policy_weaknesses(object, place, named.contains(object.name()), &mut findings);
        }
        for (object, place) in of(binding) {
            let wanted = object.str_at("/spec/policyName");
            if !declared.contains(wanted) {
                let message = format!("{binding} {} names the policy {wanted}, which there is not", object.name());
                findings.push(Finding::new(codes::ADMISSION_NEVER_ASKED, message, (*place).clone()));
            }
        }
    }
    findings
}

fn is_guarded(resource: &str) -> bool {
    GUARDED.contains(&resource)
}

fn anything(resource: &str) -> bool {
    !matches!(resource, "*" | "*/*")
}

struct Webhook<'a> {
    configuration: &'a Object,
    place: &'a Place,
    json: &'a Value,
}

impl Webhook<'_> {
    fn weaknesses(&self, labels: &dyn Fn(&str) -> Labels, findings: &mut Vec<Finding>) {
        let fails = self.text("/failurePolicy") != "Ignore";
        if !fails && self.guards() {
            findings.push(
                self.shown(
                    codes::IGNORED_GUARD,
                    "lets everything pass while it is down: its failure policy is Ignore",
                    self.request(&is_guarded, None, labels).map(|it| format!("passes while it is down: {it}")),
                )
                .help("set `failurePolicy: Fail`, and leave the namespaces out through which it is mended"),
            );
        }
        let timeout = self.json.get("timeoutSeconds").and_then(Value::as_i64).unwrap_or(USUAL_TIMEOUT);
        if timeout > USUAL_TIMEOUT {
            findings.push(
                self.shown(
                    codes::SLOW_GUARD,
                    &format!("is waited for up to {timeout} seconds, for each request"),
                    self.request(&anything, None, labels).map(|it| format!("waits that long: {it}")),
                )
                .because(format!("the API server's own default is {USUAL_TIMEOUT}"))
                .help("set `timeoutSeconds` to what it needs"),
            );
        }
        let own = self.text("/clientConfig/service/namespace");
        for name in [SYSTEM, own].into_iter().filter(|name| !name.is_empty()) {
            if fails && self.takes_pods() && self.selects(&labels(name)) {
                let whose = if name == own { "where it runs itself" } else { "the system's" };
                findings.push(
                    self.shown(
                        codes::GUARD_OVER_RECOVERY,
                        &format!("refuses the pods of {name}, {whose}, while it is down"),
                        self.request(&|resource| resource == "pods", Some(name), labels)
                            .map(|it| format!("is refused while it is down: {it}")),
                    )
                    .help(format!("leave it out: `namespaceSelector` with kubernetes.io/metadata.name NotIn [{name}]")),
                );
            }
        }
        if !matches!(self.text("/sideEffects"), "None" | "NoneOnDryRun") {
            findings.push(
                self.shown(
                    codes::GUARD_WITH_SIDE_EFFECTS,
                    "may have effects of its own, so that no dry run passes it",
                    request::request(
                        self.json,
                        &Wanted { resource: &anything, namespace: None, dry_run: true },
                        labels,
                    )
                    .map(|it| format!("is refused: {it}")),
                )
                .help("set `sideEffects: None` where it has none"),
            );
        }
        let questions = self.questions();
        if !questions.is_empty() {
            findings.push(
                self.shown(
                    codes::GUARD_ON_READS,
                    &format!("is asked about {}, which change nothing", questions.join(", ")),
                    self.request(&|resource| questions.contains(&resource), None, labels)
                        .map(|it| format!("asks it: {it}")),
                )
                .because("each is one more call before an answer that the cluster waits for")
                .help("name the resources that it judges"),
            );
        }
        if let Some(why) = self.never() {
            findings.push(self.finding(codes::ADMISSION_NEVER_ASKED, &format!("is never asked: {why}")));
        }
    }

    fn finding(&self, code: kspec_diagnostics::Code, says: &str) -> Finding {
        let (kind, name) = (self.configuration.kind(), self.configuration.name());
        Finding::new(code, format!("the webhook {} of {kind} {name} {says}", self.text("/name")), self.place.clone())
    }

    /// A finding with a request that shows it, where one is known.
    fn shown(&self, code: kspec_diagnostics::Code, says: &str, witness: Option<String>) -> Finding {
        let finding = self.finding(code, says);
        match witness {
            Some(witness) => finding.witness(vec![witness]),
            None => finding,
        }
    }

    /// A request about one of these resources that it is asked about.
    fn request(
        &self,
        resource: &dyn Fn(&str) -> bool,
        namespace: Option<&str>,
        labels: &dyn Fn(&str) -> Labels,
    ) -> Option<String> {
        request::request(self.json, &Wanted { resource, namespace, dry_run: false }, labels)
    }

    fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it takes a resource of some group, by a rule that asks for it on a change.
    fn takes(&self, resource: &str) -> bool {
        list(self.json, "/rules")
            .any(|rule| strings(rule, "resources").any(|name| name == resource || matches!(name, "*" | "*/*")))
    }

    fn takes_pods(&self) -> bool {
        self.takes("pods")
    }

    fn guards(&self) -> bool {
        self.configuration.kind() == "ValidatingWebhookConfiguration"
            && GUARDED.iter().any(|resource| self.takes(resource))
    }

    fn selects(&self, labels: &Labels) -> bool {
        selector(self.json, "namespaceSelector").is_none_or(|selector| selector.matches(labels))
    }

    /// What it is asked about that changes nothing. A rule for everything takes these too.
    fn questions(&self) -> Vec<&'static str> {
        let creates = |rule: &Value| strings(rule, "operations").any(|operation| matches!(operation, "CREATE" | "*"));
        QUESTIONS
            .into_iter()
            .filter(|question| {
                list(self.json, "/rules")
                    .filter(|rule| creates(rule))
                    .any(|rule| strings(rule, "resources").any(|name| name == *question || matches!(name, "*" | "*/*")))
            })
            .collect()
    }

    /// Why nothing reaches it.
    fn never(&self) -> Option<String> {
        let rules: Vec<&Value> = list(self.json, "/rules").collect();
        if rules.is_empty() {
            return Some("it has no rules".to_owned());
        }
        let selector = ["namespaceSelector", "objectSelector"]
            .into_iter()
            .find(|name| selector(self.json, name).is_some_and(|selector| contradicts(&selector)))?;
        Some(format!("its {selector} contradicts itself"))
    }
}

fn policy_weaknesses(object: &Object, place: &Place, bound: bool, findings: &mut Vec<Finding>) {
    let finding =
        |code, says: &str| Finding::new(code, format!("{} {} {says}", object.kind(), object.name()), place.clone());
    if !bound {
        findings.push(finding(codes::ADMISSION_NEVER_ASKED, "is bound by nothing, so that it is never asked"));
    }
    let resources: Vec<&str> =
        list(&object.0, "/spec/matchConstraints/resourceRules").flat_map(|rule| strings(rule, "resources")).collect();
    let guards = resources.iter().any(|resource| GUARDED.contains(resource) || *resource == "*");
    if guards && object.str_at("/spec/failurePolicy") == "Ignore" && object.kind() == "ValidatingAdmissionPolicy" {
        findings.push(
            finding(codes::IGNORED_GUARD, "lets pass what it cannot evaluate: its failure policy is Ignore")
                .help("set `failurePolicy: Fail`"),
        );
    }
    let selector = object.0.pointer("/spec/matchConstraints").and_then(|rules| selector(rules, "namespaceSelector"));
    if selector.is_some_and(|selector| contradicts(&selector)) {
        findings
            .push(finding(codes::ADMISSION_NEVER_ASKED, "is never asked: its namespaceSelector contradicts itself"));
    }
}

/// Whether no labels satisfy a selector.
fn contradicts(selector: &LabelSelector) -> bool {
    use kspec_model::Operator::{DoesNotExist, Exists, In, NotIn};
    let keys: BTreeSet<&String> =
        selector.match_labels.keys().chain(selector.match_expressions.iter().map(|one| &one.key)).collect();
    keys.into_iter().any(|key| {
        let of = || selector.match_expressions.iter().filter(move |one| one.key == *key);
        // Values that the label may have: absent, each that is named, and one that is not.
        let named = of().flat_map(|one| &one.values).chain(selector.match_labels.get(key));
        let mut values: Vec<Option<String>> = named.cloned().map(Some).collect();
        values.extend([None, Some(String::from("\u{0}"))]);
        debug_assert!(of().all(|one| matches!(one.operator, In | NotIn | Exists | DoesNotExist)));
        !values.into_iter().any(|value| {
            let labels: Labels = value.into_iter().map(|value| (key.clone(), value)).collect();
            selector.match_labels.get(key).is_none_or(|wanted| labels.get(key) == Some(wanted))
                && of().all(|one| one.matches(&labels))
        })
    })
}

fn selector(json: &Value, name: &str) -> Option<LabelSelector> {
    serde_json::from_value(json.get(name)?.clone()).ok()
}

fn list<'v>(json: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    json.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn strings<'v>(json: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
    json.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
