//! Documents made from the code, and real output held against its schemas.

use std::fmt::Write as _;

use kspec_diagnostics::{CATALOGUE, Severity, Span};
use kspec_syntax::tree::{ItemKind, KindRef, Param, RuleBody, RuleStmt};

use crate::support::{DAY, Place, committed, repository};

/// Families of codes by their hundreds, as the language's design has them.
const FAMILIES: &[(u16, &str)] = &[
    (0, "Syntax"),
    (1, "Names and types"),
    (2, "Access"),
    (3, "Pod security"),
    (4, "Network"),
    (5, "Admission"),
    (6, "Keys"),
    (7, "Quota and limits"),
    (8, "Audit and control plane"),
    (9, "Runtime"),
    (10, "Compliance"),
];

#[test]
fn index_of_findings() {
    let mut page = "# Findings\n\nEvery code, with the severity that it has unless a check lowers it. `kspec explain CODE` prints its page.\n\
                    Generated from the catalogue.\n"
        .to_owned();
    let mut family = None;
    for info in CATALOGUE {
        let code = info.code.to_string();
        let hundred: u16 = code.trim_start_matches('K').parse::<u16>().expect("a number") / 100;
        if family != Some(hundred) {
            family = Some(hundred);
            let (_, title) = FAMILIES.iter().find(|(number, _)| *number == hundred).expect("a family");
            write!(page, "\n## {title}\n\n| code | severity | means |\n| --- | --- | --- |\n").expect("text");
        }
        let severity = match info.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        };
        let title = info.title.replace('|', "\\|");
        writeln!(page, "| [{code}](../../compiler/diagnostics/pages/{code}.md) | {severity} | {title} |")
            .expect("text");
    }
    committed("docs/reference/findings.md", &page);
}

fn pretty(schema: &serde_json::Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(schema).expect("JSON"))
}

#[test]
fn schemas() {
    for (name, schema) in kspec_query::document::schemas() {
        committed(&format!("docs/reference/schemas/{name}.json"), &pretty(&schema));
    }
    committed("docs/reference/schemas/bundle.json", &pretty(&kspec_compiler::bundle_schema()));
    committed("docs/reference/schemas/check.json", &pretty(&kspec_compiler::check_schema()));
    for (name, schema) in kspec_query::net_document::net_schemas() {
        committed(&format!("docs/reference/schemas/{name}.json"), &pretty(&schema));
    }
    committed("docs/reference/schemas/plan.json", &pretty(&kspec_plan::plan_schema()));
    committed("docs/reference/schemas/test.json", &pretty(&kspec_trial::report_schema()));
    committed("docs/reference/schemas/vet.json", &pretty(&kspec_vet::verdict_schema()));
}

#[test]
fn flags_of_the_api_server() {
    const BEGIN: &str = "<!-- flags: generated from compiler/resolve/src/elaborate/api_server.rs -->\n";
    const END: &str = "<!-- end -->";
    let page = std::fs::read_to_string(repository().join("docs/language/host.md")).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("where flags begin");
    let (_, after) = rest.split_once(END).expect("where flags end");
    let flags: Vec<String> = kspec_compiler::managed_flags().map(|flag| format!("`{flag}`")).collect();
    let list: String = flags.chunks(4).map(|row| format!("{},\n", row.join(", "))).collect();
    committed("docs/language/host.md", &format!("{before}{BEGIN}\n{}.\n\n{END}{after}", list.trim_end_matches(",\n")));
}

/// The library's modules: what each item is called with, and what it says of itself.
#[test]
fn standard_library() {
    let mut page = "# Standard library\n\nkspec source, carried in the binary and pinned by `kspec.lock`. `use std.roles.{viewer}` takes an item; only what a program draws on \
                    counts.\nGenerated from the doc comments.\n"
        .to_owned();
    page.push_str("\nAdmission rules and mutations have [a page of their own](admission.md).\n");
    for (path, text) in kspec_stdlib::FILES.iter().filter(|(path, _)| !path.starts_with("std/admission")) {
        let module = path.trim_end_matches(".kspec").replace('/', ".");
        write!(page, "\n## {module}\n\n").expect("text");
        let (mut about, mut doc) = (Vec::new(), Vec::new());
        let mut items = 0;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(words) = line.strip_prefix("/// ") {
                doc.push(words);
            } else if let Some(words) = line.strip_prefix("// ").filter(|_| items == 0) {
                about.push(words);
            } else if !doc.is_empty() {
                if items == 0 {
                    write!(page, "{}\n\n| item | |\n| --- | --- |\n", about.join(" ")).expect("text");
                }
                items += 1;
                // A head may be broken over lines; its body begins at the first brace outside its brackets.
                let mut head = line.to_owned();
                while head.matches('(').count() > head.matches(')').count() {
                    let next = lines.next().expect("a bracket that closes");
                    head.push_str(if head.ends_with(['(', ')']) { "" } else { " " });
                    head.push_str(next.trim());
                }
                let head = head.trim_end_matches(" {").replace(", )", ")").replace('|', "\\|");
                writeln!(page, "| `{head}` | {} |", doc.join(" ").replace('|', "\\|")).expect("text");
                doc.clear();
            }
        }
        assert!(items > 0, "{path} says nothing of its items");
    }
    committed("docs/reference/library.md", &page);
}

/// The library's admission rules, by topic: what each is on, its parameters, severity and controls, and what it says of itself.
#[test]
fn admission_library() {
    let mut page = "# Admission library\n\nRules and mutations to bind: `use std.admission.{no_latest_tag}`, then `enforce no_latest_tag in payments`. \
                    Parameters with a default may be left out.\nControls are those of the CIS Kubernetes Benchmark 1.9, of the NSA's and CISA's \
                    Kubernetes Hardening Guide 1.2, and of PCI DSS 4.0.\nGenerated from the source.\n"
        .to_owned();
    let mut exported: Vec<String> = Vec::new();
    let mut declared: Vec<String> = Vec::new();
    for (path, text) in kspec_stdlib::FILES.iter().filter(|(path, _)| path.starts_with("std/admission")) {
        let module = path.trim_end_matches(".kspec").replace('/', ".");
        let about: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("// ")).collect();
        let parsed = kspec_syntax::parse_module(text);
        let mut rows = String::new();
        for (start, item) in &parsed.items {
            let doc = item.item.doc.as_deref().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            match &item.item.kind {
                ItemKind::Use(node) if *path == "std/admission.kspec" => {
                    exported.extend(node.names.iter().flatten().map(|(name, _)| name.text.to_string()));
                }
                ItemKind::Rule(rule) => {
                    declared.push(rule.name.text.to_string());
                    let facts = facts(&rule.body, text, *start);
                    let operations: Vec<&str> = rule.operations.iter().map(|name| &*name.text).collect();
                    let operations =
                        if operations.is_empty() { String::new() } else { format!(" ({})", operations.join(", ")) };
                    writeln!(
                        rows,
                        "| `{}` | {}{operations} | {} | {} | {doc} |",
                        rule.name.text,
                        kinds(&rule.on),
                        params(&rule.params, text, *start),
                        facts.join(" | ")
                    )
                    .expect("text");
                }
                ItemKind::Mutation(mutation) => {
                    declared.push(mutation.name.text.to_string());
                    writeln!(
                        rows,
                        "| `{}` | {} | {} | | | {doc} |",
                        mutation.name.text,
                        kinds(&mutation.on),
                        params(&mutation.params, text, *start)
                    )
                    .expect("text");
                }
                _ => {}
            }
        }
        if rows.is_empty() {
            continue;
        }
        write!(
            page,
            "\n## {module}\n\n{}\n\n| name | on | parameters | severity | controls | |\n| --- | --- | --- | --- | --- | --- |\n{rows}",
            about.join(" ")
        )
        .expect("text");
    }
    declared.sort();
    exported.sort();
    assert_eq!(exported, declared, "std/admission.kspec names every rule and mutation of the modules below it");
    committed("docs/reference/admission.md", &page);
}

fn kinds(on: &[KindRef]) -> String {
    let kinds: Vec<&str> = on.iter().map(|kind| &*kind.text).collect();
    kinds.join(", ")
}

fn params(params: &[Param], text: &str, start: u32) -> String {
    let written = |span: Span| {
        let (from, to) = (start + span.start, start + span.end);
        let text = text.get(from as usize..to as usize).expect("a place in the text");
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace(", ]", "]")
            .replace(", }", " }")
            .replace('|', "\\|")
    };
    let shown = params.iter().map(|param| {
        let default = param.default.as_ref().map(|default| format!(" = {}", written(default.span))).unwrap_or_default();
        format!("`{}: {}{default}`", param.name.text, written(param.ty.span))
    });
    shown.collect::<Vec<_>>().join("<br>")
}

/// Severity and controls, as a rule's fields state them.
fn facts(body: &RuleBody, text: &str, start: u32) -> [String; 2] {
    let mut facts = [String::new(), String::new()];
    let RuleBody::Stmts(statements) = body else { return facts };
    for statement in statements {
        let RuleStmt::Field(field) = statement else { continue };
        let (from, to) = (start + field.value.span.start, start + field.value.span.end);
        let value = text.get(from as usize..to as usize).expect("a place in the text");
        match &*field.key.text {
            "severity" => facts[0] = value.to_owned(),
            _ => facts[1] = value.replace(['[', ']', '"'], ""),
        }
    }
    facts
}

#[track_caller]
fn fits(schema: &serde_json::Value, document: &serde_json::Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn real_output_fits_its_schema() {
    let place = Place::with_examples();
    for project in ["examples/tenants", "examples/hardened-control-plane"] {
        let done = place.kspec(&["plan", project, "--as-of", DAY, "-o", "json"]).ends(0);
        fits(&kspec_plan::plan_schema(), &done.json());
        let done = place.kspec(&["check", project, "--as-of", DAY, "-o", "json"]).ends(0);
        fits(&kspec_compiler::check_schema(), &done.json());
        place.kspec(&["compile", project, "--as-of", DAY, "--out", "out"]).ends(0);
        let bundle = serde_json::from_str(&place.read("out/bundle.json")).expect("JSON");
        fits(&kspec_compiler::bundle_schema(), &bundle);
    }
    // Somebody's binding breaks a guarantee there, which the plan finds.
    let done = place.kspec(&["plan", "examples/shop", "--env", "prod", "--as-of", DAY, "-o", "json"]).ends(0);
    fits(&kspec_plan::plan_schema(), &done.json());
    let state = ["--state", "examples/shop/state", "-o", "json"];
    let packet = ["--from", "shop/frontend", "--to", "payments/fraud", "--port", "80"];
    let questions: [(&str, &[&str], i32); 4] = [
        ("reach", &[], 0),
        ("probe", &packet, 1),
        ("explain", &packet, 1),
        ("diff", &["--project", "examples/shop", "--env", "prod", "--as-of", DAY], 0),
    ];
    for (question, arguments, code) in questions {
        let done = place.kspec(&[&["net", question][..], arguments, &state].concat()).ends(code);
        let name = format!("net-{}", if question == "explain" { "probe" } else { question });
        let (_, schema) =
            kspec_query::net_document::net_schemas().into_iter().find(|(known, _)| *known == name).expect("a schema");
        fits(&schema, &done.json());
    }
    let program = place.read("examples/tenants/main.kspec").replace("grant view in", "grant veiw in");
    place.write("examples/tenants/main.kspec", program);
    let done = place.kspec(&["check", "examples/tenants", "--as-of", DAY, "-o", "json"]).ends(1);
    fits(&kspec_compiler::check_schema(), &done.json());
    assert_eq!(done.json()["findings"][0]["fixes"][0]["edits"][0]["text"], "view");
}
