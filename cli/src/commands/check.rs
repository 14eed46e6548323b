//! `kspec check`.

use kspec_compiler::{CheckDocument, worst};
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
            let text = render::findings::human(&findings, sources, root, context.least, context.color);
            if text.is_empty() { "no findings\n".to_owned() } else { text }
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

/// A document as text.
pub(super) fn json(document: &impl serde::Serialize) -> String {
    // Our documents have string keys and no floats that JSON lacks, so this cannot fail.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
