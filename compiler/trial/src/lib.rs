//! A project's `test` blocks, run.
//!
//! In: tests, the rule table of the same program, and the namespaces that they speak of. Out: for each test what was asked,
//! what the rules said, and which expectations that meets. Verdicts are the evaluator's, as everywhere; objects are completed
//! as the API server would, and `cluster.all` sees what the test gives.

mod admit;
mod document;
mod expect;
mod given;

use std::collections::BTreeMap;

use kspec_diagnostics::SourceMap;
use kspec_model::Labels;
use kspec_model::program::{Expectation, Expected, Test};
use kspec_model::rules::Severity;
use kspec_rules::Evaluator;
use kspec_schema::Schema;
use serde_json::Value;

pub use document::{TestReport, report_schema};

/// What tests are run against.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// The program's rules and mutations, as of a day.
    pub evaluator: &'a Evaluator,
    /// The target's kinds.
    pub schema: &'a Schema,
    /// Namespaces that there are, with their labels.
    pub namespaces: &'a BTreeMap<&'a str, Labels>,
    /// Where rules stand.
    pub sources: &'a SourceMap,
    /// What became of the claims that tests make; one that is not among them is not decided.
    pub claims: &'a [Judged<'a>],
}

/// A claim, judged by whoever knows the whole cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'p> {
    /// The expectation that makes it.
    pub expected: &'p Expected,
    /// Whether it is as expected.
    pub status: Status,
    /// Why it is not, or nobody knows.
    pub why: String,
}

/// A test that was run.
#[derive(Debug, Clone)]
pub struct Ran<'p> {
    /// The test.
    pub test: &'p Test,
    /// Its expectations, in order.
    pub checks: Vec<Check<'p>>,
    /// What became of what it asks; none where it gives nothing to ask about.
    pub verdict: Option<Verdict>,
}

/// An expectation, held against the verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Check<'p> {
    /// What was expected.
    pub expected: &'p Expected,
    /// Whether it is so.
    pub status: Status,
    /// Why it is not, in a few words; empty where it passed.
    pub why: String,
}

/// How an expectation, or a whole test, came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As expected.
    Passed,
    /// Nothing here can say.
    NotDecided,
    /// Otherwise than expected.
    Failed,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// Rules that refuse it, in the table's order; none: it is let in.
    pub refusals: Vec<Said>,
    /// What the requester is warned of.
    pub warnings: Vec<Said>,
    /// What is written to the audit log alone.
    pub audited: Vec<Said>,
    /// Mutations that changed the object, by their names.
    pub mutated: Vec<String>,
    /// The object as mutations leave it.
    pub object: Option<Value>,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub rule: String,
    /// `file:line` of its declaration.
    pub source: String,
    /// How bad that is.
    pub severity: Severity,
    /// What is wrong, each with its place in the object where one is known.
    pub messages: Vec<(String, Option<String>)>,
    /// The rule's doc comment.
    pub help: Option<String>,
}

impl Verdict {
    /// Whether the request is let in.
    #[must_use]
    pub const fn allowed(&self) -> bool {
        self.refusals.is_empty()
    }
}

impl Ran<'_> {
    /// The worst of its expectations.
    #[must_use]
    pub fn status(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or(Status::NotDecided)
    }
}

/// Runs tests, in their order.
#[must_use]
pub fn run<'p>(tests: impl IntoIterator<Item = &'p Test>, bench: Bench<'_>) -> Vec<Ran<'p>> {
    tests.into_iter().map(|test| one(test, bench)).collect()
}

fn one<'p>(test: &'p Test, bench: Bench<'_>) -> Ran<'p> {
    let asked = test.given.last().map(|asked| (asked, given::Others::new(test, bench)));
    let request = asked.as_ref().map(|(given, others)| (given::Request::new(given, bench), others));
    match request {
        Some((Ok(request), others)) => {
            let verdict = admit::admit(&request, others, bench);
            let checks = test.expect.iter().map(|expected| {
                let (status, why) = expect::check(expected, &verdict, &request, others, bench);
                Check { expected, status, why }
            });
            let checks = checks.collect();
            Ran { test, checks, verdict: Some(verdict) }
        }
        nothing => {
            let why = match nothing {
                Some((Err(why), _)) => why,
                _ => "the test gives nothing to ask about".to_owned(),
            };
            let checks = test.expect.iter().map(|expected| {
                let (status, why) = match &expected.what {
                    Expectation::NotDecided(what) => (Status::NotDecided, what.clone()),
                    Expectation::Claim(_) => expect::claimed(expected, bench),
                    _ => (Status::NotDecided, why.clone()),
                };
                Check { expected, status, why }
            });
            Ran { test, checks: checks.collect(), verdict: None }
        }
    }
}
