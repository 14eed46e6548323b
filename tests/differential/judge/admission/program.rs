//! Projects of one module.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kspec_diagnostics::{Finding, Severity};
use kspec_model::program::{Date, Program};
use kspec_project::{Choice, load};
use kspec_schema::{KubeVersion, Schema};

/// The day on which programs are compiled.
pub(crate) const AS_OF: Date = Date { year: 2026, month: 11, day: 21 };

/// A module beside this file.
pub(crate) fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("judge/admission/{name}.kspec"));
    std::fs::read_to_string(path).unwrap()
}

/// A project's folder, with what is in it beside the module.
pub(crate) fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("admission-{name}"));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    root
}

/// A project, compiled.
pub(crate) struct Compiled {
    pub(crate) program: Program,
    pub(crate) schema: Arc<Schema>,
    /// What is proved of its rules.
    pub(crate) proved: Vec<Finding>,
}

/// Compiles a project of one module in a folder, for a version, with settings beside its name. Errors are a failure, but for what is proved
/// of rules.
pub(crate) fn compiled(root: &Path, name: &str, source: &str, version: KubeVersion, settings: &str) -> Compiled {
    let settings = format!("name = \"{name}\"\nedition = \"2026\"\nkubernetes = \"{version}\"\n{settings}");
    std::fs::write(root.join("kspec.toml"), settings).unwrap();
    std::fs::write(root.join("main.kspec"), source).unwrap();
    let choice = Choice { environment: None, as_of: AS_OF, update_lock: true };
    let mut project = load(root, &choice).unwrap_or_else(|cause| panic!("{cause:?}"));
    let mut findings = project.findings.clone();
    findings.extend(project.compiler.check());
    let (proved, others): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.code.to_string().starts_with("K05"));
    let sources = project.compiler.sources();
    let errors: Vec<String> = others
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| {
            let at = finding.labels.first().and_then(|label| sources.position(&label.place));
            format!("{} {} {at:?} {:?}", finding.code, finding.message, finding.help)
        })
        .collect();
    assert!(errors.is_empty(), "{}\n{source}", errors.join("\n"));
    let schema = Arc::clone(&project.compiler.facts().schema);
    Compiled { program: project.compiler.program().clone(), schema, proved }
}
