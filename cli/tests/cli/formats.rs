//! Machine formats of findings.

use crate::support::{PROJECT, Place};

const MODULE: &str = "/// The shop.\nnamespace shop {\n  pod_security: restricted\n  lables: { team: \"a,b\" }\n}\n";

fn project() -> Place {
    Place::with(&[("kspec.toml", PROJECT), ("main.kspec", MODULE)])
}

#[test]
fn json() {
    let document = project().kspec(&["check", "-o", "json"]).ends(1).json();
    assert_eq!(document["format_version"], 1);
    let finding = &document["findings"][0];
    assert_eq!(finding["code"], "K0102");
    assert_eq!(finding["severity"], "error");
    let label = &finding["labels"][0];
    assert_eq!((&label["file"], &label["line"], &label["column"]), (&"main.kspec".into(), &4.into(), &3.into()));
    assert_eq!((&label["end_line"], &label["end_column"]), (&4.into(), &9.into()));
    assert_eq!(finding["fixes"][0]["edits"][0]["text"], "labels");
}

#[test]
fn sarif() {
    let place = project();
    let log = place.kspec(&["check", "-o", "sarif"]).ends(1).json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "kspec");
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "K0102");
    assert_eq!(result["level"], "error");
    let rule = result["ruleIndex"].as_u64().expect("an index");
    assert_eq!(run["tool"]["driver"]["rules"][usize::try_from(rule).expect("small")]["id"], "K0102");
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&4.into(), &3.into()));
    assert_eq!((&region["endLine"], &region["endColumn"]), (&4.into(), &9.into()));

    // What moves down the file is the same result.
    let print = result["partialFingerprints"].clone();
    assert!(print.is_object(), "{result:#}");
    place.write("main.kspec", format!("// A line more.\n\n{MODULE}"));
    let log = place.kspec(&["check", "-o", "sarif"]).ends(1).json();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 6);
    assert_eq!(result["partialFingerprints"], print);
}

#[test]
fn github() {
    let done = project().kspec(&["check", "-o", "github"]).ends(1);
    let line = done.out.lines().next().expect("a line");
    assert!(line.starts_with("::error file=main.kspec,line=4,col=3,endLine=4,endColumn=9,title=K0102::"), "{line}");
    assert!(line.contains("%0Ahelp: "), "{line}");
    // The value under the misspelt name is wrong too.
    assert_eq!(done.out.lines().count(), 2);
    assert!(done.out.contains("title=K0115::"), "{}", done.out);
}

#[test]
fn plain_text_has_no_escapes() {
    let place = project();
    place.write("main.kspec", MODULE.replace("lables", "labels"));
    place.write("roles.kspec", "use main.{shop}\nrole r in shop { allow get on pods }\ngrant r to group \"g\"\n");
    let done = place.kspec(&["check", "-v"]).ends(1).says(&["K0115", "K0126"]);
    assert!(!done.out.contains('\u{1b}'), "{}", done.out);
    let done = place.kspec(&["check", "-v", "--color", "always"]).ends(1);
    assert!(done.out.contains('\u{1b}'));
}

#[test]
fn standard_output_holds_the_answer_only() {
    let place = Place::with_examples();
    for arguments in [["plan", "-o", "json"], ["check", "-o", "json"], ["check", "-o", "sarif"]] {
        let all = [&arguments[..1], &["examples/tenants"], &arguments[1..]].concat();
        place.kspec(&all).ends(0).json();
    }
    let done = place.kspec(&["plan", "examples/tenants", "-o", "markdown"]).ends(0);
    assert!(done.out.starts_with('#'), "{}", done.out);
}

#[test]
fn parties_of_one_file_are_shown_together() {
    let place = Place::with(&[
        ("kspec.toml", PROJECT),
        (
            "main.kspec",
            "namespace shop { pod_security: restricted }\nworkload api in shop { pods: { app: \"api\" } }\n\
             workload db in shop { pods: { app: \"db\" }, ports: { pg: 5432 } }\n\
             network in shop {\n  default deny\n  allow all -> dns\n  allow api -> db : pgg\n}\n",
        ),
    ]);
    let done = place.kspec(&["check"]).ends(1);
    assert_eq!(done.out.matches("main.kspec").count(), 1, "{}", done.out);
    let at = |text: &str| done.out.find(text).expect("it is shown");
    assert!(at("declared here") < at("allow api -> db : pgg"), "{}", done.out);
}
