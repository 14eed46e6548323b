//! Whole projects: the real API server accepts every object that an example, the standard library or any other
//! declaration lowers to, and every manifest that they come with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kspec_diagnostics::Severity;
use kspec_model::program::Date;
use kspec_project::{Choice, Project, load, load_config};
use kspec_schema::KubeVersion;
use kspec_test_harness::{Cluster, ControlPlane, Options, wait_until};
use serde_json::{Value, json};

use crate::host;

/// The day of which the examples' dates are in the future.
const AS_OF: Date = Date { year: 2026, month: 11, day: 21 };

/// Folders under which every folder with a `kspec.toml` is a project.
const PLACES: &[&str] = &["compiler/specs", "examples", "tests/differential/projects"];

/// The project of a spec that states none.
const SPEC_SETTINGS: &str = r#"
name = "shop"
edition = "2026"
kubernetes = "1.36"
[network]
pods = ["10.244.0.0/16"]
services = ["10.96.0.0/12"]
nodes = ["192.168.10.0/24"]
"#;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every project with each of its environments, made for a version.
fn projects(version: KubeVersion) -> Vec<(PathBuf, Option<String>)> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("projects-{version}"));
    // Left by an earlier run, of which a project may be gone.
    let _ = std::fs::remove_dir_all(&folder);
    for place in PLACES {
        copy(&repository().join(place), &folder.join(place), version);
    }
    for entry in repository().join("compiler/specs").read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            write_examples(&path, &folder.join("specs"), version);
        }
    }
    let mut found = Vec::new();
    for root in roots(&folder) {
        let config = load_config(&root).unwrap_or_else(|cause| panic!("{}: {cause:?}", root.display()));
        let environments: Vec<String> = config.environments.into_keys().collect();
        if environments.is_empty() {
            found.push((root, None));
        } else {
            found.extend(environments.into_iter().map(|name| (root.clone(), Some(name))));
        }
    }
    found
}

/// A project's settings with another target.
fn targeted(settings: &str, version: KubeVersion) -> String {
    let newest = format!("kubernetes = \"{}\"", KubeVersion::NEWEST);
    assert!(settings.contains(&newest), "{settings}");
    settings.replace(&newest, &format!("kubernetes = \"{version}\""))
}

/// Copies a folder, its projects made for a version.
fn copy(from: &Path, to: &Path, version: KubeVersion) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, version);
        } else if path.ends_with("kspec.toml") {
            std::fs::write(target, targeted(&std::fs::read_to_string(path).unwrap(), version)).unwrap();
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}

/// A project for each example of a page of the language's specs that has no errors. As the specs' own test reads them: a
/// `toml` block sets the project of the `kspec` blocks after it.
fn write_examples(page: &Path, folder: &Path, version: KubeVersion) {
    let mut settings = targeted(SPEC_SETTINGS, version);
    let text = std::fs::read_to_string(page).unwrap();
    for (number, fenced) in text.split("```").skip(1).step_by(2).enumerate() {
        let (language, block) = fenced.split_once('\n').unwrap();
        match language.trim() {
            "toml" => settings = targeted(block, version),
            "kspec" if !block.contains("// error: ") => {
                let project = folder.join(format!("{}-{number:02}", page.file_stem().unwrap().display()));
                std::fs::create_dir_all(&project).unwrap();
                std::fs::write(project.join("kspec.toml"), &settings).unwrap();
                std::fs::write(project.join("main.kspec"), block).unwrap();
            }
            _ => {}
        }
    }
}

fn roots(folder: &Path) -> Vec<PathBuf> {
    if folder.join("kspec.toml").is_file() {
        return vec![folder.to_owned()];
    }
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().flat_map(|folder| roots(folder)).collect()
}

/// Loads and checks a project; findings of error severity are a failure.
fn compile(root: &Path, environment: Option<&str>) -> Result<Project, String> {
    let choice = Choice { environment: environment.map(str::to_owned), as_of: AS_OF, update_lock: true };
    let mut project = load(root, &choice).map_err(|cause| format!("{cause:?}"))?;
    let mut findings = project.findings.clone();
    findings.extend(project.compiler.check());
    let sources = project.compiler.sources();
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| {
            let at = finding.labels.first().and_then(|label| sources.position(&label.place));
            format!("{} {} {at:?}", finding.code, finding.message)
        })
        .collect();
    if errors.is_empty() { Ok(project) } else { Err(errors.join("\n")) }
}

/// Runs `judge` over every project, and fails with what it says of all of them.
fn judge_all(version: KubeVersion, mut judge: impl FnMut(&Path, &Project) -> Result<(), String>) {
    let projects = projects(version);
    let mut failures = Vec::new();
    for (root, environment) in &projects {
        let outcome = compile(root, environment.as_deref()).and_then(|project| judge(root, &project));
        if let Err(failure) = outcome {
            let environment = environment.as_deref().unwrap_or_default();
            failures.push(format!("{} {environment}\n{failure}", root.display()));
        }
    }
    assert!(failures.is_empty(), "{} of {} projects:\n{}", failures.len(), projects.len(), failures.join("\n\n"));
    assert!(projects.len() > 10, "{projects:?}");
}

/// Applies objects for good, or without storing them; what is not accepted is told with the object.
fn apply<'a>(server: &Cluster, objects: impl Iterator<Item = &'a Value>, dry_run: bool) -> Result<(), String> {
    let mut refused = Vec::new();
    for object in objects {
        // A kind is served some time after its definition.
        wait_until("the kind is served", || Ok(server.admin().path_of(object).ok())).unwrap();
        let answer = server.admin().apply(object, "kspec.judge", dry_run).unwrap();
        if !answer.is_ok() {
            refused.push(format!("{} {}\n{object:#}", answer.status, answer.message()));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join("\n")) }
}

#[test]
fn every_object_of_every_project_is_accepted() {
    accepts_every_project(&ControlPlane::start(Options::default().controllers()).unwrap(), KubeVersion::NEWEST);
}

/// Judges every project, made for the version of a server, on that server.
pub(crate) fn accepts_every_project(server: &Cluster, version: KubeVersion) {
    judge_all(version, |root, project| {
        let facts = project.compiler.facts();
        let lowered = project.compiler.lower(&BTreeMap::new());
        let (definitions, problems) = kspec_state::read_manifests(root, &facts.config.crds);
        assert!(problems.is_empty(), "{problems:#?}");
        apply(server, definitions.iter().map(|doc| &doc.value), false)?;

        let manifests = facts.manifests.iter().map(|doc| &doc.value);
        let objects = lowered.objects.iter().map(|lowered| &lowered.object.0);
        // Namespaces that are declared as existing, or are there already, others have made.
        let namespace = |object: &Value| Some(object.pointer("/metadata/namespace")?.as_str()?.to_owned());
        let needed: BTreeSet<String> = objects.clone().chain(manifests.clone()).filter_map(namespace).collect();
        for namespace in needed {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            let answer = server.admin().post("/api/v1/namespaces", &namespace).unwrap();
            assert!(answer.is_ok() || answer.status == 409, "{}", answer.message());
        }
        // What would judge the other projects' objects is not left in force; its verdicts have a judge of their own.
        let judges = |object: &&Value| {
            object["apiVersion"].as_str().is_some_and(|version| version.starts_with("admissionregistration.k8s.io/"))
        };
        apply(server, objects.clone().filter(|object| !judges(object)), false)?;
        apply(server, objects.filter(judges), true)?;
        apply(server, manifests, true)
    });
}

/// The prefix that the provider which writes a resource leaves in etcd: `None` where it writes plain text.
fn prefix(encryption: &Value, resource: &str) -> Option<String> {
    let rules = encryption["resources"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["resources"].as_array().unwrap().iter().any(|name| name == resource))?;
    let (provider, settings) = rule["providers"][0].as_object().unwrap().iter().next().unwrap();
    let key = settings["keys"][0]["name"].as_str()?;
    Some(format!("k8s:enc:{provider}:v1:{key}:"))
}

/// A project's host folder as a whole: the API server starts with its files and flags, seals what it should, and lets in
/// whom it should.
#[test]
fn every_host_folder_starts_a_server() {
    host_folders_start_servers(KubeVersion::NEWEST);
}

/// Judges every host folder, made for the version of the servers that the harness starts.
pub(crate) fn host_folders_start_servers(version: KubeVersion) {
    let mut started = 0;
    judge_all(version, |root, project| {
        let output = project.compiler.lower(&BTreeMap::new()).host;
        let settings = &output.settings;
        if output.files.is_empty() {
            return Ok(());
        }
        let mut server = ControlPlane::start(Options::default()).unwrap();
        let mut options = host::options(&server, &output, "host");
        // A KMS plugin is an outside service; everything else is judged without it.
        let kms = settings.encryption.iter().any(|encryption| encryption.to_string().contains("\"kms\""));
        if kms {
            options = options.without("encryption-provider-config");
        }
        server.restart(options).map_err(|cause| cause.to_string())?;
        started += 1;

        for (resource, kind) in [("secrets", "Secret"), ("configmaps", "ConfigMap")] {
            let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "sealed" } });
            server.admin().post(&format!("/api/v1/namespaces/default/{resource}"), &object).unwrap().ok().unwrap();
            let stored = server.etcd().get(&format!("/registry/{resource}/default/sealed")).unwrap().unwrap();
            let sealed =
                settings.encryption.as_ref().filter(|_| !kms).and_then(|encryption| prefix(encryption, resource));
            let expected = sealed.unwrap_or_else(|| "k8s\0".to_owned());
            assert!(String::from_utf8_lossy(&stored).starts_with(&expected), "{resource} of {}", root.display());
        }
        let nobody = server.anonymous().unwrap();
        let status = |path: &str| nobody.request("GET", path, None).unwrap().status;
        if let Some(anonymous) = settings.authentication.as_ref().and_then(|file| file.get("anonymous")) {
            let paths = anonymous["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
            for path in ["/livez", "/readyz", "/healthz", "/version"] {
                let listed = paths.is_empty() || paths.iter().any(|condition| condition["path"] == path);
                let open = anonymous["enabled"] == true && listed;
                assert_eq!(status(path) == 200, open, "{path} of {}", root.display());
            }
        }
        if settings.flags.get("anonymous-auth").is_some_and(|value| value == "false") {
            assert_eq!(status("/livez"), 401);
        }
        if settings.audit.is_some() {
            wait_until("something is logged", || Ok((!server.audit_events()?.is_empty()).then_some(()))).unwrap();
        }
        Ok(())
    });
    assert!(started > 1, "{started}");
}
