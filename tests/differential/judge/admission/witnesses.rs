//! What is proved of rules (K0501 to K0506): each witness, as it is printed, is given to the real engines, which must do with
//! it what the finding claims.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kspec_diagnostics::Finding;
use kspec_model::rules::Table;
use kspec_schema::KubeVersion;
use kspec_test_harness::{Answer, Client, ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use super::bench::{moved, namespace};
use super::kinds;
use super::objects::{neighbours, pod};
use super::policies::{self, Policies};
use super::program::{Compiled, compiled, folder};
use super::webhook::{self, Webhook};

/// Declarations, what of them is bound, and what must be proved of that.
struct Scenario {
    code: &'static str,
    declared: &'static str,
    /// In the order in which they are bound.
    bound: &'static [&'static str],
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        code: "K0501",
        declared: "
rule read_only on Pod { for c in all_containers { deny if c.securityContext.readOnlyRootFilesystem != true because \"writes\" } }
rule writable on Pod { for c in all_containers { deny if c.securityContext.readOnlyRootFilesystem == true because \"cannot write\" } }
rule unprivileged on Pod { for c in all_containers { deny if c.securityContext.privileged == true because \"privileged\" } }",
        bound: &["read_only", "unprivileged", "writable"],
    },
    Scenario {
        code: "K0501",
        declared: "
rule known on Pod { for c in containers { deny unless (c.securityContext.runAsUser ?? 0) in [1000, 2000] because \"unknown\" } }
rule not_first on Pod { for c in containers { deny if c.securityContext.runAsUser == 1000 because \"the first\" } }
rule low on Pod { for c in containers { deny if (c.securityContext.runAsUser ?? 0) > 1500 because \"high\" } }",
        bound: &["known", "not_first", "low"],
    },
    Scenario {
        code: "K0501",
        declared: "
rule outside on Service { deny unless object.spec.type in [\"NodePort\", \"LoadBalancer\"] because \"inside\" }
rule inside on Service { deny if object.spec.type == \"LoadBalancer\" because \"outside\" }
rule no_ports on Service { deny if object.spec.type == \"NodePort\" because \"a port of every node\" }",
        bound: &["outside", "inside", "no_ports"],
    },
    Scenario {
        code: "K0501",
        declared: "
rule named on ConfigMap, Secret { deny unless object.metadata.labels.team == \"a\" because \"nobody's\" }
rule nameless on ConfigMap, Secret { deny if object.metadata.labels.team == \"a\" because \"somebody's\" }",
        bound: &["named", "nameless"],
    },
    Scenario {
        code: "K0501",
        declared: "
rule many on Deployment { deny if (object.spec.replicas ?? 1) < 3 because \"few\" }
rule few on Deployment { deny if (object.spec.replicas ?? 1) >= 3 because \"many\" }",
        bound: &["many", "few"],
    },
    Scenario { code: "K0501", declared: "rule never on Pod { deny if true because \"no\" }", bound: &["never"] },
    Scenario {
        code: "K0502",
        declared: "
rule odd on Pod { for c in all_containers { deny if c.securityContext.privileged == true && c.securityContext.privileged == false } }",
        bound: &["odd"],
    },
    Scenario {
        code: "K0502",
        declared: "rule empty on Pod { for c in all_containers { deny if c.image in [] because \"no\" } }",
        bound: &["empty"],
    },
    Scenario {
        code: "K0503",
        declared: "
rule not_root on Pod { for c in all_containers { deny if c.securityContext.runAsUser == 0 because \"root\" } }
rule high_user on Pod { for c in all_containers { deny if (c.securityContext.runAsUser ?? 0) < 1000 because \"low\" } }",
        bound: &["not_root", "high_user"],
    },
    Scenario {
        code: "K0503",
        declared: "
rule one_registry on Pod { for c in all_containers { deny if image(c.image).registry != \"a.example.com\" because \"elsewhere\" } }
rule two_registries on Pod { for c in all_containers { deny unless (image(c.image).registry ?? \"\") in [\"a.example.com\", \"b.example.com\"] because \"far\" } }",
        bound: &["one_registry", "two_registries"],
    },
    Scenario {
        code: "K0503",
        declared: "
rule no_node_port on Service { deny if object.spec.type == \"NodePort\" because \"a port of every node\" }
rule inside on Service { deny if object.spec.type in [\"NodePort\", \"LoadBalancer\"] because \"outside\" }",
        bound: &["no_node_port", "inside"],
    },
    Scenario {
        code: "K0504",
        declared: "
mutation shared on Pod { set object.spec.shareProcessNamespace: true }
mutation apart on Pod { set object.spec.shareProcessNamespace: false }",
        bound: &["shared", "apart"],
    },
    Scenario {
        code: "K0504",
        declared: "
mutation labelled on Pod { default object.metadata.labels.tier: \"web\" }
mutation told on Pod { set object.metadata.annotations.tier: \"web\" if object.metadata.labels.tier == \"web\" }",
        bound: &["labelled", "told"],
    },
    Scenario {
        code: "K0505",
        declared: "
mutation defaults on Pod { for c in containers { default c.securityContext.readOnlyRootFilesystem: true } }
rule writable on Pod { for c in all_containers { deny if c.securityContext.readOnlyRootFilesystem == true because \"cannot write\" } }",
        bound: &["defaults", "writable"],
    },
    Scenario {
        code: "K0505",
        declared: "
mutation open on Service { set object.spec.type: \"NodePort\" }
rule closed on Service { deny if object.spec.type == \"NodePort\" because \"open\" }",
        bound: &["open", "closed"],
    },
    Scenario {
        code: "K0506",
        declared: "rule unprivileged on Pod { for c in all_containers { deny if c.securityContext.privileged == true because \"privileged\" } }",
        bound: &["unprivileged"],
    },
];

/// Bound declarations in force in a namespace of their own, and another by the webhook.
struct Force {
    /// By policies.
    here: String,
    /// By the webhook.
    there: String,
    proved: Vec<Finding>,
}

/// What binds declarations, and what is in force so far.
struct Stage<'s> {
    admin: &'s Client,
    tables: Vec<Table>,
    number: usize,
}

impl Stage<'_> {
    fn force(&mut self, scenario: &Scenario, bound: &[&str]) -> Force {
        self.number += 1;
        let (here, there) = match scenario.code {
            "K0506" => ("kube-system".to_owned(), "kube-node-lease".to_owned()),
            _ => (format!("place-{:03}-p", self.number), format!("place-{:03}-w", self.number)),
        };
        for name in [&here, &there] {
            namespace(self.admin, name);
        }
        let enforced = if bound.is_empty() { String::new() } else { format!("enforce {} in place", bound.join(", ")) };
        let source = format!("{}\nexisting namespace place = {here:?}\n{enforced}\n", scenario.declared);
        let project = format!("witness-{:03}", self.number);
        let Compiled { program, proved, .. } = compiled(&folder(&project), &project, &source, KubeVersion::NEWEST, "");
        if !bound.is_empty() {
            let policies = Policies::install(self.admin, &program);
            let mut table = moved(policies.table(), &here, &there);
            let numbered = |id: &str| format!("{id}-{:03}", self.number);
            table.rules.iter_mut().for_each(|bound| bound.id = numbered(&bound.id));
            table.mutations.iter_mut().for_each(|bound| bound.id = numbered(&bound.id));
            self.tables.push(table);
        }
        Force { here, there, proved }
    }
}

/// The object in a line of a witness.
fn object(step: &str) -> Value {
    let start = step.find('{').unwrap();
    let mut values = serde_json::Deserializer::from_str(&step[start..]).into_iter::<Value>();
    values.next().unwrap().unwrap()
}

fn steps(finding: &Finding) -> &[String] {
    finding.witness.as_ref().map(|witness| witness.steps.as_slice()).unwrap_or_default()
}

/// Names in backquotes.
fn named(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Makes an object in a namespace, not for good.
fn make(client: &Client, object: &Value, namespace: &str) -> Answer {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!(namespace);
    let path = client.path_of(&object).unwrap();
    let (path, _) = path.rsplit_once('/').unwrap();
    client.post(&format!("{path}?dryRun=All"), &object).unwrap()
}

/// The rules that an answer names; none where it is no refusal by a rule. What else is wrong with a request is an error.
fn refused_by(answer: &Answer) -> Result<BTreeSet<String>, String> {
    let message = answer.message();
    if answer.is_ok() {
        return Ok(BTreeSet::new());
    }
    let said = policies::denial(&message).map(|(_, said)| said).or_else(|| webhook::denial(&message));
    let said = said.ok_or_else(|| format!("{} {message}", answer.status))?;
    // `RULE (SEVERITY): …`
    let rule = |line: &str| Some(line.split_once(": ")?.0.split_once(" (")?.0.to_owned());
    Ok(said.split("; ").filter_map(rule).collect())
}

/// Whether one value is there in the other, as far as it says something.
fn within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|there| within(value, there)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| within(part, whole))
        }
        (part, whole) => part == whole,
    }
}

/// A claim about an engine's answers, held against them; `Err` says what is otherwise.
type Claim<'c> = Box<dyn Fn(&Client, &dyn Fn(&Force) -> String) -> Result<usize, String> + 'c>;

fn names(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

fn expect(
    client: &Client,
    object: &Value,
    place: &str,
    holds: impl Fn(&BTreeSet<String>) -> bool,
    what: &str,
) -> Result<usize, String> {
    let rules = refused_by(&make(client, object, place)).map_err(|why| format!("{what}: {why}\nof {object}"))?;
    if holds(&rules) { Ok(1) } else { Err(format!("{what}, and it is refused by {rules:?} in {place}: {object}")) }
}

/// Pods near and far.
fn sample() -> Vec<Value> {
    let mut pods: Vec<Value> = neighbours(&pod()).into_iter().step_by(9).collect();
    pods.push(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" },
        "spec": { "containers": [{ "name": "c", "image": "nginx" }] } }));
    pods
}

/// What a scenario's findings claim.
fn claims<'c>(stage: &mut Stage<'_>, scenario: &Scenario) -> Vec<Claim<'c>> {
    let all = stage.force(scenario, scenario.bound);
    let found: Vec<Finding> =
        all.proved.iter().filter(|finding| finding.code.to_string() == scenario.code).cloned().collect();
    assert!(!found.is_empty(), "no {} of {}\n{:#?}", scenario.code, scenario.declared, all.proved);
    let all = std::rc::Rc::new(all);
    let mut claims: Vec<Claim<'c>> = Vec::new();
    for finding in found {
        let rules: Vec<String> = named(&finding.message).into_iter().map(str::to_owned).collect();
        let without: Vec<(String, Force)> = rules
            .iter()
            .map(|left_out| {
                let bound: Vec<&str> = scenario.bound.iter().copied().filter(|name| name != left_out).collect();
                (left_out.clone(), stage.force(scenario, &bound))
            })
            .collect();
        let all = std::rc::Rc::clone(&all);
        claims.push(match scenario.code {
            "K0501" => Box::new(move |client, at| {
                let steps = steps(&finding);
                assert!(rules.len() == 1 || steps.len() == rules.len(), "{finding:?}");
                let mut count = 0;
                for (step, left_out) in steps.iter().zip(&rules) {
                    assert_eq!(named(step), [left_out.as_str()], "{step}");
                    let object = object(step);
                    let only = names(&[left_out]);
                    count += expect(client, &object, &at(&all), |by| *by == only, "none but one refuses it")?;
                    let (_, without) = without.iter().find(|(name, _)| name == left_out).unwrap();
                    count += expect(client, &object, &at(without), BTreeSet::is_empty, "without that it passes")?;
                }
                if finding.message.contains("Pod") {
                    for pod in sample() {
                        if !make(client, &pod, "default").is_ok() {
                            continue;
                        }
                        count += expect(client, &pod, &at(&all), |by| !by.is_empty(), "every pod is refused")?;
                    }
                }
                Ok(count)
            }),
            "K0502" => Box::new(move |client, at| {
                let mut count = 0;
                for pod in sample() {
                    if make(client, &pod, "default").is_ok() {
                        count += expect(client, &pod, &at(&all), BTreeSet::is_empty, "no pod is refused")?;
                    }
                }
                Ok(count)
            }),
            "K0503" => Box::new(move |client, at| {
                let object = object(&steps(&finding)[0]);
                let both = rules.iter().cloned().collect::<BTreeSet<_>>();
                let mut count = expect(client, &object, &at(&all), |by| *by == both, "both refuse it")?;
                for (left_out, without) in &without {
                    let other = both.iter().filter(|name| *name != left_out).cloned().collect::<BTreeSet<_>>();
                    count += expect(client, &object, &at(without), |by| *by == other, "the other refuses it too")?;
                }
                Ok(count)
            }),
            "K0504" => {
                let reversed: Vec<&str> = scenario.bound.iter().copied().rev().collect();
                let reversed = stage.force(scenario, &reversed);
                Box::new(move |client, at| {
                    let [of, one, other] = steps(&finding) else { return Err(format!("{finding:?}")) };
                    let (of, one, other) = (object(of), object(one), object(other));
                    let make = |place: &str| -> Result<Value, String> {
                        let mut made = make(client, &of, place).ok().map_err(|error| format!("{error}\nof {of}"))?;
                        made["metadata"]["namespace"] = one["metadata"]["namespace"].clone();
                        Ok(made)
                    };
                    let (first, second) = (make(&at(&all))?, make(&at(&reversed))?);
                    // The API server has an order of its own for policies; the webhook has the table's.
                    let fits = |made: &Value| (within(&one, made), within(&other, made));
                    let fine = match at(&all).ends_with("-w") {
                        true => fits(&first).0 && fits(&second).1 && first["spec"] != json!(null),
                        false => [&first, &second].iter().all(|made| fits(made).0 || fits(made).1),
                    };
                    if fine { Ok(2) } else { Err(format!("neither\n{first}\nnor\n{second}\nis\n{one}\nor\n{other}")) }
                })
            }
            "K0505" => {
                let [mutation, rule] = rules.as_slice() else { panic!("{finding:?}") };
                let rule = rule.clone();
                let without_mutation = without.into_iter().find(|(name, _)| name == mutation).unwrap().1;
                Box::new(move |client, at| {
                    let [passes, refused] = steps(&finding) else { return Err(format!("{finding:?}")) };
                    let (before, after) = (object(passes), object(refused));
                    let by_rule = names(&[&rule]);
                    let alone = at(&without_mutation);
                    let passes = expect(client, &before, &alone, BTreeSet::is_empty, "it passes as it was written")?;
                    let mutated =
                        expect(client, &before, &at(&all), |by| *by == by_rule, "once mutated it is refused")?;
                    let result = expect(client, &after, &alone, |by| *by == by_rule, "the result is refused")?;
                    Ok(passes + mutated + result)
                })
            }
            "K0506" => Box::new(move |client, at| {
                let object = object(&steps(&finding)[0]);
                expect(client, &object, &at(&all), |by| by.contains(&rules[0]), "it is refused there")
            }),
            other => panic!("{other}"),
        });
    }
    claims
}

#[test]
fn every_witness_is_what_its_finding_says() {
    let server = ControlPlane::start(Options::default()).unwrap();
    let admin = server.admin();
    namespace(admin, "default");
    let mut stage = Stage { admin, tables: Vec::new(), number: 0 };
    let mut all: Vec<(&Scenario, Claim<'_>)> = Vec::new();
    for scenario in SCENARIOS {
        all.extend(claims(&mut stage, scenario).into_iter().map(|claim| (scenario, claim)));
    }
    let mut tables = std::mem::take(&mut stage.tables).into_iter();
    let mut table = tables.next().unwrap();
    for other in tables {
        table.rules.extend(other.rules);
        table.mutations.extend(other.mutations);
    }
    let webhook = Webhook::start(&server, &table);
    webhook.register(admin);
    let mut last = Vec::new();
    let mut counts = BTreeMap::new();
    let _ = wait_until("every claim holds", || {
        last.clear();
        counts.clear();
        for (scenario, claim) in &all {
            for (engine, at) in [
                ("policies", Box::new(|force: &Force| force.here.clone()) as Box<dyn Fn(&Force) -> String>),
                ("webhook", Box::new(|force: &Force| force.there.clone())),
            ] {
                match claim(admin, &*at) {
                    Ok(count) => *counts.entry((scenario.code, engine)).or_insert(0) += count,
                    Err(why) => last.push(format!("{} {engine}: {why}", scenario.code)),
                }
            }
        }
        Ok(last.is_empty().then_some(()))
    });
    eprintln!("{counts:?}");
    assert!(last.is_empty(), "{}", last.join("\n\n"));
}

/// The objects that a search starts from are such as the server takes: else a witness would show nothing.
#[test]
fn every_witness_is_an_object_that_the_server_takes() {
    let server = ControlPlane::start(Options::default()).unwrap();
    let admin = server.admin();
    namespace(admin, "default");
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/everything/crds/widgets.yaml");
    let (documents, _) = kspec_state::read_manifests(definition.parent().unwrap(), &["widgets.yaml".to_owned()]);
    admin.apply(&documents[0].value, "kspec.judge", false).unwrap().ok().unwrap();
    let mut refused = Vec::new();
    let mut kinds: Vec<&str> = kinds::plain().iter().chain(&kinds::workloads()).map(|kind| kind.kind).collect();
    kinds.extend(["Pod", "Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass"]);
    kinds.extend(["NetworkPolicy", "PriorityClass", "IngressClass", "LimitRange", "ResourceQuota", "Widget"]);
    for (number, kind) in kinds.into_iter().enumerate() {
        let source = format!(
            "rule with on {kind} {{ deny if object.metadata.labels.has(\"a\") because \"no\" }}\n\
             rule without on {kind} {{ deny unless object.metadata.labels.has(\"a\") because \"no\" }}\n\
             enforce with, without in cluster\n"
        );
        let project = format!("kinds-{number:03}");
        let root = folder(&project);
        std::fs::copy(&definition, root.join("widgets.yaml")).unwrap();
        let proved = compiled(&root, &project, &source, KubeVersion::NEWEST, "crds = [\"widgets.yaml\"]\n").proved;
        let found: Vec<&Finding> = proved.iter().filter(|finding| finding.code.to_string() == "K0501").collect();
        if found.is_empty() {
            refused.push(format!("{kind}: nothing is proved"));
        }
        for step in found.iter().flat_map(|finding| steps(finding)) {
            let object = object(step);
            let namespaced = object["metadata"].get("namespace").is_some();
            let path = admin.path_of(&object).unwrap();
            let (path, _) = path.rsplit_once('/').unwrap();
            let path =
                if namespaced { path.replace("/namespaces/example/", "/namespaces/default/") } else { path.to_owned() };
            let mut placed = object.clone();
            if namespaced {
                placed["metadata"]["namespace"] = json!("default");
            }
            let answer = admin.post(&format!("{path}?dryRun=All&fieldValidation=Strict"), &placed).unwrap();
            if !answer.is_ok() {
                refused.push(format!("{kind}: {}\nof {object}", answer.message()));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
