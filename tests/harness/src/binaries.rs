//! Which programs to start.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Result};

/// The programs of a control plane.
#[derive(Clone, Debug)]
pub(crate) enum Binaries {
    /// The four-in-one binary of `tests/control-plane`.
    Ours(PathBuf),
    /// A folder with `etcd` and `kube-apiserver`, as envtest lays it out; a controller manager where it has one.
    Assets(PathBuf),
}

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Etcd,
    ApiServer,
    ControllerManager,
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Program::Etcd => "etcd",
            Program::ApiServer => "kube-apiserver",
            Program::ControllerManager => "kube-controller-manager",
        }
    }
}

impl Binaries {
    /// `KUBEBUILDER_ASSETS` where it is set, else our own, built first where it is not cached: the newest, or the one that
    /// `KSPEC_TEST_CONTROL_PLANE` names.
    pub(crate) fn find() -> Result<Binaries> {
        if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") {
            let assets = PathBuf::from(assets);
            for program in [Program::Etcd, Program::ApiServer] {
                if !assets.join(program.name()).is_file() {
                    return Err(Error::new(format!(
                        "KUBEBUILDER_ASSETS is {}, where there is no {}",
                        assets.display(),
                        program.name()
                    )));
                }
            }
            return Ok(Binaries::Assets(assets));
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../control-plane/build.sh");
        let version = std::env::var_os("KSPEC_TEST_CONTROL_PLANE");
        let output = Command::new(&script)
            .args(version)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(Error::doing(script.display()))?;
        if !output.status.success() {
            return Err(Error::new(format!("{}: {}", script.display(), output.status)));
        }
        let path = String::from_utf8_lossy(&output.stdout);
        Ok(Binaries::Ours(PathBuf::from(path.trim())))
    }

    /// Whether there is a controller manager (envtest's assets have none).
    pub(crate) fn have(&self, program: Program) -> bool {
        match self {
            Binaries::Ours(_) => true,
            Binaries::Assets(folder) => folder.join(program.name()).is_file(),
        }
    }

    /// The command that starts `program`, without its flags.
    pub(crate) fn command(&self, program: Program) -> Command {
        match self {
            Binaries::Ours(path) => {
                let mut command = Command::new(path);
                command.arg(program.name());
                command
            }
            Binaries::Assets(folder) => Command::new(folder.join(program.name())),
        }
    }
}

/// Flags for an etcd that is alone.
pub(crate) fn etcd_flags(data: &Path, client: u16, peer: u16) -> Vec<String> {
    vec![
        format!("--data-dir={}", data.display()),
        // The state is thrown away; what a killed process has written is in the kernel's hands.
        "--unsafe-no-fsync".into(),
        format!("--listen-client-urls=http://127.0.0.1:{client}"),
        format!("--advertise-client-urls=http://127.0.0.1:{client}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
    ]
}

/// What `kube-apiserver --help` says: every flag, admission plugin and cipher suite that the tested version knows.
pub fn api_server_help() -> Result<String> {
    let mut command = Binaries::find()?.command(Program::ApiServer);
    let output = command.arg("--help").stdin(Stdio::null()).output().map_err(Error::doing("kube-apiserver --help"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
