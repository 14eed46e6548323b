//! `kspec apply`.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::Path,
};

use kspec_apply::{Deletion, ObjectResult, Options, Outcome, Work};
use kspec_plan::{Action, Planned};
use kspec_state::live::{Cluster, Want};

use super::{plan, project, state};
use crate::{
    args::{Apply, ReportFormat},
    context::Context,
    exit::{Exit, Failure},
    render,
};

pub(super) fn run(args: &Apply, context: &Context) -> Result<Exit, Failure> {
    let deletions: Vec<Deletion> = args
        .delete
        .iter()
        .map(|text| Deletion::parse(text).map_err(|message| Failure::new(Exit::Usage, format!("--delete {message}"))))
        .collect::<Result<_, _>>()?;
    let (planned, cluster) = if args.target.is_file() {
        saved(&args.target, args)?
    } else {
        match made(&args.target, args, context)? {
            Ok(made) => made,
            Err(exit) => return Ok(exit),
        }
    };
    let document = &planned.plan;
    let human = args.output == ReportFormat::Human;
    if human {
        context.answer(&render::plan::human(document, context.color, context.verbose));
    }
    if !document.refusals.is_empty() {
        return Err(Failure::new(
            Exit::No,
            format!("{} of the plan's objects are refused; nothing was changed", document.refusals.len()),
        ));
    }
    let violated = document.violations().count();
    if violated > 0 {
        return Err(Failure::new(
            Exit::No,
            format!("{violated} of the program's guarantees would not hold; nothing was changed"),
        )
        .help("mend what the plan names, or take the guarantee back"));
    }
    let adoptions = document.changes.iter().filter(|change| change.action == Action::Adopt).count();
    if adoptions > 0 && !args.adopt {
        return Err(Failure::new(
            Exit::Guard,
            format!("{adoptions} objects exist already and are not this project's; nothing was changed"),
        )
        .help("review them in the plan, then pass --adopt to take them over, or declare them `existing`"));
    }
    if !document.has_changes() && deletions.is_empty() {
        if !human {
            context.answer(&super::check::json(&kspec_apply::Report::default()));
        }
        return Ok(Exit::Done);
    }
    if !args.yes && !confirmed(context)? {
        return Err(Failure::new(Exit::Guard, "not applied; nothing was changed"));
    }
    let webhooks = std::time::Duration::from_secs(u64::from(args.wait));
    let options = Options { force_adopt: args.adopt, deletions, webhooks, ..Options::default() };
    let work = Work::of(&planned);
    let progress = |result: &ObjectResult| {
        if human && result.outcome != Outcome::Unchanged {
            let _ = writeln!(std::io::stderr(), "  {}", render::report::one(result));
        }
    };
    let report = cluster
        .block_on(kspec_apply::apply_until_signalled(cluster.connection(), &work, &options, &progress))
        .map_err(|error| Failure::new(Exit::from_code(error.exit_code()), &error))?;
    context.answer(&if human { render::report::summary(&report) } else { super::check::json(&report) });
    Ok(Exit::from_code(report.exit_code()))
}

type Ready = (Planned, Cluster);

/// Plans the project against the live cluster.
fn made(root: &Path, args: &Apply, context: &Context) -> Result<Result<Ready, Exit>, Failure> {
    let checked = match project::load_clean(root, &args.choice, context)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(Err(exit)),
    };
    let compiler = &checked.project.compiler;
    let facts = compiler.facts();
    let environment = facts.environment.as_ref().and_then(|name| facts.config.environments.get(name));
    let kube = state::Kube {
        context: args.context.as_deref(),
        expected: environment.and_then(|environment| environment.context.as_deref()),
    };
    let made = plan::make(compiler, "live", kube, Path::new(""), true, context)?;
    match made.cluster {
        Some(cluster) => Ok(Ok((made.planned, cluster))),
        None => Err(Failure::new(Exit::Unknown, "there is no cluster to apply to")),
    }
}

/// Reads a saved plan and holds it against the cluster as it is now.
fn saved(path: &Path, args: &Apply) -> Result<Ready, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io(path, &error))?;
    let planned =
        Planned::of_file(&text).map_err(|error| Failure::new(Exit::Unknown, format!("{} {error}", path.display())))?;
    let kube = state::Kube { context: args.context.as_deref(), expected: None };
    let cluster = state::connect(kube)?;
    let want = Want::of(planned.wanted.iter().map(|wanted| &wanted.object))
        .inventory(&planned.inventory.namespace, &planned.inventory.name);
    let now = cluster.read(&want).map_err(|error| Failure::new(Exit::from_code(error.exit_code()), &error))?;
    if planned.is_stale(&now) {
        return Err(Failure::new(
            Exit::Stale,
            format!("{} was made against another state of the cluster; nothing was changed", path.display()),
        )
        .help("plan again, and review what is different"));
    }
    Ok((planned, cluster))
}

/// Asks, where there is somebody to ask.
fn confirmed(context: &Context) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Guard, "apply asks before it changes anything, and nobody is there to answer")
            .help("pass --yes where the plan was reviewed"));
    }
    context.note_always("Apply this? Only `yes` is taken as yes:");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::new(Exit::Unknown, error))?;
    Ok(answer.trim() == "yes")
}
