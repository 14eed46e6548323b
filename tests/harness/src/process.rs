//! A child that ends with its handle, and with the test process however that ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Error, Result};

/// A running program of the control plane. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, with its output appended to `NAME.log` under `logs`.
    pub(crate) fn start(name: &'static str, mut command: Command, folder: &Path) -> Result<Process> {
        let log = folder.join("log").join(format!("{name}.log"));
        let open = || File::options().create(true).append(true).open(&log).map_err(Error::doing(log.display()));
        let child = command
            .current_dir(folder)
            // Our binary ends itself when this pipe closes, which it does even when this process is killed.
            .stdin(Stdio::piped())
            .env("KSPEC_END_WITH_PARENT", "1")
            .stdout(open()?)
            .stderr(open()?)
            .spawn()
            .map_err(Error::doing(format_args!("starting {name}")))?;
        Ok(Process { name, child, log })
    }

    /// An error that quotes the end of the log, if the program is not running any more.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Error::new(format!("{} ended ({status}):\n{}", self.name, self.tail()))),
            Err(cause) => Err(Error::new(format!("{}: {cause}", self.name))),
        }
    }

    /// The last lines that the program wrote.
    pub(crate) fn tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(15);
        lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The state is thrown away or is etcd's, which is written ahead: a kill loses nothing and takes no time.
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
