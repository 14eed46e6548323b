//! `kspec compile`: the same input, the same bytes.

use std::fs;

use crate::support::{DAY, Place, repository, tree};

/// The shop, its files written in the order given.
fn shop(reverse: bool) -> Place {
    let place = Place::empty();
    let mut files = tree(&repository().join("examples/shop"));
    files.retain(|(path, _)| path != "kspec.lock");
    if reverse {
        files.reverse();
    }
    for (path, bytes) in files {
        place.write(&format!("shop/{path}"), bytes);
    }
    place
}

#[test]
fn byte_for_byte_reproducible() {
    let (one, two) = (shop(false), shop(true));
    for place in [&one, &two] {
        place.kspec(&["compile", "shop", "--env", "prod", "--as-of", DAY, "--out", "out"]).ends(0);
    }
    let (first, second) = (tree(&one.path("out")), tree(&two.path("out")));
    assert!(first.iter().any(|(path, _)| path == "bundle.json"));
    assert!(first.iter().any(|(path, _)| path == "host/README.md"));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    for ((path, one), (_, two)) in first.iter().zip(&second) {
        assert!(one == two, "{path} differs");
    }

    // And once more over what is there.
    one.kspec(&["compile", "shop", "--env", "prod", "--as-of", DAY, "--out", "out"]).ends(0);
    assert_eq!(tree(&one.path("out")), second);
}

#[test]
fn what_left_the_program_leaves_the_folder_and_nothing_else_does() {
    let place = Place::with(&[
        ("kspec.toml", "name = \"demo\"\nedition = \"2026\"\nkubernetes = \"1.36\"\n"),
        ("main.kspec", "namespace one { pod_security: restricted }\nnamespace two { pod_security: restricted }\n"),
        ("out/manifests/mine.yaml", "# mine\n"),
    ]);
    place.kspec(&["compile", "--out", "out"]).ends(0);
    assert!(place.path("out/manifests/cluster/namespace-two.yaml").exists());
    place.write("main.kspec", "namespace one { pod_security: restricted }\n");
    place.kspec(&["compile", "--out", "out"]).ends(0);
    assert!(place.path("out/manifests/cluster/namespace-one.yaml").exists());
    assert!(!place.path("out/manifests/cluster/namespace-two.yaml").exists());
    assert_eq!(place.read("out/manifests/mine.yaml"), "# mine\n");
}

#[test]
fn key_material_is_nowhere() {
    let place = Place::with_examples();
    place.kspec(&["compile", "examples/hardened-control-plane", "--as-of", DAY, "--out", "out"]).ends(0);
    let template = fs::read_to_string(place.path("out/host/encryption.template.yaml")).expect("the template");
    let secrets: Vec<&str> = template.lines().filter(|line| line.trim_start().starts_with("secret:")).collect();
    assert_eq!(secrets.len(), 2, "{template}");
    for (line, key) in secrets.iter().zip(["2026-11", "2026-05"]) {
        assert!(line.contains(key), "a marker names its key: {line}");
    }
}
