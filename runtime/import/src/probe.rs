//! What the compiler makes of a piece of program, before it is taken in.
//!
//! Which amounts, keys and flags the language takes is its own to say: here it is asked, so that an import is never told
//! afterwards.

use std::collections::BTreeMap;

use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_diagnostics::Severity;
use kspec_model::program::Date;
use kspec_schema::{KubeVersion, Schema};

/// An error, by where it is: the piece, and the line in it, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) piece: String,
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// Compiles pieces, each a file by itself, as one program, and returns its errors.
pub(crate) fn complaints(kubernetes: KubeVersion, pieces: &BTreeMap<String, String>) -> Vec<Complaint> {
    if pieces.is_empty() {
        return Vec::new();
    }
    let toml = format!("name = \"probe\"\nedition = \"2026\"\nkubernetes = \"{kubernetes}\"\n");
    let Ok(config) = parse_config("kspec.toml", &toml) else { return Vec::new() };
    let mut compiler = Compiler::new(Facts {
        schema: Schema::bundled(kubernetes),
        config,
        manifests: Vec::new(),
        environment: None,
        // Nothing that is imported ends.
        as_of: Date { year: 2026, month: 1, day: 1 },
        library: &[],
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    });
    for (piece, text) in pieces {
        compiler.set_source(&format!("{piece}.kspec"), text.clone());
    }
    let findings = compiler.check();
    let sources = compiler.sources();
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .flat_map(|finding| {
            // Every party may be the one that is too much.
            finding.labels.iter().filter_map(|label| {
                let position = sources.position(&label.place)?;
                Some(Complaint {
                    piece: position.path.trim_end_matches(".kspec").to_owned(),
                    line: position.line,
                    message: finding.message.clone(),
                })
            })
        })
        .collect()
}
