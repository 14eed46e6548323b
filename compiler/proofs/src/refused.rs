//! Enforced rules of one place, none of whose objects pass.

use std::collections::{BTreeMap, BTreeSet};

use kspec_model::rules::Action;
use serde_json::Value;

use crate::search::{ANYTHING, Doubt, Found, doubt, search};
use crate::single::{Single, Want};
use crate::site::Site;
use crate::{Kind, Proof, Question};

/// Rules that together refuse everything, where they do, with as few of them as do so; and what is not decided.
pub(crate) fn prove(kind: &Kind<'_>, proofs: &mut Vec<Proof>) {
    let mut plain = Plain::default();
    let mut told: BTreeSet<Vec<usize>> = BTreeSet::new();
    for (at, place) in kind.places.iter().enumerate() {
        let holds =
            |(rule, single): &(usize, &Single<'_>)| single.bound.action == Action::Deny && kind.spots.holds(*rule, at);
        let there: Vec<(usize, &Single<'_>)> = kind.singles.iter().enumerate().filter(holds).collect();
        let Some(site) = there.first().and_then(|(_, first)| kind.site(first, at)) else { continue };
        if there.iter().all(|(rule, single)| plain.passes(*rule, single, site)) {
            continue;
        }
        let there: Vec<&Single<'_>> = there.into_iter().map(|(_, single)| single).collect();
        let refusing = match judged(site, &there) {
            Judged::Passable => continue,
            Judged::Refuse(rules) => rules,
            Judged::Open(parts) => {
                for (rules, why) in parts {
                    let rules: Vec<usize> = rules.iter().map(|single| single.at).collect();
                    if told.insert(rules.clone()) {
                        proofs.push(Proof::NotDecided { rules, question: Question::Passable, why });
                    }
                }
                continue;
            }
        };
        let minimal = minimal(site, refusing);
        let rules: Vec<usize> = minimal.iter().map(|single| single.at).collect();
        if told.insert(rules.clone()) {
            let namespace = place.name().map(str::to_owned);
            let witnesses = witnesses(site, &minimal);
            proofs.push(Proof::RefuseAll { rules, kind: kind.name.clone(), namespace, witnesses });
        }
    }
}

/// What is known of rules of one place.
enum Judged<'s, 't> {
    /// Some object passes them all.
    Passable,
    /// None passes these.
    Refuse(Vec<&'s Single<'t>>),
    /// It is not decided whether these fit together, and why.
    Open(Vec<(Vec<&'s Single<'t>>, &'static str)>),
}

/// An undecided rule leaves those in doubt that read what it reads, and no others.
fn judged<'s, 't>(site: &Site<'_>, there: &[&'s Single<'t>]) -> Judged<'s, 't> {
    let why = match passing(site, there) {
        Found::Object(_) => return Judged::Passable,
        Found::None => return Judged::Refuse(there.to_vec()),
        Found::NotDecided(why) => why,
    };
    let of =
        |rules: &[usize]| -> Vec<&'s Single<'t>> { rules.iter().filter_map(|at| there.get(*at)).copied().collect() };
    match doubt(site, there) {
        Doubt::Parts(parts) => Judged::Open(parts.iter().map(|(rules, why)| (of(rules), *why)).collect()),
        Doubt::Contradiction(rules) if passing(site, &of(&rules)) == Found::None => Judged::Refuse(of(&rules)),
        Doubt::Contradiction(_) | Doubt::Everything => Judged::Open(vec![(there.to_vec(), why)]),
    }
}

fn passing(site: &Site<'_>, rules: &[&Single<'_>]) -> Found {
    let wanted: Vec<_> = rules.iter().map(|single| (*single, Want::Passes)).collect();
    search(site, &wanted, &BTreeMap::new(), ANYTHING)
}

/// What can be left out is, so that none can be left out of what remains.
fn minimal<'s, 't>(site: &Site<'_>, there: Vec<&'s Single<'t>>) -> Vec<&'s Single<'t>> {
    let mut minimal = there.clone();
    for candidate in &there {
        let without = but(&minimal, candidate);
        if !without.is_empty() && passing(site, &without) == Found::None {
            minimal = without;
        }
    }
    minimal
}

/// For each rule, an object that the others let pass.
fn witnesses(site: &Site<'_>, minimal: &[&Single<'_>]) -> Vec<Value> {
    let witnesses = minimal.iter().filter_map(|left_out| {
        let others = but(minimal, left_out);
        match passing(site, &others) {
            Found::Object(object) if !others.is_empty() => Some(object),
            _ => None,
        }
    });
    witnesses.collect()
}

fn but<'s, 't>(rules: &[&'s Single<'t>], left_out: &Single<'_>) -> Vec<&'s Single<'t>> {
    rules.iter().copied().filter(|single| single.at != left_out.at).collect()
}

/// Which rules let the plainest object pass.
#[derive(Default)]
struct Plain {
    /// Of rules that judge it alike in every place.
    known: BTreeMap<usize, bool>,
}

impl Plain {
    fn passes(&mut self, rule: usize, single: &Single<'_>, site: &Site<'_>) -> bool {
        let judged = || single.is(Want::Passes, site, &site.base) == Some(true);
        // Inside of the fragment a rule reads the object alone, and of that only its namespace's name differs.
        let alike = single.reads.outside.is_none()
            && single.reads.places.keys().all(|path| path.0.get(1).and_then(|seg| seg.name()) != Some("namespace"));
        if alike { *self.known.entry(rule).or_insert_with(judged) } else { judged() }
    }
}
