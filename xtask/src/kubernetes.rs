//! Finds and reads the Kubernetes Go module of a release.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The release that each bundled minor version is derived from.
pub(crate) const RELEASES: &[(&str, &str)] =
    &[("1.33", "v1.33.13"), ("1.34", "v1.34.4"), ("1.35", "v1.35.4"), ("1.36", "v1.36.3")];

/// The unpacked module of a release.
pub(crate) struct Module {
    root: PathBuf,
}

impl Module {
    /// Fetches the module through the Go toolchain's own cache.
    pub(crate) fn fetch(release: &str) -> Result<Self, String> {
        let output = Command::new("go")
            .args(["mod", "download", "-json", &format!("k8s.io/kubernetes@{release}")])
            .env("GOFLAGS", "-mod=mod")
            .current_dir(std::env::temp_dir())
            .output()
            .map_err(|error| format!("go: {error}"))?;
        let answer: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("go mod download: {}", String::from_utf8_lossy(&output.stderr)))?;
        match answer.get("Dir").and_then(Value::as_str) {
            Some(dir) => Ok(Self { root: PathBuf::from(dir) }),
            None => Err(format!("k8s.io/kubernetes {release}: {answer}")),
        }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Result<String, String> {
        read(&self.root.join(path))
    }

    /// A JSON file.
    pub(crate) fn json(&self, path: &str) -> Result<Value, String> {
        parse(&self.root.join(path))
    }

    /// Every JSON file of a folder, by its name.
    pub(crate) fn json_files(&self, folder: &str) -> Result<BTreeMap<String, Value>, String> {
        let folder = self.root.join(folder);
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                files.insert(name, parse(&path)?);
            }
        }
        Ok(files)
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(path: &Path) -> Result<Value, String> {
    serde_json::from_str(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
