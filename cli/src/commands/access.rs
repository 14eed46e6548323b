//! `kspec access`.

use std::{io::Read as _, mem::ManuallyDrop, path::Path};

use kspec_analysis::{
    abuse::{self, Goal, Origin},
    access::{self, Index, Request},
};
use kspec_model::{Object, program::RoleRef};
use kspec_query::{
    Asker, Model, Target, Written,
    document::{
        AccessDiffDocument, CanIDocument, CoveredObject, CoversDocument, QUERY_FORMAT, RulesDocument, WhoCanDocument,
    },
    paths::{self, PathsDocument, UnknownEnd},
    request, target,
};
use kspec_schema::{KubeVersion, Schema};
use kspec_state::Part;

use super::{
    check::json,
    model::{self, Asked},
};
use crate::{
    args::{Access, AskerArgs, CanI, Covers, Diff, Paths, Question, ReportFormat, Rules, WhoCan},
    context::Context,
    exit::{Exit, Failure},
    render,
};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn run(args: &Access, context: &Context) -> Result<Exit, Failure> {
    match &args.question {
        Question::CanI(args) => can_i(args, context),
        Question::WhoCan(args) => who_can(args, context),
        Question::Rules(args) => rules(args, context),
        Question::Covers(args) => covers(args, context),
        Question::Paths(args) => paths(args, context),
        Question::Diff(args) => diff(args, context),
    }
}

/// Reads the cluster, or ends with the exit of the project's errors.
macro_rules! asked {
    ($args:expr, $context:expr) => {
        asked!($args, Part::Access, $context)
    };
    ($args:expr, $part:expr, $context:expr) => {
        match model::read_part($args, $part, $context)? {
            Ok(asked) => {
                caveats(&asked.model, $context);
                asked
            }
            Err(exit) => return Ok(exit),
        }
    };
}

fn can_i(args: &CanI, context: &Context) -> Result<Exit, Failure> {
    if let Some(path) = &args.batch {
        return batch(args, path, context);
    }
    let (Some(verb), Some(what)) = (&args.verb, &args.target) else {
        return Err(
            Failure::new(Exit::Usage, "may they do what?").help("write a verb and a resource, such as get pods")
        );
    };
    let asker = asker(&args.asker)?;
    let Asked { model, schema, .. } = asked!(&args.cluster, context);
    let target = known(&schema, what, context);
    let request = request(&asker, verb, &target, args.name.as_deref(), args.namespace.as_deref());
    let answer = access::allowed(&model.cluster, &request);
    if !answer.allowed {
        complete(&model)?;
    }
    let document = CanIDocument::new(&answer, &model.authorizers);
    context.answer(&match args.output {
        ReportFormat::Human => render::access::can_i(&document, &request),
        ReportFormat::Json => json(&document),
    });
    Ok(if answer.allowed { Exit::Done } else { Exit::No })
}

/// One question a line, one answer a line.
fn batch(args: &CanI, path: &Path, context: &Context) -> Result<Exit, Failure> {
    let text = read_text(path)?;
    let mut questions = Vec::new();
    for (line, number) in text.lines().zip(1..).filter(|(line, _): &(&str, usize)| !line.trim().is_empty()) {
        let request: Request = serde_json::from_str(line).map_err(|error| {
            Failure::new(Exit::Unknown, format!("{}:{number}: {error}", path.display()))
                .help(r#"write one question a line, such as {"user": "ann", "verb": "get", "resource": "pods", "namespace": "shop"}"#)
        })?;
        if request.verb.is_empty() || (request.resource.is_empty() && request.path.is_none()) {
            let what = if request.verb.is_empty() { "verb" } else { "resource or path" };
            return Err(Failure::new(
                Exit::Unknown,
                format!("{}:{number}: the question has no {what}", path.display()),
            ));
        }
        questions.push(request);
    }
    let Asked { model, .. } = asked!(&args.cluster, context);
    let index = Index::new(&model.cluster);
    let mut text = String::new();
    for request in &questions {
        let answer = index.allowed(request);
        if !answer.allowed {
            complete(&model)?;
        }
        let document = CanIDocument::new(&answer, &model.authorizers);
        // Our documents have string keys and no floats that JSON lacks, so this cannot fail.
        text.push_str(&serde_json::to_string(&document).unwrap_or_default());
        text.push('\n');
    }
    context.answer(&text);
    Ok(Exit::Done)
}

fn who_can(args: &WhoCan, context: &Context) -> Result<Exit, Failure> {
    let Asked { model, schema, .. } = asked!(&args.cluster, context);
    // The process ends before it is worth taking it apart.
    let model = ManuallyDrop::new(model);
    complete(&model)?;
    let deed = &args.deed;
    let target = known(&schema, &deed.target, context);
    let request = request(&Asker::default(), &deed.verb, &target, deed.name.as_deref(), deed.namespace.as_deref());
    let document = WhoCanDocument::new(&Index::new(&model.cluster).who_can(&request), &model.authorizers);
    context.answer(&match args.output {
        ReportFormat::Human => render::access::who_can(&document),
        ReportFormat::Json => json(&document),
    });
    Ok(Exit::Done)
}

/// Exit 0 whether or not there are chains: what is asked is which.
fn paths(args: &Paths, context: &Context) -> Result<Exit, Failure> {
    let usage = |unknown: UnknownEnd| Failure::new(Exit::Usage, &unknown).help(unknown.help);
    let from = args.from.as_deref().map(paths::origin).transpose().map_err(usage)?;
    let goals: Vec<_> = args.to.iter().map(|text| paths::goal(text)).collect::<Result<_, _>>().map_err(usage)?;
    let Asked { model, schema, declared } = asked!(&args.cluster, Part::Whole, context);
    complete(&model)?;
    let more: Vec<_> = from
        .iter()
        .filter_map(|from| match from {
            Origin::Subject(subject) => Some(subject.clone()),
            Origin::Workload(_) => None,
        })
        .collect();
    // Over WebSockets, which begin with GET, the API server asks for `create` as well from 1.35.
    let exec_by_get = schema.version() < KubeVersion::V1_35;
    let constrained_impersonation = schema.version() >= KubeVersion::V1_36;
    let controls = kspec_posture::controls::controls(declared.rules.as_ref(), &model.cluster);
    let settings = abuse::Settings {
        from: &more,
        goals: &goals,
        exec_by_get,
        constrained_impersonation,
        dynamic: &declared.dynamic,
        controls: Some(&controls),
    };
    let graph = abuse::Paths::new(&model.cluster, &settings);
    if let (Some(origin), Some(text)) = (&from, &args.from)
        && !graph.knows(origin)
    {
        return Err(Failure::new(Exit::Unknown, format!("nothing runs as {text} in what is asked")));
    }
    for (goal, text) in goals.iter().zip(&args.to) {
        match goal {
            Goal::Node(Some(name)) if !model.known_nodes().contains(name.as_str()) => {
                return Err(Failure::new(Exit::Unknown, format!("there is no node {name} in what is asked"))
                    .help(paths::nodes_there_are(&model)));
            }
            Goal::Workload(key) | Goal::Ports(key) if !graph.knows(&Origin::Workload(key.clone())) => {
                return Err(Failure::new(Exit::Unknown, format!("nothing runs as {text} in what is asked")));
            }
            _ => {}
        }
    }
    let answers: Vec<_> =
        args.to.iter().zip(&goals).map(|(text, goal)| (text.clone(), graph.to(goal, from.as_ref()))).collect();
    let not_followed = paths::not_followed(&graph, &model.unread_bodies);
    let document = PathsDocument::new(&answers, &model.authorizers, not_followed);
    context.answer(&match args.output {
        ReportFormat::Human => render::paths::paths(&document, context.verbose),
        ReportFormat::Json => json(&document),
    });
    Ok(Exit::Done)
}

fn rules(args: &Rules, context: &Context) -> Result<Exit, Failure> {
    let asker = asker(&args.asker)?;
    let Asked { model, .. } = asked!(&args.cluster, context);
    complete(&model)?;
    let namespace = args.namespace.as_deref().unwrap_or_default();
    let held = Index::new(&model.cluster).rules(&asker.user, &asker.groups, namespace);
    let document = RulesDocument::new(&held, &model.authorizers);
    context.answer(&match args.output {
        ReportFormat::Human => render::access::rules(&document),
        ReportFormat::Json => json(&document),
    });
    Ok(Exit::Done)
}

fn covers(args: &Covers, context: &Context) -> Result<Exit, Failure> {
    let asker = asker(&args.asker)?;
    let written = match (&args.file, &args.role) {
        (Some(path), _) => manifests(path, context)?,
        (None, Some(role)) => vec![binding(role, args.namespace.as_deref())?],
        (None, None) => Vec::new(),
    };
    let Asked { model, .. } = asked!(&args.cluster, context);
    complete(&model)?;
    let index = Index::new(&model.cluster);
    let objects = written.iter().map(|(object, written)| {
        let (resource, namespace) = written.resource();
        let create = Request {
            user: asker.user.clone(),
            groups: asker.groups.clone(),
            verb: "create".to_owned(),
            group: GROUP.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            ..Request::default()
        };
        let covered = index.covers(&asker.user, &asker.groups, &written.grant(false));
        CoveredObject::new(object.clone(), &covered, index.allowed(&create).allowed)
    });
    let objects: Vec<CoveredObject> = objects.collect();
    let document = CoversDocument {
        format_version: QUERY_FORMAT,
        allowed: objects.iter().all(|object| object.allowed),
        objects,
        not_covered: model.authorizers.clone(),
    };
    context.answer(&match args.output {
        ReportFormat::Human => render::access::covers(&document),
        ReportFormat::Json => json(&document),
    });
    Ok(if document.allowed { Exit::Done } else { Exit::No })
}

fn diff(args: &Diff, context: &Context) -> Result<Exit, Failure> {
    let (before, after) = match model::two(&args.cluster, args.to.as_deref(), context)? {
        Ok(both) => both,
        Err(exit) => return Ok(exit),
    };
    caveats(&after, context);
    complete(&before)?;
    complete(&after)?;
    let delta = access::delta(&before.cluster, &after.cluster);
    let mut not_covered = [before.authorizers, after.authorizers].concat();
    not_covered.sort();
    not_covered.dedup();
    let document = AccessDiffDocument { format_version: QUERY_FORMAT, access: delta.into(), not_covered };
    context.answer(&match args.output {
        ReportFormat::Human => render::plan::access_alone(&document.access, context.color, context.verbose),
        ReportFormat::Json => json(&document),
    });
    Ok(Exit::Done)
}

/// Who asks: somebody, by name or by group.
fn asker(args: &AskerArgs) -> Result<Asker, Failure> {
    if args.user.is_none() && args.groups.is_empty() {
        return Err(Failure::new(Exit::Usage, "who is asked about?").help("pass --as USER, --as-group GROUP, or both"));
    }
    Ok(Asker { user: args.user.clone().unwrap_or_default(), groups: args.groups.clone() })
}

/// What is asked about; a resource that nobody serves is asked about as it is spelt, aloud.
fn known(schema: &Schema, text: &str, context: &Context) -> Target {
    let (target, unknown) = target(schema, text);
    if let Some(unknown) = unknown {
        context.note(&format!("note: {unknown}"));
    }
    target
}

/// Tells what answers do not cover.
fn caveats(model: &Model, context: &Context) {
    if !model.authorizers.is_empty() {
        let others = model.authorizers.join(", ");
        context.note(&format!("note: this is what RBAC says; the API server also asks other authorizers: {others}"));
    }
}

/// Without every role and binding, "no" would be a guess.
fn complete(model: &Model) -> Result<(), Failure> {
    match model.unread.first() {
        None => Ok(()),
        Some(unread) => Err(Failure::new(Exit::Unknown, format!("not all roles and bindings could be read: {unread}"))
            .help("ask with an account that may list them, or a snapshot that one took")),
    }
}

/// The text of a file, or of standard input for `-`.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::new(Exit::Unknown, format!("standard input cannot be read: {error}")))?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(|error| Failure::io(path, &error))
}

/// Roles and bindings of a file of manifests, each with what it is called.
fn manifests(path: &Path, context: &Context) -> Result<Vec<(String, Written)>, Failure> {
    let (documents, problems) = kspec_state::read_manifest_text(&path.display().to_string(), &read_text(path)?);
    if super::state::report(&problems, context) > 0 {
        return Err(Failure::new(Exit::Unknown, format!("{} cannot be read in full", path.display())));
    }
    let mut written = Vec::new();
    for document in documents {
        let object = Object(document.value);
        let read = Written::read(&object)
            .map_err(|error| Failure::new(Exit::Unknown, format!("{}:{}: {error}", document.file, document.line)))?;
        written.push((kspec_plan::short(&object.key()), read));
    }
    Ok(written)
}

/// The binding of `clusterrole/NAME` or `role/NAME`.
fn binding(text: &str, namespace: Option<&str>) -> Result<(String, Written), Failure> {
    let wrong = |message: String| {
        Failure::new(Exit::Usage, message).help("write clusterrole/NAME, or role/NAME with -n NAMESPACE")
    };
    let (kind, name) = text.split_once('/').ok_or_else(|| wrong(format!("`{text}` names no kind of role")))?;
    let role = match (kind.to_lowercase().as_str(), namespace) {
        ("clusterrole", _) => RoleRef { namespace: None, name: name.to_owned() },
        ("role", Some(namespace)) => RoleRef { namespace: Some(namespace.to_owned()), name: name.to_owned() },
        ("role", None) => return Err(wrong(format!("in which namespace is the role `{name}`?"))),
        _ => return Err(wrong(format!("`{kind}` is no kind of role"))),
    };
    let shown = match namespace {
        Some(namespace) => format!("RoleBinding in {namespace} of {kind} {name}"),
        None => format!("ClusterRoleBinding of {kind} {name}"),
    };
    Ok((shown, Written::Binding { namespace: namespace.map(str::to_owned), role }))
}
