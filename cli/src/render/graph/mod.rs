//! Who reaches whom, drawn: for Graphviz, as a picture, and as a page to look things up in.

mod dot;
mod matrix;
mod page;
mod svg;

pub(crate) use dot::dot;
pub(crate) use page::page;
pub(crate) use svg::svg;

use kspec_query::net_graph::{ClassRow, SummaryDocument};

/// Width of a letter of a picture's font, about.
const LETTER: usize = 7;
/// How a document writes that everything is allowed: an arrow without a label, the darkest square.
const ALL: &str = "All Connections";
/// Members named before the rest is counted.
const NAMED: usize = 3;

/// Classes of one namespace, or outside, by their places in the document.
type Groups<'d> = Vec<(&'d str, Vec<(usize, &'d ClassRow)>)>;

/// Classes by namespace, those outside last.
fn groups(document: &SummaryDocument) -> Groups<'_> {
    let mut groups: Groups<'_> = Vec::new();
    for (number, class) in document.classes.iter().enumerate() {
        let name = class.namespace.as_deref().unwrap_or("outside the cluster");
        match groups.last_mut().filter(|(known, _)| *known == name) {
            Some((_, members)) => members.push((number, class)),
            None => groups.push((name, vec![(number, class)])),
        }
    }
    groups
}

/// Lines that say who is in a class.
fn lines(class: &ClassRow) -> Vec<String> {
    let members = class.members.len();
    if members > 1 && class.name.ends_with("/*") {
        return vec![format!("{} ({members} workloads)", class.name)];
    }
    let mut lines: Vec<String> = class.members.iter().take(NAMED).cloned().collect();
    if members > NAMED {
        lines.push(format!("and {} more", members - NAMED));
    }
    lines
}

/// Text between tags or in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
