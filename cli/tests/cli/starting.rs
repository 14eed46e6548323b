//! From nothing: `init`, `check`, `plan`, `import`.

use crate::support::{DAY, Place};

#[test]
fn a_new_project_is_clean() {
    let place = Place::empty();
    place.kspec(&["init", "web shop"]).ends(0);
    place.kspec(&["check", "web shop"]).ends(0).says(&["no findings"]);
    place.kspec(&["fmt", "--check", "web shop"]).ends(0);
    assert!(place.read("web shop/kspec.toml").contains("name = \"web-shop\""));
    assert!(place.path("web shop/kspec.lock").exists());
    place.write("state/empty.yaml", "");
    place.kspec(&["plan", "web shop", "--state", "state"]).ends(0).says(&["to create"]);
}

/// An import's program only adopts: nobody's access and no connection changes.
#[test]
fn what_is_imported_changes_nothing() {
    let place = Place::with_examples();
    // What carries a project's label is that project's: under another name its objects would be refused.
    for (name, project) in [("shop", "shop"), ("tenants", "tenants"), ("hardened-control-plane", "control-plane")] {
        let (state, out) = (format!("examples/{name}/state"), format!("imported-{name}"));
        place.kspec(&["import", "--state", &state, "--out", &out, "--name", project]).ends(0);
        place.kspec(&["check", &out, "--as-of", DAY]).ends(0);
        place.kspec(&["fmt", "--check", &out]).ends(0);
        let plan = place.kspec(&["plan", &out, "--state", &state, "--as-of", DAY, "-o", "json"]).ends(0).json();
        for (section, parts) in [("access", ["gained", "lost"]), ("connectivity", ["opened", "closed"])] {
            for part in parts {
                assert_eq!(plan[section][part], serde_json::json!([]), "{name}: {section} {part}");
            }
        }
        for change in plan["changes"].as_array().expect("changes") {
            let action = change["action"].as_str().expect("an action");
            assert!(matches!(action, "adopt" | "update" | "none"), "{name}: {change:#}");
        }
    }
}

#[test]
fn a_snapshot_is_a_state_like_its_directory() {
    let place = Place::with_examples();
    let state = "examples/shop/state";
    place.kspec(&["snapshot", "--state", state, "--out", "shop.snapshot"]).ends(0);
    let plan = |state: &str| {
        let mut plan = place
            .kspec(&["plan", "examples/shop", "--env", "prod", "--as-of", DAY, "--state", state, "-o", "json"])
            .ends(0)
            .json();
        plan["state"] = serde_json::Value::Null;
        plan
    };
    let (directory, snapshot) = (plan(state), plan("shop.snapshot"));
    for section in ["changes", "access", "connectivity", "hosts", "summary"] {
        assert_eq!(directory[section], snapshot[section], "{section}");
    }
}
