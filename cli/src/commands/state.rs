//! Cluster state, wherever `--state` says.

use std::path::{Path, PathBuf};

use kspec_schema::Schema;
use kspec_state::{
    Part, Problem, State,
    live::{Cluster, ConnectOptions, Want},
};

use crate::{
    context::Context,
    exit::{Exit, Failure},
};

/// Reads `live`, a directory, or a snapshot. `base` is what a project's own relative path is relative to.
pub(super) fn read(
    wanted: &str,
    kube: Kube<'_>,
    schema: &Schema,
    base: &Path,
    context: &Context,
) -> Result<State, Failure> {
    read_part(wanted, kube, schema, base, Part::Whole, context)
}

/// As [`read`], a part of it.
pub(super) fn read_part(
    wanted: &str,
    kube: Kube<'_>,
    schema: &Schema,
    base: &Path,
    part: Part,
    context: &Context,
) -> Result<State, Failure> {
    if wanted == "live" {
        let read = connect(kube)?.read(&Want::default());
        return read.map_err(|error| Failure::new(Exit::from_code(error.exit_code()), &error));
    }
    if kube.context.is_some() {
        return Err(Failure::new(Exit::Usage, "--context goes with live state").help("drop it, or pass --state live"));
    }
    let path: PathBuf = base.join(wanted);
    let (state, problems) = kspec_state::read_path(&path, schema, part).map_err(|problem| {
        Failure::new(Exit::Unknown, format!("{}: {}", problem.file, problem.message)).help(problem.help)
    })?;
    // A state with holes would plan creations of what is there.
    let errors = report(&problems, context);
    if errors > 0 {
        return Err(Failure::new(Exit::Unknown, format!("{errors} of the state's files cannot be read in full"))
            .help("a plan against part of a state would be wrong: mend or remove them"));
    }
    Ok(state)
}

/// Tells what could not be read; how much of it is an error.
pub(super) fn report(problems: &[Problem], context: &Context) -> usize {
    for problem in problems {
        context.note_always(&format!(
            "{}: {}:{}:{}: {}\n  help: {}",
            if problem.is_error() { "error" } else { "note" },
            problem.file,
            problem.line,
            problem.column,
            problem.message,
            problem.help
        ));
    }
    problems.iter().filter(|problem| problem.is_error()).count()
}

/// Which context to talk to, and which one the project's environment names: any other is refused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kube<'a> {
    pub(super) context: Option<&'a str>,
    pub(super) expected: Option<&'a str>,
}

/// Connects.
pub(super) fn connect(kube: Kube<'_>) -> Result<Cluster, Failure> {
    let options = ConnectOptions {
        context: kube.context.map(str::to_owned),
        expected_context: kube.expected.map(str::to_owned),
        kubeconfig: None,
    };
    Cluster::open(&options).map_err(|error| Failure::new(Exit::from_code(error.exit_code()), &error))
}
