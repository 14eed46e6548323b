//! For Graphviz: `dot -Tsvg`.

use std::fmt::Write as _;

use kspec_query::net_graph::SummaryDocument;

use super::{groups, lines};

pub(crate) fn dot(document: &SummaryDocument) -> String {
    let mut text = "digraph reach {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
    for (cluster, (name, classes)) in groups(document).into_iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  subgraph cluster_{cluster} {{\n    label={};", quoted(name));
        for (number, class) in classes {
            let _ = writeln!(text, "    c{number} [label={}];", quoted(&lines(class).join("\n")));
        }
        text.push_str("  }\n");
    }
    for (src, dst, conn) in document.pairs() {
        let _ = writeln!(text, "  c{src} -> c{dst} [label={}];", quoted(conn));
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
