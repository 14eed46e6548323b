//! Whatever is written, the compiler answers.

use kspec_compiler::Compiler;
use proptest::prelude::*;

use crate::support::{CONFIG, config, facts};

const SOURCE: &str = include_str!("../../../specs/language/project/main.kspec");

fn survives(text: &str) {
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source("main.kspec", text);
    compiler.check();
    let _ = compiler.lower(&std::collections::BTreeMap::new());
}

/// Words that a program may hold anywhere.
fn word() -> impl Strategy<Value = String> {
    let words: Vec<String> =
        SOURCE.split_inclusive(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect();
    proptest::sample::select(words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn anything_at_all(text in "\\PC{0,400}") {
        survives(&text);
    }

    #[test]
    fn a_program_with_a_piece_replaced(at in 0..SOURCE.len(), length in 0..80_usize, with in proptest::collection::vec(word(), 0..6)) {
        let start = (0..=at).rev().find(|at| SOURCE.is_char_boundary(*at)).unwrap_or(0);
        let end = (start + length).min(SOURCE.len());
        let end = (start..=end).rev().find(|at| SOURCE.is_char_boundary(*at)).unwrap_or(start);
        survives(&format!("{}{}{}", &SOURCE[..start], with.concat(), &SOURCE[end..]));
    }
}
