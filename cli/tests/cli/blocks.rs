//! Programs and links in the documents.

use std::{fs, sync::Arc};

use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_diagnostics::{Severity, codes};
use kspec_model::program::Date;
use kspec_schema::Schema;

use crate::support::{pages, repository};

const CONFIG: &str = r#"
name = "docs"
edition = "2026"
kubernetes = "1.36"
[network]
pods = ["10.244.0.0/16"]
services = ["10.96.0.0/12"]
nodes = ["192.168.10.0/24"]
"#;

/// ```` ```kspec ```` blocks with the line that they begin on.
fn programs(page: &str) -> Vec<(usize, String)> {
    let mut programs = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, number) in page.lines().zip(1..) {
        match &mut open {
            None if line.trim() == "```kspec" => open = Some((number, String::new())),
            None => {}
            Some(_) if line.trim() == "```" => programs.extend(open.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    programs
}

#[test]
fn programs_in_documents_compile() {
    // What runs the webhook is no matter of an excerpt.
    let settings = format!("{CONFIG}[admission.webhook]\ncert_manager = \"kspec-system/kspec-webhook\"\n");
    let config = parse_config("kspec.toml", &settings).expect("a project file");
    let schema = Schema::bundled(config.kubernetes);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(repository().join(&page)).expect("a page");
        for (line, program) in programs(&text) {
            seen += 1;
            let mut compiler = Compiler::new(Facts {
                config: config.clone(),
                schema: Arc::clone(&schema),
                manifests: Vec::new(),
                environment: None,
                as_of: Date { year: 2026, month: 11, day: 21 },
                library: kspec_stdlib::FILES,
                rego: std::collections::BTreeMap::new(),
                webhook_ca: None,
            });
            compiler.set_source("main.kspec", program);
            for finding in compiler.prove().findings {
                // What an excerpt declares is used outside it.
                if finding.severity >= Severity::Warning && finding.code != codes::UNUSED_DECLARATION {
                    wrong.push(format!("{page}:{line}: {} {}", finding.code, finding.message));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 10, "only {seen} programs were found");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(repository().join(&page)).expect("a page");
        let folder = repository().join(&page).parent().expect("a folder").to_owned();
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default().split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.contains(' ') && !folder.join(target).exists() {
                dead.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}
