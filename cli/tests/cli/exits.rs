//! Exit codes: a contract.

use crate::support::{DAY, PROJECT, Place};

const MODULE: &str = "/// The shop.\nnamespace shop { pod_security: restricted }\n";

const STATE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n";

fn project() -> Place {
    Place::with(&[("kspec.toml", PROJECT), ("main.kspec", MODULE), ("state/cluster.yaml", STATE)])
}

/// A kubeconfig whose cluster nobody answers for.
const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: u, user: { token: "t" } }]
"#;

#[test]
fn done() {
    let place = project();
    place.kspec(&["check"]).ends(0).says(&["no findings"]);
    place.kspec(&["plan"]).ends(0).says(&["1 to create"]);
    place.kspec(&["version"]).ends(0).says(&[env!("CARGO_PKG_VERSION")]);
    place.kspec(&["--version"]).ends(0);
    place.kspec(&["--help"]).ends(0);
    place.kspec(&["explain", "k0102"]).ends(0).says(&["# K0102"]);
    place.kspec(&["completion", "bash"]).ends(0).says(&["_kspec"]);
}

#[test]
fn findings_are_a_no() {
    let place = project();
    place.write("main.kspec", "namespace shop { pod_security: restricteed }\n");
    place.kspec(&["check"]).ends(1).says(&["K0103", "restricted", "main.kspec"]);
    let done = place.kspec(&["plan"]).ends(1);
    assert_eq!(done.out, "", "a plan that is refused prints no answer");
    place.kspec(&["compile", "--out", "out"]).ends(1);
    assert!(!place.path("out").exists());
}

#[test]
fn changes_are_told_apart_on_request() {
    let place = project();
    place.kspec(&["plan", "--detailed-exitcode"]).ends(2);
    place.write("main.kspec", "// Nothing.\n");
    place.kspec(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn guards_refuse() {
    let place = project();
    place.kspec(&["init"]).ends(3).says(&["holds a project already"]);
    assert_eq!(place.read("main.kspec"), MODULE);
    place.kspec(&["import", "--state", "state", "--out", "."]).ends(3).says(&["not empty"]);
    assert_eq!(place.read("main.kspec"), MODULE);

    // Another cluster than the environment's is refused before anything is asked of it.
    place.write("kubeconfig", KUBECONFIG);
    place.write("kspec.toml", format!("{PROJECT}[environments.prod]\ncontext = \"prod\"\n"));
    place.kspec(&["plan", "--env", "prod", "--state", "live"]).ends(3).says(&["here", "prod"]);
    place.kspec(&["apply", "--env", "prod", "--yes"]).ends(3).says(&["here", "prod"]);
}

#[test]
fn what_cannot_be_found_out_is_neither_yes_nor_no() {
    let place = project();
    place.kspec(&["check", "nowhere"]).ends(6).says(&["nowhere", "kspec init"]);
    place.kspec(&["plan", "--state", "no-such-state"]).ends(6).says(&["no-such-state"]);
    place.kspec(&["plan", "--state", "live"]).ends(6);
    place.write("kubeconfig", KUBECONFIG);
    place.kspec(&["plan", "--state", "live"]).ends(6).says(&["127.0.0.1:1"]);
    place.kspec(&["apply", "--yes"]).ends(6).says(&["127.0.0.1:1"]);
    place.kspec(&["snapshot", "--out", "snapshot.json"]).ends(6);
    assert!(!place.path("snapshot.json").exists());
}

#[test]
fn wrong_usage() {
    let place = project();
    place.kspec(&["chekc"]).ends(64).says(&["check"]);
    place.kspec(&["plan", "-o", "xml"]).ends(64).says(&["json", "markdown"]);
    place.kspec(&["compile"]).ends(64).says(&["--out"]);
    place.kspec(&["check", "--as-of", "21.11.2026"]).ends(64).says(&["21.11.2026", "YYYY-MM-DD"]);
    place.kspec(&["check", "--as-of", "2026-02-30"]).ends(64);
    place.kspec(&["check", "--env", "prod"]).ends(64).says(&["prod", "declares no environments"]);
    place.write("kspec.toml", format!("{PROJECT}[environments.prod]\n[environments.dev]\n"));
    place.kspec(&["check"]).ends(64).says(&["--env", "dev", "prod"]);
    place.kspec(&["check", "--env", "prdo"]).ends(64).says(&["prdo", "dev, prod"]);
    place.kspec(&["check", "--env", "prod", "--as-of", DAY]).ends(0);
    place.write("kspec.toml", PROJECT.replace("state = \"state\"\n", ""));
    place.kspec(&["plan"]).ends(64).says(&["--state", "kspec.toml"]);
    place.kspec(&["explain", "K9999"]).ends(64);
}

/// A grant past its end date stops nothing: every other command goes on without it, so that the next `apply` ends it.
#[test]
fn what_has_ended_is_told_and_left_out() {
    const ENDED: &str = r#"
/// The shop.
namespace shop { pod_security: restricted }
user night = "night@example.com"
break_glass cluster_admin to night { reason: "incidents", owner: "platform", until: 2026-11-30 }
test "kept" { expect not night can get on secrets in shop }
"#;
    let place = project();
    place.write("main.kspec", ENDED);
    place.kspec(&["compile", "--as-of", DAY, "--out", "before"]).ends(0);
    place.write("kspec.toml", PROJECT.replace("\"state\"", "\"before/manifests\""));
    place.kspec(&["plan", "--as-of", DAY]).ends(0);

    let late = ["--as-of", "2026-12-05"];
    let with = |command: &[&'static str]| [command, &late].concat();
    place.kspec(&with(&["check"])).ends(1).says(&["K0109", "night"]);
    place.kspec(&with(&["plan", "--detailed-exitcode"])).ends(2).says(&[
        "K0109",
        "1 to delete",
        "ClusterRoleBinding",
        "night",
    ]);
    place.kspec(&with(&["compile", "--out", "after"])).ends(0).says(&["K0109"]);
    let bindings = |of: &str| {
        let files = std::fs::read_dir(place.path(of).join("manifests/cluster")).unwrap();
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("clusterrolebinding")).count()
    };
    assert_eq!((bindings("before"), bindings("after")), (1, 0));
    place.kspec(&with(&["vet", "--project", ".", "after/manifests"])).ends(0).says(&["K0109"]);
    place.kspec(&with(&["test"])).ends(0).says(&["K0109", "kept"]);
}
