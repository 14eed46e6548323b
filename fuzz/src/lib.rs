//! What must hold of every text, checked by both targets.

use kspec_syntax::{format, format_lossy, parse_expr, parse_module, print_item, split};

/// Panics where something does not hold.
pub fn holds(text: &str) {
    let mut end = 0;
    for item in split(text) {
        assert!(item.offset as usize >= end, "items overlap");
        end = item.offset as usize + item.text.len();
    }
    assert!(end <= text.len());
    for (offset, parsed) in parse_module(text).items {
        for error in &parsed.errors {
            assert!(text.get((offset + error.span.start) as usize..(offset + error.span.end) as usize).is_some());
        }
        let _ = print_item(&parsed.item);
    }
    let _ = parse_expr(text, 0);
    let lossy = format_lossy(text);
    if let Ok(formatted) = format(text) {
        assert_eq!(lossy, formatted);
        assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "formatting is not idempotent");
        assert_eq!(kinds(&formatted), kinds(text), "formatting changes the program");
    }
}

/// The declarations' debug texts without places.
fn kinds(text: &str) -> Vec<String> {
    parse_module(text)
        .items
        .iter()
        .map(|(_, parsed)| {
            let text = format!("{:?}", parsed.item);
            let mut out = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once("Span { start: ") {
                out.push_str(before);
                rest = after.split_once('}').map_or("", |(_, after)| after);
            }
            out + rest
        })
        .collect()
}
