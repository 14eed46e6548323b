//! Kubernetes objects given verbatim.

use kspec_diagnostics::{Finding, Severity, Span, codes};
use kspec_schema::{KindInfo, Path, ProblemKind, Step};
use kspec_syntax::tree::{ExprKind, Field, Record};

use crate::coerce::missing_fields;
use crate::eval::eval_record;
use crate::report::bad_value;
use crate::{Cx, KubeType, Type, Value, eval, to_json};

/// Checks a Kubernetes object that is given verbatim, against the type that its `apiVersion` and `kind` name. `head` is
/// the place to point at for what the object lacks. `None` where a finding was reported or a part of it is not known.
pub fn check_object(body: &Record, head: Span, cx: &mut Cx<'_>) -> Option<serde_json::Value> {
    let field = |name: &str| body.fields.iter().find(|field| &*field.key.text == name);
    let (version, kind) = (field("apiVersion"), field("kind"));
    let (Some(version), Some(kind)) = (version, kind) else {
        let lacking = [("apiVersion", version), ("kind", kind)].into_iter().filter(|(_, field)| field.is_none());
        let names: Vec<&str> = lacking.map(|(name, _)| name).collect();
        let finding = missing_fields(&Type::Any, &names, head, cx)
            .help("an object begins with what it is: `apiVersion: \"v1\"`, `kind: \"ConfigMap\"`");
        cx.report(finding);
        return None;
    };
    let kube = kind_of(version, kind, cx)?;
    let id = kube.id;
    let before = cx.findings.len();
    let value = eval_record(&body.fields, Some(&Type::Kube(kube)), head, cx);
    let Value::Object(_, fields) = &value else { return None };
    if !is_named(fields.get("metadata")) {
        let at = field("metadata").map_or(head, Field::span);
        let finding = Finding::new(codes::MISSING_FIELD, "the object has no name", cx.at(at))
            .help("add `metadata: { name: \"…\" }`");
        cx.report(finding);
    }
    if is_refused(cx, before) {
        return None;
    }
    let object = to_json(&value)?;
    // What types do not say: the width of a number, base64, two items of one key.
    for problem in cx.schema.validate_as(id, &object) {
        let span = place(&body.fields, &problem.path.0).unwrap_or(head);
        let finding = bad_value(said(&problem.kind, &problem.path), span, cx);
        cx.report_value(finding);
    }
    (!is_refused(cx, before)).then_some(object)
}

/// Whether there is an error among the findings since.
fn is_refused(cx: &Cx<'_>, before: usize) -> bool {
    cx.findings.iter().skip(before).any(|finding| finding.severity == Severity::Error)
}

/// Where the value at the end of a path is written; the closest part around it, where that is not in the literal.
fn place(fields: &[Field], path: &[Step]) -> Option<Span> {
    let (Step::Field(name), rest) = path.split_first()? else { return None };
    let field = fields.iter().find(|field| *field.key.text == **name)?;
    let mut value = &field.value;
    let mut steps = rest.iter();
    loop {
        value = match (&value.kind, steps.as_slice().first()) {
            (ExprKind::Record(fields), Some(Step::Field(_))) => {
                return place(fields, steps.as_slice()).or(Some(value.span));
            }
            (ExprKind::List(items), Some(Step::Index(at))) => match items.get(*at) {
                Some(item) => item,
                None => return Some(value.span),
            },
            _ => return Some(value.span),
        };
        steps.next();
    }
}

/// A problem in words.
fn said(kind: &ProblemKind, path: &Path) -> String {
    match kind {
        ProblemKind::Malformed { expected, found } => format!("`{found}` is not {expected}"),
        ProblemKind::DuplicateItem { key } => format!("two items of `{path}` have the key {key}"),
        ProblemKind::WrongType { expected, found } => format!("`{path}` is {expected}, not {found}"),
        ProblemKind::MissingRequired { field } => format!("`{path}` lacks the field `{field}`"),
        ProblemKind::UnknownField { .. } => format!("there is no field `{path}`"),
        ProblemKind::NotInEnum { found, .. } => format!("`{found}` may not stand at `{path}`"),
        ProblemKind::NotAnObject | ProblemKind::UnknownKind { .. } => format!("`{path}` is no object"),
    }
}

fn is_named(metadata: Option<&Value>) -> bool {
    match metadata {
        Some(Value::Object(_, fields)) => fields.contains_key("name"),
        Some(Value::Error | Value::Unknown(_)) => true,
        _ => false,
    }
}

/// The type that `apiVersion` and `kind` name.
fn kind_of(version: &Field, kind: &Field, cx: &mut Cx<'_>) -> Option<KubeType> {
    let api_version = text_of(version, cx);
    let name = text_of(kind, cx);
    let (api_version, name) = (api_version?, name?);
    let (group, version_name) = kspec_schema::split_api_version(&api_version);
    let schema = cx.schema;
    if let Some(info) = schema.kind(group, version_name, &name) {
        return Some(KubeType { id: info.ty, name: name.as_str().into() });
    }
    let served: Vec<&KindInfo> = schema.kinds_named(&name).collect();
    let preferred = served.iter().find(|info| info.preferred).or_else(|| served.first());
    let finding = match preferred {
        Some(info) => {
            let meant = info.api_version();
            let message = format!("`{name}` is not served in `{api_version}`");
            Finding::new(codes::UNKNOWN_RESOURCE, message, cx.at(version.value.span))
                .because(format!("did you mean \"{meant}\"?"))
                .fix(format!("write \"{meant}\""), cx.at(version.value.span), format!("\"{meant}\""))
        }
        None => {
            let message = format!("there is no kind `{name}`");
            let finding = Finding::new(codes::UNKNOWN_RESOURCE, message, cx.at(kind.value.span));
            match schema.suggest_kind(&name) {
                Some(meant) => finding.because(format!("did you mean \"{meant}\"?")).fix(
                    format!("write \"{meant}\""),
                    cx.at(kind.value.span),
                    format!("\"{meant}\""),
                ),
                None => finding.help("if a CRD defines it, list the CRD's file under `crds` in kspec.toml"),
            }
        }
    };
    cx.report(finding);
    None
}

fn text_of(field: &Field, cx: &mut Cx<'_>) -> Option<String> {
    match eval(&field.value, Some(&Type::String), cx) {
        Value::Str(text) => Some(text.to_string()),
        Value::Error => None,
        _ => {
            let message = format!(
                "which `{}` this is shows only later, and what the object may hold depends on it",
                field.key.text
            );
            let finding = Finding::new(codes::WRONG_TYPE, message, cx.at(field.value.span)).help("write it in quotes");
            cx.report(finding);
            None
        }
    }
}
