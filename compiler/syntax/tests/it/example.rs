//! The language reference's big example, and every form beside it.

use kspec_syntax::{format, parse_item, parse_module, print_item};

use crate::support::{trees, without_spans};

/// The example, word for word.
pub(crate) const EXAMPLE: &str = include_str!("../fixtures/example.kspec");
/// Every form that the example does not show.
pub(crate) const FORMS: &str = include_str!("../fixtures/forms.kspec");

#[test]
fn everything_parses_without_errors() {
    for text in [EXAMPLE, FORMS] {
        for (offset, parsed) in &parse_module(text).items {
            assert_eq!(parsed.errors, [], "in the item at {offset}");
        }
    }
    assert_eq!(parse_module(EXAMPLE).items.len(), 32);
}

#[test]
fn formatting_is_stable_and_keeps_the_tree() {
    for text in [EXAMPLE, FORMS] {
        let formatted = format(text).unwrap();
        assert_eq!(format(&formatted).unwrap(), formatted);
        assert_eq!(trees(&formatted), trees(text));
    }
}

#[test]
fn printed_trees_parse_to_the_same_trees() {
    for text in [EXAMPLE, FORMS] {
        for (_, parsed) in &parse_module(text).items {
            let printed = print_item(&parsed.item);
            let again = parse_item(&printed);
            assert_eq!(again.errors, [], "in\n{printed}");
            assert_eq!(without_spans(&again.item), without_spans(&parsed.item), "in\n{printed}");
            assert_eq!(format(&printed).unwrap(), printed);
        }
    }
}
