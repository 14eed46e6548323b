//! What holds of every text.

use kspec_syntax::{
    ParsedItem, format, format_lossy, interpolation, parse_expr, parse_item, parse_module, print_item, split,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::example::{EXAMPLE, FORMS};
use crate::support::{pieces, trees, without_spans};

/// Pieces of the language, and things that are none.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    ":",
    ".",
    "..",
    "=",
    "=>",
    "->",
    "==",
    "!=",
    "<",
    ">",
    "+",
    "-",
    "*",
    "/",
    "|",
    "||",
    "&&",
    "??",
    "?",
    "!",
    "\n",
    "\n\n",
    "  ",
    "\n  ",
    "// note\n",
    "  // aside\n",
    "/// doc\n",
    "\"text\"",
    "\"",
    "r\"x\"",
    "42",
    "1.5",
    "500m",
    "30s",
    "2027-01-31",
    "10.0.0.0/8",
    "443/tcp",
    "8000..8100",
    "1.2.3",
    "5parsecs",
    "'",
    "#",
    "\u{e9}",
    "\u{feff}",
    "\r\n",
    "namespace",
    "role",
    "grant",
    "allow",
    "deny",
    "in",
    "to",
    "on",
    "for",
    "if",
    "then",
    "else",
    "where",
    "any",
    "all",
    "existing",
    "template",
    "use",
    "let",
    "network",
    "audit",
    "expect",
    "given",
    "user",
    "group",
    "pods",
    "namespaces",
    "name",
];

fn program() -> impl Strategy<Value = &'static str> {
    select(vec![EXAMPLE, FORMS])
}

/// A program after a few edits.
fn edited() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..4_u8, select(PIECES));
    (program(), prop::collection::vec(edit, 1..4)).prop_map(|(program, edits)| {
        let mut text = program.to_owned();
        for (at, kind, piece) in edits {
            let places = pieces(&text);
            if places.is_empty() {
                continue;
            }
            let (start, end) = places[at.index(places.len())];
            let taken = text[start..end].to_owned();
            match kind {
                0 => text.replace_range(start..end, ""),
                1 => text.replace_range(start..end, piece),
                2 => text.insert_str(start, piece),
                _ => text.insert_str(end, &taken),
            }
        }
        text
    })
}

/// A program with comments and line ends put in where they change nothing, mostly.
fn relaid() -> impl Strategy<Value = String> {
    let layout = select(vec!["\n", "\n\n\n", "  // aside\n", "\n// note\n", "   ", "\t", "\r\n", "\n  /// doc\n"]);
    (program(), prop::collection::vec((any::<prop::sample::Index>(), layout), 0..12)).prop_map(|(program, edits)| {
        let mut text = program.to_owned();
        for (at, layout) in edits {
            let places = pieces(&text);
            text.insert_str(places[at.index(places.len())].0, layout);
        }
        text
    })
}

/// All comments of a text, doc comments included, sorted.
fn comments(text: &str) -> Vec<String> {
    let mut all: Vec<String> = pieces(text)
        .into_iter()
        .map(|(start, end)| text[start..end].trim_end().to_owned())
        .filter(|piece| piece.starts_with("//"))
        .collect();
    all.sort();
    all
}

fn spans_lie_inside(parsed: &ParsedItem, text: &str) {
    for error in &parsed.errors {
        assert!(error.span.start <= error.span.end && error.span.end as usize <= text.len(), "{error:?}");
        assert!(text.is_char_boundary(error.span.start as usize) && text.is_char_boundary(error.span.end as usize));
    }
    assert!(parsed.item.span.end as usize <= text.len());
}

fn holds(text: &str) {
    let mut end = 0;
    for item in split(text) {
        assert!(item.offset as usize >= end, "items overlap");
        end = item.offset as usize + item.text.len();
        spans_lie_inside(&parse_item(item.text), item.text);
    }
    let module = parse_module(text);
    for (_, parsed) in &module.items {
        let _ = print_item(&parsed.item);
    }
    let lossy = format_lossy(text);
    assert_eq!(comments(&lossy), comments(text), "comments of\n{text}\nin\n{lossy}");
    let words = |text: &str| pieces(text).len();
    if let Ok(formatted) = format(text) {
        assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "formatting again");
        assert_eq!(trees(&formatted), trees(text), "trees of\n{text}\nand\n{formatted}");
        for (_, parsed) in &module.items {
            let printed = print_item(&parsed.item);
            if !printed.is_empty() {
                assert_eq!(
                    without_spans(&parse_item(&printed).item.kind),
                    without_spans(&parsed.item.kind),
                    "in\n{printed}"
                );
            }
        }
    } else {
        // Separators may come and go in the items that could be read, nothing else.
        assert!(words(&lossy) + 200 > words(text));
    }
}

/// Few cases in the everyday run; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { default } else { ProptestConfig { cases: 96, ..default } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn of_any_text(text in "\\PC{0,200}") {
        holds(&text);
        let _ = parse_expr(&text, 7);
    }

    #[test]
    fn of_any_pieces(pieces in prop::collection::vec(select(PIECES), 0..60), glue in select(vec![" ", ""])) {
        holds(&pieces.join(glue));
        let _ = parse_expr(&pieces.join(glue), 0);
    }

    #[test]
    fn of_edited_programs(text in edited()) {
        holds(&text);
    }

    #[test]
    fn of_relaid_programs(text in relaid()) {
        holds(&text);
    }

    #[test]
    fn of_any_interpolating_string(value in "[a-z{}. \"é]{0,40}") {
        let item = print_item(&parse_item("user x = \"y\"").item).replace("\"y\"", &format!("{value:?}"));
        if let kspec_syntax::tree::ItemKind::Principal(principal) = parse_item(&item).item.kind {
            let _ = interpolation(&principal.value);
        }
    }
}
