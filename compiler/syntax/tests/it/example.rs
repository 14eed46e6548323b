//! The language reference's big example.

/// The example, word for word.
pub(crate) const EXAMPLE: &str = include_str!("../fixtures/example.kspec");

#[test]
fn the_example_parses_without_errors() {
    let module = kspec_syntax::parse_module(EXAMPLE);
    assert_eq!(module.items.len(), 32);
    for (offset, parsed) in &module.items {
        assert_eq!(parsed.errors, [], "in the item at {offset}");
    }
}
