//! A cluster to ask, whoever runs it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{Client, Error, Result, kubeconfig, wait_until};

/// A cluster that answers, and an administrator's way in.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    admin: Client,
}

static NAMESPACES: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    /// The cluster of the current context of a kubeconfig.
    pub fn from_kubeconfig(path: &Path) -> Result<Cluster> {
        Ok(Cluster { kubeconfig: path.to_owned(), admin: kubeconfig::client(path)? })
    }

    /// The older cluster that the person gave by `KSPEC_TEST_OLDER_KUBECONFIG`, if they did. Tests write to it and leave
    /// what they wrote.
    pub fn older() -> Result<Option<Cluster>> {
        std::env::var_os("KSPEC_TEST_OLDER_KUBECONFIG")
            .map(|path| Cluster::from_kubeconfig(Path::new(&path)))
            .transpose()
    }

    /// Whether the control planes that tests start are of an older version: `KSPEC_TEST_CONTROL_PLANE`.
    pub fn starts_older() -> bool {
        std::env::var_os("KSPEC_TEST_CONTROL_PLANE").is_some()
    }

    /// A kubeconfig file with an administrator's credentials inline, for the programs under test.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client as administrator.
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// The minor version of the API server: 36 for Kubernetes 1.36.
    pub fn minor(&self) -> Result<u32> {
        let version = self.admin.get("/version")?;
        let minor = version.get("minor").and_then(Value::as_str).unwrap_or_default();
        minor.trim_end_matches('+').parse().map_err(Error::doing(format_args!("the server's version {version}")))
    }

    /// A name that no other test on this cluster uses, beginning with `stem`.
    pub fn unique_name(&self, stem: &str) -> String {
        let count = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        // A cluster may outlive the process, and process numbers come again: the clock keeps runs apart.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        format!("{stem}-{:x}-{}-{count}", since.as_millis() % 0xFFFF_FFFF, std::process::id())
    }

    /// Creates a namespace with a name of its own. It is left to the server's end: deleting one takes seconds.
    pub fn unique_namespace(&self, stem: &str) -> Result<String> {
        let name = self.unique_name(stem);
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.admin.post("/api/v1/namespaces", &namespace)?.ok()?;
        Ok(name)
    }

    /// As [`Cluster::unique_namespace`], and waits for its default service account, without which no pod is admitted.
    pub fn namespace_for_pods(&self, stem: &str) -> Result<String> {
        let name = self.unique_namespace(stem)?;
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        wait_until("the default service account", || {
            Ok(self.admin.request("GET", &path, None)?.is_ok().then_some(()))
        })?;
        Ok(name)
    }
}
