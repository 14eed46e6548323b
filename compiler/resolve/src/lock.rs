//! `kspec.lock`: what a project was last compiled against, so that an upgraded binary does not silently change what it
//! lowers to.

use std::sync::Arc;

use kspec_diagnostics::{Finding, Place, codes};
use serde::{Deserialize, Serialize};

/// The pins of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Form of this file.
    pub version: u32,
    /// Target Kubernetes, `major.minor`.
    pub kubernetes: String,
    /// Digest of the target's schema tables.
    pub schema: String,
    /// Digest of the standard library's sources.
    pub stdlib: String,
}

/// The form written.
const VERSION: u32 = 1;

impl Lock {
    /// The pins of this binary for a target.
    #[must_use]
    pub fn current(kubernetes: &str, schema: &str, stdlib: &str) -> Self {
        Self {
            version: VERSION,
            kubernetes: kubernetes.to_owned(),
            schema: schema.to_owned(),
            stdlib: stdlib.to_owned(),
        }
    }

    /// The file's text.
    #[must_use]
    pub fn render(&self) -> String {
        format!(
            "# Written by kspec; commit it. It pins what the program is compiled against.\nversion = {}\nkubernetes = \"{}\"\nschema = \"{}\"\nstdlib = \"{}\"\n",
            self.version, self.kubernetes, self.schema, self.stdlib
        )
    }

    /// A finding for each pin that differs from what this binary carries.
    #[must_use]
    pub fn compare(&self, current: &Self) -> Vec<Finding> {
        let place = || Place::File { path: Arc::from("kspec.lock"), line: 1, column: 1 };
        let mut findings = Vec::new();
        if self.kubernetes != current.kubernetes {
            findings.push(
                Finding::new(
                    codes::LOCK_MISMATCH,
                    format!(
                        "kspec.lock was made for Kubernetes {}, kspec.toml targets {}",
                        self.kubernetes, current.kubernetes
                    ),
                    place(),
                )
                .help("review the change with `kspec plan --update-lock`, then commit kspec.lock"),
            );
            return findings;
        }
        let pins = [
            ("Kubernetes' schema", &self.schema, &current.schema),
            ("the standard library", &self.stdlib, &current.stdlib),
        ];
        for (what, pinned, carried) in pins {
            if pinned != carried {
                findings.push(
                    Finding::new(codes::LOCK_MISMATCH, format!("this kspec carries another version of {what} than kspec.lock pins"), place())
                        .because(format!("pinned {}, carried {}", short(pinned), short(carried)))
                        .help("use the kspec that made the lock, or review what changes with `kspec plan --update-lock` and commit kspec.lock"),
                );
            }
        }
        findings
    }
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Reads `kspec.lock`.
///
/// # Errors
/// A `K0124` finding that places the fault.
pub fn parse_lock(text: &str) -> Result<Lock, Box<Finding>> {
    let place = Place::File { path: Arc::from("kspec.lock"), line: 1, column: 1 };
    let fault =
        |message: String, help: &str| Box::new(Finding::new(codes::LOCK_MISMATCH, message, place.clone()).help(help));
    let lock: Lock = toml::from_str(text).map_err(|error| {
        fault(
            format!("kspec.lock cannot be read: {}", error.message()),
            "it is written by kspec, not by hand: restore it, or remove it and run `kspec check` to write it anew",
        )
    })?;
    if lock.version != VERSION {
        return Err(fault(
            format!("kspec.lock has form {}, this kspec writes form {VERSION}", lock.version),
            "upgrade kspec",
        ));
    }
    Ok(lock)
}
