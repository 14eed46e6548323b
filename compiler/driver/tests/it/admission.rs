//! Admission: what source becomes.

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
    assert_eq!(show(&findings, compiler.sources()), "");
    insta::assert_snapshot!(shown(compiler.program()));
}
