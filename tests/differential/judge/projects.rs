//! Whole projects: the real API server accepts every object that an example, the standard library or any other
//! declaration lowers to, and every manifest that they come with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kspec_diagnostics::Severity;
use kspec_model::program::Date;
use kspec_project::{Choice, Project, load, load_config};
use kspec_test_harness::{ControlPlane, Options, Result, wait_until};
use serde_json::{Value, json};

use crate::host;

/// The day of which the examples' dates are in the future.
const AS_OF: Date = Date { year: 2026, month: 11, day: 21 };

/// Folders whose sub-folders are projects.
const PLACES: &[&str] = &["examples", "tests/differential/projects"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every project with each of its environments.
fn projects() -> Vec<(PathBuf, Option<String>)> {
    let mut found = Vec::new();
    for place in PLACES {
        let Ok(entries) = repository().join(place).read_dir() else { continue };
        let mut roots: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        roots.retain(|root| root.join("kspec.toml").is_file());
        roots.sort();
        for root in roots {
            let config = load_config(&root).unwrap_or_else(|cause| panic!("{}: {cause:?}", root.display()));
            let environments: Vec<String> = config.environments.into_keys().collect();
            if environments.is_empty() {
                found.push((root, None));
            } else {
                found.extend(environments.into_iter().map(|name| (root.clone(), Some(name))));
            }
        }
    }
    found
}

/// Loads and checks a project; findings of error severity fail the test.
fn compile(root: &Path, environment: Option<&str>) -> Project {
    let choice = Choice { environment: environment.map(str::to_owned), as_of: AS_OF, update_lock: true };
    let mut project = load(root, &choice).unwrap_or_else(|cause| panic!("{}: {cause:?}", root.display()));
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
    assert!(errors.is_empty(), "{}:\n{}", root.display(), errors.join("\n"));
    project
}

/// Applies one object for good, or without storing it; an answer that is not 2xx is told with the object.
fn judge(server: &ControlPlane, object: &Value, dry_run: bool, refused: &mut Vec<String>) -> Result<()> {
    let answer = server.admin().apply(object, "kspec.judge", dry_run)?;
    if !answer.is_ok() {
        refused.push(format!("{} {}\n{object:#}", answer.status, answer.message()));
    }
    Ok(())
}

#[test]
fn every_object_of_every_project_is_accepted() {
    let server = ControlPlane::start(Options::default().controllers()).unwrap();
    let mut accepted = BTreeMap::new();
    for (root, environment) in projects() {
        let name = format!("{} {}", root.file_name().unwrap().display(), environment.as_deref().unwrap_or_default());
        let project = compile(&root, environment.as_deref());
        let lowered = project.compiler.lower(&BTreeMap::new());
        let mut refused = Vec::new();

        let config = &project.compiler.facts().config;
        let (definitions, problems) = kspec_state::read_manifests(&root, &config.crds);
        assert!(problems.is_empty(), "{problems:#?}");
        for definition in &definitions {
            judge(&server, &definition.value, false, &mut refused).unwrap();
        }
        // What is declared as existing, or is there already, others have made.
        let manifests = project.compiler.facts().manifests.iter().map(|doc| &doc.value);
        let namespace = |object: &Value| Some(object.pointer("/metadata/namespace")?.as_str()?.to_owned());
        let objects = lowered.objects.iter().map(|it| &it.object.0);
        let needed: BTreeSet<String> = objects.clone().chain(manifests.clone()).filter_map(namespace).collect();
        for namespace in needed {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            let answer = server.admin().post("/api/v1/namespaces", &namespace).unwrap();
            assert!(answer.is_ok() || answer.status == 409, "{}", answer.message());
        }
        for object in objects.clone() {
            // A kind is served some time after its definition.
            wait_until("the kind is served", || Ok(server.admin().path_of(object).ok())).unwrap();
            judge(&server, object, false, &mut refused).unwrap();
        }
        for manifest in manifests.clone() {
            judge(&server, manifest, true, &mut refused).unwrap();
        }
        assert!(refused.is_empty(), "{name}: refused:\n{}", refused.join("\n"));
        assert!(objects.len() > 0, "{name} lowers to nothing");
        accepted.insert(name, (objects.count(), manifests.count()));
    }
    assert!(accepted.len() > 1, "{accepted:?}");
}

/// The provider that writes a resource, and the prefix that it leaves in etcd: `None` where it writes plain text.
fn writer(encryption: &Value, resource: &str) -> Option<String> {
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
    let mut started = 0;
    for (root, environment) in projects() {
        let project = compile(&root, environment.as_deref());
        let output = project.compiler.lower(&BTreeMap::new()).host;
        let settings = &output.settings;
        if output.files.is_empty() {
            continue;
        }
        if settings.encryption.iter().any(|encryption| encryption.to_string().contains("\"kms\"")) {
            kspec_test_harness::skip(&root.display().to_string(), "a KMS plugin is an outside service");
            continue;
        }
        let mut server = ControlPlane::start(Options::default()).unwrap();
        let options = host::options(&server, &output, "host");
        server.restart(options).unwrap_or_else(|cause| panic!("{}: {cause}", root.display()));
        started += 1;

        for (resource, kind) in [("secrets", "Secret"), ("configmaps", "ConfigMap")] {
            let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "sealed" } });
            server.admin().post(&format!("/api/v1/namespaces/default/{resource}"), &object).unwrap().ok().unwrap();
            let key = format!("/registry/{resource}/default/sealed");
            let stored = server.etcd().get(&key).unwrap().unwrap();
            let prefix = settings.encryption.as_ref().and_then(|encryption| writer(encryption, resource));
            let expected = prefix.unwrap_or_else(|| "k8s\0".to_owned());
            assert!(String::from_utf8_lossy(&stored).starts_with(&expected), "{resource} of {}", root.display());
        }
        if let Some(anonymous) = settings.authentication.as_ref().and_then(|file| file.get("anonymous")) {
            let paths = anonymous["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
            let nobody = server.anonymous().unwrap();
            for path in ["/livez", "/readyz", "/healthz", "/version"] {
                let listed = paths.is_empty() || paths.iter().any(|condition| condition["path"] == path);
                let open = anonymous["enabled"] == true && listed;
                let status = nobody.request("GET", path, None).unwrap().status;
                assert_eq!(status == 200, open, "{path} of {}", root.display());
            }
        }
        if settings.flags.get("anonymous-auth").is_some_and(|value| value == "false") {
            assert_eq!(server.anonymous().unwrap().request("GET", "/livez", None).unwrap().status, 401);
        }
        if settings.audit.is_some() {
            wait_until("something is logged", || Ok((!server.audit_events()?.is_empty()).then_some(()))).unwrap();
        }
    }
    assert!(started > 1, "{started}");
}
