//! `cargo xtask generate`: inputs of any size for benches, the same bytes for the same seed.

mod access;
mod network;
mod project;
mod random;
mod state;
#[cfg(test)]
mod tests;
mod yaml;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Parser as _, Subcommand};

use crate::Outcome;

/// Writes generated inputs.
#[derive(Args)]
pub(crate) struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A kspec project without errors: namespaces, accounts, workloads, networks, roles, grants, over files that use each other
    Project {
        /// How many top-level declarations, `use` not counted
        #[arg(long)]
        declarations: usize,
        /// Over how many files; at least two
        #[arg(long)]
        files: usize,
        /// What varies between projects of one size
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A folder to write to
        #[arg(long)]
        out: PathBuf,
    },
    /// A directory state: objects of a cluster of the same teams, one file a namespace
    State {
        /// How many objects
        #[arg(long)]
        objects: usize,
        /// What varies between states of one size
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A folder to write to
        #[arg(long)]
        out: PathBuf,
    },
    /// A directory state of workloads and network policies, for questions about connectivity
    Network {
        /// How many workloads, twenty a namespace
        #[arg(long)]
        workloads: usize,
        /// How many policies; each namespace's denial by default is one of them
        #[arg(long)]
        policies: usize,
        /// What varies between states of one size
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A folder to write to
        #[arg(long)]
        out: PathBuf,
    },
    /// A directory state of service accounts, roles, bindings and pods, for questions about access
    Access {
        /// How many service accounts, fifty a namespace
        #[arg(long)]
        accounts: usize,
        /// How many roles; the first may do everything
        #[arg(long)]
        roles: usize,
        /// How many bindings
        #[arg(long)]
        bindings: usize,
        /// How many pods
        #[arg(long)]
        pods: usize,
        /// What varies between states of one size
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A folder to write to
        #[arg(long)]
        out: PathBuf,
    },
}

/// The task as a command line of its own.
#[derive(clap::Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(flatten)]
    task: Generate,
}

impl Generate {
    /// Writes what a command line without `--out` asks for.
    pub(crate) fn to(line: &str, out: &Path) -> Outcome {
        let words = line.split(' ').map(OsStr::new).chain([OsStr::new("--out"), out.as_os_str()]);
        Line::try_parse_from(words).map_err(|error| error.to_string())?.task.run()
    }

    /// Writes what was asked for.
    pub(crate) fn run(&self) -> Outcome {
        let (files, out) = match &self.what {
            What::Project { declarations, files, seed, out } => (project::files(*declarations, *files, *seed)?, out),
            What::State { objects, seed, out } => (state::files(*objects, *seed), out),
            What::Network { workloads, policies, seed, out } => (network::files(*workloads, *policies, *seed), out),
            What::Access { accounts, roles, bindings, pods, seed, out } => {
                let counts = access::Counts { accounts: *accounts, roles: *roles, bindings: *bindings, pods: *pods };
                (access::files(counts, *seed), out)
            }
        };
        for (name, content) in files {
            write(&out.join(name), &content)?;
        }
        Ok(())
    }
}

fn write(path: &Path, content: &str) -> Outcome {
    let problem = |error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(problem)?;
    }
    fs::write(path, content).map_err(problem)
}
