//! Generated expressions over generated pods, decided twice: by the compiler, where the pod is known, and by the rule
//! table's evaluator, where it comes in a request.

use std::fmt::Write as _;

use kspec_model::LabelSelector;
use kspec_model::rules::{Body, BoundRule, Const, Engine, Namespaces, Op, Operation, Scope, Stmt, Table};
use kspec_rules::{Asked, Decision, Engines, Evaluator, NoObjects, Review};
use serde_json::{Value, json};

use crate::support::compile;

/// Programs that are made, and claims in each.
const PROGRAMS: u64 = 24;
const CLAIMS: usize = 40;

/// A stream of choices (xorshift); every seed gives the same ones anywhere.
pub(crate) struct Choices(pub(crate) u64);

impl Choices {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("small")
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of.get(self.below(of.len())).expect("in bounds")
    }

    /// A condition over the pod `o` and, inside a list, its container `c`.
    pub(crate) fn truth(&mut self, depth: usize, c: bool) -> String {
        if depth == 0 {
            return match self.below(if c { 8 } else { 5 }) {
                0 => "o.spec.hostNetwork == true".to_owned(),
                1 => "o.spec.hostPID != true".to_owned(),
                2 => "(\"app\" in o.metadata.labels)".to_owned(),
                3 => "o.spec.securityContext.exists()".to_owned(),
                4 => "o.metadata.labels.is_empty()".to_owned(),
                5 => "c.image.exists()".to_owned(),
                6 => "c.securityContext.privileged == true".to_owned(),
                _ => "(c.securityContext.runAsNonRoot ?? o.spec.securityContext.runAsNonRoot ?? false)".to_owned(),
            };
        }
        let d = depth - 1;
        match self.below(19) {
            0 => format!("({} && {})", self.truth(d, c), self.truth(d, c)),
            1 => format!("({} || {})", self.truth(d, c), self.truth(d, c)),
            2 => format!("!({})", self.truth(d, c)),
            3 => format!("(if {} then {} else {})", self.truth(d, c), self.truth(d, c), self.truth(d, c)),
            4 => format!(
                "({} {} {})",
                self.number(d, c),
                self.pick(&["<", "<=", ">", ">=", "==", "!="]),
                self.number(d, c)
            ),
            5 => format!("({} {} {})", self.text(d, c), self.pick(&["<", "==", "!="]), self.text(d, c)),
            6 => format!("({} {} {})", self.perhaps(c), self.pick(&["==", "!="]), self.perhaps(c)),
            7 => format!("({} {} {})", self.perhaps(c), self.pick(&["==", "!="]), self.text(d, c)),
            8 => format!("({} in [{}, {}])", self.perhaps(c), self.text(d, c), self.text(d, c)),
            9 => format!("({} in {}..{})", self.number(d, c), self.below(3), self.below(9)),
            10 => format!("({} {} {})", self.amount(d, c), self.pick(&["<", ">=", "==", "!="]), self.amount(d, c)),
            11 | 12 => format!(
                "(o.spec.{}.{}(c => {}))",
                self.pick(&["containers", "initContainers"]),
                self.pick(&["any", "all", "none", "one"]),
                self.truth(d, true)
            ),
            13 => format!(
                "({}.{}({}))",
                self.text(d, c),
                self.pick(&["starts_with", "ends_with", "contains"]),
                self.text(d, c)
            ),
            14 => format!("({}.matches(\"{}\"))", self.text(d, c), self.pick(&["^a", "[0-9]+$", "b.*c", "^$"])),
            15 => format!(
                "({}.like(\"{}\") ?? {})",
                self.perhaps(c),
                self.pick(&["a*", "*b", "?", "*"]),
                self.truth(d, c)
            ),
            16 => format!(
                "(o.metadata.labels.{}((k, v) => k == {} || v == {}))",
                self.pick(&["any", "all", "none", "one"]),
                self.text(d, c),
                self.text(d, c)
            ),
            17 => format!("({} in {})", self.text(d, c), self.texts(d, c)),
            _ => format!("(twice({}, {}))", self.number(d, c), self.number(d, c)),
        }
    }

    fn number(&mut self, depth: usize, c: bool) -> String {
        if depth == 0 {
            return match self.below(4) {
                0 => self.below(6).to_string(),
                1 => "(o.spec.priority ?? 1)".to_owned(),
                2 => "o.spec.containers.size()".to_owned(),
                _ if c => "c.ports.count(p => p.containerPort < 1024)".to_owned(),
                _ => "o.metadata.labels.size()".to_owned(),
            };
        }
        let d = depth - 1;
        match self.below(7) {
            0 => format!("({} {} {})", self.number(d, c), self.pick(&["+", "-", "*"]), self.number(d, c)),
            1 => format!("(if {} then {} else {})", self.truth(d, c), self.number(d, c), self.number(d, c)),
            2 => format!("[{}, {}].{}", self.number(d, c), self.number(d, c), self.pick(&["sum()", "size()"])),
            3 => format!(
                "([{}, {}].{} ?? 0)",
                self.number(d, c),
                self.number(d, c),
                self.pick(&["max()", "min()", "first()", "last()"])
            ),
            4 => format!("{}.size()", self.text(d, c)),
            5 => format!("{}.size()", self.texts(d, c)),
            _ => format!("o.spec.containers.count(c => {})", self.truth(d, true)),
        }
    }

    /// A text that may be absent.
    fn perhaps(&mut self, c: bool) -> String {
        match self.below(if c { 8 } else { 5 }) {
            0 => "o.spec.nodeName".to_owned(),
            1 => "o.metadata.labels[\"app\"]".to_owned(),
            2 => "o.spec.containers[1].name".to_owned(),
            3 => "o.spec.containers.first().image".to_owned(),
            4 => "o.metadata.labels.keys().last()".to_owned(),
            5 => "c.image".to_owned(),
            6 => "image(c.image).tag".to_owned(),
            _ => "image(c.image).registry".to_owned(),
        }
    }

    fn text(&mut self, depth: usize, c: bool) -> String {
        if depth == 0 {
            return match self.below(4) {
                0 | 1 => format!("\"{}\"", self.pick(&["a", "b", "ab", "a-b", "", "1"])),
                2 if c => "c.name".to_owned(),
                _ => "(o.metadata.name ?? \"none\")".to_owned(),
            };
        }
        let d = depth - 1;
        match self.below(8) {
            0 => format!("({} ?? {})", self.perhaps(c), self.text(d, c)),
            1 => format!("({} + {})", self.text(d, c), self.text(d, c)),
            2 => format!("{}.{}()", self.text(d, c), self.pick(&["upper", "lower", "trim"])),
            3 => format!("{}.{}({})", self.text(d, c), self.pick(&["trim_prefix", "trim_suffix"]), self.text(d, c)),
            4 => format!("string({})", self.number(d, c)),
            5 => format!("{}.join({})", self.texts(d, c), self.text(d, c)),
            6 => format!("{}.replace(\"a\", {})", self.text(d, c), self.text(d, c)),
            _ => format!("(if {} then {} else {})", self.truth(d, c), self.text(d, c), self.text(d, c)),
        }
    }

    fn texts(&mut self, depth: usize, c: bool) -> String {
        if depth == 0 {
            return match self.below(3) {
                0 => "o.spec.containers.map(c => c.name)".to_owned(),
                1 => "o.metadata.labels.keys()".to_owned(),
                _ => "[\"a\", \"b\", \"a\"]".to_owned(),
            };
        }
        let d = depth - 1;
        match self.below(6) {
            0 => format!("{}.{}()", self.texts(d, c), self.pick(&["sort", "reverse", "distinct"])),
            1 => format!("{}.filter(t => t != {})", self.texts(d, c), self.text(d, c)),
            2 => format!("[{}, {}].flatten()", self.texts(d, c), self.texts(d, c)),
            3 => format!("({} + {})", self.texts(d, c), self.texts(d, c)),
            4 => format!("{}.split(\"-\")", self.text(d, c)),
            _ => format!("{}.map(t => t + {})", self.texts(d, c), self.text(d, c)),
        }
    }

    fn amount(&mut self, depth: usize, c: bool) -> String {
        if depth == 0 {
            return match self.below(3) {
                0 => self.pick(&["1Gi", "500m", "2", "0", "1024Mi"]).to_owned(),
                1 if c => "(c.resources.limits.memory ?? 0)".to_owned(),
                _ => "(o.spec.containers.first().resources.requests.cpu ?? 250m)".to_owned(),
            };
        }
        let d = depth - 1;
        match self.below(3) {
            0 => format!("({} {} {})", self.amount(d, c), self.pick(&["+", "-"]), self.amount(d, c)),
            1 => format!("({} * {})", self.amount(d, c), self.below(4)),
            _ => format!("(if {} then {} else {})", self.truth(d, c), self.amount(d, c), self.amount(d, c)),
        }
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    /// A pod of which each optional field may be absent.
    pub(crate) fn pod(&mut self) -> Value {
        let containers = 1 + self.below(3);
        let mut spec = json!({ "containers": (0..containers).map(|at| self.container(at)).collect::<Vec<_>>() });
        if self.flag() {
            spec["initContainers"] = json!([self.container(7)]);
        }
        for field in ["hostNetwork", "hostPID"] {
            if self.flag() {
                spec[field] = json!(self.flag());
            }
        }
        if self.flag() {
            spec["priority"] = json!(self.below(5));
        }
        if self.flag() {
            spec["nodeName"] = json!(self.pick(&["a", "b", "none"]));
        }
        if self.flag() {
            spec["securityContext"] = if self.flag() { json!({ "runAsNonRoot": self.flag() }) } else { json!({}) };
        }
        let mut metadata = json!({ "name": self.pick(&["a", "ab", "a-b"]) });
        if self.flag() {
            let mut labels = json!({});
            for key in ["app", "a", "b"] {
                if self.flag() {
                    labels[key] = json!(self.pick(&["a", "b", "x"]));
                }
            }
            metadata["labels"] = labels;
        }
        json!({ "metadata": metadata, "spec": spec })
    }

    fn container(&mut self, at: usize) -> Value {
        let mut container = json!({ "name": format!("c{at}") });
        if self.flag() {
            container["image"] =
                json!(self.pick(&["a", "a:b", "r.example.com/a:1", "r.example.com:5000/a/b", "ghcr.io/x/y:latest"]));
        }
        if self.flag() {
            container["ports"] = json!([{ "containerPort": 80 }, { "containerPort": 8080 }]);
        }
        if self.flag() {
            container["securityContext"] = json!({ "privileged": self.flag() });
            if self.flag() {
                container["securityContext"]["runAsNonRoot"] = json!(self.flag());
            }
        }
        if self.flag() {
            container["resources"] = json!({ "limits": { "memory": self.pick(&["1Gi", "256Mi", "1024Mi"]) } });
            if self.flag() {
                container["resources"]["requests"] = json!({ "cpu": self.pick(&["500m", "2", "0.5"]) });
            }
        }
        container
    }
}

/// What a rule of one verdict is lowered to, where that is known.
fn known(rule: &kspec_model::rules::Rule) -> Option<bool> {
    let Some(Body::Statements(statements)) = rule.bodies.first() else { return None };
    let [Stmt::Verdict(verdict)] = statements.as_slice() else { return None };
    match verdict.when.op {
        Op::Const(Const::Bool(value)) => Some(value),
        _ => None,
    }
}

pub(crate) fn judged(rule: &kspec_model::rules::Rule, pod: &Value) -> Decision {
    let bound = BoundRule {
        id: "rule".to_owned(),
        rule: rule.clone(),
        action: kspec_model::rules::Action::Deny,
        scope: Scope {
            namespaces: Namespaces::Selected { labels: LabelSelector::default(), except: Default::default() },
            cluster: true,
        },
        failure_policy: kspec_model::rules::FailurePolicy::Fail,
        timeout_seconds: 10,
        engine: Engine::Webhook,
        exemptions: Vec::new(),
    };
    let table = Table {
        format_version: Table::FORMAT,
        project: "shop".to_owned(),
        kubernetes: "1.36".to_owned(),
        revision: String::new(),
        rules: vec![bound],
        mutations: Vec::new(),
    };
    let evaluator = Evaluator::load(table).expect("a table");
    let request = Asked {
        operation: Operation::Create,
        resource: ("", "v1", "pods"),
        subresource: None,
        kind: "Pod",
        namespace: Some("shop"),
        object: Some(pod),
        old: None,
        user: "someone",
        groups: &[],
    }
    .request();
    let review = Review::from_request(&request).expect("a review");
    let mut outcomes = evaluator.judge(&review, Engines::All, &NoObjects);
    outcomes.pop().expect("the rule is asked").decision
}

#[test]
fn an_expression_means_the_same_in_the_compiler_and_in_a_rule_table() {
    let (mut decided, mut held) = (0, 0);
    for seed in 0..PROGRAMS {
        let mut choices = Choices(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9));
        let pod = choices.pod();
        let mut source = String::from("fn twice(n: Int, m: Int) -> Bool = n * 2 == m || n + n < m\n");
        let mut claims = Vec::new();
        for at in 0..CLAIMS {
            let depth = 1 + choices.below(4);
            let claim = choices.truth(depth, false);
            writeln!(
                source,
                "fn claim{at}(o: Pod) -> Bool = {claim}\nrule asked{at} on Pod {{ deny if claim{at}(object) }}\n\
                 rule known{at} on Pod {{ deny if claim{at}({pod}) }}\nenforce asked{at}, known{at}"
            )
            .expect("text");
            claims.push(claim);
        }
        let (compiler, findings) = compile(&source);
        let rules = &compiler.program().rules;
        for (at, claim) in claims.iter().enumerate() {
            let find =
                |name: String| rules.iter().find(|binding| binding.rule.name == name).map(|binding| &binding.rule);
            let wrong = || {
                let shown = crate::support::show(&findings, compiler.sources());
                shown.lines().take(12).collect::<Vec<_>>().join("\n")
            };
            let (Some(asked), Some(constant)) = (find(format!("asked{at}")), find(format!("known{at}"))) else {
                panic!("{claim}\nis not lowered:\n{}", wrong());
            };
            let Some(expected) = known(constant) else { panic!("{claim}\nis not known of {pod}") };
            let found = match judged(asked, &pod) {
                Decision::Pass => false,
                Decision::Violations(_) => true,
                Decision::Fault(fault) => {
                    panic!("{claim}\nof {pod}\nis {expected} to the compiler, and a fault: {fault:?}")
                }
            };
            assert_eq!(found, expected, "{claim}\nof {pod}");
            decided += 1;
            held += usize::from(found);
        }
    }
    // Expressions that always or never hold would prove nothing.
    assert!(held * 10 > decided && held * 10 < decided * 9, "{held} of {decided} hold");
}
