//! Whatever edits led there, a program is told what a fresh compilation of it is told, and lowers to the same.

use std::collections::BTreeMap;

use kspec_compiler::{Compiler, Lowered};
use proptest::prelude::*;

use crate::support::{CONFIG, config, facts, show};

/// The modules that edits go to, each with the line that it begins with.
const FILES: [(&str, &str); 3] = [
    ("main.kspec", "use shop.net.{web}\n"),
    (
        "other.kspec",
        "use main.{shop, pay, edge, devs, reader, everything, team, one, two, three}\nuse shop.net.{web, db}\n",
    ),
    ("shop/net.kspec", "use main.{shop, pay, edge, one, two, three}\n"),
];

/// Declarations that have to do with each other: same names, same objects, conditions over all of them, half a line.
const DECLARATIONS: &[&str] = &[
    "namespace shop { pod_security: restricted }",
    "namespace shop = \"store\" { labels: { tier: \"a\" } }",
    "namespace pay { labels: { tier: \"b\" }, pod_security: baseline }",
    "namespace pay {\n  labels: { tier: \"a\" }\n  limits container { default: { cpu: 2 }, max: { cpu: 1 } }\n}",
    "existing namespace edge = \"edge\"",
    "namespace edge { automount_token: false }",
    "service_account default in edge { automount_token: true }",
    "service_account app in shop { automount_token: false }",
    "workload web in shop { pods: { app: \"web\" }, ports: { http: 8080 } }",
    "workload web in shop { pods: { tier: \"front\" }, ports: { http: 80 } }",
    "workload wide in shop { pods: { app: \"web\", tier: \"front\" } }",
    "workload db in pay { pods: { app: \"db\" }, ports: { pg: 5432 } }",
    "existing workload db in pay { pods: { app: \"db\", tier: \"x\" }, ports: { pg: 5433 } }",
    "group devs = \"oidc:devs\"",
    "user devs = \"dev\"",
    "role reader in shop { allow get on pods }",
    "/// Reads.\nrole reader in shop {\n  allow get, list on pods\n}",
    "role reader in pay { allow get on secrets }",
    "role everything { allow any on any }",
    "role everything = \"shop:reader\" { allow get on pods }",
    "grant reader to devs",
    "/// They read.\ngrant shop.reader to devs",
    "grant view in shop, pay to devs",
    "grant view to devs",
    "grant everything to devs",
    "grant view in namespaces where labels.tier == \"a\" to devs",
    "break_glass view in shop to devs { reason: \"r\", owner: \"o\", until: 2020-01-01 }",
    "break_glass view in shop to devs { reason: \"r\", owner: \"o\", until: 2030-01-01 }",
    "network in shop {\n  default deny\n  allow all -> dns\n}",
    "network in shop {\n  default deny\n  allow web -> db : pg\n}",
    "network in shop {\n  default deny egress\n  allow web -> db\n  allow web -> cidr 10.0.0.0/8\n}",
    "network in pay {\n  default deny\n  allow web -> db : pg\n  allow shop -> db\n}",
    "network in pay {\n  allow web -> db\n}",
    "network in namespaces where labels.tier == \"a\" {\n  default deny\n  allow all -> dns\n}",
    "network in shop, pay {\n  default deny ingress\n  allow internet -> web : http\n  allow cidr 10.1.0.0/16 -> web\n}",
    "network in shop {\n  policy own = \"web-ingress\" for web {\n    ingress from pods where labels.app == \"db\" in namespaces where labels.tier == \"b\"\n  }\n}",
    "manifest {\n  apiVersion: \"v1\"\n  kind: \"Namespace\"\n  metadata: { name: \"store\" }\n}",
    "manifest {\n  apiVersion: \"networking.k8s.io/v1\"\n  kind: \"NetworkPolicy\"\n  metadata: { name: \"web-egress\", namespace: \"shop\" }\n  spec: { podSelector: {} }\n}",
    "manifest {\n  apiVersion: \"scheduling.k8s.io/v1\"\n  kind: \"PriorityClass\"\n  metadata: { name: \"high\" }\n  value: 1000\n}",
    "template team(name: String) {\n  namespace ns = \"{name}\" { pod_security: restricted }\n  role reader in ns { allow get on pods }\n}",
    "template team(name: String) {\n  namespace ns = \"{name}\" {}\n  network in ns {\n    default deny\n    allow all -> shop\n  }\n}",
    "team(\"store\")",
    "for t in [\"red\", \"pay\"] {\n  team(t)\n}",
    "let red = team(\"red\")",
    "grant red.reader to devs",
    "encryption {\n  encrypt secrets with identity, secretbox(\"k\")\n}",
    "encryption {\n  encrypt configmaps with aescbc(\"k\")\n}",
    "audit {\n  request on pods\n  metadata otherwise\n}",
    "apiserver {\n  enable_admission_plugins: [PodSecurity]\n}",
    "accept K0201 on everything { reason: \"r\", owner: \"o\", until: 2030-01-01 }",
    "accept K0126 on reader { reason: \"r\", owner: \"o\", until: 2030-01-01 }",
    "use std.roles.{viewer}",
    "grant viewer in shop to devs",
    "never devs can list on secrets in pay",
    "rule tagged on Pod {\n  deny if labels.tier == \"x\" because \"no\"\n}",
    "enforce tagged in shop",
    "role half in shop {\n  allow get on",
    "grant",
];

/// What needs what needs it, beside modules that use each other. They stand behind [`DECLARATIONS`].
const KNOTTED: &[&str] = &[
    "let one = \"a\"",
    "let one = two + \"a\"",
    "let two = one + \"b\"",
    "let two = three + \"b\"",
    "let three = one + two + \"c\"",
    "let three = \"c\"",
    "fn twice(n: Int) -> Int = thrice(n)",
    "fn thrice(n: Int) -> Int = twice(n) + n",
    "fn thrice(n: Int) -> Int = n * 3",
    "let six = twice(3)",
    "namespace named { labels: { tier: two, app: three } }",
    "template inner(name: String) {\n  outer(name)\n}",
    "template outer(name: String) {\n  inner(name)\n}",
    "template outer(name: String) {\n  namespace ns = \"{name}{one}\" {}\n}",
    "inner(\"deep\")",
    "use other.{one, two}",
    "use other",
    "use shop.net.{three}",
];

fn declaration(what: usize) -> &'static str {
    DECLARATIONS.get(what).unwrap_or_else(|| &KNOTTED[what - DECLARATIONS.len()])
}

fn what() -> impl Strategy<Value = usize> {
    let all = DECLARATIONS.len() + KNOTTED.len();
    prop_oneof![3 => 0..DECLARATIONS.len(), 2 => DECLARATIONS.len()..all]
}

/// One edit: where, and what.
#[derive(Debug, Clone)]
enum Edit {
    Insert {
        file: usize,
        at: usize,
        what: usize,
    },
    Remove {
        file: usize,
        at: usize,
    },
    Replace {
        file: usize,
        at: usize,
        what: usize,
    },
    /// Takes a file away, or gives it back.
    Toggle {
        file: usize,
    },
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = || (0..FILES.len(), 0..30_usize, what());
    prop_oneof![
        4 => place().prop_map(|(file, at, what)| Edit::Insert { file, at, what }),
        4 => place().prop_map(|(file, at, what)| Edit::Replace { file, at, what }),
        2 => place().prop_map(|(file, at, _)| Edit::Remove { file, at }),
        1 => (0..FILES.len()).prop_map(|file| Edit::Toggle { file }),
    ]
}

/// The modules, each there or not, and what they declare.
struct Project([(bool, Vec<usize>); 3]);

impl Project {
    /// The file that an edit changes.
    fn apply(&mut self, edit: &Edit) -> usize {
        match *edit {
            Edit::Insert { file, at, what } => {
                let declared = &mut self.0[file].1;
                declared.insert(at % (declared.len() + 1), what);
                file
            }
            Edit::Remove { file, at } => {
                let declared = &mut self.0[file].1;
                if !declared.is_empty() {
                    declared.remove(at % declared.len());
                }
                file
            }
            Edit::Replace { file, at, what } => {
                let declared = &mut self.0[file].1;
                if !declared.is_empty() {
                    let at = at % declared.len();
                    declared[at] = what;
                }
                file
            }
            Edit::Toggle { file } => {
                self.0[file].0 = !self.0[file].0;
                file
            }
        }
    }

    fn set(&self, compiler: &mut Compiler, file: usize) {
        let (path, head) = FILES[file];
        let (there, declared) = &self.0[file];
        if *there {
            let declared = declared.iter().map(|what| format!("\n{}\n", declaration(*what)));
            compiler.set_source(path, format!("{head}{}", declared.collect::<String>()));
        } else {
            compiler.remove_source(path);
        }
    }

    fn fresh(&self) -> Compiler {
        let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
        for file in 0..FILES.len() {
            self.set(&mut compiler, file);
        }
        compiler
    }
}

/// What a compiler says of its program, without what only this session's numbers show.
fn said(compiler: &mut Compiler) -> (String, Vec<String>) {
    let findings = compiler.check();
    let Lowered { objects, host, .. } = compiler.lower(&BTreeMap::new());
    let objects = objects.iter().map(|object| format!("{:?} {:?}", object.phase, object.object));
    (show(&findings, compiler.sources()), objects.chain([format!("{host:?}")]).collect())
}

/// What stands in one listing and not in the other, by finding.
fn differ(one: &str, other: &str) -> (String, String) {
    let blocks = |text: &str| -> Vec<String> {
        text.replace("\nK", "\n\u{0}K").split('\u{0}').map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, other) = (blocks(one), blocks(other));
    let without = |these: &[String], those: &[String]| -> String {
        these.iter().filter(|block| !those.contains(block)).cloned().collect()
    };
    (without(&one, &other), without(&other, &one))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn edits_lead_where_a_fresh_compilation_does(
        start in proptest::collection::vec((0..FILES.len(), what()), 0..40),
        edits in proptest::collection::vec(edit(), 1..10),
    ) {
        let mut project = Project(std::array::from_fn(|_| (true, Vec::new())));
        for (file, what) in start {
            project.0[file].1.push(what);
        }
        let mut edited = project.fresh();
        edited.check();
        for edit in &edits {
            let file = project.apply(edit);
            project.set(&mut edited, file);
            let (findings, objects) = said(&mut edited);
            let (fresh_findings, fresh_objects) = said(&mut project.fresh());
            // A finding a block: only those that differ are worth reading.
            let (only, missing) = differ(&findings, &fresh_findings);
            prop_assert!(only.is_empty() && missing.is_empty(), "only after edits:\n{only}\nonly fresh:\n{missing}");
            prop_assert_eq!(findings, fresh_findings);
            prop_assert_eq!(objects.join("\n"), fresh_objects.join("\n"));
        }
    }
}

/// Values that would grow with each look at what they need: whoever goes on looking never ends.
#[test]
fn cycles_that_edits_bring_about_are_told_as_a_fresh_compilation_tells_them() {
    for (before, after) in [
        ("let a = b + \"x\"\n\nlet b = \"y\"\n", "let a = b + \"x\"\n\nlet b = a + \"y\"\n"),
        (
            "let a = b + \"x\"\n\nlet b = c + \"y\"\n\nlet c = \"z\"\n",
            "let a = b + \"x\"\n\nlet b = c + \"y\"\n\nlet c = a + \"z\"\n",
        ),
    ] {
        let fresh = |text: &str| {
            let mut compiler = Compiler::new(facts(config(CONFIG), None, Vec::new()));
            compiler.set_source("main.kspec", text);
            compiler
        };
        let mut edited = fresh(before);
        edited.check();
        for text in [after, before, after] {
            edited.set_source("main.kspec", text);
            assert_eq!(said(&mut edited).0, said(&mut fresh(text)).0);
        }
    }
}
