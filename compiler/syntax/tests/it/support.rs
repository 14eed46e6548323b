//! What several tests need.

use std::fmt::Debug;

/// A tree's debug text with all places left out.
pub(crate) fn without_spans(tree: &impl Debug) -> String {
    let text = format!("{tree:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("Span { start: ") {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// The trees of a file's items without places.
pub(crate) fn trees(text: &str) -> Vec<String> {
    kspec_syntax::parse_module(text).items.iter().map(|(_, parsed)| without_spans(&parsed.item)).collect()
}
