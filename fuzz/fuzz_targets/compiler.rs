//! The whole compiler over a valid program with a piece of it replaced: it answers, whatever stands there.
#![no_main]

use kspec_compiler::{Compiler, Facts, parse_config};
use kspec_model::program::Date;
use kspec_schema::Schema;

const PROGRAM: &str = include_str!("../../compiler/specs/language/project/main.kspec");
const CONFIG: &str = "name = \"fuzz\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n";

libfuzzer_sys::fuzz_target!(|input: (u16, u8, String)| {
    let (at, length, with) = input;
    let floor = |at: usize| (0..=at.min(PROGRAM.len())).rev().find(|at| PROGRAM.is_char_boundary(*at)).unwrap_or(0);
    let start = floor(at as usize);
    let mut text = PROGRAM.to_owned();
    text.replace_range(start..floor(start + length as usize).max(start), &with);
    let config = parse_config("kspec.toml", CONFIG).expect("the project file is well formed");
    let mut compiler = Compiler::new(Facts {
        schema: Schema::bundled(config.kubernetes),
        config,
        manifests: Vec::new(),
        environment: None,
        as_of: Date { year: 2026, month: 11, day: 21 },
        library: kspec_stdlib::FILES,
        rego: std::collections::BTreeMap::new(),
        webhook_ca: None,
    });
    compiler.set_source("main.kspec", text);
    compiler.check();
    let _ = compiler.lower(&std::collections::BTreeMap::new());
});
