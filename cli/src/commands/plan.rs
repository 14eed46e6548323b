//! `kspec plan`.

use std::{collections::BTreeMap, mem::ManuallyDrop, path::Path};

use kspec_compiler::{Compiler, Lowered};
use kspec_diagnostics::Finding;
use kspec_model::{Labels, Object};
use kspec_plan::{Inputs, Planned};
use kspec_state::{
    State,
    live::{Cluster, LiveError, Want},
};

use super::{project, state};
use crate::{
    args::{Plan, PlanFormat},
    context::Context,
    exit::{Exit, Failure},
    render,
};

/// A plan, with what it was made from.
pub(super) struct Made {
    pub(super) planned: Planned,
    pub(super) cluster: Option<Cluster>,
}

pub(super) fn run(args: &Plan, context: &Context) -> Result<Exit, Failure> {
    let root = &args.project.project;
    let checked = match project::load_clean(root, &args.project.choice, context)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    let compiler = &checked.project.compiler;
    let facts = compiler.facts();
    let environment = facts.environment.as_ref().and_then(|name| facts.config.environments.get(name));
    let own = environment.and_then(|environment| environment.state.as_ref()).or(facts.config.state.as_ref());
    let Some(wanted) = args.state.state.as_ref().or(own) else {
        return Err(Failure::new(Exit::Usage, "against which state? kspec.toml names none")
            .help("pass --state live, --state DIR or --state FILE, or set `state` in kspec.toml"));
    };
    // A state named on the command line is relative to where the person stands, the project's own to the project.
    let base = if args.state.state.is_some() { Path::new("") } else { root.as_path() };
    let kube = state::Kube {
        context: args.state.context.as_deref(),
        expected: environment.and_then(|environment| environment.context.as_deref()),
    };
    // The process ends soon, and need not take the plan apart before.
    let made = ManuallyDrop::new(make(compiler, wanted, kube, base, !args.no_dry_run, context)?);
    let plan = &made.planned.plan;
    if let Some(path) = &args.out {
        let text = made
            .planned
            .to_file()
            .map_err(|error| Failure::new(Exit::Guard, format!("{}: {error}", path.display())))?;
        std::fs::write(path, text).map_err(|error| Failure::io(path, &error))?;
    }
    context.answer(&match args.output {
        PlanFormat::Human => render::plan::human(plan, context.color, context.verbose),
        PlanFormat::Json => super::check::json(plan),
        PlanFormat::Markdown => render::plan::markdown(plan),
    });
    Ok(if !plan.refusals.is_empty() || plan.violations().next().is_some() {
        Exit::No
    } else if args.detailed_exitcode && plan.has_changes() {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// Reads the state and plans against it; with a live one, the server's own dry run refines the plan where it may be asked.
pub(super) fn make(
    compiler: &Compiler,
    wanted: &str,
    kube: state::Kube<'_>,
    base: &Path,
    dry_run: bool,
    context: &Context,
) -> Result<Made, Failure> {
    let facts = compiler.facts();
    let cluster = if wanted == "live" { Some(state::connect(kube)?) } else { None };
    // Nor is what a plan was made of taken apart before the process ends.
    let made_of = ManuallyDrop::new(match &cluster {
        Some(cluster) => live(compiler, cluster)?,
        None => {
            let state = state::read(wanted, kube, &facts.schema, base, context)?;
            // Dynamic scopes range over the state's namespaces too.
            let lowered = compiler.lower(&namespaces(state.iter().map(|(_, object)| &object.object)));
            (state, lowered)
        }
    });
    let (state, lowered) = &*made_of;
    let mut planned = plan_against(compiler, lowered, state);
    if let (Some(cluster), true) = (&cluster, dry_run) {
        let mut server = kspec_apply::ServerDryRun::new(cluster, &compiler.program().project.name);
        kspec_plan::refine(&mut planned, &inputs(compiler, lowered, state), &mut server);
    }
    Ok(Made { planned, cluster })
}

/// How often a cluster is read anew because its namespaces changed meanwhile.
const READS: usize = 3;

/// Reads a live cluster, and lowers the program over its namespaces. What the program needs read depends on them, so they
/// come first.
fn live(compiler: &Compiler, cluster: &Cluster) -> Result<(State, Lowered), Failure> {
    let failed = |error: LiveError| Failure::new(Exit::from_code(error.exit_code()), &error);
    let inventory = kspec_lower::inventory(&compiler.program().project);
    let mut known = namespaces(&cluster.namespaces().map_err(failed)?);
    let mut reads = 1;
    loop {
        let lowered = compiler.lower(&known);
        let want = Want::of(lowered.objects.iter().map(|lowered| &lowered.object))
            .inventory(&inventory.namespace, &inventory.name);
        let state = cluster.read(&want).map_err(failed)?;
        let now = namespaces(state.iter().map(|(_, object)| &object.object));
        if now == known {
            return Ok((state, lowered));
        }
        if reads == READS {
            return Ok((state, compiler.lower(&now)));
        }
        known = now;
        reads += 1;
    }
}

fn plan_against(compiler: &Compiler, lowered: &Lowered, state: &State) -> Planned {
    kspec_plan::plan(&inputs(compiler, lowered, state))
}

/// What a state means once the program is applied to it.
pub(super) fn cluster_after(compiler: &Compiler, state: &State) -> kspec_model::cluster::Cluster {
    let lowered = compiler.lower(&namespaces(state.iter().map(|(_, object)| &object.object)));
    kspec_plan::cluster_after(&inputs(compiler, &lowered, state))
}

/// What that cluster shows, and of it what is left out since it comes with every cluster.
pub(super) fn findings_after(compiler: &Compiler, state: &State) -> (Vec<Finding>, Vec<Finding>) {
    let lowered = compiler.lower(&namespaces(state.iter().map(|(_, object)| &object.object)));
    let inputs = inputs(compiler, &lowered, state);
    let survey = kspec_plan::survey_after(&inputs);
    (kspec_posture::findings(&survey), kspec_posture::left_out(&survey))
}

fn inputs<'a>(compiler: &'a Compiler, lowered: &'a Lowered, state: &'a State) -> Inputs<'a> {
    Inputs {
        program: compiler.program(),
        desired: &lowered.objects,
        host: &lowered.host.settings,
        state,
        schema: &compiler.facts().schema,
        sources: compiler.sources(),
        as_of: compiler.facts().as_of,
    }
}

/// Namespaces among objects, with their labels.
fn namespaces<'a>(objects: impl IntoIterator<Item = &'a Object>) -> BTreeMap<String, Labels> {
    objects
        .into_iter()
        .filter(|object| object.kind() == "Namespace" && object.group().is_empty())
        .map(|object| (object.name().to_owned(), object.labels()))
        .collect()
}
