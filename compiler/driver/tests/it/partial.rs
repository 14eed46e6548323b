//! Rules asked about pods of which a part is known: what is certain of the part is so of the whole pod, in the rule table and in CEL.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use kspec_compiler::Compiler;
use kspec_model::{Object, rules::Body};
use kspec_rules::{
    Decision, cel,
    partial::{Known, Part},
};
use serde_json::{Map, Value, json};

use crate::{
    support::{CONFIG, config, facts},
    two_ways::{Choices, judged},
};

const PROGRAMS: u64 = 8;
const CLAIMS: usize = 20;
/// How many parts of each pod are asked about.
const PARTS: usize = 6;

/// A part of a value: some of its fields and items, and not known whether there are more.
fn part(choices: &mut Choices, value: &Value) -> Part {
    if choices.below(5) == 0 {
        return Part::Unknown;
    }
    match value {
        Value::Object(fields) => {
            let open = choices.flag();
            let mut known = BTreeMap::new();
            for (name, value) in fields {
                if !open || choices.below(4) > 0 {
                    known.insert(name.as_str().into(), part(choices, value));
                }
            }
            Part::Map { fields: known, open }
        }
        Value::Array(items) => {
            let open = choices.flag();
            let mut known = Vec::new();
            for item in items {
                if !open || choices.below(4) > 0 {
                    known.push(part(choices, item));
                }
            }
            Part::List { items: known, open }
        }
        Value::String(text) if choices.below(4) == 0 => {
            let others = ["", "web", "default", "registry.example.com/app:1"];
            let other = others.into_iter().filter(|other| other != text).nth(choices.below(3));
            Part::OtherText(other.unwrap_or("else").into())
        }
        value => Part::closed(value),
    }
}

/// A policy's CEL, read.
struct Policy {
    conditions: Vec<Option<kspec_model::rules::Expr>>,
    variables: Vec<(Arc<str>, Option<kspec_model::rules::Expr>)>,
    validations: Vec<Option<kspec_model::rules::Expr>>,
}

impl Policy {
    fn of(object: &Object) -> Self {
        let list = |field: &str| object.0["spec"][field].as_array().cloned().unwrap_or_default();
        let read = |item: &Value| cel::read(item["expression"].as_str().expect("an expression"));
        let named = |item: &Value| (item["name"].as_str().expect("a name").into(), read(item));
        Self {
            conditions: list("matchConditions").iter().map(read).collect(),
            variables: list("variables").iter().map(named).collect(),
            validations: list("validations").iter().map(read).collect(),
        }
    }

    /// Whether it refuses, where that is certain.
    fn refuses(&self, known: &Known<'_>) -> Option<bool> {
        let holds = |expr: &Option<_>| expr.as_ref().and_then(|expr| known.holds(&self.variables, expr));
        let conditions: Vec<_> = self.conditions.iter().map(holds).collect();
        let validations: Vec<_> = self.validations.iter().map(holds).collect();
        if conditions.contains(&Some(false)) || validations.iter().all(|holds| *holds == Some(true)) {
            return Some(false);
        }
        (conditions.iter().all(|holds| *holds == Some(true)) && validations.contains(&Some(false))).then_some(true)
    }
}

#[test]
fn what_is_certain_of_a_part_is_so_of_the_whole() {
    let (mut by_table, mut by_cel, mut passed) = (0, 0, 0);
    for seed in 0..PROGRAMS {
        let mut choices = Choices(0x2545_F491_4F6C_DD1D ^ (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut source = String::from("fn twice(n: Int, m: Int) -> Bool = n * 2 == m || n + n < m\n");
        for at in 0..CLAIMS {
            let depth = 1 + choices.below(3);
            let claim = choices.truth(depth, false);
            writeln!(source, "fn claim{at}(o: Pod) -> Bool = {claim}\nrule asked{at} on Pod {{ deny if claim{at}(object) }}\n/// A place of its own, so that its policy has no other rule.\nnamespace s{at} {{ pod_security: privileged }}\nenforce asked{at} in s{at}").expect("text");
        }
        let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
        compiler.set_source("main.kspec", source.as_str());
        compiler.check();
        let lowered = compiler.lower(&BTreeMap::new());
        let about = |object: &Object, name: &str| {
            object.0["kind"] == "ValidatingAdmissionPolicy"
                && object.0["spec"]["matchConstraints"]["resourceRules"][0]["resources"] == json!(["pods"])
                && object.0["spec"]["variables"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name))
        };
        for _ in 0..PARTS {
            let mut pod = choices.pod();
            pod["apiVersion"] = json!("v1");
            pod["kind"] = json!("Pod");
            let whole = Part::closed(&pod);
            let object = part(&mut choices, &pod);
            for binding in &compiler.program().rules {
                let rule = &binding.rule;
                let truth = judged(rule, &pod);
                let refused = !matches!(truth, Decision::Pass);
                let request = Part::open(&Value::Object(Map::new()));
                let asked = |object| Known { object, old: &Part::Absent, request: &request, namespace: &Part::Unknown };
                let Some(Body::Statements(statements)) = rule.bodies.first() else { continue };
                let target = rule.targets.iter().find(|target| target.resource == "pods").expect("pods");
                for known in [asked(&whole), asked(&object)] {
                    if known.violates(target, statements) {
                        assert!(refused, "{} of\n{pod}\nby\n{object:?}\n{source}", rule.name);
                        by_table += 1;
                    }
                }
                let policies = lowered.objects.iter().map(|lowered| &lowered.object);
                for policy in policies.filter(|object| about(object, &rule.name)).map(Policy::of) {
                    match policy.refuses(&asked(&object)) {
                        Some(true) => {
                            assert!(refused, "{} of\n{pod}\nby\n{object:?}\n{source}", rule.name);
                            by_cel += 1;
                        }
                        Some(false) if policy.refuses(&asked(&whole)).is_some() => {
                            assert!(!refused, "{} of\n{pod}\nby\n{object:?}\n{source}", rule.name);
                            passed += 1;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    let enough = by_table > 100 && by_cel > 20 && passed > 20;
    assert!(enough, "{by_table} were refused; {by_cel} were refused and {passed} passed by CEL");
}
