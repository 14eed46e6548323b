//! What is proved of the rule table, as findings.

use std::collections::{BTreeMap, BTreeSet};

use kspec_diagnostics::{Finding, codes};
use kspec_lower::admission::{SYSTEM_NAMESPACES, Sourced};
use kspec_model::program::Origin;
use kspec_proofs::{Proof, Question, prove};
use serde_json::Value;

use crate::{Facts, report};

/// How many parties of one finding are shown.
const PARTIES: usize = 6;

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let (Some(schema), Some(lowered)) = (facts.schema, facts.sourced) else { return };
    super::engines::check(facts, lowered, findings);
    let own = facts.program.project.inventory_namespace.as_str();
    let mut system: Vec<&str> = SYSTEM_NAMESPACES.to_vec();
    // Many projects keep their inventory in `default`, where nothing of kspec's own runs.
    if own != "default" {
        system.push(own);
    }
    let mut open = Open::default();
    for proof in prove(&lowered.table, &system, schema) {
        match proof {
            Proof::NotDecided { rules, question: Question::Implied, why } => {
                open.pairs.entry(why).or_default().extend(rules)
            }
            Proof::NotDecided { rules, why, .. } => open.add(rules, why),
            proof => findings.extend(finding(lowered, &proof)),
        }
    }
    findings.extend(open.findings(lowered));
}

/// What could not be decided, by rule.
#[derive(Default)]
struct Open {
    why: BTreeMap<usize, BTreeSet<&'static str>>,
    /// Rules that another may imply, by why that is not decided.
    pairs: BTreeMap<&'static str, BTreeSet<usize>>,
}

impl Open {
    fn add(&mut self, rules: Vec<usize>, why: &'static str) {
        for rule in rules {
            self.why.entry(rule).or_default().insert(why);
        }
    }

    /// Each rule's, at its binding: what is decided of the others stands.
    fn findings(&self, lowered: &Sourced<'_>) -> Vec<Finding> {
        let finding = |(rule, why): (&usize, &BTreeSet<&str>)| {
            let why: Vec<&str> = why.iter().copied().collect();
            let message = format!(
                "what `{}` can refuse, and whether it fits beside others, is not decided in full",
                name(lowered, *rule)
            );
            Some(
                report::at(codes::ADMISSION_NOT_DECIDED, message, lowered.rules.get(*rule)?)
                    .because(why.join("; "))
                    .help("pin what matters by `test`s: they are decided in any case"),
            )
        };
        self.why.iter().filter_map(finding).chain(self.implied(lowered)).collect()
    }

    /// Those that another rule may imply, a reason at a time: of what is not decided in full that is said already.
    fn implied(&self, lowered: &Sourced<'_>) -> Vec<Finding> {
        let finding =
            |(why, rules): (&&'static str, &BTreeSet<usize>)| {
                let rules: Vec<usize> = rules.iter().copied().filter(|rule| !self.why.contains_key(rule)).collect();
                let (first, others) = rules.split_first()?;
                let named: Vec<String> =
                    rules.iter().take(PARTIES).map(|rule| format!("`{}`", name(lowered, *rule))).collect();
                let more = match rules.len().saturating_sub(PARTIES) {
                    0 => String::new(),
                    1 => " or 1 other".to_owned(),
                    more => format!(" or {more} others"),
                };
                let message = format!(
                    "whether all that {}{more} refuses, another rule refuses too, is not decided",
                    named.join(", ")
                );
                let finding = report::at(codes::ADMISSION_NOT_DECIDED, message, lowered.rules.get(*first)?);
                let others = others.iter().filter_map(|rule| Some((name(lowered, *rule), *lowered.rules.get(*rule)?)));
                Some(parties(finding, others).because(*why).help(
                    "pin what matters by `test`s; where no K0509 names a rule, none implies it unless K0503 says so",
                ))
            };
        self.pairs.iter().filter_map(finding).collect()
    }
}

fn name<'l>(lowered: &'l Sourced<'_>, rule: usize) -> &'l str {
    lowered.table.rules.get(rule).map_or("", |bound| &bound.rule.name)
}

fn finding(lowered: &Sourced<'_>, proof: &Proof) -> Option<Finding> {
    let rule = |at: usize| name(lowered, at);
    let origin = |at: usize| lowered.rules.get(at).copied();
    let mutation = |at: usize| lowered.table.mutations.get(at).map_or("", |bound| bound.mutation.name.as_str());
    let mutation_origin = |at: usize| lowered.mutations.get(at).copied();
    Some(match proof {
        Proof::RefuseAll { rules, kind, namespace, witnesses } => {
            let (first, others) = rules.split_first()?;
            let place = namespace.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
            let message = match others {
                [] => format!("`{}` refuses every {kind}{place}", rule(*first)),
                _ => {
                    let names: Vec<String> = rules.iter().map(|at| format!("`{}`", rule(*at))).collect();
                    format!("{} together refuse every {kind}{place}", names.join(", "))
                }
            };
            let mut finding = report::at(codes::REFUSES_EVERYTHING, message, origin(*first)?);
            finding = parties(finding, others.iter().filter_map(|at| Some((rule(*at), origin(*at)?))));
            let steps = rules
                .iter()
                .zip(witnesses)
                .map(|(at, witness)| format!("{} passes all but `{}`: {}", a(kind), rule(*at), shown(witness)));
            let steps: Vec<String> = steps.collect();
            if !steps.is_empty() {
                finding = finding.witness(steps);
            }
            finding.help("none of them can be left out of the contradiction: change one, or where it holds")
        }
        Proof::NeverFires { rule: at, kind } => {
            report::at(codes::NEVER_FIRES, format!("`{}` can never refuse a {kind}", rule(*at)), origin(*at)?)
                .because("its conditions contradict each other, or what the binding's parameters leave is empty")
                .help("mend the condition or the parameters, or remove the binding")
        }
        Proof::Implied { rule: at, by, kind, witness } => parties(
            report::at(
                codes::IMPLIED_RULE,
                format!("whatever {kind} `{}` refuses, `{}` refuses too", rule(*at), rule(*by)),
                origin(*at)?,
            )
            .witness(vec![format!("both refuse {}", shown(witness))])
            .help("remove the binding, unless its message is what it is for"),
            [(rule(*by), origin(*by)?)].into_iter(),
        ),
        Proof::OrderDependent { first, second, witness, one, other } => parties(
            report::at(
                codes::ORDER_DEPENDENT,
                format!(
                    "`{}` and `{}` make different objects of one, by their order",
                    mutation(*first),
                    mutation(*second)
                ),
                mutation_origin(*first)?,
            )
            .witness(vec![
                format!("of {}", shown(witness)),
                format!("`{}` first: {}", mutation(*first), shown(one)),
                format!("`{}` first: {}", mutation(*second), shown(other)),
            ])
            .help("have one of them write the field, or bind them where they do not meet"),
            [(mutation(*second), mutation_origin(*second)?)].into_iter(),
        ),
        Proof::MutationRefused { mutation: at, rule: by, witness, mutated } => parties(
            report::at(
                codes::MUTATION_REFUSED,
                format!("`{}` makes what `{}` refuses", mutation(*at), rule(*by)),
                mutation_origin(*at)?,
            )
            .witness(vec![
                format!("{} passes", shown(witness)),
                format!("after the mutation it is refused: {}", shown(mutated)),
            ])
            .help("write a value that the rule lets pass"),
            [(rule(*by), origin(*by)?)].into_iter(),
        ),
        Proof::Lockout { rule: at, namespace, witness } => {
            let finding = report::at(
                codes::BLOCKS_RECOVERY,
                format!("`{}` is enforced in {namespace}, through which a cluster is mended", rule(*at)),
                origin(*at)?,
            )
            .because("what runs there keeps the cluster, or kspec itself, alive: refused once, it may not come back")
            .help(format!("leave {namespace} out, or `warn` there"));
            match witness {
                Some(witness) => finding.witness(vec![format!("refused there: {}", shown(witness))]),
                None => finding,
            }
        }
        Proof::NotDecided { .. } => return None,
    })
}

fn parties<'o>(mut finding: Finding, others: impl Iterator<Item = (&'o str, &'o Origin)>) -> Finding {
    for (name, origin) in others.take(PARTIES) {
        finding = finding.label(origin.at, format!("`{name}`"));
    }
    finding
}

fn a(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} {kind}")
}

/// An object in one line.
fn shown(object: &Value) -> String {
    object.to_string()
}
