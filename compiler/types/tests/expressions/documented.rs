//! The reference says what there is, and its examples hold. (The findings' pages run with the whole compiler.)

use crate::harness::run;

const REFERENCE: &str = include_str!("../../../../docs/language/expressions.md");

#[test]
fn the_reference_lists_every_method() {
    for usage in kspec_types::method_usages() {
        assert!(REFERENCE.contains(&format!("`{usage}`")), "docs/language/expressions.md lacks `{usage}`");
    }
}

#[test]
fn the_references_examples_hold() {
    let mut rest = REFERENCE;
    while let Some((_, after)) = rest.split_once("```kspec\n") {
        let (source, next) = after.split_once("```").unwrap();
        let out = run(source);
        assert!(!out.lines().any(|line| line.starts_with('K')), "{out}");
        rest = next;
    }
}
