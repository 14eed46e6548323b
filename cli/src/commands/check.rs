//! `kspec check`.

use kspec_compiler::{CheckDocument, Compiler, worst};
use kspec_diagnostics::Severity;

use super::project;
use crate::{
    args::{Check, FindingFormat},
    context::Context,
    exit::{Exit, Failure},
    render,
};

pub(super) fn run(args: &Check, context: &Context) -> Result<Exit, Failure> {
    let root = &args.project.project;
    let checked = project::load(root, &args.project.choice, context)?;
    let findings = checked.findings;
    let sources = checked.project.compiler.sources();
    let document = CheckDocument::new(&findings, sources);
    let text = match args.output {
        FindingFormat::Human => {
            let mut text = render::findings::human(&findings, sources, root, context.least, context.color);
            if text.is_empty() {
                text.push_str("no findings\n");
            }
            if context.verbose {
                text.push_str(&webhook_rules(&checked.project.compiler));
            }
            text
        }
        FindingFormat::Json => json(&document),
        FindingFormat::Sarif => json(&render::sarif::log(&document)),
        FindingFormat::Github => render::github::annotations(&document),
    };
    context.answer(&text);
    if worst(&findings) == Some(Severity::Error) {
        return Ok(Exit::No);
    }
    project::lock(&checked.project, &args.project.choice, context)?;
    Ok(Exit::Done)
}

/// A line for each rule and mutation that the API server cannot decide itself, and why.
fn webhook_rules(compiler: &Compiler) -> String {
    let placements = kspec_lower::placements(compiler.program(), compiler.facts().as_of);
    let mut text = String::new();
    for placement in placements {
        let Some(reason) = placement.reason else { continue };
        let at = compiler.sources().position(&placement.origin.at.into());
        let at = at.map(|at| format!(" ({}:{})", at.path, at.line)).unwrap_or_default();
        text.push_str(&format!("{}{at} is decided by the webhook: {reason}\n", placement.name));
    }
    text
}

/// A document as text.
pub(super) fn json(document: &impl serde::Serialize) -> String {
    // Our documents have string keys and no floats that JSON lacks, so this cannot fail.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
