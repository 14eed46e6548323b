//! Host files: what a control plane is started with.
//!
//! In: the program, and the Kubernetes version that is to read the files. Out: files for `host/`, and the same facts
//! structured for plans. A fact is lowered to a configuration file or to a flag, never to both.

mod audit;
mod authentication;
mod encryption;
mod flags;
mod kubeadm;
mod readme;

use std::collections::BTreeMap;

use kspec_diagnostics::Finding;
use kspec_model::program::View;
use serde_json::Value;

use crate::yaml::value_to_yaml;

/// Where the files belong on a control-plane host, unless a flag says otherwise.
pub(crate) const FOLDER: &str = "/etc/kubernetes/kspec";

/// What a program says of the host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostOutput {
    /// Files by path under `host/`, ordered; empty where the program says nothing of the host.
    pub files: Vec<HostFile>,
    /// The same, structured.
    pub settings: HostSettings,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Path under `host/`.
    pub path: String,
    /// Its text.
    pub contents: String,
    /// Whether it is a script.
    pub executable: bool,
}

/// What the API server is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostSettings {
    /// `EncryptionConfiguration`, each key's secret a marker `__KSPEC_KEY_<name>__`.
    pub encryption: Option<Value>,
    /// Audit `Policy`.
    pub audit: Option<Value>,
    /// `AuthenticationConfiguration`, in the version that the target serves.
    pub authentication: Option<Value>,
    /// Flags without their dashes, those that name the files included.
    pub flags: BTreeMap<String, String>,
}

impl HostSettings {
    /// The setting that an API server does not start with beside a flag, where one is: the flag must go
    /// (`kubernetes/pkg/kubeapiserver/options`).
    #[must_use]
    pub fn excludes(&self, flag: &str) -> Option<&'static str> {
        flags::said_by_file(self.authentication.as_ref(), flag).or_else(|| {
            let modes = ["authorization-mode", "authorization-webhook-config-file"];
            modes.into_iter().find(|own| flag == "authorization-config" && self.flags.contains_key(*own))
        })
    }
}

/// Lowers encryption, audit, authentication and flags for an API server of this version (`1.36`).
#[must_use]
pub fn host(program: &View<'_>, kubernetes: &str) -> (HostOutput, Vec<Finding>) {
    let (flags, findings) = outcome(program);
    let settings = HostSettings {
        encryption: program.encryption.map(encryption::configuration),
        audit: program.audit.map(audit::policy),
        authentication: program
            .authentication
            .map(|authentication| authentication::configuration(authentication, kubernetes)),
        flags,
    };
    if settings == HostSettings::default() {
        return (HostOutput::default(), findings);
    }
    let mut files = vec![
        file("README.md", readme::readme(program, &settings, kubernetes)),
        file("kube-apiserver-flags", flags::text(&settings.flags)),
        file("kubeadm.yaml", value_to_yaml(&kubeadm::patch(program, &settings))),
    ];
    if let (Some(encryption), Some(configuration)) = (program.encryption, &settings.encryption) {
        let keys = encryption::keys(encryption);
        if keys.is_empty() {
            files.push(file("encryption.yaml", value_to_yaml(configuration)));
        } else {
            files.push(file("encryption.template.yaml", value_to_yaml(configuration)));
            let script = encryption::render_script(&keys, flags::path(&settings.flags, flags::ENCRYPTION));
            files.push(HostFile { executable: true, ..file("render-encryption.sh", script) });
        }
    }
    files.extend(settings.audit.as_ref().map(|policy| file("audit-policy.yaml", value_to_yaml(policy))));
    files.extend(
        settings.authentication.as_ref().map(|configuration| file("authentication.yaml", value_to_yaml(configuration))),
    );
    files.sort_by(|one, other| one.path.cmp(&other.path));
    (HostOutput { files, settings }, findings)
}

/// The findings of [`host`], without writing any file.
#[must_use]
pub fn host_findings(program: &View<'_>) -> Vec<Finding> {
    outcome(program).1
}

fn outcome(program: &View<'_>) -> (BTreeMap<String, String>, Vec<Finding>) {
    let (flags, mut findings) = flags::flags(program);
    findings.extend(program.encryption.into_iter().flat_map(encryption::unsafe_names));
    (flags, findings)
}

fn file(path: &str, contents: String) -> HostFile {
    HostFile { path: path.to_owned(), contents, executable: false }
}
