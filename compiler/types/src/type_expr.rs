//! Types as they are written.

use kspec_diagnostics::{Finding, codes};
use kspec_schema::{KindInfo, TypeId};
use kspec_syntax::tree::{Path, TypeExpr, TypeExprKind};

use crate::report::{listing, unknown};
use crate::{Cx, EntityKind, KubeType, Type};

const SCALARS: [(&str, Type); 16] = [
    ("Bool", Type::Bool),
    ("Int", Type::Int),
    ("Float", Type::Float),
    ("String", Type::String),
    ("Quantity", Type::Quantity),
    ("Duration", Type::Duration),
    ("Date", Type::Date),
    ("Cidr", Type::Cidr),
    ("Port", Type::Port),
    ("Image", Type::Image),
    ("Glob", Type::Glob),
    ("Regex", Type::Regex),
    ("IntOrString", Type::IntOrString),
    ("Time", Type::Time),
    ("Any", Type::Any),
    ("Subject", Type::Entity(EntityKind::Subject)),
];

/// Kinds of entity that a parameter may be of.
const ENTITIES: [EntityKind; 6] = [
    EntityKind::Namespace,
    EntityKind::Workload,
    EntityKind::ServiceAccount,
    EntityKind::User,
    EntityKind::Group,
    EntityKind::Role,
];

/// The type that is written; reports names that are none.
pub fn ty(expr: &TypeExpr, cx: &mut Cx<'_>) -> Type {
    if !cx.enter(expr.span) {
        return Type::Error;
    }
    let ty = match &expr.kind {
        TypeExprKind::Named(path, arguments) => named(path, arguments, expr, cx),
        TypeExprKind::Literals(texts) => Type::Literals(texts.iter().map(|text| text.value.clone()).collect()),
        TypeExprKind::Record(fields) => {
            let fields = fields.iter().map(|(name, field)| (name.text.clone(), ty(field, cx)));
            Type::record(fields)
        }
        TypeExprKind::Optional(inner) => ty(inner, cx).optional(),
        TypeExprKind::Error => Type::Error,
    };
    cx.leave();
    ty
}

fn named(path: &Path, arguments: &[TypeExpr], expr: &TypeExpr, cx: &mut Cx<'_>) -> Type {
    let text = text_of(path);
    let wanted = match text.as_str() {
        "List" => 1,
        "Map" => 2,
        _ => 0,
    };
    if arguments.len() != wanted {
        let help = match wanted {
            1 => "write `List<String>`, for instance",
            2 => "write `Map<String, Int>`, for instance",
            _ => "leave the `<…>` out",
        };
        let types = |count| match count {
            0 => "no type".to_owned(),
            1 => "one type".to_owned(),
            several => format!("{several} types"),
        };
        let message = format!("`{text}` takes {}, and is given {}", types(wanted), types(arguments.len()));
        cx.report(Finding::new(codes::WRONG_ARITY, message, cx.at(expr.span)).help(help));
        return Type::Error;
    }
    match arguments {
        [item] => return Type::list(ty(item, cx)),
        [key, value] => {
            let at = cx.at(key.span);
            let key = ty(key, cx);
            if !key.is_text() && key != Type::Error {
                let message = format!("a map's keys are text, not `{key}`");
                cx.report(Finding::new(codes::WRONG_TYPE, message, at).help("write `Map<String, …>`"));
            }
            return Type::Map(Box::new(key), Box::new(ty(value, cx)));
        }
        _ => {}
    }
    if let Some((_, ty)) = SCALARS.iter().find(|(name, _)| *name == text) {
        return ty.clone();
    }
    if let Some(kind) = ENTITIES.into_iter().find(|kind| kind.name() == text) {
        return Type::Entity(kind);
    }
    match kube_type(&text, cx) {
        Ok(found) => Type::Kube(found),
        Err(candidates) if candidates.is_empty() => {
            let mut names: Vec<&str> = SCALARS.iter().map(|(name, _)| *name).collect();
            names.extend(ENTITIES.iter().map(|kind| kind.name()));
            names.extend(["List", "Map"]);
            names.extend(cx.schema.kinds().iter().map(|kind| kind.kind.as_ref()));
            names.extend(COMMON_PARTS);
            let message = format!("there is no type `{text}`");
            let finding = unknown(codes::UNKNOWN_NAME, message, &text, path.span, names, cx);
            cx.report(finding);
            Type::Error
        }
        Err(candidates) => {
            let names: Vec<&str> = candidates.iter().map(String::as_str).collect();
            let message = format!("`{text}` is the name of several Kubernetes types");
            let help = format!("say which: {}", listing(&names));
            let mut finding = Finding::new(codes::UNKNOWN_NAME, message, cx.at(path.span)).help(help);
            for name in names {
                finding = finding.fix(format!("write `{name}`"), cx.at(path.span), name);
            }
            cx.report(finding);
            Type::Error
        }
    }
}

/// Parts of objects that people name in functions; they are found by name too, these only in suggestions.
const COMMON_PARTS: [&str; 6] = ["Container", "PodSpec", "SecurityContext", "Volume", "ObjectMeta", "Probe"];

fn text_of(path: &Path) -> String {
    let segments: Vec<&str> = path.segments.iter().map(|segment| &*segment.text).collect();
    segments.join(".")
}

/// The Kubernetes type of a name: a kind (`Pod`, `apps.v1.Deployment`, `Certificate`), or a part of one (`Container`,
/// `core.v1.PodSpec`). `Err` lists the qualified names where the name does not decide.
pub(crate) fn kube_type(text: &str, cx: &Cx<'_>) -> Result<KubeType, Vec<String>> {
    let mut parts = text.rsplit('.');
    let name = parts.next().unwrap_or(text);
    let qualifier: Vec<&str> = parts.collect();
    // A group may be given by its first label only: `apps`, `networking`, `cert-manager`.
    let group_fits = |group: &str, version: &str| match qualifier.as_slice() {
        [] => true,
        [only] => *only == version || first_label(group) == *only,
        [wanted_version, wanted] => *wanted_version == version && first_label(group) == *wanted,
        _ => false,
    };
    let kinds: Vec<&KindInfo> = cx
        .schema
        .kinds_named(name)
        .filter(|kind| group_fits(&kind.group, &kind.version) && (kind.preferred || !qualifier.is_empty()))
        .collect();
    let of = |id: TypeId| KubeType { id, name: name.into() };
    match kinds.as_slice() {
        [kind] => return Ok(of(kind.ty)),
        // Events are in two groups, and the core one is what everybody means; so is every other such kind.
        [first, ..] if first.group.is_empty() => return Ok(of(first.ty)),
        [_, _, ..] => {
            return Err(kinds
                .iter()
                .map(|kind| format!("{}.{}.{}", first_label(&kind.group), kind.version, kind.kind))
                .collect());
        }
        [] => {}
    }
    let parts: Vec<(String, TypeId)> = cx
        .schema
        .types()
        .filter_map(|(id, shape)| {
            let full = shape.as_object()?.name.as_ref();
            let mut segments = full.rsplit('.');
            let short = segments.next()?;
            let (version, group) = (segments.next()?, segments.next()?);
            (short == name && group_fits_part(&qualifier, group, version))
                .then(|| (format!("{group}.{version}.{short}"), id))
        })
        .collect();
    match parts.as_slice() {
        [(_, id)] => Ok(of(*id)),
        [] => Err(Vec::new()),
        several => {
            let core = several.iter().find(|(name, _)| name.starts_with("core.v1.") || name.starts_with("meta.v1."));
            core.map(|(_, id)| of(*id)).ok_or_else(|| several.iter().map(|(name, _)| name.clone()).collect())
        }
    }
}

fn group_fits_part(qualifier: &[&str], group: &str, version: &str) -> bool {
    match qualifier {
        [] => true,
        [only] => *only == version || *only == group,
        [wanted_version, wanted] => *wanted_version == version && *wanted == group,
        _ => false,
    }
}

fn first_label(group: &str) -> &str {
    if group.is_empty() { "core" } else { group.split('.').next().unwrap_or(group) }
}
