//! The cluster that a question is put to.

use std::{collections::BTreeMap, mem::ManuallyDrop, path::Path, sync::Arc};

use kspec_analysis::abuse::DynamicGrant;
use kspec_compiler::Compiler;
use kspec_model::{Object, rules::Table};
use kspec_query::Model;
use kspec_schema::{KubeVersion, Schema};
use kspec_state::{Part, State};

use super::{plan, project, state};
use crate::{
    args::{ChoiceArgs, ClusterArgs},
    context::Context,
    exit::{Exit, Failure},
};

/// A cluster, with the types that its questions are read by.
pub(super) struct Asked {
    pub(super) model: Model,
    pub(super) schema: Arc<Schema>,
    /// Where a project is asked about: its admission rules, and its grants that follow labels.
    pub(super) declared: Declared,
}

/// What a program says that its objects do not.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) rules: Option<Table>,
    pub(super) dynamic: Vec<DynamicGrant>,
}

/// Reads what was named: a project alone, a state, or the state as the project would change it. `Err` of the inner result:
/// the project has errors, which are printed.
pub(super) fn read(args: &ClusterArgs, context: &Context) -> Result<Result<Asked, Exit>, Failure> {
    read_part(args, Part::Whole, context)
}

/// As [`read`]; of a state by itself, a part.
pub(super) fn read_part(args: &ClusterArgs, part: Part, context: &Context) -> Result<Result<Asked, Exit>, Failure> {
    let choice = ChoiceArgs { env: args.env.clone(), as_of: args.as_of.clone(), update_lock: false };
    let here = Path::new(".");
    let (root, wanted) = match (&args.project, &args.state.state) {
        (None, Some(wanted)) => return state_alone(wanted, args, part, context).map(Ok),
        (Some(root), wanted) => (root.as_path(), wanted.clone()),
        (None, None) if here.join("kspec.toml").exists() => (here, None),
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "which cluster is asked?")
                .help("pass --state live, --state DIR, --state FILE, or --project DIR for a program"));
        }
    };
    let checked = match project::load_clean(root, &choice, context)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(Err(exit)),
    };
    let compiler = &checked.project.compiler;
    let facts = compiler.facts();
    let schema = Arc::clone(&facts.schema);
    let environment = facts.environment.as_ref().and_then(|name| facts.config.environments.get(name));
    let kube = state::Kube {
        context: args.state.context.as_deref(),
        expected: environment.and_then(|environment| environment.context.as_deref()),
    };
    let model = match (&args.project, wanted) {
        (Some(_), Some(wanted)) => {
            let read = state::read(&wanted, kube, &schema, Path::new(""), context)?;
            Model::after(plan::cluster_after(compiler, &read), &read)
        }
        (Some(_), None) => Model::of_program(program_objects(compiler), &schema),
        (None, _) => {
            let own = environment.and_then(|environment| environment.state.as_ref()).or(facts.config.state.as_ref());
            let Some(own) = own else {
                return Err(Failure::new(Exit::Usage, "which cluster is asked? kspec.toml names no state")
                    .help("pass --state live, --state DIR or --state FILE, or --project . for the program alone"));
            };
            Model::of_state(&state::read(own, kube, &schema, root, context)?, &schema)
        }
    };
    let mut declared = Declared::default();
    if args.project.is_some() && part == Part::Whole {
        declared.rules = Some(compiler.table());
        declared.dynamic = kspec_posture::dynamic_grants(&compiler.program().view());
    }
    Ok(Ok(Asked { model, schema, declared }))
}

/// Two clusters to compare: a state, and what it is compared with: another state, or what the project makes of the first. `Err` of
/// the inner result as for [`read`].
pub(super) fn two(
    args: &ClusterArgs,
    to: Option<&str>,
    context: &Context,
) -> Result<Result<(Model, Model), Exit>, Failure> {
    let Some(from) = &args.state.state else {
        return Err(Failure::new(Exit::Usage, "from which state?")
            .help("pass --state BEFORE with --to AFTER, or with --project DIR for what applying it changes"));
    };
    let after = match (to, &args.project) {
        (Some(to), None) => state_alone(to, args, Part::Whole, context)?,
        (None, Some(_)) => match read(args, context)? {
            Ok(asked) => asked,
            Err(exit) => return Ok(Err(exit)),
        },
        _ => {
            return Err(Failure::new(Exit::Usage, "to which state?")
                .help("pass --to AFTER, or --project DIR for what applying it changes"));
        }
    };
    let mut alone = args.clone();
    (alone.env, alone.as_of) = (None, None);
    let before = state_alone(from, &alone, Part::Whole, context)?;
    Ok(Ok((before.model, after.model)))
}

/// A state, by the types of the version that it runs.
pub(super) fn state_alone(wanted: &str, args: &ClusterArgs, part: Part, context: &Context) -> Result<Asked, Failure> {
    if args.env.is_some() || args.as_of.is_some() {
        return Err(
            Failure::new(Exit::Usage, "--env and --as-of go with a project").help("drop them, or pass --project")
        );
    }
    let (read, schema) = read_alone(wanted, args.state.context.as_deref(), part, context)?;
    // The process ends before it is worth taking it apart.
    let read = ManuallyDrop::new(read);
    Ok(Asked { model: Model::of_state(&read, &schema), schema, declared: Declared::default() })
}

/// Reads a state, and says by which types.
pub(super) fn read_alone(
    wanted: &str,
    kube_context: Option<&str>,
    part: Part,
    context: &Context,
) -> Result<(State, Arc<Schema>), Failure> {
    let kube = state::Kube { context: kube_context, expected: None };
    let newest = Schema::bundled(KubeVersion::NEWEST);
    let read = state::read_part(wanted, kube, &newest, Path::new(""), part, context)?;
    let version = read.version.as_deref().and_then(|version| version.trim_start_matches('v').parse().ok());
    Ok((read, version.map_or(newest, Schema::bundled)))
}

/// The program's objects and the manifests beside it.
fn program_objects(compiler: &Compiler) -> Vec<Object> {
    let lowered = compiler.lower(&BTreeMap::new()).objects.into_iter().map(|lowered| lowered.object);
    // Of two objects with one key the first counts: what the program says of it.
    lowered.chain(compiler.facts().manifests.iter().map(|document| Object(document.value.clone()))).collect()
}
