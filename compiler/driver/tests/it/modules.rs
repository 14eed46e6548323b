//! Modules, packages, environments, templates: what crosses files.

use kspec_compiler::Compiler;

use crate::support::{CONFIG, config, facts, show};

fn check(files: &[(&str, &str)]) -> String {
    let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
    for (path, text) in files {
        compiler.set_source(path, *text);
    }
    let findings = compiler.check();
    show(&findings, compiler.sources())
}

#[test]
fn modules_that_use_each_other_are_refused() {
    insta::assert_snapshot!(check(&[
        ("a.kspec", "use b.{two}\nlet one = 1\nlet three = two\n"),
        ("b.kspec", "use a.{one}\nlet two = one\n"),
    ]));
}

#[test]
fn unknown_modules_and_names_are_suggested() {
    insta::assert_snapshot!(check(&[
        ("main.kspec", "use shop.nets.{devs}\nuse shop.net.{devz}\nuse std.rolez.{viewer}\n"),
        ("shop/net.kspec", "group devs = \"devs\"\n"),
    ]));
}

#[test]
fn errors_of_every_file_and_kind_are_reported_in_one_run() {
    insta::assert_snapshot!(check(&[
        (
            "main.kspec",
            "namespace shop {\n  pod_security: restrictd\n  quota { pods: 5min, memry: 1Gi }\n}\n\nrole r in shp {\n  allow gett on podz\n  allow get on deployments\n}\n\ngrant missing in shop to nobody\n\nnamespace broken {\n  labels: {\n",
        ),
        (
            "net.kspec",
            "use main.{shop}\nnetwork in shop {\n  default deny\n  allow all -> dns : 53\n  allow all -> cidr 10.0.0.1/8\n}\n"
        ),
    ]));
}

#[test]
fn a_template_is_checked_where_it_stands_and_where_it_is_used() {
    insta::assert_snapshot!(check(&[(
        "main.kspec",
        r#"
template team(name: String, devs: Group) {
  namespace ns = "{name}" { labels: { team: nam } }
}

template tenant(name: String, devs: Group) {
  /// A tenant.
  namespace ns = "{name}" {}
  /// Its developers see it.
  role dev in ns = "{name}-dev" { allow get on pods }
  /// Its developers see it.
  grant dev to devs
}

group a = "a"

let alpha = tenant("alpha", a)
tenant("Beta!", a)
tenant("gamma")
tenant("delta", "a")

/// Of the stamp.
grant alpha.dev to a
grant alpha.nothing to a
"#
    )]));
}

#[test]
fn environments_give_parameters() {
    let text = format!(
        "{CONFIG}\n[environments.prod.params]\nstage = \"prod\"\n[environments.dev.params]\nstage = \"development\"\n"
    );
    let source = "param stage: \"dev\" | \"prod\"\n\nnamespace shop { labels: { stage: stage } }\n";
    let mut shown = String::new();
    for environment in ["prod", "dev"] {
        let mut compiler = Compiler::new(facts(config(&text), Some(environment), Vec::new()));
        compiler.set_source("main.kspec", source);
        let findings = compiler.check();
        shown.push_str(&format!("{environment}:\n{}", show(&findings, compiler.sources())));
        for namespace in &compiler.program().namespaces {
            shown.push_str(&format!("{:?}\n", namespace.labels));
        }
    }
    insta::assert_snapshot!(shown);
}

/// What a package draws on counts only where the project does: what is missing there must not be silently nothing.
#[test]
fn what_a_package_lacks_is_told_where_the_project_draws_on_it() {
    let toml = format!("{CONFIG}[dependencies.d2]\npath = \"../dep2\"\n");
    let check = |files: &[(&str, &str)]| {
        let mut compiler = Compiler::new(facts(config(&toml), None, Vec::new()));
        for (path, text) in files {
            compiler.set_source(path, *text);
        }
        let findings = compiler.check();
        show(&findings, compiler.sources())
    };
    let main = "use d2.r.{x, tenant}\n/// N.\nnamespace n { pod_security: x }\ntenant(\"t\")\n";
    insta::assert_snapshot!(check(&[
        ("main.kspec", main),
        (
            "d2/r.kspec",
            "use nothere.{y}\nuse std.admission.{no_latest_tagg}\nuse d3.k.{unused}\nlet x: \"baseline\" | \"restricted\" = y\n\
             template tenant(name: String) {\n  /// T.\n  namespace ns = \"{name}\" { pod_security: restricted }\n  \
             enforce no_latest_tagg in ns\n}\n",
        ),
    ]));
    insta::assert_snapshot!(check(&[
        ("main.kspec", "use d2.r.{x}\n/// N.\nnamespace n { pod_security: x }\n"),
        ("d2/r.kspec", "use d2.s.{x}\n"),
        ("d2/s.kspec", "use d2.r.{x}\n"),
    ]));
}
