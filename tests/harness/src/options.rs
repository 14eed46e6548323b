//! How a control plane of one's own differs from the plain one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What to start the API server with. Each `flag` replaces one of the harness's own of the same name.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) flags: BTreeMap<String, Option<String>>,
    pub(crate) audit_policy: Option<PathBuf>,
    pub(crate) controllers: bool,
}

impl Options {
    /// The API server with `--name=value`.
    pub fn flag(mut self, name: &str, value: &str) -> Options {
        self.flags.insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// Without the harness's own flag `name` (where a configuration file says the same).
    pub fn without(mut self, name: &str) -> Options {
        self.flags.insert(name.to_owned(), None);
        self
    }

    /// With an `EncryptionConfiguration` file.
    pub fn encryption(self, file: &Path) -> Options {
        self.flag("encryption-provider-config", &file.display().to_string())
    }

    /// With an `AuthenticationConfiguration` file.
    pub fn authentication(self, file: &Path) -> Options {
        self.flag("authentication-config", &file.display().to_string())
    }

    /// With an audit policy; the log is read by [`ControlPlane::audit_events`](crate::ControlPlane::audit_events).
    pub fn audit_policy(mut self, file: &Path) -> Options {
        self.audit_policy = Some(file.to_owned());
        self
    }

    /// With a controller manager: default service accounts, garbage collection, aggregated roles.
    pub fn controllers(mut self) -> Options {
        self.controllers = true;
        self
    }
}
