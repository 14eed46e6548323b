//! Fields and keys.

use kspec_diagnostics::{Edit, Finding, Fix, Span, codes};
use kspec_syntax::tree::{Expr, Name};

use crate::coerce::{is_named_object, is_open};
use crate::report::unknown;
use crate::{Cx, EntityKind, EntityRef, KubeType, Lookup, Type, Value, eval, methods, type_of};

/// `base.name`
pub(crate) fn field(base: &Expr, name: &Name, expr: &Expr, cx: &mut Cx<'_>) -> Value {
    let value = eval(base, None, cx);
    field_of(&value, name, expr.span, cx)
}

/// A field of a value. `whole` covers base and name.
pub(crate) fn field_of(value: &Value, name: &Name, whole: Span, cx: &mut Cx<'_>) -> Value {
    match value {
        Value::Error | Value::Absent => value.clone(),
        Value::Unknown(ty) => field_of_type(ty, name, whole, cx),
        Value::Record(fields) => match fields.get(&name.text) {
            Some(value) => value.clone(),
            None => no_field(&type_of(value), name, whole, fields.keys().map(|key| &**key), cx),
        },
        Value::Map(fields) => fields.get(&name.text).cloned().unwrap_or(Value::Absent),
        Value::Object(kube, fields) => match kube_field(kube, name, whole, cx) {
            Type::Error => Value::Error,
            _ => fields.get(&name.text).cloned().unwrap_or(Value::Absent),
        },
        Value::Entity(entity) => entity_field(entity, name, whole, cx),
        Value::Image(image) => {
            let text = |text: &Option<std::sync::Arc<str>>| text.clone().map_or(Value::Absent, Value::Str);
            match &*name.text {
                "registry" => Value::Str(image.registry.clone()),
                "repository" => Value::Str(image.repository.clone()),
                "tag" => text(&image.tag),
                "digest" => text(&image.digest),
                _ => no_field(&Type::Image, name, whole, IMAGE.iter().map(|(name, _)| *name), cx),
            }
        }
        other => no_field(&type_of(other), name, whole, [], cx),
    }
}

/// An image's fields, and whether each may be absent.
const IMAGE: [(&str, bool); 4] = [("registry", false), ("repository", false), ("tag", true), ("digest", true)];

fn field_of_type(ty: &Type, name: &Name, whole: Span, cx: &mut Cx<'_>) -> Value {
    let (present, optional) = ty.present();
    let found = match present {
        Type::Error | Type::Never => return Value::Error,
        Type::Record(fields) => match fields.get(&name.text) {
            Some(ty) => ty.clone(),
            None => return no_field(present, name, whole, fields.keys().map(|key| &**key), cx),
        },
        Type::Map(_, of) => (**of).clone().optional(),
        Type::Kube(kube) => kube_field(kube, name, whole, cx),
        Type::Image => match IMAGE.iter().find(|(field, _)| *field == &*name.text) {
            Some((_, true)) => Type::String.optional(),
            Some(_) => Type::String,
            None => return no_field(present, name, whole, IMAGE.iter().map(|(name, _)| *name), cx),
        },
        Type::Entity(kind) => match &*name.text {
            "name" if is_named_object(*kind) || *kind == EntityKind::Subject => Type::String,
            "namespace" if has_namespace(*kind) => Type::String,
            // What a stamp declares is known once it is stamped.
            _ if matches!(kind, EntityKind::Stamp | EntityKind::Module) => return Value::Unknown(Type::Error),
            _ => return no_field(present, name, whole, entity_fields(*kind), cx),
        },
        Type::Any => {
            let finding = Finding::new(
                codes::WRONG_TYPE,
                "what a free-form field holds is read through a stated type",
                cx.at(whole),
            )
            .help("say what it is first: `.map()`, `.list()`, `.string()`, `.int()`, `.bool()`");
            return cx.report(finding);
        }
        other => return no_field(other, name, whole, [], cx),
    };
    Value::Unknown(if optional { found.optional() } else { found })
}

/// The type of a Kubernetes type's field; optional fields are `T?`.
fn kube_field(kube: &KubeType, name: &Name, whole: Span, cx: &mut Cx<'_>) -> Type {
    let schema = cx.schema;
    let Some(object) = schema.object(kube.id) else { return Type::Any };
    match object.field(&name.text) {
        Some(field) => {
            let ty = Type::of_schema(schema, field.ty);
            if is_always_there(&name.text, field) { ty } else { ty.optional() }
        }
        None if is_open(kube, cx) => Type::Any.optional(),
        None => {
            no_field(&Type::Kube(kube.clone()), name, whole, object.fields().map(|(name, _)| name), cx);
            Type::Error
        }
    }
}

/// Whether an object that the API server has let in has the field. `metadata` and `spec` are optional in the schema alone.
fn is_always_there(name: &str, field: &kspec_schema::Field) -> bool {
    field.required || matches!(name, "metadata" | "apiVersion" | "kind")
}

fn entity_field(entity: &EntityRef, name: &Name, whole: Span, cx: &mut Cx<'_>) -> Value {
    match cx.scope.member(entity, &name.text) {
        Lookup::Found(value) => return value,
        Lookup::Poisoned => return Value::Error,
        Lookup::Unknown => {}
    }
    if matches!(entity.kind, EntityKind::Stamp | EntityKind::Module) {
        let names = cx.scope.member_names(entity);
        let message = match entity.kind {
            EntityKind::Module => format!("the module `{}` declares no `{}`", entity.name, name.text),
            _ => format!("the stamp `{}` declares no `{}`", entity.name, name.text),
        };
        let names = names.iter().map(|name| &**name);
        let mut finding = unknown(codes::UNKNOWN_NAME, message, &name.text, name.span, names, cx);
        if let Some(decl) = entity.decl {
            finding = finding.label(decl, "declared here");
        }
        return cx.report(finding);
    }
    match (&*name.text, &entity.namespace) {
        ("name", _) if is_named_object(entity.kind) => Value::Str(entity.name.clone()),
        ("namespace", Some(namespace)) => Value::Str(namespace.clone()),
        _ => no_field(&Type::Entity(entity.kind), name, whole, entity_fields(entity.kind), cx),
    }
}

const fn has_namespace(kind: EntityKind) -> bool {
    matches!(kind, EntityKind::Workload | EntityKind::ServiceAccount)
}

fn entity_fields(kind: EntityKind) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if is_named_object(kind) {
        fields.push("name");
    }
    if has_namespace(kind) {
        fields.push("namespace");
    }
    fields
}

fn no_field<'n>(
    ty: &Type,
    name: &Name,
    whole: Span,
    names: impl IntoIterator<Item = &'n str>,
    cx: &mut Cx<'_>,
) -> Value {
    let message = format!("`{ty}` has no field `{}`", name.text);
    let names: Vec<&str> = names.into_iter().collect();
    let mut finding = unknown(codes::UNKNOWN_FIELD, message, &name.text, name.span, names, cx);
    if finding.fixes.is_empty() && methods::has(ty, &name.text) {
        let at = cx.at(Span::new(whole.end, whole.end));
        finding.help = Some(format!("`{0}` is a method: write `{0}()`", name.text));
        finding
            .fixes
            .push(Fix { title: "call it".to_owned(), edits: vec![Edit { location: at, text: "()".to_owned() }] });
    }
    if ty.present().0.is_text() && IMAGE.iter().any(|(field, _)| *field == &*name.text) {
        finding.help = Some(format!("`image(…).{}` reads it as a reference to an image", name.text));
    }
    cx.report(finding)
}

/// `base[key]`
pub(crate) fn index(base: &Expr, key: &Expr, cx: &mut Cx<'_>) -> Value {
    let value = eval(base, None, cx);
    let ty = type_of(&value);
    let (present, optional) = ty.present();
    let wanted = match present {
        Type::Error | Type::Never => {
            eval(key, None, cx);
            return if value == Value::Absent { Value::Absent } else { Value::Error };
        }
        Type::List(_) => Type::Int,
        Type::Map(..) | Type::Record(_) | Type::Kube(_) => Type::String,
        Type::Any => {
            let finding = Finding::new(
                codes::WRONG_TYPE,
                "what a free-form field holds is read through a stated type",
                cx.at(base.span),
            )
            .help("say what it is first: `.map()` or `.list()`");
            return cx.report(finding);
        }
        other => {
            let finding = Finding::new(
                codes::WRONG_TYPE,
                format!("`[…]` looks into lists and maps, not into `{other}`"),
                cx.at(base.span),
            )
            .because(format!("this is `{other}`"));
            return cx.report(finding);
        }
    };
    let key_value = eval(key, Some(&wanted), cx);
    match (&value, &key_value) {
        (_, Value::Error) => Value::Error,
        (Value::List(items), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned().unwrap_or(Value::Absent)
        }
        (Value::Record(_) | Value::Object(..) | Value::Unknown(_), Value::Str(text))
            if matches!(present, Type::Record(_) | Type::Kube(_)) =>
        {
            let name = Name { text: text.clone(), span: key.span };
            let mut found = field_of(&value, &name, key.span, cx);
            // A key in brackets is quoted: the mend must be too.
            if found == Value::Error
                && let Some(fix) = cx.findings.last_mut().and_then(|finding| finding.fixes.last_mut())
                && let [edit] = fix.edits.as_mut_slice()
                && edit.location.span == key.span
                && !edit.text.starts_with('"')
            {
                edit.text = format!("{:?}", edit.text);
            }
            if optional && let Value::Unknown(ty) = found {
                found = Value::Unknown(ty.optional());
            }
            found
        }
        (Value::Map(fields), Value::Str(key)) => fields.get(key).cloned().unwrap_or(Value::Absent),
        _ => match present {
            Type::List(item) => Value::Unknown((**item).clone().optional()),
            Type::Map(_, of) => Value::Unknown((**of).clone().optional()),
            _ => {
                let finding = Finding::new(
                    codes::WRONG_TYPE,
                    format!("which field of `{present}` this is shows only later"),
                    cx.at(key.span),
                )
                .help("name the field, or use a map");
                cx.report(finding)
            }
        },
    }
}
