//! `cargo xtask compare-openapi`: does a running API server publish what the table of its version says?

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use kspec_schema::KubeVersion;
use kspec_schema::derive::{Published, differences};
use serde_json::Value;

use crate::Outcome;

/// Reads `/version`, `/openapi/v3` and discovery of a server, with curl.
#[derive(Args)]
pub(crate) struct CompareOpenapi {
    /// A kubeconfig whose first cluster and user are files: `certificate-authority`, `client-certificate`, `client-key`
    #[arg(long, env = "KSPEC_TEST_KUBECONFIG")]
    kubeconfig: PathBuf,
}

impl CompareOpenapi {
    /// Fails if the server and the table differ.
    pub(crate) fn run(&self) -> Outcome {
        let server = Server::of(&self.kubeconfig)?;
        let release = text(&server.get("/version")?, "/gitVersion")?;
        let version = KubeVersion::parse(&release).ok_or_else(|| format!("{release} is not a bundled version"))?;
        let mut openapi = BTreeMap::new();
        let index = server.get("/openapi/v3")?;
        for (name, entry) in index.get("paths").and_then(Value::as_object).into_iter().flatten() {
            openapi.insert(name.clone(), server.get(&text(entry, "/serverRelativeURL")?)?);
        }
        let groups = server.get("/apis")?;
        let mut resources = vec![server.get("/api/v1")?];
        let all = groups.get("groups").and_then(Value::as_array).into_iter().flatten();
        for version in all.filter_map(|group| group.get("versions")?.as_array()).flatten() {
            resources.push(server.get(&format!("/apis/{}", text(version, "/groupVersion")?))?);
        }
        let found = differences(version, &Published { release: release.clone(), openapi, groups, resources });
        for line in &found {
            println!("{line}");
        }
        if found.is_empty() {
            println!("{release} publishes what the table of {version} says");
            return Ok(());
        }
        Err(format!("{release} differs from the table of {version} in {} lines", found.len()))
    }
}

struct Server {
    url: String,
    options: Vec<String>,
}

impl Server {
    fn of(kubeconfig: &Path) -> Result<Self, String> {
        let problem = |error: String| format!("{}: {error}", kubeconfig.display());
        let source = fs::read_to_string(kubeconfig).map_err(|error| problem(error.to_string()))?;
        let config: Value = serde_saphyr::from_str(&source).map_err(|error| problem(error.to_string()))?;
        let part = |pointer: &str| text(&config, pointer).map_err(problem);
        let mut options = Vec::new();
        for (option, pointer) in [
            ("--cacert", "/clusters/0/cluster/certificate-authority"),
            ("--cert", "/users/0/user/client-certificate"),
            ("--key", "/users/0/user/client-key"),
        ] {
            options.extend([option.to_owned(), part(pointer)?]);
        }
        Ok(Self { url: part("/clusters/0/cluster/server")?, options })
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        let url = format!("{}{path}", self.url);
        let curl =
            Command::new("curl").args(["-sS", "--fail", "--max-time", "30"]).args(&self.options).arg(&url).output();
        let output = curl.map_err(|error| format!("curl: {error}"))?;
        if !output.status.success() {
            return Err(format!("{url}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{url}: {error}"))
    }
}

fn text(value: &Value, pointer: &str) -> Result<String, String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("no {pointer}"))
}
