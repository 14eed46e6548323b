//! Online Boutique: a real shop's manifests and policies, which stay where they are.

use std::{fs, io::Write as _};

use crate::support::{Place, committed, copy, repository};

/// The example beside its manifests, bound to them; nothing where they are not.
fn boutique() -> Option<Place> {
    let manifests = repository().join("../shared/data/online-boutique");
    if !manifests.is_dir() {
        // Not `println!`, which the runner keeps to itself where a test passes.
        let _ = writeln!(
            std::io::stderr(),
            "kspec-skip: Online Boutique: its manifests are not at ../shared/data/online-boutique"
        );
        return None;
    }
    let place = Place::empty();
    copy(&repository().join("examples/online-boutique"), &place.path(""));
    copy(&manifests, &place.path("online-boutique"));
    let config = place.read("kspec.toml").replace("# manifests", "manifests");
    place.write("kspec.toml", config);
    Some(place)
}

#[test]
fn a_plan_opens_and_closes_nothing() {
    let Some(place) = boutique() else { return };
    // Nothing bounds what its pods take, and that is all.
    let document = place.kspec(&["check", ".", "-o", "json"]).ends(0).json();
    let codes: Vec<_> = document["findings"].as_array().expect("a list").iter().map(|found| &found["code"]).collect();
    assert_eq!(codes, ["K0704"]);
    let plan = place.kspec(&["plan", "--state", "online-boutique", "-o", "json"]).ends(0).json();
    assert_eq!(plan["connectivity"]["opened"], serde_json::json!([]));
    assert_eq!(plan["connectivity"]["closed"], serde_json::json!([]));
    assert!(plan["summary"]["create"].as_u64().is_some_and(|count| count > 10));
}

#[test]
fn the_program_alone_says_what_its_policies_say() {
    let Some(place) = boutique() else { return };
    // As if its policies had been ours: the plan takes all of them away, and the program's own stand alone.
    for entry in fs::read_dir(place.path("online-boutique/network-policies")).expect("policies") {
        let path = entry.expect("a policy").path();
        let text = fs::read_to_string(&path).expect("a policy");
        let owned = text.replacen(
            "metadata:\n",
            "metadata:\n  labels: { app.kubernetes.io/managed-by: kspec, kspec.dev/project: online-boutique }\n",
            1,
        );
        fs::write(&path, owned).expect("a policy");
    }
    let arguments = ["plan", "--state", "online-boutique", "-o", "json"];
    let plan = place.kspec(&arguments).ends(0).json();
    assert_eq!(plan["summary"]["delete"], 13);
    assert_eq!(plan["connectivity"]["opened"], serde_json::json!([]));
    assert_eq!(plan["connectivity"]["closed"], serde_json::json!([]));

    // And an edge less is seen.
    let program = place.read("main.kspec");
    let less: String =
        program.lines().filter(|line| !line.contains("cart -> cart_db")).map(|line| format!("{line}\n")).collect();
    assert_ne!(program, less);
    place.write("main.kspec", less.replace("workload cart_db", "// workload cart_db"));
    let plan = place.kspec(&arguments).ends(0).json();
    assert_eq!(plan["connectivity"]["closed"].as_array().map(Vec::len), Some(1));
}

#[test]
fn its_readme_shows_what_is_printed() {
    let Some(place) = boutique() else { return };
    let text = fs::read_to_string(repository().join("examples/online-boutique/README.md")).expect("a README");
    committed("examples/online-boutique/README.md", &crate::readmes::run_blocks(&text, &place));
}
