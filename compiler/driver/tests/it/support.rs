//! Projects given as text.

use kspec_compiler::{Compiler, Config, Facts, ManifestDoc, parse_config};
use kspec_diagnostics::{Finding, SourceMap};
use kspec_model::program::Date;
use kspec_schema::Schema;

/// The day that tests run on.
pub(crate) const DAY: Date = Date { year: 2026, month: 11, day: 21 };

/// The project file of tests that state none.
pub(crate) const CONFIG: &str = r#"
name = "shop"
edition = "2026"
kubernetes = "1.36"
[network]
pods = ["10.244.0.0/16"]
services = ["10.96.0.0/12"]
nodes = ["192.168.10.0/24"]
"#;

pub(crate) fn config(text: &str) -> Config {
    parse_config("kspec.toml", text).expect("a project file")
}

pub(crate) fn facts(config: Config, environment: Option<&str>, manifests: Vec<ManifestDoc>) -> Facts {
    Facts {
        schema: Schema::bundled(config.kubernetes),
        config,
        manifests,
        environment: environment.map(str::to_owned),
        as_of: DAY,
        library: kspec_stdlib::FILES,
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    }
}

/// A compiler over one module.
pub(crate) fn compile(source: &str) -> (Compiler, Vec<Finding>) {
    compile_with(CONFIG, source)
}

/// A compiler over one module of a project with these settings.
pub(crate) fn compile_with(settings: &str, source: &str) -> (Compiler, Vec<Finding>) {
    let mut compiler = Compiler::new(facts(config(settings), None, Vec::new()));
    compiler.set_source("main.kspec", source);
    let findings = compiler.prove().findings;
    (compiler, findings)
}

/// Findings with message, help and the text that each label underlines.
pub(crate) fn show(findings: &[Finding], sources: &SourceMap) -> String {
    let mut out = String::new();
    for finding in findings {
        out.push_str(&format!("{} {:?}: {}\n", finding.code, finding.severity, finding.message));
        for label in &finding.labels {
            let place = sources.position(&label.place);
            let underlined = match &label.place {
                kspec_diagnostics::Place::Source(location) => {
                    sources.absolute(*location).and_then(|(_, file, range)| {
                        file.text.get(range.start as usize..range.end as usize).map(str::to_owned)
                    })
                }
                _ => None,
            };
            let at = place.map(|place| format!("{}:{}:{}", place.path, place.line, place.column)).unwrap_or_default();
            let first = underlined.unwrap_or_default();
            let first = first.lines().next().unwrap_or_default();
            out.push_str(&format!("  {at} `{first}` {}\n", label.text));
        }
        if let Some(help) = &finding.help {
            out.push_str(&format!("  help: {help}\n"));
        }
        for fix in &finding.fixes {
            out.push_str(&format!("  fix: {}\n", fix.title));
        }
    }
    out
}
