//! The page of every finding runs: its examples that fail yield its code, and the others no error.

use kspec_diagnostics::{CATALOGUE, CodeInfo, Severity};

use crate::support::{CONFIG, compile_with, show};

/// What the compiler alone cannot show: it needs files, a command line or a state.
const ELSEWHERE: &[&str] = &[
    "K0005", "K0123", "K0124", "K0121", "K0125", "K0132", "K0225", "K0226", "K0227", "K0228", "K0233", "K0235",
    "K0408", "K0409", "K0410", "K0411", "K0412", "K0413", "K0414", "K0511", "K0512", "K0513", "K0514", "K0515",
    "K0516", "K0517", "K0519", "K0523", "K0524", "K0605", "K0606", "K0805", "K0901",
];

struct Block<'a> {
    fails: bool,
    text: &'a str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    page.split("```kspec")
        .skip(1)
        .filter_map(|rest| {
            let (head, rest) = rest.split_once('\n')?;
            let (text, _) = rest.split_once("\n```").or_else(|| rest.split_once("```"))?;
            Some(Block { fails: head.trim() == "fails", text })
        })
        .collect()
}

fn problem(info: &CodeInfo) -> Option<String> {
    let code = info.code.to_string();
    if ELSEWHERE.contains(&code.as_str()) {
        return None;
    }
    let blocks = blocks(info.page);
    if !blocks.iter().any(|block| block.fails) {
        return Some(format!("{code}: the page has no failing example"));
    }
    for block in blocks {
        // Pages about what a project does not say are read without it.
        let settings = if code == "K0407" { CONFIG.split("[network]").next().unwrap_or(CONFIG) } else { CONFIG };
        let (compiler, findings) = compile_with(settings, block.text);
        let shown = show(&findings, compiler.sources());
        let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        if block.fails && !findings.iter().any(|finding| finding.code == info.code) {
            return Some(format!("{code}: an example that should fail does not:\n{}\n{shown}", block.text));
        }
        // An example of what cannot be read need not be a whole project.
        let fragment = code.starts_with("K00");
        if block.fails && !fragment && errors.iter().any(|finding| finding.code != info.code) {
            return Some(format!("{code}: an example fails for another reason:\n{}\n{shown}", block.text));
        }
        if !block.fails && !errors.is_empty() {
            return Some(format!("{code}: an example that should pass fails:\n{}\n{shown}", block.text));
        }
    }
    None
}

#[test]
fn every_page_says_what_happens() {
    let problems: Vec<String> = CATALOGUE.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{} pages:\n{}", problems.len(), problems.join("\n"));
}
