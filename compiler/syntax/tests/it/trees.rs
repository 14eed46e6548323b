//! The trees themselves, one line a declaration.

use std::fmt::Write as _;

use kspec_syntax::parse_module;

use crate::example::{EXAMPLE, FORMS};

/// Rewrites every `before … after` whose inside holds no further brace by what `make` makes of the inside.
fn rewrite(text: &str, before: &str, make: impl Fn(&str) -> String) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((head, tail)) = rest.split_once(before) {
        out.push_str(head);
        // The inside's texts may hold braces; a node of its kind ends with its place.
        let (inside, after) = tail.split_once(" }").unwrap_or((tail, ""));
        out.push_str(&make(inside));
        rest = after;
    }
    out + rest
}

/// A tree's debug text, with places as `1..5` and names as `name@1..5`.
fn compact(tree: &impl std::fmt::Debug) -> String {
    let text = rewrite(&format!("{tree:?}"), "Span { start: ", |inside| inside.replace(", end: ", ".."));
    let text = rewrite(&text, "Name { text: \"", |inside| inside.replace("\", span: ", "@"));
    rewrite(&text, "Verb { text: \"", |inside| inside.replace("\", span: ", "@"))
}

fn trees(text: &str) -> String {
    let mut out = String::new();
    for (offset, parsed) in parse_module(text).items {
        let first = text[offset as usize..].lines().find(|line| !line.starts_with("///")).unwrap_or_default();
        let _ = writeln!(out, "{first}\n    {}", compact(&parsed.item.kind));
    }
    out
}

#[test]
fn of_the_example() {
    insta::assert_snapshot!(trees(EXAMPLE));
}

#[test]
fn of_all_other_forms() {
    insta::assert_snapshot!(trees(FORMS));
}
