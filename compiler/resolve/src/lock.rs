//! `kspec.lock`: what a project was last compiled against, so that an upgraded binary does not silently change what it
//! lowers to.
//!
//! The standard library is pinned module by module, and only those that the project draws on: a library that grows, or
//! changes elsewhere, is no change of the project.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

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
    /// Digests of the modules of the standard library that the project draws on, by module.
    pub stdlib: BTreeMap<String, String>,
}

/// The form written.
const VERSION: u32 = 2;

impl Lock {
    /// The pins of this binary for a target.
    #[must_use]
    pub fn current(kubernetes: &str, schema: &str, stdlib: BTreeMap<String, String>) -> Self {
        Self { version: VERSION, kubernetes: kubernetes.to_owned(), schema: schema.to_owned(), stdlib }
    }

    /// The file's text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!(
            "# Written by kspec; commit it. It pins what the program is compiled against.\nversion = {}\nkubernetes = \"{}\"\nschema = \"{}\"\n\n[stdlib]\n",
            self.version, self.kubernetes, self.schema
        );
        for (module, digest) in &self.stdlib {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\"{module}\" = \"{digest}\"");
        }
        text
    }

    /// A finding for each pin that differs from what this binary carries. A module that the project has only begun, or
    /// has ceased, to draw on is no difference: the next lock has it, or has it no more.
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
        let schema = ("Kubernetes' schema".to_owned(), &self.schema, &current.schema);
        let modules = current.stdlib.iter().filter_map(|(module, carried)| {
            Some((format!("the library's module {module}"), self.stdlib.get(module)?, carried))
        });
        for (what, pinned, carried) in std::iter::once(schema).chain(modules) {
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

/// What every form of the file says.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

/// Reads `kspec.lock`.
///
/// # Errors
/// A `K0124` finding that places the fault.
pub fn parse_lock(text: &str) -> Result<Lock, Box<Finding>> {
    let place = Place::File { path: Arc::from("kspec.lock"), line: 1, column: 1 };
    let fault =
        |message: String, help: &str| Box::new(Finding::new(codes::LOCK_MISMATCH, message, place.clone()).help(help));
    let unreadable = |error: toml::de::Error| {
        fault(
            format!("kspec.lock cannot be read: {}", error.message()),
            "it is written by kspec, not by hand: restore it, or remove it and run `kspec check` to write it anew",
        )
    };
    // Other forms have other fields: which one it is comes first.
    let form: Form = toml::from_str(text).map_err(unreadable)?;
    if form.version != VERSION {
        let help = if form.version > VERSION {
            "use the kspec that made it, or a newer one"
        } else {
            "review what changes with `kspec plan --update-lock` and commit kspec.lock"
        };
        return Err(fault(format!("kspec.lock has form {}, this kspec writes form {VERSION}", form.version), help));
    }
    toml::from_str(text).map_err(unreadable)
}
