//! Admission: what source becomes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kspec_model::program::Program;
use kspec_model::rules::{Body, Change, Expr, Op, Stmt};

use crate::support::{compile, show};

/// A rule table's expression as text: what the snapshots show.
fn expr(e: &Expr) -> String {
    let list = |parts: &[Expr]| parts.iter().map(expr).collect::<Vec<_>>().join(", ");
    match &e.op {
        Op::Const(value) => format!("{value:?}"),
        Op::Var(var) => var.to_string(),
        Op::Root(root) => format!("{root:?}"),
        Op::Field(base, name) => format!("{}{}.{name}", expr(base), if base.ty.is_optional() { "?" } else { "" }),
        Op::Index(base, key) => format!("{}[{}]", expr(base), expr(key)),
        Op::Not(a) => format!("!{}", expr(a)),
        Op::Negate(a) => format!("-{}", expr(a)),
        Op::Arithmetic(op, a, b) => format!("({} {op:?} {})", expr(a), expr(b)),
        Op::Compare(op, a, b) => format!("({} {op:?} {})", expr(a), expr(b)),
        Op::Equal(a, b) => format!("({} == {})", expr(a), expr(b)),
        Op::And(parts) => format!("And({})", list(parts)),
        Op::Or(parts) => format!("Or({})", list(parts)),
        Op::If(a, b, c) => format!("If({}, {}, {})", expr(a), expr(b), expr(c)),
        Op::Coalesce(a, b) => format!("({} ?? {})", expr(a), expr(b)),
        Op::In(a, b) => format!("({} in {})", expr(a), expr(b)),
        Op::InRange(a, b, c) => format!("({} in {}..{})", expr(a), expr(b), expr(c)),
        Op::List(parts) => format!("[{}]", list(parts)),
        Op::Record(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", expr(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Op::Each { what, over, item, value, body } => {
            let names = value.as_ref().map_or_else(|| item.to_string(), |value| format!("({item}, {value})"));
            format!("{}.{what:?}({names} => {})", expr(over), expr(body))
        }
        Op::Call(method, base, arguments) => format!("{}.{method:?}({})", expr(base), list(arguments)),
        Op::Convert(a) => format!("{}({})", ty(e), expr(a)),
        Op::Exists(a) => format!("{}.Exists", expr(a)),
        Op::Let(var, value, body) => format!("(let {var} = {}; {})", expr(value), expr(body)),
        Op::Text(parts) => format!("Text({})", list(parts)),
        Op::All(lookup) => format!("All({}/{} {})", lookup.group, lookup.version, lookup.resource),
    }
}

fn ty(e: &Expr) -> String {
    format!("{:?}", e.ty)
}

fn statements(list: &[Stmt], depth: usize, out: &mut String) {
    for statement in list {
        let pad = "  ".repeat(depth);
        match statement {
            Stmt::Let(var, value) => writeln!(out, "{pad}let {var} = {}", expr(value)).expect("text"),
            Stmt::For { item, over, body } => {
                let over: Vec<String> = over.iter().map(expr).collect();
                writeln!(out, "{pad}for {item} in {}", over.join(", ")).expect("text");
                statements(body, depth + 1, out);
            }
            Stmt::Verdict(verdict) => {
                let word = if verdict.warn { "warn" } else { "deny" };
                writeln!(out, "{pad}{word} if {}", expr(&verdict.when)).expect("text");
                writeln!(out, "{pad}  because {}", expr(&verdict.message)).expect("text");
            }
        }
    }
}

fn changes(list: &[Change], depth: usize, out: &mut String) {
    for change in list {
        let pad = "  ".repeat(depth);
        match change {
            Change::For { item, over, body } => {
                let over: Vec<String> = over.iter().map(expr).collect();
                writeln!(out, "{pad}for {item} in {}", over.join(", ")).expect("text");
                changes(body, depth + 1, out);
            }
            Change::If { when, body } => {
                writeln!(out, "{pad}if {}", expr(when)).expect("text");
                changes(body, depth + 1, out);
            }
            Change::Write { write, place, value, keys, .. } => {
                writeln!(out, "{pad}{write:?} {}: {} {keys:?}", expr(place), expr(value)).expect("text");
            }
            Change::Remove { place, .. } => writeln!(out, "{pad}remove {}", expr(place)).expect("text"),
        }
    }
}

/// Everything of a program that is about admission.
fn shown(program: &Program) -> String {
    let mut out = String::new();
    let target = |target: &kspec_model::rules::Target| {
        let verbs: Vec<String> = target.operations.iter().map(|verb| format!("{verb:?}")).collect();
        format!(
            "{}{} {}{}{} body {}",
            target.resource,
            target.subresource.as_ref().map(|name| format!("/{name}")).unwrap_or_default(),
            verbs.join(","),
            if target.template.is_empty() { String::new() } else { format!(" at {}", target.template.join(".")) },
            if target.advisory { " advisory" } else { "" },
            target.body,
        )
    };
    for binding in &program.rules {
        let rule = &binding.rule;
        writeln!(
            out,
            "{:?} {} ({:?}) {:?} then {:?}, {:?} {}s, {:?} {:?}",
            binding.action,
            rule.name,
            rule.severity,
            binding.scope,
            binding.then,
            binding.failure_policy,
            binding.timeout_seconds,
            rule.controls,
            rule.help,
        )
        .expect("text");
        for of in &rule.targets {
            writeln!(out, "  on {}", target(of)).expect("text");
        }
        for body in &rule.bodies {
            match body {
                Body::Statements(list) => statements(list, 1, &mut out),
                Body::Rego { file, .. } => writeln!(out, "  rego {file}").expect("text"),
            }
        }
    }
    for binding in &program.mutations {
        writeln!(out, "mutate {} {:?}", binding.mutation.name, binding.scope).expect("text");
        for of in &binding.mutation.targets {
            writeln!(out, "  on {}", target(of)).expect("text");
        }
        for body in &binding.mutation.bodies {
            changes(body, 1, &mut out);
        }
    }
    for exemption in &program.exemptions {
        let rules: Vec<&str> = exemption.rules.iter().map(|(name, _)| name.as_str()).collect();
        writeln!(out, "exempt {:?} container {:?} from {rules:?}", exemption.what, exemption.container).expect("text");
    }
    for test in &program.tests {
        writeln!(out, "test {:?}", test.name).expect("text");
        for given in &test.given {
            writeln!(
                out,
                "  given {:?} {} {:?} {:?} {:?} old {:?}",
                given.operation, given.object, given.user, given.groups, given.subresource, given.old
            )
            .expect("text");
        }
        for expected in &test.expect {
            use kspec_model::program::Expectation as E;
            let names = |rules: &[(String, _)]| rules.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            let what = match &expected.what {
                E::Allowed => "allowed".to_owned(),
                E::Denied(rules) => format!("denied {:?}", names(rules)),
                E::Warned(rules) => format!("warned {:?}", names(rules)),
                E::Holds(holds) => expr(holds),
                E::Claim(claim) => format!("{claim:?}"),
                E::NotDecided(what) => format!("not decided: {what}"),
            };
            writeln!(out, "  expect {}{what}", if expected.negated { "not " } else { "" }).expect("text");
        }
    }
    out
}

#[test]
fn a_rule_is_closed_where_it_is_bound() {
    let (compiler, findings) = compile(
        r#"
namespace payments { pod_security: restricted }

/// No container may listen below 1024. It could not anyway.
rule non_root_ports on Pod {
  severity: high
  for c in all_containers {
    deny if c.ports.any(p => p.containerPort < 1024) because "{c.name} listens below 1024"
  }
}

fn from(name: String, registries: List<String>) -> Bool = registries.any(r => image(name).registry == r)

rule trusted(registries: List<String>, strict: Bool = false) on Pod, Deployment {
  for c in all_containers {
    deny unless from(c.image ?? "", registries)
    deny if strict && (c.image.matches("latest$") ?? false)
  }
}

rule memory(most: Quantity) on Pod {
  for c in containers, init_containers {
    let limit = c.resources.limits.memory ?? 0
    warn if limit > most * 2 because "{c.name} may use {limit}, more than {most}"
  }
}

enforce non_root_ports, trusted(["registry.example.com"]) in payments
audit memory(1Gi) for pods where labels.app == "x" until 2027-02-01 then enforce { timeout: 5s, workloads: off }
"#,
    );
    // What a reference that cannot be read does is not decided, and nothing hangs on it.
    assert_eq!(findings, [], "{}", show(&findings, compiler.sources()));
    insta::assert_snapshot!(shown(compiler.program()));
}

/// An argument of a type, as source.
fn sample(ty: &kspec_syntax::tree::TypeExpr) -> String {
    use kspec_syntax::tree::TypeExprKind as T;
    match &ty.kind {
        T::Named(path, arguments) => {
            match (path.segments.first().map_or("", |name| &name.text), arguments.as_slice()) {
                ("List", [item]) => format!("[{}]", sample(item)),
                ("Map", [_, value]) => format!("{{ a: {} }}", sample(value)),
                ("Int", _) => "2".to_owned(),
                ("Quantity", _) => "1Gi".to_owned(),
                ("Bool", _) => "true".to_owned(),
                ("Float", _) => "2.5".to_owned(),
                ("Duration", _) => "5s".to_owned(),
                ("Cidr", _) => "10.0.0.0/8".to_owned(),
                _ => "\"a\"".to_owned(),
            }
        }
        T::Literals(texts) => texts.first().map(|text| format!("{:?}", text.value)).unwrap_or_default(),
        T::Record(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, ty)| format!("{}: {}", name.text, sample(ty))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        T::Optional(inner) => sample(inner),
        T::Error => String::new(),
    }
}

#[test]
fn every_rule_of_the_library_can_be_bound() {
    use kspec_syntax::tree::ItemKind;
    let mut source = String::new();
    let mut count = 0;
    for (path, text) in kspec_stdlib::FILES {
        let module = path.trim_end_matches(".kspec").replace('/', ".");
        for item in kspec_syntax::split(text) {
            let parsed = kspec_syntax::parse_item(item.text);
            let (name, params) = match &parsed.item.kind {
                ItemKind::Rule(node) => (&node.name.text, &node.params),
                ItemKind::Mutation(node) => (&node.name.text, &node.params),
                _ => continue,
            };
            let arguments: Vec<String> = params
                .iter()
                .filter(|param| param.default.is_none())
                .map(|param| format!("{}: {}", param.name.text, sample(&param.ty)))
                .collect();
            writeln!(source, "use {module}.{name} as b{count}\nenforce b{count}({})", arguments.join(", "))
                .expect("text");
            count += 1;
        }
    }
    let (compiler, findings) = compile(&source);
    // Nobody binds all of it at once: that some of it does not fit together is right.
    let together = |code: String| ("K0501".."K0506").contains(&code.as_str());
    let errors: Vec<_> = findings
        .into_iter()
        .filter(|finding| finding.severity == kspec_diagnostics::Severity::Error && !together(finding.code.to_string()))
        .collect();
    assert_eq!(show(&errors, compiler.sources()), "");
    let program = compiler.program();
    assert_eq!(program.rules.len() + program.mutations.len(), count);
}

#[test]
fn tests_give_objects_and_expect_verdicts() {
    let (compiler, findings) = compile(
        r#"
namespace payments { pod_security: restricted }
user oncall = "oncall@example.com"
group devs = "oidc:devs"

/// No tags that move.
rule pinned on Pod {
  for c in all_containers { deny if c.image.ends_with(":latest") ?? true }
}

mutation team on Pod {
  default object.metadata.labels["team"]: "payments"
  append object.spec.tolerations: { key: "x", operator: "Exists" }
  for c in containers { set c.imagePullPolicy: "Always" if c.image.ends_with(":latest") ?? true }
}

rule no_exec on Pod/exec { deny if "oidc:devs" in request.userInfo.groups }

let baseline = [pinned, no_exec]
enforce baseline, team in payments

service_account db in payments
exempt service_account db from baseline { reason: "x", owner: devs, until: 2027-03-01 }

test "a moving tag is refused" {
  given pod in payments { labels: { app: "x" }, containers: [{ name: "c", image: "docker.io/library/bash:latest" }] }
  expect denied by pinned
  expect not allowed
  expect object.metadata.labels["team"] == "payments"
}

test "an update by the people on call" {
  given pod "x" in payments {
    containers: [{ name: "c", image: "bash:1" }]
    old: { containers: [{ name: "c", image: "bash:2" }] }
    user: oncall
    groups: [devs]
  }
  expect allowed
}

test "bindings" {
  given ClusterRoleBinding "b" { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" } }
  expect warned
}
"#,
    );
    let codes: Vec<String> = findings.iter().map(|finding| finding.code.to_string()).collect();
    // Of connecting nothing is proved.
    assert_eq!(codes, ["K0509"], "{}", show(&findings, compiler.sources()));
    insta::assert_snapshot!(shown(compiler.program()));
}

const RUN_WEBHOOK: &str = "[admission]\nengine = \"webhook\"\n[admission.webhook]\nimage = \"kspec:1\"\ncert_manager = \"kspec-system/kspec-webhook\"\n";

/// What runs the webhook has names that others may take.
#[test]
fn an_object_of_the_webhook_is_declared_once() {
    let settings = format!("{}{RUN_WEBHOOK}", crate::support::CONFIG);
    let rule = "rule a on Pod { deny if object.spec.hostNetwork == true }\nenforce a in cluster\n";
    let config_map = |name: &str| {
        format!(
            "manifest rules {{ apiVersion: \"v1\", kind: \"ConfigMap\", metadata: {{ name: \"{name}\", namespace: \"default\" }} }}\n"
        )
    };
    let codes = |name: &str| -> Vec<String> {
        let (_, findings) = crate::support::compile_with(&settings, &format!("{rule}{}", config_map(name)));
        let errors = findings.iter().filter(|finding| finding.severity == kspec_diagnostics::Severity::Error);
        errors.map(|finding| finding.code.to_string()).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(codes("kspec-webhooks"), none);
    assert_eq!(codes("kspec-webhook"), ["K0106"]);
}

/// The rules of the webhook go into a ConfigMap, and the API server takes no larger one than 1 MiB.
#[test]
fn a_bundle_that_fits_no_config_map_is_refused() {
    let settings = format!("{}{RUN_WEBHOOK}", crate::support::CONFIG);
    let codes = |settings: &str, names: usize| -> Vec<String> {
        let names: Vec<String> = (0..names).map(|at| format!("\"{at:0>1000}\"")).collect();
        let rule = format!(
            "rule a on Pod {{ deny if object.metadata.name in [{}] }}\nenforce a in cluster\n",
            names.join(", ")
        );
        let (_, findings) = crate::support::compile_with(settings, &rule);
        let errors = findings.iter().filter(|finding| finding.severity == kspec_diagnostics::Severity::Error);
        errors.map(|finding| finding.code.to_string()).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(codes(&settings, 1000), none);
    assert_eq!(codes(&settings, 1100), ["K0519"]);
    // Whoever runs it by other means has no such limit.
    assert_eq!(codes(&settings.replace("image = \"kspec:1\"\n", ""), 1100), none);
}

/// Each weakness of a declaration that an object can show has one.
#[test]
fn an_object_shows_what_a_declaration_lacks() {
    let witness = |code: &str, source: &str| -> Vec<String> {
        let (compiler, findings) = crate::support::compile(source);
        let of_code = findings.iter().filter(|finding| finding.code.to_string() == code);
        let steps: Vec<String> =
            of_code.flat_map(|finding| finding.witness.iter().flat_map(|witness| witness.steps.clone())).collect();
        assert!(!steps.is_empty(), "{code}: {}", show(&findings, compiler.sources()));
        steps
    };
    let unprivileged = "rule unprivileged on Pod { for c in all_containers { deny if c.securityContext.privileged == true } }\n\
        namespace shop {}\nnamespace other {}\nworkload db in shop { pods: { app: \"db\" } }\n";
    let exempt =
        |what: &str| format!("exempt {what} from unprivileged {{ reason: \"r\", owner: \"o\", until: 2099-01-01 }}\n");
    insta::assert_snapshot!(
        [
            witness("K0507", &format!("{unprivileged}enforce unprivileged in shop\n{}", exempt("namespace shop"))),
            witness(
                "K0507",
                &format!(
                    "{unprivileged}enforce unprivileged in shop, other\n{}{}",
                    exempt("namespace shop"),
                    exempt("workload db")
                )
            ),
            witness("K0508", &format!("{unprivileged}enforce unprivileged in other\n{}", exempt("workload db"))),
            witness(
                "K0520",
                "mutation more on Deployment { set object.spec.replicas: (object.spec.replicas ?? 1) + 1 }\nenforce more in cluster\n"
            ),
            witness(
                "K0521",
                "rule root on Pod { for c in containers { deny if c.securityContext.runAsUser == 0 } }\nenforce root in cluster\n"
            ),
        ]
        .concat()
        .join("\n")
    );
}

/// What the webhook loads is what `vet` and `test` judge by.
#[test]
fn a_bundle_holds_the_rule_table() {
    let (compiler, _) = crate::support::compile(
        "rule tagged on Pod { for c in all_containers { deny if c.image == \"x\" because \"{c.name}\" } }\n\
         mutation team on Pod { default object.metadata.labels[\"team\"]: \"none\" }\n\
         enforce tagged in cluster\nenforce team in cluster\n",
    );
    let lowered = compiler.lower(&BTreeMap::new());
    let bundle = kspec_compiler::BundleDocument::new(&compiler, &lowered).to_json();
    let table = kspec_rules::read_table(serde_json::from_str(&bundle).unwrap()).unwrap();
    assert_eq!((table.rules.len(), table.mutations.len()), (1, 1));
    assert_eq!(table, compiler.table());
}

#[test]
fn rego_stands_behind_the_same_binding() {
    let webhook = "[admission.webhook]\ncert_manager = \"kspec-system/kspec-webhook\"\n";
    let settings = format!("{}{webhook}", crate::support::CONFIG);
    let mut facts = crate::support::facts(crate::support::config(&settings), None, Vec::new());
    facts.rego.insert("policies/labels.rego".to_owned(), "package labels".into());
    let mut compiler = kspec_compiler::Compiler::new(facts);
    compiler.set_source(
        "main.kspec",
        "rule labels on Service, Ingress verbs create = rego(\"policies/labels.rego\")\nwarn labels in cluster\n",
    );
    let findings = compiler.check();
    let codes: Vec<String> = findings.iter().map(|finding| finding.code.to_string()).collect();
    // What Rego says of others is not decided.
    assert_eq!(codes, ["K0509"], "{}", show(&findings, compiler.sources()));
    insta::assert_snapshot!("rego", shown(compiler.program()));
    compiler.set_source("main.kspec", "rule labels = rego(\"policies/lables.rego\")\n");
    let findings = compiler.check();
    insta::assert_snapshot!("rego_findings", show(&findings, compiler.sources()));
}
