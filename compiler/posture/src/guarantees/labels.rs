//! Namespaces that are not there yet: labels that satisfy some selectors and not others.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::{LabelSelector, Labels, Operator, Requirement};

/// The label that the API server sets to a namespace's own name.
pub(crate) const NAME: &str = "kubernetes.io/metadata.name";
/// How many ways to miss selectors are tried.
const TRIES: usize = 10_000;

/// Labels of a namespace that every one of `all` selects and none of `none` does; it is called `fresh` unless they name it, and
/// never as one that is `taken`. `None` where there are no such labels.
///
/// Requirements about different keys have nothing to do with each other, and those about one key tell apart only its absence,
/// the values that they name, and every other value alike: one value of each sort stands for all. Missing a selector is missing
/// one of its requirements; every choice of these is tried.
pub(crate) fn satisfy(
    all: &[&LabelSelector],
    none: &[&LabelSelector],
    fresh: &str,
    taken: &dyn Fn(&str) -> bool,
) -> Option<Labels> {
    let mut wanted: Vec<Requirement> = all.iter().flat_map(|selector| requirements(selector)).collect();
    let mut tries = TRIES;
    missing(&mut wanted, none, fresh, taken, &mut tries)
}

fn missing(
    wanted: &mut Vec<Requirement>,
    none: &[&LabelSelector],
    fresh: &str,
    taken: &dyn Fn(&str) -> bool,
    tries: &mut usize,
) -> Option<Labels> {
    *tries = tries.checked_sub(1)?;
    let labels = choose(wanted, fresh, taken)?;
    let Some(selector) = none.iter().find(|selector| selector.matches(&labels)) else { return Some(labels) };
    for requirement in requirements(selector) {
        wanted.push(negated(requirement));
        let found = missing(wanted, none, fresh, taken, tries);
        wanted.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Labels that meet every requirement.
fn choose(wanted: &[Requirement], fresh: &str, taken: &dyn Fn(&str) -> bool) -> Option<Labels> {
    let keys: BTreeSet<&str> = wanted.iter().map(|one| one.key.as_str()).chain([NAME]).collect();
    let mut labels = Labels::new();
    for key in keys {
        let of = || wanted.iter().filter(move |one| one.key == key);
        let named = of().flat_map(|one| &one.values).map(String::as_str).filter(|value| key != NAME || !taken(value));
        let other = if key == NAME { fresh } else { "other" };
        // Absence first: the fewer labels, the plainer the example. A name is never absent.
        let candidates = [None].into_iter().filter(|_| key != NAME).chain([other].map(Some)).chain(named.map(Some));
        let value = candidates.into_iter().find(|value| {
            let one: Labels = value.iter().map(|value| (key.to_owned(), (*value).to_owned())).collect();
            of().all(|requirement| requirement.matches(&one))
        })?;
        labels.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    }
    Some(labels)
}

fn requirements(selector: &LabelSelector) -> Vec<Requirement> {
    let pair = |(key, value): (&String, &String)| Requirement {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    };
    selector.match_labels.iter().map(pair).chain(selector.match_expressions.iter().cloned()).collect()
}

fn negated(requirement: Requirement) -> Requirement {
    let operator = match requirement.operator {
        Operator::In => Operator::NotIn,
        Operator::NotIn => Operator::In,
        Operator::Exists => Operator::DoesNotExist,
        Operator::DoesNotExist => Operator::Exists,
    };
    Requirement { operator, ..requirement }
}

/// Labels as `kubectl` writes them, the name that says nothing left out.
pub(crate) fn shown(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> =
        labels.iter().filter(|(key, _)| *key != NAME).map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "without labels".to_owned() } else { format!("labelled {}", pairs.join(",")) }
}

/// Labels as a part of a name.
pub(crate) fn plain(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}-{value}")).collect::<Vec<_>>().join("-")
}
