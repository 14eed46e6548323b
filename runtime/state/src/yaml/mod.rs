//! YAML as `kubectl` reads it: to JSON, with lines.
//!
//! The parser reports events; this room builds values from them under a [`Budget`], so that a file decides neither how much
//! memory nor how much stack it takes. Scalars resolve as in `sigs.k8s.io/yaml` (YAML 1.1's booleans and octals), since what
//! counts is what the server would be sent.

mod build;
mod scalar;

use granit_parser::{Event, Parser};
use serde_json::Value;

use build::Builder;

/// How much one file may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Values in all, aliases expanded.
    pub(crate) nodes: usize,
    /// Values that aliases and anchors may copy.
    pub(crate) copied: usize,
    /// Nesting, aliases expanded.
    pub(crate) depth: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: 8_000_000, copied: 200_000, depth: 100 }
    }
}

/// A document of a stream.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Line of its first node, from 1.
    pub(crate) line: u32,
    /// Lines of the elements of a top-level `items`, for `List` kinds.
    pub(crate) item_lines: Vec<u32>,
}

/// A document that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) reason: Reason,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not YAML, in the parser's words.
    Syntax(String),
    /// YAML that is no JSON: a key that is a list, a tag of somebody's own.
    NotJson(String),
    /// One key twice in a mapping.
    DuplicateKey(String),
    /// Beyond the budget: what ran out.
    Budget(&'static str),
}

/// Every document of a stream, in order; behind one that fails, reading goes on with the next.
pub(crate) fn documents(text: &str, budget: Budget) -> Vec<Result<Document, YamlError>> {
    let options = granit_parser::options! { emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut builder = Builder::new(budget);
    while let Some(event) = parser.next_event() {
        let failure = match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((Event::DocumentEnd, _)) => {
                if let Some(document) = builder.finish() {
                    documents.push(Ok(document));
                }
                continue;
            }
            Ok((event, span)) => match builder.event(event, span.start) {
                Ok(()) => continue,
                Err(error) => error,
            },
            Err(error) => YamlError {
                line: line_of(error.marker().line()),
                column: line_of(error.marker().col().saturating_add(1)),
                reason: Reason::Syntax(error.info()),
            },
        };
        let spent = matches!(failure.reason, Reason::Budget(_));
        documents.push(Err(failure));
        builder.reset();
        // Who runs out of budget once has nothing to say any more: the next document may be the same bomb again.
        if spent || !matches!(parser.proceed_next_document(), Ok(true)) {
            break;
        }
    }
    documents
}

fn line_of(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}
