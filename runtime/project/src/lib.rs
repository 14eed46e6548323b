//! A project on disk, read into values.
//!
//! In: a folder with a `kspec.toml`. Out: a [`Compiler`] with every source set, the findings met on the way, and where
//! things are. Nothing is written but the lock, and that only on request.

mod manifests;
mod read;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use kspec_compiler::{Compiler, Config, Facts, Lock, ManifestDoc, parse_config, parse_lock};
use kspec_diagnostics::{Finding, Place, codes};
use kspec_model::program::Date;
use kspec_schema::Schema;

pub use read::{MAX_SOURCE_BYTES, all_source_files, source_files};

/// A project, loaded.
pub struct Project {
    /// The folder that holds `kspec.toml`.
    pub root: PathBuf,
    /// Its compiler, sources set.
    pub compiler: Compiler,
    /// Findings about files rather than about their contents: unreadable ones, a lock that differs, manifests.
    pub findings: Vec<Finding>,
    /// What `kspec.lock` should say.
    pub lock: Lock,
    /// Whether it says all of that.
    pub is_locked: bool,
}

/// What the person chose.
#[derive(Debug, Clone)]
pub struct Choice {
    /// `--env`.
    pub environment: Option<String>,
    /// The day that `until` is held against.
    pub as_of: Date,
    /// Take the pins that this binary carries, whatever the lock says.
    pub update_lock: bool,
}

/// Why there is no project to work on.
#[derive(Debug)]
pub enum LoadError {
    /// Something cannot be read: exit code 6.
    Unreadable(String),
    /// `kspec.toml` is wrong, or a source is: exit code 1, findings to show.
    Findings(Vec<Finding>),
    /// The command line does not fit the project: exit code 64.
    Usage(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(message) | Self::Usage(message) => f.write_str(message),
            Self::Findings(findings) => {
                for finding in findings {
                    writeln!(f, "{}", finding.message)?;
                }
                Ok(())
            }
        }
    }
}

/// Reads a project's `kspec.toml` alone.
///
/// # Errors
/// As [`load`].
pub fn load_config(root: &Path) -> Result<Config, LoadError> {
    let path = root.join("kspec.toml");
    let text = read::text(&path).map_err(|problem| {
        if path.exists() {
            LoadError::Unreadable(problem)
        } else {
            LoadError::Unreadable(format!(
                "{} holds no kspec.toml: run `kspec init` there, or name the project's folder",
                read::shown(root)
            ))
        }
    })?;
    parse_config("kspec.toml", &text).map_err(LoadError::Findings)
}

/// Reads a project.
///
/// # Errors
/// Where there is nothing to compile: no folder, no or a wrong `kspec.toml`, an environment that does not exist.
pub fn load(root: &Path, choice: &Choice) -> Result<Project, LoadError> {
    let config = load_config(root)?;
    check_environment(&config, choice.environment.as_deref())?;
    let environment = choice.environment.as_ref().and_then(|name| config.environments.get(name));
    let mut findings = Vec::new();

    let mut schema = Schema::bundled(config.kubernetes);
    let (crds, problems) = kspec_state::read_manifests(root, &config.crds);
    findings.extend(problems.iter().map(kspec_state::Problem::to_finding));
    let definitions: Vec<_> = crds
        .iter()
        .filter(|doc| doc.value.get("kind").and_then(|kind| kind.as_str()) == Some("CustomResourceDefinition"))
        .collect();
    if !definitions.is_empty() {
        let values: Vec<_> = definitions.iter().map(|doc| doc.value.clone()).collect();
        let (with, problems) = schema.with_crds(&values);
        schema = with;
        for problem in problems {
            let doc = definitions.get(problem.index);
            let place = Place::File {
                path: doc.map_or_else(|| Arc::from("kspec.toml"), |doc| Arc::from(doc.file.as_ref())),
                line: doc.map_or(1, |doc| doc.line),
                column: 1,
            };
            findings.push(
                Finding::new(
                    codes::BAD_MANIFEST,
                    format!("CustomResourceDefinition {}, at {}: {}", problem.name, problem.path, problem.kind),
                    place,
                )
                .help("correct the CustomResourceDefinition, or drop it from `crds` in kspec.toml"),
            );
        }
    }

    let patterns = environment.and_then(|environment| environment.manifests.as_ref()).unwrap_or(&config.manifests);
    let (manifests, problems) = kspec_state::read_manifests(root, patterns);
    findings.extend(problems.iter().map(kspec_state::Problem::to_finding));
    findings.extend(manifests::refused(&manifests, &schema));
    let manifests = manifests
        .into_iter()
        .map(|doc| ManifestDoc { value: doc.value, file: Arc::from(doc.file.as_ref()), line: doc.line })
        .collect();

    let (target, schema_digest) = (config.kubernetes.to_string(), schema.digest().to_owned());
    let dependencies = config.dependencies.clone();
    let mut rego = read::rego(root, "", &mut findings);
    for (name, path) in &config.dependencies {
        let folder = root.join(path);
        // Where there is none, that is told below.
        if folder.join("kspec.toml").exists() {
            rego.extend(read::rego(&folder, name, &mut findings));
        }
    }
    let webhook_ca = config.admission.ca.as_ref().and_then(|path| read::authority(root, path, &mut findings));
    let mut compiler = Compiler::new(Facts {
        config,
        schema,
        manifests,
        environment: choice.environment.clone(),
        as_of: choice.as_of,
        library: kspec_stdlib::FILES,
        rego,
        webhook_ca,
    });
    let mut unreadable = Vec::new();
    read::set_sources(root, "", &mut compiler, &mut unreadable);
    let mut packages: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (name, path) in &dependencies {
        let folder = root.join(path);
        if !folder.join("kspec.toml").exists() {
            findings.push(
                Finding::new(
                    codes::PROJECT_FILE,
                    format!("package `{name}` is not at {path}"),
                    Place::File { path: "kspec.toml".into(), line: 1, column: 1 },
                )
                .help("a dependency's path leads, from this project, to a folder with a kspec.toml"),
            );
            continue;
        }
        packages.insert(folder, name.clone());
    }
    for (folder, name) in &packages {
        read::set_sources(folder, name, &mut compiler, &mut unreadable);
    }
    findings.extend(unreadable);
    let drawn = compiler.drawn_library();
    let stdlib = drawn.into_iter().map(|(path, text)| (module_name(path), digest(text))).collect();
    let lock = Lock::current(&target, &schema_digest, stdlib);
    let (is_locked, lock_findings) = check_lock(root, &lock, choice.update_lock)?;
    findings.extend(lock_findings);
    Ok(Project { root: root.to_owned(), compiler, findings, lock, is_locked })
}

fn check_environment(config: &Config, chosen: Option<&str>) -> Result<(), LoadError> {
    let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
    match chosen {
        Some(name) if config.environments.contains_key(name) => Ok(()),
        Some(name) if names.is_empty() => {
            Err(LoadError::Usage(format!("--env {name}: kspec.toml declares no environments")))
        }
        Some(name) => Err(LoadError::Usage(format!("--env {name}: kspec.toml declares {}", names.join(", ")))),
        None if names.is_empty() => Ok(()),
        None => {
            Err(LoadError::Usage(format!("this project has environments: pick one with --env {}", names.join("|"))))
        }
    }
}

fn check_lock(root: &Path, current: &Lock, update: bool) -> Result<(bool, Vec<Finding>), LoadError> {
    let path = root.join("kspec.lock");
    if !path.exists() {
        return Ok((false, Vec::new()));
    }
    if update {
        return Ok((false, Vec::new()));
    }
    let text = read::text(&path).map_err(LoadError::Unreadable)?;
    Ok(match parse_lock(&text) {
        Ok(lock) => (lock == *current, lock.compare(current)),
        Err(finding) => (true, vec![*finding]),
    })
}

/// `std/roles.kspec` as a program names it.
fn module_name(path: &str) -> String {
    path.trim_end_matches(".kspec").replace('/', ".")
}

/// In hex.
fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

impl Project {
    /// Writes `kspec.lock`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_lock(&self) -> std::io::Result<()> {
        std::fs::write(self.root.join("kspec.lock"), self.lock.render())
    }
}
