//! Guarantees, proved or refuted.
//!
//! In: a [`Survey`] with a program. Out: a [`Verdict`] on each of its guarantees: it holds, it is violated (with what shows it, and
//! the objects responsible), or it is not decided, and why. What is asked is put to the cluster that is surveyed, and to
//! namespaces yet to come where a guarantee is about them (`coming.rs`). `docs/analyses.md` argues why an answer is one.

mod access;
mod audited;
mod both;
mod coming;
mod edges;
mod labels;
mod minimal;
mod paths;
mod pods;
mod reach;

use std::cell::OnceCell;

use kspec_analysis::{
    abuse::{DynamicGrant, Paths},
    access::{Grantees, SubjectRef},
    net::{self, NetOptions, Reach},
};
use kspec_diagnostics::{Code, Finding, Place, codes};
use kspec_model::{
    ObjectKey,
    program::{Claim, Guarantee, View},
};

use self::{
    coming::Coming,
    pods::{Peopled, with_pods},
    reach::Maker,
};
use crate::Survey;

/// Every code of [`check`].
pub(crate) const CODES: &[Code] = &[
    codes::GUARANTEE_NOT_DECIDED,
    codes::NEVER_CAN_VIOLATED,
    codes::ALWAYS_CAN_VIOLATED,
    codes::NEVER_BY_ANY_PATH_VIOLATED,
    codes::NEVER_BOTH_VIOLATED,
    codes::NEVER_REACHES_VIOLATED,
    codes::ALWAYS_REACHES_VIOLATED,
    codes::AUDITED_VIOLATED,
];

/// What became of a guarantee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// It.
    pub guarantee: &'a Guarantee,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What the proof leaves out, and who could undo it.
    pub notes: Vec<String>,
}

/// Whether a guarantee holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Holds,
    /// It does not.
    Violated(Violation),
    /// It is not known, for this reason.
    NotDecided(String),
}

/// Why a guarantee does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is so, against it: one line.
    pub message: String,
    /// The chain, the packet, the request that shows it, a step a line.
    pub witness: Vec<String>,
    /// Objects that together suffice, none of which can be left out.
    pub responsible: Vec<Responsible>,
    /// What to do.
    pub help: String,
}

/// An object, or a declaration, that a violation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responsible {
    /// The object.
    pub object: ObjectKey,
    /// Where it is told of.
    pub place: Place,
    /// What it contributes.
    pub text: String,
}

/// Of a promise that the compiler refuses (K0134), whoever made it.
const EMPTY: &str = "`always` does not go with `both`, nor with chains";

const TOO_MANY: &str =
    "the program's dynamic scopes and policies tell too many sorts of namespaces apart to look at what may come";

/// Judges every guarantee of the program; none where there is no program.
#[must_use]
pub fn judge<'a>(survey: &Survey<'a>) -> Vec<Verdict<'a>> {
    let asking = survey.program.as_ref().filter(|(program, _)| !program.guarantees.is_empty());
    let Some((program, as_of)) = asking else { return Vec::new() };
    let coming = Coming::new(survey, program, *as_of);
    let connects = program.guarantees.iter().any(|guarantee| matches!(guarantee.claim, Claim::Reaches(_)));
    let pods = connects.then(|| with_pods(&coming, program));
    let reach = pods.as_ref().map(|pods| {
        let reach = net::reach(&pods.cluster, &NetOptions::default());
        reach.with_several(&pods.stand_ins)
    });
    let asked: Vec<SubjectRef> = program.guarantees.iter().flat_map(|guarantee| subjects(&guarantee.claim)).collect();
    let dynamic = crate::access::dynamic_grants(program);
    let prover = Prover {
        survey,
        program,
        coming: &coming,
        grantees: Grantees::new(&coming.cluster),
        reach: reach.as_ref(),
        pods: pods.as_ref(),
        asked: &asked,
        dynamic: &dynamic,
        paths: OnceCell::new(),
        makers: OnceCell::new(),
    };
    program.guarantees.iter().copied().map(|guarantee| prover.judge(guarantee)).collect()
}

/// Subjects that a claim names.
fn subjects(claim: &Claim) -> Vec<SubjectRef> {
    match claim {
        Claim::Can(can) => can.subjects.iter().filter_map(access::subject).map(|subject| subject.plain()).collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    findings.extend(judge(survey).into_iter().filter_map(|verdict| finding(&verdict)));
}

/// What is asked.
struct Prover<'s, 'a> {
    survey: &'s Survey<'a>,
    program: &'s View<'a>,
    coming: &'s Coming<'s>,
    grantees: Grantees<'s>,
    /// Who reaches whom, where a guarantee asks.
    reach: Option<&'s Reach<'s>>,
    /// Pods that are there for some peers alone, likewise.
    pods: Option<&'s Peopled<'s>>,
    /// Subjects that guarantees name, whether or not a binding does.
    asked: &'s [SubjectRef],
    /// Grants whose scope is told by labels.
    dynamic: &'s [DynamicGrant],
    /// The graph of abuse, once a guarantee asks.
    paths: OnceCell<Paths<'s>>,
    /// Who may make pods, once a guarantee asks.
    makers: OnceCell<Vec<Maker>>,
}

impl<'a> Prover<'_, 'a> {
    fn judge(&self, guarantee: &'a Guarantee) -> Verdict<'a> {
        let mut notes = Vec::new();
        let outcome = match &guarantee.claim {
            Claim::Can(can) => self.can(guarantee.always, can, &mut notes),
            Claim::Both { first, second, scope } if !guarantee.always => {
                self.never_both([first, second], scope, &mut notes)
            }
            Claim::Both { .. } => Outcome::NotDecided(EMPTY.to_owned()),
            Claim::Reaches(reaches) => match self.reach {
                Some(reach) => self.reaches(guarantee.always, reaches, reach, &mut notes),
                None => Outcome::NotDecided("nothing was asked about connections".to_owned()),
            },
            Claim::Audited(audited) => self.audited(guarantee.always, audited, &mut notes),
        };
        let outcome = match outcome {
            Outcome::Violated(violation) => Outcome::Violated(self.introduced(violation)),
            outcome => outcome,
        };
        Verdict { guarantee, outcome, notes }
    }

    /// With the labels of namespaces yet to come that the witness passes through.
    fn introduced(&self, mut violation: Violation) -> Violation {
        let said = |text: &str, name: &str| {
            let is_of_name = |byte: Option<char>| byte.is_some_and(|one| one.is_ascii_alphanumeric() || one == '-');
            text.match_indices(name).any(|(at, _)| {
                let (before, rest) = (text.get(..at), text.get(at + name.len()..));
                !is_of_name(before.and_then(|text| text.chars().next_back()))
                    && !is_of_name(rest.and_then(|text| text.chars().next()))
            })
        };
        for name in self.coming.namespaces.keys() {
            let what = self.coming.say(name);
            let passes = violation.witness.iter().any(|line| said(line, name));
            if passes && !violation.witness.iter().any(|line| line.contains(&what)) {
                violation.witness.push(format!("`{name}` is {what}"));
            }
        }
        violation
    }

    /// As [`Self::whole`], of connections.
    fn whole_of_connections(&self) -> Outcome {
        if self.coming.connections { self.whole() } else { Outcome::NotDecided(TOO_MANY.to_owned()) }
    }

    /// That it holds, unless there are more sorts of namespaces to come than were thought of.
    fn whole(&self) -> Outcome {
        if self.coming.whole {
            return Outcome::Holds;
        }
        Outcome::NotDecided(TOO_MANY.to_owned())
    }

    /// Who may allow what RBAC does not; nodes' own authorizer does so for nodes alone.
    fn authorizers(&self) -> Option<String> {
        let others: Vec<&str> =
            self.survey.authorizers.iter().map(String::as_str).filter(|name| *name != "Node").collect();
        (!others.is_empty()).then(|| format!("the API server also asks {}, which may allow it", others.join(", ")))
    }

    fn responsible(&self, object: &ObjectKey, text: impl Into<String>) -> Responsible {
        Responsible { object: object.clone(), place: self.coming.place(self.survey, object), text: text.into() }
    }

    /// What could not be read of these resources, where anything could not.
    fn unread(&self, resources: &[&str]) -> Option<String> {
        let lines = self.survey.unread_of(resources);
        (!lines.is_empty()).then(|| format!("the state is not whole: {}", lines.join("; ")))
    }
}

/// ``group `oidc:sre` ``.
fn say(subject: &SubjectRef) -> String {
    match subject {
        SubjectRef::User { name } => format!("user `{name}`"),
        SubjectRef::Group { name } => format!("group `{name}`"),
        SubjectRef::ServiceAccount { namespace, name } => format!("service account `{namespace}/{name}`"),
    }
}

/// `RoleBinding payments/release`, as people name objects.
fn short(object: &ObjectKey) -> String {
    match &object.namespace {
        Some(namespace) => format!("{} {namespace}/{}", object.kind, object.name),
        None => format!("{} {}", object.kind, object.name),
    }
}

/// A verdict as a finding; none for what holds.
fn finding(verdict: &Verdict<'_>) -> Option<Finding> {
    let guarantee = verdict.guarantee;
    let stamped = |finding: Finding| {
        guarantee.origin.uses.iter().fold(finding, |finding, place| finding.label(*place, "stamped here"))
    };
    match &verdict.outcome {
        Outcome::Holds => None,
        Outcome::NotDecided(why) => {
            let message = format!("not decided: {}", guarantee.text);
            let finding = Finding::new(codes::GUARANTEE_NOT_DECIDED, message, guarantee.origin.at);
            Some(stamped(finding.because(why.clone())).help("do not rely on it: nothing says that it holds"))
        }
        Outcome::Violated(violation) => {
            let message = format!("does not hold: {}", guarantee.text);
            let finding = Finding::new(code(guarantee), message, guarantee.origin.at).because(&violation.message);
            let finding = violation.responsible.iter().fold(stamped(finding), |finding, responsible| {
                finding.label(responsible.place.clone(), &responsible.text)
            });
            Some(finding.witness(violation.witness.clone()).help(&violation.help))
        }
    }
}

fn code(guarantee: &Guarantee) -> Code {
    match (&guarantee.claim, guarantee.always) {
        (Claim::Can(can), false) if can.by_any_path => codes::NEVER_BY_ANY_PATH_VIOLATED,
        (Claim::Can(_), false) => codes::NEVER_CAN_VIOLATED,
        (Claim::Can(_), true) => codes::ALWAYS_CAN_VIOLATED,
        (Claim::Both { .. }, _) => codes::NEVER_BOTH_VIOLATED,
        (Claim::Reaches(_), false) => codes::NEVER_REACHES_VIOLATED,
        (Claim::Reaches(_), true) => codes::ALWAYS_REACHES_VIOLATED,
        (Claim::Audited(_), _) => codes::AUDITED_VIOLATED,
    }
}
