//! Which crate may use which: ARCHITECTURE.md's invariants about dependencies.

use std::{collections::BTreeMap, fs};

use crate::support::{repository, tree};

/// Dependencies that are shipped, by crate folder.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let mut crates = BTreeMap::new();
    for layer in ["compiler", "runtime"] {
        for entry in fs::read_dir(repository().join(layer)).expect("a layer") {
            let folder = entry.expect("an entry").path();
            let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
            let mut section = "";
            let mut names = Vec::new();
            for line in manifest.lines() {
                if line.starts_with('[') {
                    section = line;
                } else if section == "[dependencies]"
                    && let Some((name, _)) = line.split_once(['.', ' ', '='])
                {
                    names.push(name.to_owned());
                }
            }
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            crates.insert(format!("{layer}/{name}"), names);
        }
    }
    assert!(crates.len() > 12, "only {} crates were found", crates.len());
    crates
}

#[test]
fn the_compiler_is_pure() {
    for (name, uses) in dependencies().iter().filter(|(name, _)| name.starts_with("compiler/")) {
        for used in uses {
            let impure = matches!(used.as_str(), "tokio" | "kube" | "http" | "ureq" | "rand" | "tempfile")
                || ["state", "plan", "apply", "import", "project"]
                    .iter()
                    .any(|runtime| *used == format!("kspec-{runtime}"));
            assert!(!impure, "{name} uses {used}");
        }
        for (path, text) in tree(&repository().join(name).join("src")) {
            let text = String::from_utf8_lossy(&text);
            for call in ["std::fs", "std::env::", "TcpStream", "SystemTime", "Instant::now", "println!", "async fn"] {
                assert!(!text.contains(call), "{name}/src/{path} has {call}");
            }
        }
    }
}

#[test]
fn only_two_crates_speak_to_a_cluster() {
    let speak: Vec<String> = dependencies()
        .into_iter()
        .filter(|(_, uses)| uses.iter().any(|used| used == "kube"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(speak, ["runtime/apply", "runtime/state"]);
}

#[test]
fn every_crate_is_in_the_architecture() {
    let page = fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the page");
    for (name, uses) in dependencies() {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("{name} has no row"));
        if row.contains("all of the above") || row.contains("the driver") || row.contains("the compiler") {
            continue;
        }
        for used in uses.iter().filter_map(|used| used.strip_prefix("kspec-")) {
            assert!(row.contains(used), "{name} uses {used}, which its row does not say");
        }
    }
}
