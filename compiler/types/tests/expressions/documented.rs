//! The reference says what there is, and its examples and the pages' hold.

use crate::harness::run;

const REFERENCE: &str = include_str!("../../../../docs/language/expressions.md");

#[test]
fn the_reference_lists_every_method() {
    for usage in kspec_types::method_usages() {
        assert!(REFERENCE.contains(&format!("`{usage}`")), "docs/language/expressions.md lacks `{usage}`");
    }
}

/// The blocks of a page, and whether each is meant to fail.
fn blocks(page: &str) -> Vec<(bool, String)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```kspec") {
        let (block, next) = after.split_once("```").unwrap();
        let (head, body) = block.split_once('\n').unwrap();
        blocks.push((head.trim() == "fails", body.to_owned()));
        rest = next;
    }
    blocks
}

#[test]
fn examples_are_what_they_say() {
    let pages = [
        ("K0102", include_str!("../../../diagnostics/pages/K0102.md")),
        ("K0103", include_str!("../../../diagnostics/pages/K0103.md")),
        ("K0112", include_str!("../../../diagnostics/pages/K0112.md")),
        ("K0114", include_str!("../../../diagnostics/pages/K0114.md")),
        ("K0115", include_str!("../../../diagnostics/pages/K0115.md")),
        ("K0129", include_str!("../../../diagnostics/pages/K0129.md")),
        ("none", REFERENCE),
    ];
    for (code, page) in pages {
        let blocks = blocks(page);
        assert!(!blocks.is_empty());
        for (fails, source) in blocks {
            let out = run(&source);
            let reported: Vec<&str> = out.lines().filter(|line| line.starts_with('K')).collect();
            if fails {
                assert!(reported.iter().all(|line| line.starts_with(code)) && !reported.is_empty(), "{code}: {out}");
            } else {
                assert!(reported.is_empty(), "{code}: {out}");
            }
        }
    }
}
