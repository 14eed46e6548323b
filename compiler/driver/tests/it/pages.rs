//! The page of every finding runs: its examples that fail yield its code, and the others no error.

use std::borrow::Cow;

use kspec_diagnostics::{CATALOGUE, CodeInfo, Severity};
use kspec_model::Object;
use kspec_posture::{ControlPlane, Survey, Surveyed, findings};
use kspec_schema::{KubeVersion, Schema};
use serde_json::{Value, json};

use crate::support::{CONFIG, compile_with, show};

/// What the compiler alone cannot show: it needs files, a command line or a state.
const ELSEWHERE: &[&str] = &[
    "K0005", "K0123", "K0124", "K0121", "K0125", "K0132", "K0511", "K0512", "K0513", "K0514", "K0515", "K0516",
    "K0517", "K0519", "K0523", "K0524", "K0605", "K0606", "K0805", "K0901",
];

struct Block<'a> {
    fails: bool,
    text: &'a str,
}

fn blocks<'p>(page: &'p str, language: &str) -> Vec<Block<'p>> {
    page.split(&format!("```{language}"))
        .skip(1)
        .filter_map(|rest| {
            let (head, rest) = rest.split_once('\n')?;
            let (text, _) = rest.split_once("\n```").or_else(|| rest.split_once("```"))?;
            Some(Block { fails: head.trim() == "fails", text })
        })
        .collect()
}

fn problem(info: &CodeInfo) -> Option<String> {
    let code = info.code.to_string();
    if ELSEWHERE.contains(&code.as_str()) {
        return None;
    }
    let manifests = blocks(info.page, "yaml");
    if manifests.iter().any(|block| block.fails) {
        return manifests.iter().find_map(|block| problem_of_cluster(info, block));
    }
    let blocks = blocks(info.page, "kspec");
    if !blocks.iter().any(|block| block.fails) {
        return Some(format!("{code}: the page has no failing example"));
    }
    for block in blocks {
        // Pages about what a project does not say are read without it.
        let settings = if code == "K0407" { CONFIG.split("[network]").next().unwrap_or(CONFIG) } else { CONFIG };
        let (compiler, findings) = compile_with(settings, block.text);
        let shown = show(&findings, compiler.sources());
        let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        if block.fails && !findings.iter().any(|finding| finding.code == info.code) {
            return Some(format!("{code}: an example that should fail does not:\n{}\n{shown}", block.text));
        }
        // An example of what cannot be read need not be a whole project.
        let fragment = code.starts_with("K00");
        if block.fails && !fragment && errors.iter().any(|finding| finding.code != info.code) {
            return Some(format!("{code}: an example fails for another reason:\n{}\n{shown}", block.text));
        }
        if !block.fails && !errors.is_empty() {
            return Some(format!("{code}: an example that should pass fails:\n{}\n{shown}", block.text));
        }
    }
    None
}

/// What the examples of a page are about: the namespaces that they name, with workloads of the names that they use.
fn scene(text: &str) -> Vec<Value> {
    let pod = |namespace: &str, app: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": app, "namespace": namespace, "labels": { "app": app } },
            "spec": { "containers": [{ "name": "c", "image": "example.com/c:1", "ports": [{ "name": "web", "containerPort": 8080 }] }] },
        })
    };
    let namespace = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "tenant": name } } });
    let apps = [("shop", "web"), ("shop", "api"), ("data", "db"), ("other", "job")];
    let is_named = |place: &str| text.contains(&format!("namespace: {place}"));
    // Where none of these is named, something runs all the same.
    let nowhere = !apps.iter().any(|(place, _)| is_named(place));
    let about = apps.into_iter().filter(|(place, _)| is_named(place) || nowhere);
    about.flat_map(|(place, app)| [namespace(place), pod(place, app)]).collect()
}

/// The kinds of examples.
const VERSIONS: [(&str, &str); 8] = [
    ("ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2"),
    ("Deployment", "apps/v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("Pod", "v1"),
    ("Role", "rbac.authorization.k8s.io/v1"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1"),
    ("Secret", "v1"),
    ("ServiceAccount", "v1"),
];

/// The objects of an example. They leave out what a reader of such a page knows.
fn objects(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = text.split("\n---\n").map(|one| serde_saphyr::from_str(one).expect("YAML")).collect();
    let whole = documents.into_iter().map(|mut object| {
        let kind = object["kind"].as_str().expect("a kind");
        let (_, version) =
            VERSIONS.iter().find(|(known, _)| *known == kind).expect("a kind that pages leave the version of");
        object["apiVersion"] = json!(version);
        object
    });
    whole.collect()
}

fn problem_of_cluster(info: &CodeInfo, block: &Block<'_>) -> Option<String> {
    let schema = Schema::bundled(KubeVersion::NEWEST);
    let all = scene(block.text).into_iter().chain(objects(block.text));
    let surveyed = all.map(|object| Surveyed::itself(Cow::Owned(Object(object))));
    let survey = Survey::new(surveyed, &schema).whole(ControlPlane::default());
    let found = findings(&survey);
    let tells = found.iter().any(|finding| finding.code == info.code);
    let what = match (block.fails, tells) {
        (true, false) => "should fail and does not",
        (false, true) => "should pass and does not",
        _ => return None,
    };
    let messages: Vec<String> = found.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
    Some(format!("{}: an example of a cluster {what}:\n{}\n{}", info.code, block.text, messages.join("\n")))
}

#[test]
fn every_page_says_what_happens() {
    let problems: Vec<String> = CATALOGUE.iter().filter_map(problem).collect();
    assert!(problems.is_empty(), "{} pages:\n{}", problems.len(), problems.join("\n"));
}
