//! `kspec import`.

use std::path::Path;

use kspec_import::Options;
use kspec_schema::{KubeVersion, Schema};

use super::{init, state};
use crate::{
    args::{Import, ReportFormat},
    context::Context,
    exit::{Exit, Failure},
};

pub(super) fn run(args: &Import, context: &Context) -> Result<Exit, Failure> {
    let stated = match &args.kubernetes {
        Some(text) => Some(KubeVersion::parse(text).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("--kubernetes {text} is no target of this kspec")).help(format!(
                "targets: {}",
                KubeVersion::all().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ))
        })?),
        None => None,
    };
    let Some(wanted) = &args.state.state else {
        return Err(Failure::new(Exit::Usage, "import from which state?")
            .help("pass --state live, --state DIR or --state FILE"));
    };
    let inside = std::fs::read_dir(&args.out).map(|mut entries| entries.next().is_some()).unwrap_or(false);
    if inside {
        return Err(Failure::new(Exit::Guard, format!("{} is not empty; nothing was changed", args.out.display()))
            .help("name a folder that is not there yet"));
    }
    let kube = state::Kube { context: args.state.context.as_deref(), expected: None };
    let newest = Schema::bundled(stated.unwrap_or(KubeVersion::NEWEST));
    let read = state::read(wanted, kube, &newest, Path::new(""), context)?;
    let served = read.version.as_deref().and_then(|version| {
        let minor = version.trim_start_matches('v').split('.').take(2).collect::<Vec<_>>().join(".");
        KubeVersion::parse(&minor)
    });
    let kubernetes = stated.or(served).unwrap_or(KubeVersion::NEWEST);
    let name =
        args.name.clone().or_else(|| kspec_import::project_of(&read)).unwrap_or_else(|| init::project_name(&args.out));
    let schema = Schema::bundled(kubernetes);
    let imported = kspec_import::import(&read, &schema, &Options { name, kubernetes });
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::io(&args.out, &error))?;
    for (path, text) in &imported.files {
        let path = args.out.join(path);
        std::fs::write(&path, text).map_err(|error| Failure::io(&path, &error))?;
    }
    let report = &imported.report;
    match args.output {
        ReportFormat::Json => context.answer(&super::check::json(report)),
        ReportFormat::Human => {
            let share = report.verbatim_share() * 100.0;
            let mut text = format!(
                "{} objects declared, {} kept verbatim ({share:.1} %), in {} files below {}\n",
                report.declared,
                report.verbatim.len(),
                imported.files.len(),
                args.out.display()
            );
            for kept in &report.verbatim {
                text.push_str(&format!("  verbatim: {}: {}\n", kept.object, kept.reason));
            }
            for kept in &report.left_out {
                text.push_str(&format!("  left out: {}: {}\n", kept.object, kept.reason));
            }
            for unread in &read.unread {
                text.push_str(&format!("  not read: {unread}\n"));
            }
            context.answer(&text);
        }
    }
    Ok(Exit::Done)
}
