//! What errors say: code, message, the text underlined, help, fix.

use std::fmt::Write as _;

use kspec_syntax::{SyntaxError, parse_module};

/// The errors of a text, each with what it underlines.
fn report(text: &str) -> String {
    let mut out = String::new();
    for (offset, parsed) in parse_module(text).items {
        for error in parsed.errors {
            let _ = write!(out, "{}", shown(text, offset, &error));
        }
    }
    out
}

fn shown(text: &str, offset: u32, error: &SyntaxError) -> String {
    let underlined = |span: kspec_diagnostics::Span| {
        let (start, end) = ((offset + span.start) as usize, (offset + span.end) as usize);
        let line = text[..start].matches('\n').count() + 1;
        format!("line {line} `{}`", text[start..end].replace('\n', "⏎"))
    };
    let mut out = format!("{} {}\n  at {}\n", error.code, error.message, underlined(error.span));
    if let Some((span, label)) = &error.label {
        let _ = writeln!(out, "  {}: {label}", underlined(*span));
    }
    if let Some(help) = &error.help {
        let _ = writeln!(out, "  help: {help}");
    }
    if let Some((title, span, by)) = &error.fix {
        let _ = writeln!(out, "  fix: {title}: {} becomes `{by}`", underlined(*span));
    }
    out
}

/// One section a case: the text, then its errors.
fn reports(cases: &[&str]) -> String {
    cases.iter().map(|text| format!("=== {}\n{}\n", text.replace('\n', "\n    "), report(text))).collect()
}

#[test]
fn of_declarations() {
    insta::assert_snapshot!(reports(&[
        "naemspace payments {\n  automount_token: false\n}",
        "payments",
        "{ a: 1 }",
        "namespace",
        "namespace \"payments\"",
        "namespace a b",
        "existing grant a to b",
        "  namespace indented",
        "namespace a\n{\n}",
        "namespace a {\n  automount_token: false,\n  labels: { a: 1 }, quota { pods: 1 }\n}",
        "namespace a { automount: }",
        "workload api",
        "workload api payments",
        "workload api in payments form deployment \"api\"",
        "workload api in payments { pods { app: \"x\" } }",
        "workload api in payments { ports = 80 }",
        "user oncall = oncall",
        "grant viewer too devs",
        "grant viewer in payments",
        "break_glass cluster_admin to oncall, { reason: \"x\" }",
        "use std.roles.{viewer admin}",
        "use std.",
        "param x Int",
        "param x: List<Int",
        "let x = ",
        "let x 1",
        "fn double(x: Int) = x * 2",
        "template team(name) { }",
        "for t in { namespace x }",
        "for t in { a: 1 } { namespace x }",
        "team(\"alpha\" devs)",
        "manifest",
        "moved release to releaser",
        "accept K0204 release { reason: \"x\" }",
        "exempt db from no_latest_tag { reason: \"x\" }",
        "enforce in payments",
        "enforce a({ x: 1 }) in payments where x",
        "protect api { respond: kill }",
        "allow get on pods",
    ]));
}

#[test]
fn of_statements() {
    insta::assert_snapshot!(reports(&[
        "namespace a {\n  quotas { pods: 1 }\n  pod_security restricted\n  labels = { a: 1 }\n  limits { default: { cpu: 1 } }\n}",
        "role r in ns {\n  alow get on pods\n  allow get, list pods\n  allow on pods\n  allow get on *\n  allow get on pods.\n  allow get on url /healthz\n  allow get on pods name \"x\"\n}",
        "network in ns {\n  deny all\n  default allow\n  allow api db\n  allow api -> db :\n  allow -> db\n  allow api -> cidr : 80\n  policy for x { }\n  policy p for x { allow y; ingress to y; egress from z }\n}",
        "never devs list secrets",
        "never devs can list secrets",
        "always api reach db",
        "always audited",
        "never both a",
        "encryption { encrypt secrets; identity }",
        "audit {\n  log on pods\n  metadata pods\n  metadata otherwise otherwise\n  none users \"x\"\n}",
        "rule r on Pod {\n  dney if x\n  deny x\n  deny if\n  deny if x becuase \"y\"\n  deny because reason\n  for c containers { }\n  let x\n}",
        "mutation m on Pod {\n  default c.x = 1\n  default: 1\n  remove\n  if x\n  for c in d { sett x: 1 }\n}",
        "runtime r for api {\n  allow\n  allow exec\n  allow connect to\n  deny exec other\n}",
        "test \"t\" {\n  given\n  given pod\n  expect\n  expect denied trusted\n  expects allowed\n}",
    ]));
}

#[test]
fn of_expressions() {
    insta::assert_snapshot!(reports(&[
        "let x = 1 +",
        "let x = + 1",
        "let x = a..",
        "let x = a.",
        "let x = f(1 2)",
        "let x = [1 2]",
        "let x = { a 1 }",
        "let x = { a: 1 b: 2 }",
        "let x = if a then b",
        "let x = if a b else c",
        "let x = a => ",
        "let x = (a, b)",
        "let x = a b",
        "let x = m[\"a\"",
    ]));
}

#[test]
fn of_tokens() {
    insta::assert_snapshot!(reports(&[
        "let x = 'a'",
        "let x = 1 # one",
        "let x = \"open\nlet y = 1",
        "let x = \"a\\q\"",
        "let x = \"\\u{110000}\"",
        "let x = 5parsecs",
        "let x = 512MB",
        "let x = 5mins",
        "let x = 10.0.0.1",
        "let x = 1.34.2",
        "let x = 99999999999999999999",
        "let x = 99999999999/tcp",
        "let größe = 1",
        "let x = a & b",
    ]));
}

#[test]
fn of_brackets_and_docs() {
    insta::assert_snapshot!(reports(&[
        "role r in ns {\n  allow get on pods\n\nrole s in ns { allow get on pods }",
        "network in a {\n  allow x -> y : [http\n  allow y -> z : pg\n}",
        "workload w in ns { pods: { app: \"x\" }\nnamespace a",
        "role r in ns {\n  allow get on pods }\n}",
        "let x = f(1]",
        "let x = 1)",
        "/// about nothing",
        "/// about nothing\n\nnamespace a",
        "role r in ns {\n  /// not kept\n  allow get on pods\n}",
        "let x = {",
    ]));
}

#[test]
fn of_interpolation() {
    let principal = |text: &str| {
        let parsed = kspec_syntax::parse_item(text);
        match parsed.item.kind {
            kspec_syntax::tree::ItemKind::Principal(principal) => principal.value,
            other => panic!("{other:?}"),
        }
    };
    let cases = [
        "user x = \"{c.name} listens below 1024\"",
        "user x = \"{{literal}} {a}{b}\"",
        "user x = \"{a +}\"",
        "user x = \"{\"",
        "user x = \"}\"",
        "user x = \"{}\"",
        "user x = \"\\n{a b}\"",
        "user x = r\"{raw}\"",
    ];
    let mut out = String::new();
    for text in cases {
        let (parts, errors) = kspec_syntax::interpolation(&principal(text));
        let _ = writeln!(out, "=== {text}");
        for part in parts {
            let _ = match part {
                kspec_syntax::Part::Text(text) => writeln!(out, "text {text:?}"),
                kspec_syntax::Part::Expr(e) => {
                    writeln!(out, "expr `{}`", &text[e.span.start as usize..e.span.end as usize])
                }
            };
        }
        for error in errors {
            out.push_str(&shown(text, 0, &error));
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn of_several_mistakes_in_one_chunk() {
    insta::assert_snapshot!(reports(&[
        "role r in ns {\n  allow get of pods nammed \"a\"\n}",
        "role r in ns {\n  allow get pods, secrets named named \"a\"\n}",
        "role r inn ns = = \"x\" {\n  alow get pods\n}",
        "workload api payments form deployment deployment \"api\" { pods: { app: \"x\" ports } }",
        "grant viewer inn payments too devs sre {\n  until 2027-01-01\n}",
        "break_glass cluster_admin oncall, to sre",
        "network inn payments {\n  allow a b : http 81\n  allow -> c, : pg\n  defualt deny deny\n}",
        "let x = [1 2, 3 4]",
        "let x = f(a b, c, , d)",
        "let x = { a: 1 2, b: 3 4, c d }",
        "fn f(x Int, y: String) -> Bool == x > 1",
        "template t(a String, b String) {\n  namespace b b\n  roel x { allow get pods }\n}",
        "namespace a b {\n  labels { a: 1 }\n  quota pods: 5\n}",
        "encryption {\n  encrypt secrets configmaps wiht identity, , aescbc(\"k\")\n}",
        "audit {\n  metadata verb create onn secrets\n  none user \"x\" verb watch\n}",
        "rule r on Pod Deployment {\n  deny iff a.b because because \"x\"\n  for c of containers { deny if if c }\n}",
        "never devs can list watch on secrets inn payments",
        "accept K0201 release { reason: \"x\" owner: \"y\" until 2027-01-01 }",
        "use std.roles.{viewer admin, editor reader}",
    ]));
}
