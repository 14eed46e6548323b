//! An edit recomputes one declaration and what depends on it, and the result is that of a fresh compilation.

use kspec_compiler::Compiler;

use crate::support::{CONFIG, compile, config, facts, show};

/// A module of `count` namespaces with a role, an account and a grant each: about eight lines apiece.
fn project(count: usize) -> String {
    (0..count)
        .map(|n| {
            format!(
                "/// Tenant {n}.\nnamespace t{n} {{ pod_security: restricted }}\n\nservice_account app{n} in t{n}\n\n/// Reads.\nrole reader{n} in t{n} {{\n  allow get on pods\n}}\n\n/// It reads.\ngrant reader{n} to app{n}\n\n"
            )
        })
        .collect()
}

#[test]
fn an_edit_inside_a_declaration_recomputes_it_alone() {
    let source = project(400);
    assert!(source.lines().count() > 5_000);
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source("main.kspec", source.as_str());
    compiler.check();
    assert_eq!(compiler.stats().elaborated, 1_600);
    let parsed = compiler.stats().parsed;

    let edited = source.replacen(
        "role reader200 in t200 {\n  allow get on pods",
        "role reader200 in t200 {\n  allow get, list on pods",
        1,
    );
    assert_ne!(edited, source);
    compiler.set_source("main.kspec", edited.as_str());
    let findings = compiler.check();
    assert_eq!(compiler.stats().parsed - parsed, 1, "items parsed");
    // A role's rules are nothing that its grant can see.
    assert_eq!(compiler.stats().elaborated, 1, "items elaborated");
    // Nor anything that another declaration of its namespace can see.
    assert_eq!(compiler.stats().checked_alone, 1, "items checked alone");
    assert_eq!(compiler.stats().checked_together, 0, "items checked together");

    let mut fresh = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    fresh.set_source("main.kspec", edited.as_str());
    assert_eq!(show(&findings, compiler.sources()), show(&fresh.check(), fresh.sources()));
    let rules = |compiler: &Compiler| {
        compiler.program().roles.iter().map(|role| format!("{}{:?}", role.name, role.rules)).collect::<Vec<_>>()
    };
    assert_eq!(rules(&compiler), rules(&fresh));
}

#[test]
fn what_others_see_of_a_declaration_is_checked_beside_its_namespace_alone() {
    let tenant = |n: usize| format!("network in t{n} {{\n  default deny\n  allow all -> dns\n}}\n\n");
    let source: String = project(50) + &(0..50).map(tenant).collect::<String>();
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source("main.kspec", source.as_str());
    compiler.check();
    assert_eq!(compiler.stats().checked_alone, 250);
    assert_eq!(compiler.stats().checked_together, 250);

    compiler.set_source("main.kspec", source.replacen(&tenant(7), &tenant(7).replace("all -> dns", "all -> t7"), 1));
    let findings = show(&compiler.check(), compiler.sources());
    assert!(findings.contains("K0406"), "{findings}");
    assert_eq!(compiler.stats().elaborated, 1);
    assert_eq!(compiler.stats().checked_alone, 1);
    // The namespace, its account, role, grant and network.
    assert_eq!(compiler.stats().checked_together, 5);
}

#[test]
fn a_renamed_object_recomputes_those_who_name_it() {
    let source = project(50);
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source("main.kspec", source.as_str());
    compiler.check();
    let edited = source.replacen("namespace t7 {", "namespace t7 = \"seven\" {", 1);
    compiler.set_source("main.kspec", edited.as_str());
    compiler.check();
    // The namespace, its account and its role; and the grant, which names both.
    assert_eq!(compiler.stats().elaborated, 4);
    assert!(compiler.program().grants.iter().any(|grant| format!("{:?}", grant.scope).contains("seven")));
}

#[test]
fn a_declaration_that_comes_and_goes_leaves_no_trace() {
    let source = "namespace shop {}\n\n/// Reads.\nrole reader in shop {\n  allow get on pods\n}\n";
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source("main.kspec", source);
    let before = show(&compiler.check(), compiler.sources());
    compiler.set_source("main.kspec", format!("{source}\ngrant reader to nobody\n"));
    assert!(show(&compiler.check(), compiler.sources()).contains("nobody"));
    compiler.set_source("main.kspec", format!("{source}\nuser nobody = \"n\"\n\ngrant reader to nobody\n"));
    assert!(!show(&compiler.check(), compiler.sources()).contains("K0101"));
    compiler.set_source("main.kspec", source);
    assert_eq!(show(&compiler.check(), compiler.sources()), before);
}

#[test]
fn a_removed_file_takes_its_names_along() {
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    compiler.set_source("main.kspec", "use other.{shop}\nservice_account app in shop\n");
    compiler.set_source("other.kspec", "namespace shop {}\n");
    assert!(!show(&compiler.check(), compiler.sources()).contains("Error"));
    compiler.remove_source("other.kspec");
    assert!(show(&compiler.check(), compiler.sources()).contains("K0117"));
    let (_, alone) = compile("namespace shop {}\n");
    assert!(alone.iter().all(|finding| finding.code.to_string() != "K0117"));
}

/// Two threads share a project of this size; file by file, one thread does it all.
#[test]
fn a_large_project_says_what_it_says_file_by_file() {
    let (mut whole, mut stepwise) = (
        Compiler::new(facts(config(CONFIG), None, Vec::new())),
        Compiler::new(facts(config(CONFIG), None, Vec::new())),
    );
    for n in 0..8 {
        // Namespaces of their own, and a value that draws on the next module's.
        let tenants = (0..10).fold(project(50), |text, d| text.replace(&format!(" t{d}"), &format!(" m{n}t{d}")));
        let text = match n {
            7 => format!("{tenants}let step7 = nothing\n"),
            _ => format!("use m{}\n{tenants}let step{n} = m{}.step{}\n", n + 1, n + 1, n + 1),
        };
        let path = format!("m{n}.kspec");
        whole.set_source(&path, text.as_str());
        stepwise.set_source(&path, text);
        stepwise.check();
    }
    let findings = show(&whole.check(), whole.sources());
    assert!(findings.contains("`nothing`"), "{findings}");
    assert_eq!(whole.stats().elaborated, 8 * 202 - 1);
    assert_eq!(findings, show(&stepwise.check(), stepwise.sources()));
}

#[test]
fn a_cycle_through_a_large_project_is_told_once() {
    let source = format!("let first = last\n{}let last = first\n", project(400));
    let (_, findings) = compile(&source);
    let cycles: Vec<_> =
        findings.iter().filter(|finding| finding.code == kspec_diagnostics::codes::DEPENDENCY_CYCLE).collect();
    assert_eq!(cycles.len(), 1, "{findings:?}");
    assert_eq!(cycles.iter().map(|cycle| cycle.labels.len()).sum::<usize>(), 2);
}
