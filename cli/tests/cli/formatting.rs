//! `kspec fmt`.

use crate::support::{PROJECT, Place};

const LOOSE: &str = "namespace   shop{pod_security:restricted}\n";
const NEAT: &str = "namespace shop { pod_security: restricted }\n";

#[test]
fn writes_what_differs() {
    let place =
        Place::with(&[("kspec.toml", PROJECT), ("a.kspec", LOOSE), ("sub/b.kspec", NEAT), ("notes.txt", LOOSE)]);
    let done = place.kspec(&["fmt", "--check"]).ends(1).says(&["a.kspec", "1 of 2 files"]);
    assert!(done.out.contains(&format!("-{LOOSE}")) && done.out.contains(&format!("+{NEAT}")), "{}", done.out);
    assert_eq!(place.read("a.kspec"), LOOSE, "a check writes nothing");
    place.kspec(&["fmt"]).ends(0).says(&["1 of 2 files"]);
    assert_eq!(place.read("a.kspec"), NEAT);
    assert_eq!(place.read("notes.txt"), LOOSE);
    place.kspec(&["fmt", "--check"]).ends(0);
}

#[test]
fn standard_input() {
    let place = Place::empty();
    let done = place.kspec_reading(&["fmt", "-"], LOOSE).ends(0);
    assert_eq!(done.out, NEAT);
    place.kspec_reading(&["fmt", "--check", "-"], LOOSE).ends(1);
    place.kspec_reading(&["fmt", "--check", "-"], NEAT).ends(0);
}

#[test]
fn what_cannot_be_read_stays() {
    let broken = "namespace shop {\n  labels: { team: }\n}\n";
    let place = Place::with(&[("a.kspec", broken), ("b.kspec", LOOSE)]);
    place.kspec(&["fmt", "a.kspec", "b.kspec"]).ends(1).says(&["a.kspec:2:"]);
    assert_eq!(place.read("a.kspec"), broken);
    assert_eq!(place.read("b.kspec"), NEAT, "one file's mistake is no other's");
    place.kspec(&["fmt", "gone.kspec"]).ends(6).says(&["gone.kspec"]);
}
