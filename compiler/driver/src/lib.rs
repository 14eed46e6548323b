//! The compiler as one pure function.
//!
//! In: [`Facts`] and sources. Out: findings of every phase, the program, and what it lowers to. The command line, the
//! language server and the tests all go through [`Compiler`], so they all say the same.

mod bundle;
mod document;
mod hardening;
mod judged;
mod levels;
mod pod_security;
mod standards;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use kspec_diagnostics::{Code, Finding, Place, Severity, SourceMap, codes};
use kspec_lower::admission::{Lowering, Written};
use kspec_lower::{HostOutput, LoweredObject, Share, Shown};
use kspec_model::{Labels, Object, program::Program, rules::Table};
use kspec_posture::{Survey, SurveyBuilder, Surveyed};
use kspec_resolve::Session;

use self::{judged::Judged, levels::Levels};

pub use bundle::{BundleDocument, bundle_schema};
pub use document::{CheckDocument, FindingDocument, FixDocument, LabelDocument, check_schema};
pub use kspec_resolve::{Config, Environment, Facts, Lock, ManifestDoc, managed_flags, parse_config, parse_lock};
pub use pod_security::{Library, pod_security, pod_security_minor};
pub use standards::{Standards, StandardsError, Violated};

/// A program under edit.
pub struct Compiler {
    session: Session,
    judged: Judged,
    levels: Levels,
    /// Of the program as of the last check.
    lowering: OnceLock<Lowering>,
}

/// How much work the last [`Compiler::check`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Items parsed since the compiler began.
    pub parsed: usize,
    /// Items elaborated.
    pub elaborated: usize,
    /// Items whose own declarations were checked.
    pub checked_alone: usize,
    /// Items that were checked beside those that share a namespace or an object with them.
    pub checked_together: usize,
}

/// What [`Compiler::prove`] says, and the cluster that it was said of.
#[derive(Debug)]
pub struct Proved<'c> {
    /// Sorted by place; accepted ones left out.
    pub findings: Vec<Finding>,
    /// None where an error kept it from being asked: one in what the program says, so that nobody knows what it makes. It is large: a
    /// process that ends need not take it apart.
    pub survey: Option<Survey<'c>>,
}

/// What a program lowers to.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// Objects in the order in which they are safe to apply.
    pub objects: Vec<LoweredObject>,
    /// Files for the control plane's hosts.
    pub host: HostOutput,
    /// The rule table of the day, each entry with its place in its file.
    pub table: Written,
}

impl Compiler {
    /// A compiler with no sources yet.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        Self {
            session: Session::new(facts),
            judged: Judged::default(),
            levels: Levels::default(),
            lowering: OnceLock::new(),
        }
    }

    /// Parses many files side by side, ahead of setting them; see [`Session::parse_ahead`].
    pub fn parse_ahead(&mut self, texts: &[Arc<str>]) {
        self.session.parse_ahead(texts);
    }

    /// Adds or replaces a file; see [`Session::set_source`].
    pub fn set_source(&mut self, path: &str, text: impl Into<Arc<str>>) {
        self.session.set_source(path, text);
    }

    /// Forgets a file.
    pub fn remove_source(&mut self, path: &str) {
        self.session.remove_source(path);
    }

    /// The files of the standard library that the sources draw on; see [`Session::drawn_library`].
    pub fn drawn_library(&mut self) -> Vec<(&'static str, &'static str)> {
        self.session.drawn_library()
    }

    /// Every finding of the program: syntax, names, types, what does not fit together, what cannot be lowered. Sorted by
    /// place; accepted ones left out. Dynamic scopes range over the program's own namespaces.
    pub fn check(&mut self) -> Vec<Finding> {
        self.analyze();
        let findings = judge(&self.session, &self.lowering, &mut self.judged, &mut self.levels);
        self.settled(findings, |code| !kspec_posture::tells(code))
    }

    /// As [`Compiler::check`], and what the program's objects and the manifests beside it show as a cluster of their own. Where an
    /// error leaves open what these objects are, that its guarantees are not looked at.
    pub fn prove(&mut self) -> Proved<'_> {
        self.analyze();
        let (session, lowering) = (&self.session, &self.lowering);
        let (judged, levels) = (&mut self.judged, &mut self.levels);
        // Objects do not depend on what is said of them. A program that is wrong by itself is not asked about any.
        let sound = !session.findings().any(|finding| stops(&finding));
        let (mut findings, survey) = std::thread::scope(|scope| {
            let survey = sound.then(|| scope.spawn(|| survey(session, lowering)));
            let findings = judge(session, lowering, judged, levels);
            // Work that panics does so here too.
            (findings, survey.map(|survey| survey.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
        });
        let Some(survey) = survey.filter(|_| is_written(&findings)) else {
            findings.extend(self.not_looked_at());
            return Proved { findings: self.settled(findings, |code| !kspec_posture::tells(code)), survey: None };
        };
        findings.extend(kspec_posture::findings(&survey));
        Proved { findings: self.settled(findings, |_| true), survey: Some(survey) }
    }

    /// As [`Compiler::check`], with what `more` looks for where it is known what the program makes, as for [`Compiler::prove`]:
    /// findings of [`kspec_posture`], which the program's `accept`s are about as well.
    ///
    /// # Errors
    /// Those of `more`.
    pub fn check_with<E>(&mut self, more: impl FnOnce(&Self) -> Result<Vec<Finding>, E>) -> Result<Vec<Finding>, E> {
        self.analyze();
        let mut findings = judge(&self.session, &self.lowering, &mut self.judged, &mut self.levels);
        let sound = !self.session.findings().any(|finding| stops(&finding));
        if !sound || !is_written(&findings) {
            findings.extend(self.not_looked_at());
            return Ok(self.settled(findings, |code| !kspec_posture::tells(code)));
        }
        findings.extend(more(self)?);
        Ok(self.settled(findings, |_| true))
    }

    /// What the program makes by itself, with the manifests beside it; dynamic scopes range over its own namespaces.
    #[must_use]
    pub fn survey(&self) -> Survey<'_> {
        survey(&self.session, &self.lowering)
    }

    /// That promises are neither proved nor refuted; nothing where there is none.
    fn not_looked_at(&self) -> Option<Finding> {
        let guarantees = &self.session.view().guarantees;
        let first = guarantees.first()?.origin.at;
        let message = match guarantees.len() {
            1 => "a guarantee is not looked at".to_owned(),
            number => format!("{number} guarantees are not looked at, of which this is the first"),
        };
        let mut finding = Finding::new(codes::GUARANTEE_NOT_DECIDED, message, first)
            .because("the program has errors that leave open what it makes")
            .help("mend them: what is promised is held against the program then");
        finding.severity = Severity::Warning;
        Some(finding)
    }

    fn analyze(&mut self) {
        self.session.analyze();
        self.lowering = OnceLock::new();
    }

    fn settled(&self, findings: Vec<Finding>, looked: impl Fn(Code) -> bool) -> Vec<Finding> {
        let as_of = self.session.facts().as_of;
        self.sorted(kspec_checks::settle(self.judged.accepts(), findings, looked, as_of))
    }

    /// What the program lowers to, given the namespaces of the state that dynamic scopes range over.
    #[must_use]
    pub fn lower(&self, state_namespaces: &BTreeMap<String, Labels>) -> Lowered {
        let facts = self.session.facts();
        let (program, lowering) = (self.session.view(), self.lowering());
        let (objects, table) = kspec_lower::objects_and_table(&program, state_namespaces, facts.as_of, lowering);
        let (host, _) = kspec_lower::host(&program, &facts.config.kubernetes.to_string());
        Lowered { objects, host, table }
    }

    /// The program's rules and mutations as engines load them, as of the day, each with its place in its file.
    #[must_use]
    pub fn table(&self) -> Table {
        kspec_lower::admission::revised(self.lowering().table.clone())
    }

    fn lowering(&self) -> &Lowering {
        lowering_of(&self.session, &self.lowering)
    }

    /// The program as of the last [`Compiler::check`].
    #[must_use]
    pub fn program(&self) -> &Program {
        self.session.program()
    }

    /// Where everything stands.
    #[must_use]
    pub fn sources(&self) -> &SourceMap {
        self.session.sources()
    }

    /// What the program is compiled against.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.session.facts()
    }

    /// How much work the last check did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let kspec_resolve::Stats { parsed, elaborated } = self.session.stats();
        Stats { parsed, elaborated, checked_alone: self.judged.alone, checked_together: self.judged.together }
    }

    fn sorted(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        let sources = self.session.sources();
        findings.sort_by_cached_key(|finding| {
            // All places, so that the order depends on the sources alone and not on how the session came to them.
            let mut places = finding.labels.iter().map(|label| sources.position(&label.place));
            (places.next(), finding.code, finding.message.clone(), places.collect::<Vec<_>>())
        });
        findings.dedup();
        findings
    }
}

/// Whether lowering wrote all that the program says. Other findings of checks are about what is known in full, and hide nothing.
fn is_written(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.code != codes::INTERNET_WITHOUT_RANGES)
}

/// What every phase says, nothing taken out.
fn judge(session: &Session, lowering: &OnceLock<Lowering>, judged: &mut Judged, levels: &mut Levels) -> Vec<Finding> {
    let facts = session.facts();
    let (as_of, schema) = (facts.as_of, &*facts.schema);
    let lowering = || lowering_of(session, lowering);
    judged.update(session.project(), session.contributions(), session.changed(), (as_of, schema), &lowering);
    let mut findings: Vec<Finding> = session.findings().collect();
    findings.extend(judged.findings().cloned());
    findings.extend(levels.check(session));
    findings
}

/// The cluster that a program makes; see [`Compiler::survey`].
fn survey<'s>(session: &'s Session, lowering: &'s OnceLock<Lowering>) -> Survey<'s> {
    let facts = session.facts();
    let program = session.view();
    let lowering = lowering_of(session, lowering);
    let look = |share| {
        let mut builder = SurveyBuilder::default();
        kspec_lower::show_objects(&program, facts.as_of, lowering, share, &mut |shown, origin| {
            let place = Place::Source(origin.at);
            match shown {
                Shown::Object(object) => builder.add(Surveyed { object: Cow::Owned(object), place }),
                Shown::Known(key, known) => builder.add_known(key, known, place),
            }
        });
        builder
    };
    let mut builder = std::thread::scope(|scope| {
        let networks = scope.spawn(|| look(Share::Networks));
        let mut builder = look(Share::Others);
        // Work that panics does so here too.
        builder.join(networks.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        builder
    });
    // Of two objects with one key the first counts: what the program says of it.
    for document in &facts.manifests {
        builder.add(Surveyed {
            object: Cow::Owned(Object(document.value.clone())),
            place: Place::File { path: Arc::clone(&document.file), line: document.line, column: 1 },
        });
    }
    builder.finish(&facts.schema).declared(program, facts.as_of).ruled(&lowering.table)
}

/// The rule table without its revision, each entry with its place in its file; made once.
fn lowering_of<'l>(session: &Session, lowering: &'l OnceLock<Lowering>) -> &'l Lowering {
    lowering.get_or_init(|| {
        let (program, sources) = (session.view(), session.sources());
        let mut lowering = kspec_lower::admission::lowering(&program, session.facts().as_of);
        let Lowering { table, bindings, .. } = &mut lowering;
        let (rules, mutations) = bindings.split_at(table.rules.len().min(bindings.len()));
        for (bound, binding) in table.rules.iter_mut().zip(rules) {
            if let Some(binding) = program.rules.get(*binding) {
                binding.place(&mut bound.rule, sources);
            }
        }
        for (bound, binding) in table.mutations.iter_mut().zip(mutations) {
            if let Some(binding) = program.mutations.get(*binding) {
                binding.place(&mut bound.mutation, sources);
            }
        }
        lowering
    })
}

/// Whether a finding keeps a program from being lowered and proved: every error does, but for what is past its end date, which
/// counts no more and which a plan takes away.
#[must_use]
pub fn stops(finding: &Finding) -> bool {
    finding.severity == Severity::Error && finding.code != codes::EXPIRED
}

/// The heaviest severity among findings.
#[must_use]
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}
