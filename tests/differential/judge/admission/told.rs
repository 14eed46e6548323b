//! What rules say of a request: the form in which engines are compared.

use std::collections::BTreeSet;

use kspec_model::rules::Action;
use kspec_rules::{Decision, Outcome};
use kspec_test_harness::Answer;

/// A rule's name, and what it says, as one line.
pub(crate) type Line = (String, String);

/// What rules say of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// What refuses it.
    pub(crate) refusals: BTreeSet<Line>,
    /// What is refused at the pods that it stamps, and warned of here.
    pub(crate) of_pods: BTreeSet<Line>,
    /// What the requester is warned of beside that.
    pub(crate) warnings: BTreeSet<Line>,
    /// What the audit log alone is told.
    pub(crate) audited: BTreeSet<Line>,
    /// How many rules were asked.
    pub(crate) verdicts: usize,
}

/// Text as one line, however its white space is written.
pub(crate) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A message without the severities that stand behind the names of rules.
pub(crate) fn without_severities(text: &str) -> String {
    let words = ["low", "medium", "high", "critical"];
    words.iter().fold(text.to_owned(), |text, word| text.replace(&format!(" ({word}): "), ": "))
}

impl Told {
    /// What the evaluator says. `Err` where a rule has no verdict: nothing here asks for one.
    pub(crate) fn of(outcomes: &[Outcome<'_>]) -> Result<Self, String> {
        let mut told = Self { verdicts: outcomes.len(), ..Self::default() };
        for outcome in outcomes {
            let violations = match &outcome.decision {
                Decision::Pass => continue,
                Decision::Fault(fault) => return Err(format!("{} has no verdict: {fault:?}", outcome.bound.id)),
                Decision::Violations(violations) => violations,
            };
            for violation in violations {
                let list = match outcome.bound.action {
                    Action::Audit => &mut told.audited,
                    Action::Deny if !violation.warn && outcome.advisory => &mut told.of_pods,
                    Action::Deny if !violation.warn => &mut told.refusals,
                    Action::Deny | Action::Warn => &mut told.warnings,
                };
                list.insert((outcome.bound.rule.name.clone(), line(&violation.message)));
            }
        }
        Ok(told)
    }

    /// What the server warns of.
    pub(crate) fn warned(&self) -> BTreeSet<Line> {
        self.warnings.union(&self.of_pods).cloned().collect()
    }
}

/// The difference of two sets of lines; none where there is none.
pub(crate) fn differ(what: &str, given: &BTreeSet<Line>, expected: &BTreeSet<Line>) -> Option<String> {
    if given == expected {
        return None;
    }
    let only = |one: &BTreeSet<Line>, other: &BTreeSet<Line>| -> Vec<String> {
        one.difference(other).map(|(rule, message)| format!("{rule}: {message}")).collect()
    };
    Some(format!("{what}: only it says {:#?}, only the others say {:#?}", only(given, expected), only(expected, given)))
}

/// Whether admission let a request in. Whoever connects to a pod that runs nowhere gets no further.
pub(crate) fn let_in(answer: &Answer) -> bool {
    answer.is_ok() || answer.message().contains("does not have a host assigned")
}

/// The texts of an answer's `Warning` headers: `299 - "…"`.
pub(crate) fn warnings(answer: &Answer) -> Vec<String> {
    let text = |warning: &String| {
        let text = warning.strip_prefix("299 - \"").and_then(|text| text.strip_suffix('"')).unwrap_or(warning);
        text.replace("\\\"", "\"").replace("\\\\", "\\")
    };
    answer.warnings.iter().map(text).collect()
}

/// The server cuts warnings that are long together: none may be there that is not expected, and where they fit, none may
/// lack.
pub(crate) fn warned_as(given: &[String], expected: &BTreeSet<String>) -> Result<(), String> {
    let head = |text: &str| line(text).chars().take(200).collect::<String>();
    for warning in given {
        if !expected.iter().any(|expected| line(expected).starts_with(&head(warning))) {
            return Err(format!("it warns of what nobody else does: {warning}\nexpected {expected:#?}"));
        }
    }
    let total: usize = expected.iter().map(|warning| warning.chars().count()).sum();
    if total < 4000 && given.len() != expected.len() {
        return Err(format!("it warns of {given:#?}, the others of {expected:#?}"));
    }
    Ok(())
}
