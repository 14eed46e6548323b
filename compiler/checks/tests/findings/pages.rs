//! The pages of these families run: a block that fails yields its page's code and no error besides, one that does not
//! yields neither.

use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_diagnostics::{CATALOGUE, Code, Finding, Severity};
use kspec_schema::Schema;

use crate::fixture::TODAY;

fn check(source: &str) -> Vec<Finding> {
    let config = parse_config("kspec.toml", "name = \"page\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n").unwrap();
    let schema = Schema::bundled(config.kubernetes);
    let mut compiler =
        Compiler::new(Facts { config, schema, manifests: vec![], environment: None, as_of: TODAY, library: &[] });
    compiler.set_source("main.kspec", source);
    compiler.check()
}

/// The page's blocks, and whether each is meant to fail.
fn blocks(page: &str) -> Vec<(bool, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in page.lines() {
        match (&mut open, line) {
            (None, "```kspec fails") => open = Some((true, String::new())),
            (None, "```kspec") => open = Some((false, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

fn ours(code: Code) -> bool {
    let text = code.to_string();
    matches!(text.as_str(), "K0106" | "K0126") || (text.as_str() > "K0200" && text.as_str() < "K0900")
}

#[test]
fn every_page_keeps_its_word() {
    let mut wrong = Vec::new();
    for info in CATALOGUE.iter().filter(|info| ours(info.code)) {
        let blocks = blocks(info.page);
        if !blocks.iter().any(|(fails, _)| *fails) {
            wrong.push(format!("{}: no example that fails", info.code));
        }
        for (fails, source) in blocks {
            let findings = check(&source);
            let told: Vec<String> =
                findings.iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect();
            if findings.iter().any(|finding| finding.code == info.code) != fails {
                wrong.push(format!("{}: fails is {fails}, told {told:?}\n{source}", info.code));
            }
            let besides = |finding: &&Finding| finding.code != info.code && finding.severity > Severity::Information;
            wrong.extend(
                findings
                    .iter()
                    .filter(besides)
                    .map(|other| format!("{}: besides, {} {}\n{source}", info.code, other.code, other.message)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
