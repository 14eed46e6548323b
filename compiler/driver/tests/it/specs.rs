//! The language's semantics: Markdown under `compiler/specs/`, whose examples run.
//!
//! In a ```` ```kspec ```` block, a line that ends in `// error: K0102`, `// warning: K0201` or `// note: K0126` has exactly
//! that finding as its primary place, and no line has another one of error or warning severity. Several are separated by
//! commas, one that occurs twice written twice. A file may set its project with one ```` ```toml ```` block.

use std::{fs, path::Path};

use kspec_compiler::Compiler;
use kspec_diagnostics::Severity;

use crate::support::{CONFIG, config, facts, show};

/// Sorted; a line may have one finding more than once.
type Expected = Vec<(u32, String, String)>;

fn expected(text: &str) -> Expected {
    let mut all: Expected = text
        .lines()
        .zip(1_u32..)
        .filter_map(|(line, number)| {
            let (_, comment) = line.rsplit_once("// ")?;
            let (severity, codes) = comment.split_once(": ")?;
            matches!(severity, "error" | "warning" | "note")
                .then(|| codes.split(", ").map(move |code| (number, severity.to_owned(), code.trim().to_owned())))
        })
        .flatten()
        .collect();
    all.sort();
    all
}

fn run(path: &Path) -> Vec<String> {
    let page = fs::read_to_string(path).expect("a spec");
    let mut settings = CONFIG.to_owned();
    let mut problems = Vec::new();
    for part in page.split("```").collect::<Vec<_>>().chunks(2) {
        let Some(fenced) = part.get(1) else { continue };
        let (language, text) = fenced.split_once('\n').expect("a fence has lines");
        match language.trim() {
            "toml" => settings = text.to_owned(),
            "kspec" => {
                let mut compiler = Compiler::new(facts(config(&settings), None, Vec::new()));
                compiler.set_source("main.kspec", text);
                let findings = compiler.prove().findings;
                let wanted = expected(text);
                let mut found: Expected = findings
                    .iter()
                    .filter_map(|finding| {
                        let word = match finding.severity {
                            Severity::Error => "error",
                            Severity::Warning => "warning",
                            Severity::Information => "note",
                        };
                        let line = compiler.sources().position(&finding.labels.first()?.place)?.line;
                        let entry = (line, word.to_owned(), finding.code.to_string());
                        // Notes count only where they are asked for.
                        (word != "note" || wanted.contains(&entry)).then_some(entry)
                    })
                    .collect();
                found.sort();
                if wanted != found {
                    problems.push(format!(
                        "{}:\n{text}\nexpected {wanted:?}\nfound    {found:?}\n{}",
                        path.display(),
                        show(&findings, compiler.sources())
                    ));
                }
            }
            _ => {}
        }
    }
    problems
}

#[test]
fn every_spec_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("specs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    assert!(files.len() >= 5, "specs are missing");
    let problems: Vec<String> = files.iter().flat_map(|path| run(path)).collect();
    assert!(problems.is_empty(), "{} examples:\n{}", problems.len(), problems.join("\n\n"));
}
