//! A control plane of one's own: etcd, an API server, a controller manager if asked for, on 127.0.0.1.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::binaries::{Binaries, Program, etcd_flags};
use crate::pki::Pki;
use crate::process::Process;
use crate::{Client, Cluster, Error, Etcd, Options, Result, kubeconfig, ports, wait_until};

/// A running control plane; dropping it ends its processes and removes its files, on a panic too.
///
/// It is a [`Cluster`] to ask, and more: what etcd holds, the audit log, a restart with other options.
pub struct ControlPlane {
    // Fields are dropped in this order: who writes to etcd ends before it does.
    controllers: Option<Process>,
    api_server: Option<Process>,
    etcd: Process,
    cluster: Cluster,
    binaries: Binaries,
    pki: Pki,
    ports: Ports,
    audited: bool,
    folder: Folder,
}

#[derive(Clone, Copy)]
struct Ports {
    api: u16,
    etcd: u16,
    controllers: u16,
}

/// A state folder, removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by a later run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Deref for ControlPlane {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

static STARTED: AtomicU32 = AtomicU32::new(0);

impl ControlPlane {
    /// The cluster that the tests share: `KSPEC_TEST_KUBECONFIG` where it is set (as `scripts/test` does), else one
    /// control plane for this process, with controllers.
    pub fn shared() -> Result<&'static Cluster> {
        enum Shared {
            Given(Cluster),
            Own(Box<ControlPlane>),
        }
        static SHARED: OnceLock<Result<Shared>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match std::env::var_os("KSPEC_TEST_KUBECONFIG") {
            Some(path) => Cluster::from_kubeconfig(Path::new(&path)).map(Shared::Given),
            None => ControlPlane::start(Options::default().controllers()).map(|own| Shared::Own(Box::new(own))),
        });
        match shared {
            Ok(Shared::Given(cluster)) => Ok(cluster),
            Ok(Shared::Own(own)) => Ok(own),
            Err(cause) => Err(Error::new(cause.to_string())),
        }
    }

    /// Starts a control plane with its own state, ports and authority, and waits until it is ready.
    pub fn start(options: Options) -> Result<ControlPlane> {
        // Another program may take a port between its choice and its use: then all is tried again with others.
        let mut attempt = 0;
        loop {
            attempt += 1;
            match ControlPlane::try_start(&options) {
                Err(cause) if attempt < 3 && cause.to_string().contains("address already in use") => {}
                result => return result,
            }
        }
    }

    fn try_start(options: &Options) -> Result<ControlPlane> {
        let binaries = Binaries::find()?;
        let folder = Folder(state_folder()?);
        let at = &folder.0;
        std::fs::create_dir_all(at.join("log")).map_err(Error::doing(at.display()))?;
        let [api, etcd_port, peer, controllers] = ports::free()?;
        let ports = Ports { api, etcd: etcd_port, controllers };

        let pki = Pki::create(&at.join("pki"))?;
        let server = format!("https://127.0.0.1:{api}");
        let admin = at.join("admin.kubeconfig");
        kubeconfig::write(&admin, &server, &pki.authority_pem(), &pki.client("admin", &["system:masters"])?)?;
        let manager = pki.client("system:kube-controller-manager", &[])?;
        kubeconfig::write(&at.join("controllers.kubeconfig"), &server, &pki.authority_pem(), &manager)?;

        let mut command = binaries.command(Program::Etcd);
        command.args(etcd_flags(&at.join("etcd"), etcd_port, peer));
        let etcd = Process::start("etcd", command, at)?;
        let cluster = Cluster::from_kubeconfig(&admin)?;
        let mut control_plane = ControlPlane {
            controllers: None,
            api_server: None,
            etcd,
            cluster,
            binaries,
            pki,
            ports,
            audited: false,
            folder,
        };
        control_plane.run(options)?;
        Ok(control_plane)
    }

    /// Ends the API server and starts it with `options` on the same etcd, port and certificates.
    pub fn restart(&mut self, options: Options) -> Result<()> {
        self.controllers = None;
        self.api_server = None;
        self.run(&options)
    }

    fn run(&mut self, options: &Options) -> Result<()> {
        self.audited = options.audit_policy.is_some();
        let mut command = self.binaries.command(Program::ApiServer);
        command.args(self.api_server_flags(options));
        self.api_server = Some(Process::start(Program::ApiServer.name(), command, &self.folder.0)?);
        wait_until("the API server is ready", || {
            self.etcd.check()?;
            if let Some(api_server) = &mut self.api_server {
                api_server.check()?;
            }
            // Refused connections are answers too: it is not there yet.
            let ready = self.cluster.admin().request("GET", "/readyz", None);
            Ok(ready.is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .map_err(|cause| {
            let log = self.api_server.as_ref().map(Process::tail).unwrap_or_default();
            Error::new(format!("{cause}\n{log}"))
        })?;
        if options.controllers && self.binaries.have(Program::ControllerManager) {
            let mut command = self.binaries.command(Program::ControllerManager);
            command.args(self.controller_flags());
            self.controllers = Some(Process::start(Program::ControllerManager.name(), command, &self.folder.0)?);
            let path = "/api/v1/namespaces/default/serviceaccounts/default";
            wait_until("the controllers work", || {
                if let Some(controllers) = &mut self.controllers {
                    controllers.check()?;
                }
                Ok(self.cluster.admin().request("GET", path, None)?.is_ok().then_some(()))
            })?;
        }
        Ok(())
    }

    fn api_server_flags(&self, options: &Options) -> Vec<String> {
        let file = |name: &str| self.pki.path(name).display().to_string();
        let mut flags: BTreeMap<String, String> = [
            ("etcd-servers", format!("http://127.0.0.1:{}", self.ports.etcd)),
            ("bind-address", "127.0.0.1".into()),
            ("advertise-address", "127.0.0.1".into()),
            ("secure-port", self.ports.api.to_string()),
            ("endpoint-reconciler-type", "none".into()),
            ("tls-cert-file", file("apiserver.crt")),
            ("tls-private-key-file", file("apiserver.key")),
            ("client-ca-file", file("ca.crt")),
            ("requestheader-client-ca-file", file("front-proxy-ca.crt")),
            ("requestheader-allowed-names", "front-proxy-client".into()),
            ("requestheader-username-headers", "X-Remote-User".into()),
            ("requestheader-group-headers", "X-Remote-Group".into()),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-".into()),
            ("proxy-client-cert-file", file("front-proxy-client.crt")),
            ("proxy-client-key-file", file("front-proxy-client.key")),
            ("service-account-issuer", "https://kubernetes.default.svc".into()),
            ("service-account-key-file", file("sa.pub")),
            ("service-account-signing-key-file", file("sa.key")),
            ("authorization-mode", "RBAC".into()),
            ("service-cluster-ip-range", "10.96.0.0/16".into()),
            ("allow-privileged", "true".into()),
            ("profiling", "false".into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if options.controllers && !self.binaries.have(Program::ControllerManager) {
            // Nobody makes default service accounts then, and no pod would be admitted.
            flags.insert("disable-admission-plugins".into(), "ServiceAccount".into());
        }
        if let Some(policy) = &options.audit_policy {
            flags.insert("audit-policy-file".into(), policy.display().to_string());
            flags.insert("audit-log-path".into(), self.audit_log().display().to_string());
        }
        for (name, value) in &options.flags {
            match value {
                Some(value) => flags.insert(name.clone(), value.clone()),
                None => flags.remove(name),
            };
        }
        flags.into_iter().map(|(name, value)| format!("--{name}={value}")).collect()
    }

    fn controller_flags(&self) -> Vec<String> {
        let kubeconfig = self.folder.0.join("controllers.kubeconfig").display().to_string();
        vec![
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={}", self.ports.controllers),
            "--leader-elect=false".into(),
            format!("--service-account-private-key-file={}", self.pki.path("sa.key").display()),
            format!("--root-ca-file={}", self.pki.path("ca.crt").display()),
            // Without these two, default service accounts take five seconds.
            "--use-service-account-credentials=true".into(),
            "--kube-api-qps=500".into(),
            "--kube-api-burst=1000".into(),
            "--profiling=false".into(),
        ]
    }

    /// What is stored, as it is stored.
    pub fn etcd(&self) -> Etcd {
        Etcd { port: self.ports.etcd }
    }

    /// A file of this control plane's certificates: `ca.crt`, `sa.pub`, `apiserver.key` and so on.
    pub fn pki_file(&self, name: &str) -> PathBuf {
        self.pki.path(name)
    }

    /// A folder that lives as long as this control plane, for files that its flags name.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// A client with a certificate for `user` in `groups` (one at most).
    pub fn client_with_certificate(&self, user: &str, groups: &[&str]) -> Result<Client> {
        Client::new(&self.server(), &self.pki.authority_pem(), Some(&self.pki.client(user, groups)?))
    }

    /// A client that says nothing about who it is.
    pub fn anonymous(&self) -> Result<Client> {
        Client::new(&self.server(), &self.pki.authority_pem(), None)
    }

    /// Where the API server answers.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api)
    }

    /// Every audit event so far. The server writes an event before it answers the request that caused it, save for the
    /// `ResponseComplete` of that very request, which may come a moment later.
    pub fn audit_events(&self) -> Result<Vec<Value>> {
        if !self.audited {
            return Err(Error::new("this control plane was started without an audit policy"));
        }
        let path = self.audit_log();
        let text = std::fs::read_to_string(&path).map_err(Error::doing(path.display()))?;
        // A last line without an end is still being written.
        let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
        let events = complete.lines().map(|line| serde_json::from_str(line).map_err(Error::doing(line)));
        events.collect()
    }

    fn audit_log(&self) -> PathBuf {
        self.folder.0.join("log").join("audit.log")
    }
}

/// A new state folder. Those that a killed process left behind are removed on the way.
fn state_folder() -> Result<PathBuf> {
    let root = std::env::temp_dir().join("kspec-control-planes");
    std::fs::create_dir_all(&root).map_err(Error::doing(root.display()))?;
    for entry in std::fs::read_dir(&root).map_err(Error::doing(root.display()))?.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split('-').next());
        let alive = owner.is_none_or(|owner| Path::new("/proc").join(owner).exists());
        if !alive {
            // Another process may be removing it just now.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let count = STARTED.fetch_add(1, Ordering::Relaxed);
    Ok(root.join(format!("{}-{count}", std::process::id())))
}
