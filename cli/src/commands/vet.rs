//! `kspec vet`.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kspec_compiler::pod_security_minor;
use kspec_model::program::PodSecurityLevel;
use kspec_rego::Rego;
use kspec_rules::Evaluator;
use kspec_schema::{KubeVersion, Schema};
use kspec_state::{FileName, ManifestDoc, Problem, State};
use kspec_vet::{Standard, Standards, StateObjects, Vet as Judge};

use super::{project, state};
use crate::{
    args::{PodSecurity, Vet, VetFormat},
    context::Context,
    exit::{Exit, Failure},
    render,
};

pub(super) fn run(args: &Vet, context: &Context) -> Result<Exit, Failure> {
    let root = match (&args.project, args.pss) {
        (Some(root), _) => Some(root.as_path()),
        (None, Some(_)) => None,
        (None, None) if Path::new("kspec.toml").exists() => Some(Path::new(".")),
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "judge them by what?")
                .help("pass --project DIR for a project's rules, or --pss baseline|restricted for Pod Security"));
        }
    };
    let Some(root) = root else {
        if args.state.state.is_some() || args.state.context.is_some() {
            return Err(Failure::new(Exit::Usage, "--state goes with a project, whose rules may read it")
                .help("drop it, or pass --project"));
        }
        let schema = Schema::bundled(KubeVersion::NEWEST);
        let standard = standard(args, &schema)?;
        let standards = Standards::new(Arc::clone(&schema), kspec_stdlib::FILES);
        return judge(args, Judge::new(schema, standards, standard), context);
    };
    by_project(args, root, context)
}

fn by_project(args: &Vet, root: &Path, context: &Context) -> Result<Exit, Failure> {
    let checked = match project::load_clean(root, &args.choice, context)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    let compiler = &checked.project.compiler;
    let facts = compiler.facts();
    let read = match &args.state.state {
        Some(wanted) => {
            let environment = facts.environment.as_ref().and_then(|name| facts.config.environments.get(name));
            let kube = state::Kube {
                context: args.state.context.as_deref(),
                expected: environment.and_then(|environment| environment.context.as_deref()),
            };
            Some(state::read(wanted, kube, &facts.schema, Path::new(""), context)?)
        }
        None => None,
    };
    let objects = read.as_ref().map(StateObjects::new);
    let program = compiler.program();
    let evaluator = Evaluator::load(compiler.table())
        .map_err(|error| Failure::new(Exit::Unknown, format!("the project's rules cannot be loaded: {error}")))?
        .with_foreign(Arc::new(Rego::new(REGO)));
    for exemption in program.exemptions.iter().filter(|exemption| exemption.exception.until < facts.as_of) {
        let until = exemption.exception.until;
        let rules: Vec<&str> = exemption.rules.iter().map(|(name, _)| name.as_str()).collect();
        let rules = rules.join(", ");
        context.note(&format!(
            "note: an exemption from {rules} ended on {until}: the cluster keeps it until the next apply"
        ));
    }
    for bound in &program.rules {
        let Some((until, _)) = bound.then.filter(|(until, _)| *until < facts.as_of) else { continue };
        let name = &bound.rule.name;
        context.note(&format!("note: a stage of {name} ended on {until}: the cluster keeps it until the next apply"));
    }
    let standard = standard(args, &facts.schema)?;
    let standards = Standards::new(Arc::clone(&facts.schema), facts.library);
    let mut judged = Judge::new(Arc::clone(&facts.schema), standards, standard).with_project(evaluator);
    for (_, object) in read.iter().flat_map(State::iter) {
        judged.add_known(&object.object.0);
    }
    for lowered in compiler.lower(&BTreeMap::new()).objects {
        judged.add_known(&lowered.object.0);
    }
    match &objects {
        Some(objects) => judge(args, judged.with_objects(objects), context),
        None => judge(args, judged, context),
    }
}

/// The standard asked for; that of the namespaces, where none is.
fn standard(args: &Vet, schema: &Schema) -> Result<Standard, Failure> {
    let newest = schema.version().minor();
    let Some(level) = args.pss else {
        return match args.pss_version {
            Some(_) => {
                Err(Failure::new(Exit::Usage, "--pss-version goes with --pss").help("say the level: --pss restricted"))
            }
            None => Ok(Standard::Namespaces),
        };
    };
    let text = args.pss_version.as_deref().unwrap_or("latest");
    let minor = pod_security_minor(text, newest).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("--pss-version {text} is no version of Pod Security"))
            .help(format!("write latest, or v1.0 to v1.{newest}"))
    })?;
    let level = match level {
        PodSecurity::Privileged => PodSecurityLevel::Privileged,
        PodSecurity::Baseline => PodSecurityLevel::Baseline,
        PodSecurity::Restricted => PodSecurityLevel::Restricted,
    };
    Ok(Standard::Given { level, minor })
}

/// Where documents come from.
enum Source {
    File(FileName),
    /// Standard input, read already.
    Text(String),
}

impl Source {
    fn read(&self) -> (Vec<ManifestDoc>, Vec<Problem>) {
        match self {
            Self::File(file) => kspec_state::read_manifest_file(file),
            Self::Text(text) => kspec_state::read_manifest_text("-", text),
        }
    }
}

/// Judges what the paths name, a file at a time, and answers as it goes.
fn judge(args: &Vet, mut judge: Judge<'_>, context: &Context) -> Result<Exit, Failure> {
    let (sources, mut problems) = sources(&args.paths)?;
    if judge.reads_namespaces() {
        // A namespace may stand behind what stands in it.
        for source in &sources {
            source.read().0.iter().for_each(|document| judge.add_known(&document.value));
        }
    }
    let mut tally = render::vet::Tally::default();
    let mut answer = String::new();
    let mut told = Vec::new();
    for source in sources {
        let (documents, of_file) = source.read();
        problems.extend(of_file);
        for document in documents {
            let verdict = judge.judge(document).map_err(|error| Failure::new(Exit::Unknown, error))?;
            tally.count(&verdict);
            match args.output {
                VetFormat::Human => render::vet::human(&verdict, context, &mut answer),
                VetFormat::Json => render::vet::json(&verdict, &mut answer),
                VetFormat::Sarif => told.push(verdict),
            }
        }
        if answer.len() > FLUSH {
            context.answer(&answer);
            answer.clear();
        }
    }
    match args.output {
        VetFormat::Human => tally.summary(context, &mut answer),
        VetFormat::Json => {}
        VetFormat::Sarif => answer = super::check::json(&render::vet_sarif::log(&told)),
    }
    context.answer(&answer);
    let unreadable = state::report(&problems, context);
    Ok(match (unreadable, tally.refused) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::No,
        _ => Exit::Unknown,
    })
}

/// How long one Rego module may take over one object.
const REGO: Duration = Duration::from_secs(2);

/// Bytes after which what is known is printed.
const FLUSH: usize = 64 * 1024;

fn sources(paths: &[PathBuf]) -> Result<(Vec<Source>, Vec<Problem>), Failure> {
    let (inputs, paths): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(|path| path == Path::new("-"));
    let (files, problems) = kspec_state::manifest_files(&paths);
    let mut sources: Vec<Source> = files.into_iter().map(Source::File).collect();
    if !inputs.is_empty() {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(Exit::Unknown, format!("standard input cannot be read: {error}")))?;
        sources.push(Source::Text(text));
    }
    Ok((sources, problems))
}
