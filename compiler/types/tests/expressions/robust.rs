//! Evaluation ends, and never panics.

use proptest::prelude::*;

use crate::harness::reported as findings;

#[test]
fn growth_is_bounded() {
    let mut lists = String::from("let a0 = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n");
    let mut texts = String::from("let a0 = \"0123456789\"\n");
    for step in 1..20 {
        lists += &format!("let a{step} = [{}]\n", vec![format!("a{}", step - 1); 10].join(", "));
        texts += &format!("let a{step} = {}\n", vec![format!("a{}", step - 1); 10].join(" + "));
    }
    for source in [lists, texts, "let a = 1..10000\nlet b = a.map(x => a.map(y => a.map(z => x + y + z)))\n".to_owned()]
    {
        let found = findings(&source);
        assert!(found.starts_with("K0132"), "{found}");
    }
}

#[test]
fn nesting_is_bounded() {
    let sum = vec!["1"; 5_000].join(" + ");
    let found = findings(&format!("let a = {sum}\n"));
    assert!(found.is_empty() || found.starts_with("K0132") || found.starts_with("K0007"), "{found}");
    let mut functions = String::from("fn f0(x: Int) -> Int = x\n");
    for step in 1..500 {
        functions += &format!("fn f{step}(x: Int) -> Int = f{}(x) + 1\n", step - 1);
    }
    let found = findings(&format!("{functions}let a = f499(1)\n"));
    assert!(found.starts_with("K0132"), "{found}");
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1"),
        Just("9223372036854775807"),
        Just("0"),
        Just("0.5"),
        Just("\"x\""),
        Just("\"\""),
        Just("500m"),
        Just("2Gi"),
        Just("30s"),
        Just("2027-01-31"),
        Just("10.0.0.0/8"),
        Just("443/tcp"),
        Just("true"),
        Just("n"),
        Just("t"),
        Just("pod"),
        Just("list"),
        Just("map"),
        Just("any"),
        Just("devs"),
        Just("[]"),
        Just("({})"),
        Just("x"),
        Just("f"),
        Just("c"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 32, 3, |inner| {
        let binary =
            prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "in", "&&", "||", "??", ".."]);
        let method = prop::sample::select(vec![
            "any", "filter", "map", "count", "size", "first", "sum", "sort", "join", "contains", "split", "keys",
            "has", "merge", "lower", "matches", "exists", "string", "flatten", "distinct", "min",
        ]);
        let field = prop::sample::select(vec!["spec", "metadata", "labels", "name", "containers", "a", "tag"]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), method.clone(), inner.clone()).prop_map(|(a, m, b)| format!("({a}).{m}({b})")),
            (inner.clone(), method.clone()).prop_map(|(a, m)| format!("({a}).{m}()")),
            (inner.clone(), method.clone(), inner.clone()).prop_map(|(a, m, b)| format!("({a}).{m}(x => {b})")),
            (inner.clone(), method, inner.clone()).prop_map(|(a, m, b)| format!("({a}).{m}((k, x) => {b})")),
            (inner.clone(), field).prop_map(|(a, f)| format!("({a}).{f}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("if {a} then {b} else {c}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({{ a: {a}, b: {b} }})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("f({a}, y: {b})")),
        ]
    })
}

const WORLD: &str = r#"
param n: Int
param t: String?
param pod: Pod
param list: List<Int>
param map: Map<String, String>
param any: Any
group devs = "devs"
fn f(x: Int, y: Int = 2) -> Int = x + y
let c = { a: [1, 2], b: "x" }
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_expression_evaluates(text in expression()) {
        findings(&format!("{WORLD}let result = {text}\n"));
    }

    /// Whatever an expression is reported for, a function's body and a rule's are too.
    #[test]
    fn every_body_is_checked(text in expression()) {
        findings(&format!("{WORLD}fn g(x: Int) -> Any = {text}\nrule r on Pod {{ deny if {text} }}\n"));
    }

    #[test]
    fn every_object_and_mutation_is_checked(name in expression(), spec in expression(), value in expression()) {
        findings(&format!(
            "{WORLD}manifest {{ apiVersion: \"v1\", kind: \"Pod\", metadata: {{ name: {name} }}, spec: {{ containers: [{{ \
             name: {value}, resources: {{ limits: {{ memory: {spec} }} }} }}], volumes: {spec} }} }}\n\
             mutation m on Pod {{ for c in containers {{\n default c.resources.limits.cpu: {value}\n append c.env: {spec} }} }}\n"
        ));
    }
}
