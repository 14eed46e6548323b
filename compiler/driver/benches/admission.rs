//! Compiling 1,000 bound rules: parsing, checking, the rule table and the API server's policies with their CEL. Parsing and
//! checking alone is the baseline of the same run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use divan::Bencher;
use kspec_compiler::{BundleDocument, Compiler, Facts, parse_config};
use kspec_diagnostics::Severity;
use kspec_model::program::Date;
use kspec_schema::Schema;

const RULES: usize = 1000;
const CONFIG: &str = "name = \"bench\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n";

/// The command's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// Rules of a few shapes, in files of fifty, each bound in the cluster.
fn sources() -> Vec<(String, String)> {
    let mut files: Vec<String> = vec![String::new(); RULES / 50];
    let count = files.len();
    for (n, at) in (0..RULES).zip((0..count).cycle()) {
        let Some(file) = files.get_mut(at) else { continue };
        let body = match n % 4 {
            0 => format!(
                "  for c in all_containers {{ deny if c.ports.any(p => p.containerPort == {n}) because \"{{c.name}} listens on {n}\" }}"
            ),
            1 => format!(
                "  for c in all_containers {{ deny if c.image.like(\"r{n}.example.com/*\") ?? false because \"{{c.name}} uses {{c.image ?? \\\"none\\\"}}\" }}"
            ),
            2 => format!(
                "  deny if object.metadata.labels[\"team\"] == \"t{n}\" && !(object.spec.securityContext.runAsNonRoot ?? false) because \"team {n}\""
            ),
            _ => format!(
                "  for c in containers, init_containers {{ deny if (c.resources.limits.memory ?? 0) > {n}Mi because \"{{c.name}} may use too much\" }}"
            ),
        };
        let _ = write!(file, "/// Rule {n}.\nrule r{n} on Pod {{\n{body}\n}}\nenforce r{n}\n\n");
    }
    files.into_iter().enumerate().map(|(n, text)| (format!("m{n}.kspec"), text)).collect()
}

fn compiler(sources: &[(String, Arc<str>)]) -> Option<Compiler> {
    let config = parse_config("kspec.toml", CONFIG).ok()?;
    let mut compiler = Compiler::new(Facts {
        schema: Schema::bundled(config.kubernetes),
        config,
        manifests: Vec::new(),
        environment: None,
        as_of: Date { year: 2026, month: 11, day: 21 },
        library: kspec_stdlib::FILES,
        rego: BTreeMap::new(),
        webhook_ca: None,
    });
    for (path, text) in sources {
        compiler.set_source(path, Arc::clone(text));
    }
    let findings = compiler.check();
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Some(compiler)
}

fn shared() -> Vec<(String, Arc<str>)> {
    sources().into_iter().map(|(path, text)| (path, Arc::from(text))).collect()
}

#[divan::bench(sample_count = 10)]
fn check(bencher: Bencher<'_, '_>) {
    let sources = shared();
    bencher.bench_local(|| compiler(&sources).is_some());
}

#[divan::bench(sample_count = 10)]
fn compile(bencher: Bencher<'_, '_>) {
    let sources = shared();
    bencher.bench_local(|| compiler(&sources).map(|compiler| compiler.lower(&BTreeMap::new()).objects.len()));
}

#[divan::bench(sample_count = 10)]
fn lower(bencher: Bencher<'_, '_>) {
    let Some(compiler) = compiler(&shared()) else { return };
    bencher.bench_local(|| compiler.lower(&BTreeMap::new()).objects.len());
}

/// As `compile`, and all that `kspec compile` writes.
#[divan::bench(sample_count = 10)]
fn write(bencher: Bencher<'_, '_>) {
    let sources = shared();
    bencher.bench_local(|| {
        let compiler = compiler(&sources)?;
        let lowered = compiler.lower(&BTreeMap::new());
        Some(std::thread::scope(|scope| {
            let bundle = scope.spawn(|| BundleDocument::new(&compiler, &lowered).to_json().len());
            let manifests = lowered.objects.iter().map(|lowered| kspec_lower::to_yaml(&lowered.object).len());
            manifests.sum::<usize>() + bundle.join().unwrap_or_default()
        }))
    });
}
