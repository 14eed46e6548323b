//! Everyday half-edits: what is half typed costs its own declaration, never a neighbour.

use kspec_syntax::{parse_item, parse_module};

use crate::example::EXAMPLE;
use crate::support::{pieces, trees, without_spans};

/// Asserts that an edit inside the item at `at` leaves every other item's tree as it was.
fn assert_others_intact(before: &[(usize, String)], at: usize, edited: &str, what: &str) {
    let touched = before.iter().rposition(|(offset, _)| *offset <= at).unwrap();
    let after = trees(edited);
    let head: Vec<&String> = before[..touched].iter().map(|(_, tree)| tree).collect();
    let tail: Vec<&String> = before[touched + 1..].iter().map(|(_, tree)| tree).collect();
    assert!(after.len() >= head.len() + tail.len(), "{what} lost an item:\n{edited}");
    assert!(after[..head.len()].iter().eq(head), "{what} changed an item above:\n{edited}");
    assert!(after[after.len() - tail.len()..].iter().eq(tail), "{what} changed an item below:\n{edited}");
}

fn example_items() -> Vec<(usize, String)> {
    parse_module(EXAMPLE).items.iter().map(|(offset, parsed)| (*offset as usize, without_spans(&parsed.item))).collect()
}

/// The end of the item that `at` lies in.
fn item_end(at: usize) -> usize {
    let items = kspec_syntax::split(EXAMPLE);
    let item = items.iter().rev().find(|item| item.offset as usize <= at).unwrap();
    item.offset as usize + item.text.len()
}

#[test]
fn deleting_a_token_hides_no_other_item() {
    let before = example_items();
    for (start, end) in pieces(EXAMPLE) {
        let edited = format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        assert_others_intact(&before, start, &edited, &format!("deleting `{}`", &EXAMPLE[start..end]));
    }
}

#[test]
fn an_item_cut_off_at_any_token_hides_no_other_item() {
    let before = example_items();
    for (start, end) in pieces(EXAMPLE) {
        let rest = item_end(start).max(end);
        let edited = format!("{}{}", &EXAMPLE[..start], &EXAMPLE[rest..]);
        assert_others_intact(&before, start, &edited, &format!("cutting off at `{}`", &EXAMPLE[start..end]));
    }
}

#[test]
fn a_file_cut_off_at_any_token_keeps_the_items_above() {
    let before = example_items();
    for (start, _) in pieces(EXAMPLE) {
        let touched = before.iter().rposition(|(offset, _)| *offset <= start).unwrap();
        let after = trees(&EXAMPLE[..start]);
        assert!(after.iter().zip(&before[..touched]).all(|(tree, (_, kept))| tree == kept));
    }
}

#[test]
fn a_line_written_twice_hides_no_other_item() {
    let before = example_items();
    let mut start = 0;
    for line in EXAMPLE.split_inclusive('\n') {
        let edited = format!("{}{line}{}", &EXAMPLE[..start], &EXAMPLE[start..]);
        if !line.trim().is_empty() {
            assert_others_intact(&before, start, &edited, &format!("writing twice {line}"));
        }
        start += line.len();
    }
}

#[test]
fn every_bad_statement_of_a_body_is_reported() {
    let text =
        "role r in ns {\n  alow get on pods\n  allow get pods\n  allow list on pods\n  allow on\n  labels { a: 1 }\n}";
    let parsed = parse_item(text);
    let lines: Vec<usize> = parsed.errors.iter().map(|e| text[..e.span.start as usize].lines().count()).collect();
    assert_eq!(parsed.errors.len(), 4, "{:#?}", parsed.errors);
    assert_eq!(lines, [2, 3, 5, 6]);
}

#[test]
fn every_bad_field_of_nested_records_is_reported() {
    let text = "workload w in ns {\n  pods: { app: , tier: \"x\", zone }\n  ports: { http: 80 81, pg: }\n  list: [{ a: }, { b }]\n}";
    assert_eq!(parse_item(text).errors.len(), 6, "{:#?}", parse_item(text).errors);
}

#[test]
fn a_bad_header_does_not_hide_its_body() {
    let text = "role r inn ns {\n  alow get on pods\n}";
    assert_eq!(parse_item(text).errors.len(), 2, "{:#?}", parse_item(text).errors);
}

#[test]
fn an_unclosed_bracket_costs_its_own_statement() {
    let text = "network in a {\n  allow x -> y : [http\n  allow y -> z : pg\n  allow -> z\n}\n";
    let parsed = parse_item(text);
    assert!(without_spans(&parsed.item).contains("\"pg\""));
    assert_eq!(parsed.errors.iter().filter(|e| e.code.to_string() == "K0002").count(), 1);
    assert!(parsed.errors.iter().any(|e| text[e.span.start as usize..].starts_with("-> z\n}")), "{:#?}", parsed.errors);
}

#[test]
fn half_a_statement_before_a_whole_one_keeps_the_whole_one() {
    let parsed = parse_item("role r in ns {\n  allow get,\n  allow list on pods\n}");
    assert_eq!(parsed.errors.len(), 1, "{:#?}", parsed.errors);
    assert!(without_spans(&parsed.item).contains("\"list\""));
}

#[test]
fn deep_nesting_is_refused_and_overflows_nothing() {
    for text in [
        format!("let x = {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("let x = {}", "[".repeat(100_000)),
        format!("let x = {}", "{ a: ".repeat(50_000)),
        format!("let x = {}1{}", "{ a: ".repeat(60), " }".repeat(60)),
        format!("let x = {}1", "!".repeat(100_000)),
        format!("let x = {}1", "a => ".repeat(100_000)),
        format!("let x = 1{}", " + 1".repeat(100_000)),
        format!("let x = a{}", ".b".repeat(100_000)),
        format!("let x = a{}", "()".repeat(100_000)),
        format!("let x = {}1", "if a then b else ".repeat(100_000)),
        format!("param x: {}Int{}", "List<".repeat(100_000), ">".repeat(100_000)),
        format!("param x: Int{}", "?".repeat(100_000)),
        format!("template t() {}", "{ template u() ".repeat(50_000)),
    ] {
        let parsed = parse_item(&text);
        let formatted = kspec_syntax::format_lossy(&text);
        assert!(!formatted.is_empty());
        let _ = kspec_syntax::print_item(&parsed.item);
    }
    let errors = parse_item(&format!("let x = 1{}", " + 1".repeat(1000))).errors;
    assert_eq!(errors.iter().map(|e| e.code.to_string()).collect::<Vec<_>>(), ["K0007"]);
}

/// Texts of 100,000 mistakes, which time out if any step looks at all of them for each.
#[test]
fn many_mistakes_cost_no_more_than_one_each() {
    for text in [
        format!("role r in ns {{\n{}}}", "  alow get on pods\n".repeat(20_000)),
        "(".repeat(50_000) + &"]".repeat(50_000),
        format!("fn f(x: A<{}>) -> B = c", "B, ".repeat(50_000)),
        format!("role r in ns {{\n  allow get{}.x on pods\n}}", "\n".repeat(100_000)),
        "'\n".repeat(50_000),
        "/// doc\n\n".repeat(20_000),
    ] {
        assert!(parse_module(&text).items.iter().any(|(_, parsed)| !parsed.errors.is_empty()));
    }
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_tolerated() {
    let text = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert!(parse_module(&text).items.iter().all(|(_, parsed)| parsed.errors.is_empty()));
    assert_eq!(trees(&text), trees(EXAMPLE));
    assert_eq!(kspec_syntax::format(&text), kspec_syntax::format(EXAMPLE));
}
