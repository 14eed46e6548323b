//! READMEs: each ```` ```console ```` block that begins with `$ kspec` shows what that line really prints.

use std::fs;

use crate::support::{DAY, Place, committed, repository};

const EXAMPLES: &[(&str, &[&str])] = &[
    ("shop", &["prod", "staging", "dev"]),
    ("tenants", &[]),
    ("hardened-control-plane", &[]),
    ("online-boutique", &[]),
    ("admission", &[]),
];

/// A page with its blocks run anew.
pub(crate) fn run_blocks(page: &str, place: &Place) -> String {
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line != "```console" {
            continue;
        }
        let Some(command) = lines.next() else { break };
        out.push_str(command);
        out.push('\n');
        let shown: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match command.strip_prefix("$ ") {
            Some(line) if line.starts_with("kspec ") => {
                let done = place.shell(line);
                out.push_str(&done.out);
            }
            _ => {
                for line in shown {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
        out.push_str("```\n");
    }
    out
}

#[test]
fn readmes_show_what_is_printed() {
    let place = Place::with_examples();
    for name in ["shop", "tenants", "hardened-control-plane", "admission"] {
        let page = format!("examples/{name}/README.md");
        let text = fs::read_to_string(repository().join(&page)).expect("a README");
        assert!(text.contains("$ kspec plan"), "{page} shows no plan");
        committed(&page, &run_blocks(&text, &place));
    }
}

#[test]
fn examples_are_locked() {
    let place = Place::with_examples();
    for (name, environments) in EXAMPLES {
        let project = format!("examples/{name}");
        let mut arguments = vec!["check", &project, "--as-of", DAY, "--update-lock"];
        arguments.extend(environments.first().iter().flat_map(|name| ["--env", **name]));
        place.kspec(&arguments).ends(0);
        let lock = format!("{project}/kspec.lock");
        committed(&lock, &place.read(&lock));
    }
}

#[test]
fn examples_have_no_errors_and_no_warnings() {
    let place = Place::with_examples();
    for (name, environments) in EXAMPLES {
        let project = format!("examples/{name}");
        let choices: Vec<Vec<&str>> = if environments.is_empty() {
            vec![Vec::new()]
        } else {
            environments.iter().map(|name| vec!["--env", *name]).collect()
        };
        for choice in choices {
            let arguments = [&["check", &project, "--as-of", DAY, "-o", "json"], choice.as_slice()].concat();
            let done = place.kspec(&arguments).ends(0);
            for finding in done.json()["findings"].as_array().expect("findings") {
                assert_eq!(finding["severity"], "information", "{project}: {finding:#}");
            }
        }
        place.kspec(&["fmt", "--check", &project]).ends(0);
    }
}

#[test]
fn every_section_of_the_shops_plan_has_something_to_say() {
    let place = Place::with_examples();
    for environment in ["prod", "staging", "dev"] {
        let done = place.kspec(&["plan", "examples/shop", "--env", environment, "--as-of", DAY]).ends(0);
        for section in ["Access", "Connectivity", "Hosts", "Objects", "Guarantees"] {
            assert!(
                done.out.lines().any(|line| line.starts_with(section)),
                "{environment}: no {section}\n{}",
                done.out
            );
        }
        for sign in ["  + ", "  ~ ", "  - ", "  > ", "  < "] {
            assert!(done.out.lines().any(|line| line.starts_with(sign)), "{environment}: nothing is {sign:?}");
        }
    }
}
