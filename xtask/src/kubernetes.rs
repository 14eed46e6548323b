//! Finds and reads the Go modules of a Kubernetes release.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The release that each bundled minor version is derived from.
pub(crate) const RELEASES: &[(&str, &str)] =
    &[("1.33", "v1.33.13"), ("1.34", "v1.34.4"), ("1.35", "v1.35.4"), ("1.36", "v1.36.3")];

/// An unpacked module.
pub(crate) struct Module {
    root: PathBuf,
}

impl Module {
    /// Fetches `k8s.io/NAME` of a Kubernetes release through the Go toolchain's own cache. The modules that Kubernetes is
    /// made of are numbered v0 where it is v1.
    pub(crate) fn fetch(name: &str, release: &str) -> Result<Self, String> {
        let version = match name {
            "kubernetes" => release.to_owned(),
            _ => release.replacen("v1.", "v0.", 1),
        };
        let output = Command::new("go")
            .args(["mod", "download", "-json", &format!("k8s.io/{name}@{version}")])
            .env("GOFLAGS", "-mod=mod")
            .current_dir(std::env::temp_dir())
            .output()
            .map_err(|error| format!("go: {error}"))?;
        let answer: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("go mod download: {}", String::from_utf8_lossy(&output.stderr)))?;
        match answer.get("Dir").and_then(Value::as_str) {
            Some(dir) => Ok(Self { root: PathBuf::from(dir) }),
            None => Err(format!("k8s.io/{name} {version}: {answer}")),
        }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Result<String, String> {
        read(&self.root.join(path))
    }

    /// The text of every Go file of a folder that is no test, in order of their names.
    pub(crate) fn go_files(&self, folder: &str) -> Result<Vec<String>, String> {
        let mut texts = BTreeMap::new();
        for path in list(&self.root.join(folder))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".go") && !name.ends_with("_test.go") {
                texts.insert(name, read(&path)?);
            }
        }
        Ok(texts.into_values().collect())
    }

    /// Every JSON file of a folder, by its name.
    pub(crate) fn json_files(&self, folder: &str) -> Result<BTreeMap<String, Value>, String> {
        let mut files = BTreeMap::new();
        for path in list(&self.root.join(folder))? {
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.insert(name, parse(&path)?);
            }
        }
        Ok(files)
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let problem = |error| format!("{}: {error}", folder.display());
    fs::read_dir(folder).map_err(problem)?.map(|entry| Ok(entry.map_err(problem)?.path())).collect()
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(path: &Path) -> Result<Value, String> {
    serde_json::from_str(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
