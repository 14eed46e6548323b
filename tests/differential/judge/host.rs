//! The host folder, put on a host: a control plane of the test's own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kspec_lower::HostOutput;
use kspec_model::program::Program;
use kspec_test_harness::{ControlPlane, Options};

/// Lowers for the version under test; there must be nothing to complain about.
pub(crate) fn lower(program: &Program) -> HostOutput {
    let (output, findings) = kspec_lower::host(&program.view(), &program.project.kubernetes);
    assert!(findings.is_empty(), "{findings:#?}");
    output
}

/// Writes the host folder as `compile` does.
pub(crate) fn write(output: &HostOutput, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for file in &output.files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.contents).unwrap();
        let mode = if file.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }
}

/// A key file of mode 0600 with as many bytes, different for each name.
pub(crate) fn write_key(keys: &Path, name: &str, bytes: usize) {
    std::fs::create_dir_all(keys).unwrap();
    let path = keys.join(name);
    let mut random = crate::random::Random::new(name.bytes().map(u64::from).sum());
    let key: Vec<u8> = (0..bytes).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    std::fs::write(&path, base64(&key)).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Runs the folder's render script, as its README tells the operator to, and gives the file that it wrote.
pub(crate) fn render(folder: &Path, keys: &Path) -> PathBuf {
    let rendered = folder.join("encryption.yaml");
    let script = Command::new(folder.join("render-encryption.sh")).arg(keys).arg(&rendered).output().unwrap();
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    assert_eq!(rendered.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    rendered
}

/// What decides where the server listens, whom it trusts and which keys it holds: the test's own, or nobody could reach
/// it. Their files stand for those that the operator brings.
const OURS: &[&str] = &[
    "advertise-address",
    "audit-log-path",
    "audit-policy-file",
    "bind-address",
    "client-ca-file",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-keyfile",
    "etcd-servers",
    "requestheader-client-ca-file",
    "secure-port",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-signing-key-file",
    "tls-cert-file",
    "tls-private-key-file",
];

/// Puts the host folder on the server's host under `step`, with a key for each marker, and gives the options of a server
/// that runs with its flags.
pub(crate) fn options(server: &ControlPlane, output: &HostOutput, step: &str) -> Options {
    let folder = server.folder().join(step);
    write(output, &folder);
    if let Some(script) = output.files.iter().find(|file| file.path == "encryption.template.yaml") {
        let keys = server.folder().join("keys");
        for marker in script.contents.split("__KSPEC_KEY_").skip(1) {
            write_key(&keys, marker.split_once("__").unwrap().0, 32);
        }
        render(&folder, &keys);
    }
    let mut options = Options::default();
    if output.settings.audit.is_some() {
        options = options.audit_policy(&folder.join("audit-policy.yaml"));
    }
    for (name, value) in &output.settings.flags {
        let value = if name == "kubelet-client-key" {
            server.pki_file("apiserver.key").display().to_string()
        } else if name == "kubelet-client-certificate" {
            server.pki_file("apiserver.crt").display().to_string()
        } else if name == "kubelet-certificate-authority" {
            server.pki_file("ca.crt").display().to_string()
        } else {
            value.replace("/etc/kubernetes/kspec", &folder.display().to_string())
        };
        if !OURS.contains(&name.as_str()) {
            options = options.flag(name, &value);
        }
    }
    options
}
