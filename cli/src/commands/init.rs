//! `kspec init`.

use std::{fs, path::Path};

use kspec_schema::KubeVersion;

use crate::{
    args::Init,
    context::Context,
    exit::{Exit, Failure},
};

const MODULE: &str = r#"// What this project says about the cluster. docs: `kspec explain`, and the language reference.

/// Replace me: a namespace whose pods must meet the restricted Pod Security Standard.
namespace example {
  pod_security: restricted
}

/// Nothing in and nothing out, but names resolve.
network in example {
  default deny
  allow all -> dns
}
"#;

const WORKFLOW: &str = r"# Shows the security plan of every pull request.
name: kspec
on: pull_request
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: kspec fmt --check
      - run: kspec check -o github
      - run: kspec plan -o markdown >> $GITHUB_STEP_SUMMARY
";

pub(super) fn run(args: &Init, context: &Context) -> Result<Exit, Failure> {
    let dir = &args.dir;
    if dir.join("kspec.toml").exists() {
        return Err(
            Failure::new(Exit::Guard, format!("{} holds a project already", dir.display())).help("nothing was changed")
        );
    }
    fs::create_dir_all(dir).map_err(|error| Failure::io(dir, &error))?;
    let name = project_name(dir);
    let manifest = format!(
        "name = \"{name}\"\nedition = \"2026\"\nkubernetes = \"{}\"\n\n# Manifests to bind workloads from.\nmanifests = [\"manifests\"]\n\n# What `plan` compares against unless --state says otherwise: \"live\", a directory, or a snapshot.\nstate = \"live\"\n\n# The cluster's ranges, which `internet` is the outside of.\n[network]\n# pods = [\"10.244.0.0/16\"]\n# services = [\"10.96.0.0/12\"]\n# nodes = [\"192.168.0.0/24\"]\n",
        KubeVersion::NEWEST
    );
    fs::create_dir_all(dir.join("manifests")).map_err(|error| Failure::io(dir, &error))?;
    for (path, text) in [
        ("kspec.toml", manifest.as_str()),
        ("main.kspec", MODULE),
        ("manifests/.gitkeep", ""),
        (".github/workflows/kspec.yaml", WORKFLOW),
    ] {
        let path = dir.join(path);
        if path.exists() {
            context.note(&format!("{} is there already and stays as it is", path.display()));
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))?;
        }
        fs::write(&path, text).map_err(|error| Failure::io(&path, &error))?;
    }
    context.note(&format!("a project called {name} in {}: try `kspec check {}`", dir.display(), dir.display()));
    Ok(Exit::Done)
}

/// A project name from a folder's: a DNS label.
pub(super) fn project_name(dir: &Path) -> String {
    let folder =
        fs::canonicalize(dir).ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    let plain: String = folder
        .unwrap_or_default()
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '-' })
        .take(40)
        .collect();
    let name = plain.trim_matches('-');
    if name.is_empty() { "project".to_owned() } else { name.to_owned() }
}
