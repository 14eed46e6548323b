//! The pages of this crate's codes: what they show as wrong is refused with their code, the rest is fine.

use kspec_diagnostics::CATALOGUE;
use kspec_syntax::parse_module;

#[test]
fn examples_do_what_their_pages_say() {
    for info in CATALOGUE.iter().filter(|info| info.code.to_string().starts_with("K00")) {
        let code = info.code.to_string();
        let mut examples = 0;
        for block in info.page.split("```kspec").skip(1) {
            let (kind, rest) = block.split_once('\n').unwrap();
            let text = rest.split_once("```").unwrap().0;
            let found: Vec<String> = parse_module(text)
                .items
                .iter()
                .flat_map(|(_, parsed)| &parsed.errors)
                .map(|e| e.code.to_string())
                .collect();
            match kind.trim() {
                "fails" => assert!(found.contains(&code), "{code}: {text} gives {found:?}"),
                _ => assert!(found.is_empty(), "{code}: {text} gives {found:?}"),
            }
            examples += 1;
        }
        assert!(examples >= 2 || code == "K0005", "{code} shows no example");
    }
}
