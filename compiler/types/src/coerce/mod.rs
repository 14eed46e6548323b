//! Making a value of one type out of a value of another.

mod external;
mod fit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kspec_diagnostics::{Finding, Span, codes};
use kspec_schema::{Type as Shape, closest};

pub use external::coerce_text;
pub(crate) use fit::fits;
use fit::fits_field;

use crate::report::{absent, bad_value, mismatch, unknown};
use kspec_rules::literal;

use crate::{Cx, Duration, EntityKind, EntityRef, Image, KubeType, Quantity, Type, Value, type_of};

/// The value as one of type `ty`; reports at `span` what is none.
///
/// What is not known yet is judged by its type. Text becomes what the type makes of it: a member of a union, an image, a
/// pattern, a block, a duration.
pub fn coerce(value: Value, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    if !cx.enter(span) {
        return Value::Error;
    }
    let value = convert(value, ty, span, cx);
    cx.leave();
    value
}

fn convert(value: Value, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    match (value, ty) {
        (Value::Error, _) => Value::Error,
        (value, Type::Error | Type::Any | Type::Never) => value,
        (Value::Unknown(Type::Record(types)), ty @ (Type::Kube(_) | Type::Record(_))) => {
            let fields = types.iter().map(|(name, ty)| (Arc::clone(name), Value::Unknown(ty.clone()))).collect();
            convert(Value::Record(fields), ty, span, cx)
        }
        (Value::Unknown(found), ty) => unknown_as(found, ty, span, cx),
        (Value::Absent, Type::Optional(_)) => Value::Absent,
        (value, Type::Optional(inner)) => coerce(value, inner, span, cx),
        (Value::Absent, ty) => absent(&ty.clone().optional(), span, false, cx),
        (Value::List(items), Type::List(item)) => {
            Value::List(items.into_iter().map(|value| coerce(value, item, span, cx)).collect())
        }
        (Value::Record(fields) | Value::Map(fields), Type::Map(_, of)) => map_as(fields, of, span, cx),
        (Value::Record(fields) | Value::Map(fields), Type::Record(types)) => record_as(fields, types, span, cx),
        (Value::Object(found, fields), Type::Kube(wanted)) if found.id == wanted.id => Value::Object(found, fields),
        (Value::Record(fields) | Value::Map(fields), Type::Kube(wanted)) => object_as(fields, wanted, span, cx),
        (Value::Entity(entity), Type::Entity(wanted)) if entity.kind.fits(*wanted) => Value::Entity(entity),
        (Value::Entity(entity), Type::Entity(wanted)) => wrong_kind(&entity, *wanted, span, cx),
        (Value::Function(def), Type::Function(wanted)) if def.ty() == Type::Function(Arc::clone(wanted)) => {
            Value::Function(def)
        }
        (value, ty) => scalar_as(value, ty, span, cx),
    }
}

fn scalar_as(value: Value, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    match (value, ty) {
        (value @ Value::Bool(_), Type::Bool)
        | (value @ Value::Int(_), Type::Int | Type::IntOrString)
        | (value @ Value::Float(_), Type::Float)
        | (value @ Value::Str(_), Type::String | Type::IntOrString)
        | (value @ Value::Quantity(_), Type::Quantity)
        | (value @ Value::Duration(_), Type::Duration)
        | (value @ Value::Date(_), Type::Date)
        | (value @ Value::Cidr(_), Type::Cidr)
        | (value @ Value::Port(_), Type::Port)
        | (value @ Value::Image(_), Type::Image) => value,
        #[expect(clippy::cast_precision_loss, reason = "a number where a fraction is wanted is small")]
        (Value::Int(value), Type::Float) => Value::Float(value as f64),
        (Value::Int(value), Type::Quantity) => Value::Quantity(Quantity::of_int(value)),
        (Value::Float(value), Type::Quantity) => match Quantity::parse(&value.to_string()) {
            Ok(quantity) => Value::Quantity(quantity),
            Err(_) => cx.report_value(bad_value("this is more than a quantity can hold", span, cx)),
        },
        (Value::Int(value), Type::Port) => port_of(value, span, cx),
        (Value::Str(text), ty) => text_as(&text, ty, span, cx),
        (Value::Image(image), ty) if ty.is_text() => text_as(&image.text, ty, span, cx),
        // A whole number of seconds is what such fields of Kubernetes count in (`timeoutSeconds`).
        (Value::Duration(duration), Type::Int) if cx.is_inside_object() => seconds(duration, span, cx),
        (value, Type::String | Type::Time) if cx.is_inside_object() => field_text(value, ty, span, cx),
        (value, ty) => {
            let finding = explain(&value, ty, mismatch(ty, &type_of(&value), span, cx), span, cx);
            cx.report(finding)
        }
    }
}

/// Text, where something written as text is wanted.
fn text_as(text: &Arc<str>, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    match ty {
        Type::String | Type::Glob => Value::Str(Arc::clone(text)),
        Type::Literals(texts) if texts.contains(text) => Value::Str(Arc::clone(text)),
        // In Go, no text at all is what is not given.
        Type::Literals(_) if text.is_empty() && cx.is_inside_object() => Value::Str(Arc::clone(text)),
        Type::Literals(texts) => {
            let finding = not_a_member(text, texts, span, cx);
            cx.report(finding)
        }
        Type::Regex => match literal::compile(text) {
            Ok(_) => Value::Str(Arc::clone(text)),
            Err(why) => {
                let finding = bad_value(format!("this is no regular expression: {why}"), span, cx).help(
                    "Rust's syntax holds: no look-around and no back-references, so that matching takes linear time",
                );
                cx.report(finding)
            }
        },
        Type::Image => match Image::parse(text) {
            Ok(image) => Value::Image(image),
            Err(why) => {
                let finding = bad_value(format!("the image `{text}` {why}"), span, cx)
                    .help("write it as `registry.example.com/team/app:1.2`");
                cx.report(finding)
            }
        },
        Type::Cidr => cidr_of(text, span, cx),
        Type::Duration => match Duration::parse_text(text) {
            Some(duration) => Value::Duration(duration),
            None => {
                let finding = Finding::new(codes::WRONG_UNIT, format!("`{text}` is no duration"), cx.at(span))
                    .help("write a number and one of `ms`, `s`, `min`, `h`, `d`, without quotes: `5min`");
                cx.report(finding)
            }
        },
        Type::Time if is_moment(text) => Value::Str(Arc::clone(text)),
        Type::Time => {
            let finding = bad_value(format!("`{text}` is no moment"), span, cx)
                .help("write the day (`2027-01-31`), or RFC 3339's form: `\"2027-01-31T12:00:00Z\"`");
            cx.report(finding)
        }
        Type::Quantity if cx.is_inside_object() => match Quantity::parse(text) {
            Ok(quantity) => Value::Quantity(quantity),
            Err(_) => {
                let finding = Finding::new(codes::WRONG_UNIT, format!("`{text}` is no quantity"), cx.at(span))
                    .help("write a number and one of `m`, `k`, `M`, `G`, `Ki`, `Mi`, `Gi`: `256Mi`");
                cx.report(finding)
            }
        },
        ty => {
            let value = Value::Str(Arc::clone(text));
            let finding = explain(&value, ty, mismatch(ty, &Type::String, span, cx), span, cx);
            cx.report(finding)
        }
    }
}

/// A text, or a word, that is no member of a union.
pub(crate) fn not_a_member(text: &str, texts: &BTreeSet<Arc<str>>, span: Span, cx: &Cx<'_>) -> Finding {
    let message = format!("`{text}` is none of the values that may stand here");
    let mut finding = Finding::new(codes::WRONG_TYPE, message, cx.at(span));
    let exact = texts.get(text).map(|text| &**text);
    if let Some(meant) = exact.or_else(|| closest(text, texts.iter().map(|text| &**text))) {
        finding = finding.because(format!("did you mean {meant:?}?")).fix(
            format!("write {meant:?}"),
            cx.at(span),
            format!("{meant:?}"),
        );
    }
    let listed: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    finding.help(format!("one of {}", listed.join(", ")))
}

/// Says what to write instead, where that can be told from the value.
fn explain(value: &Value, ty: &Type, finding: Finding, span: Span, cx: &Cx<'_>) -> Finding {
    let wrong_unit = |message: String| Finding { code: codes::WRONG_UNIT, message, ..finding.clone() };
    match (value, ty.present().0) {
        (Value::Quantity(quantity), Type::Duration) => {
            let text = quantity.to_string();
            let finding = wrong_unit(format!("`{text}` is a quantity, not a duration"));
            match text.strip_suffix('m') {
                Some(number) => finding
                    .because("`m` is a thousandth")
                    .help(format!("minutes are written `{number}min`"))
                    .fix(format!("write `{number}min`"), cx.at(span), format!("{number}min")),
                None => finding.help("durations end in `ms`, `s`, `min`, `h` or `d`: `30s`"),
            }
        }
        (Value::Int(number), Type::Duration) => wrong_unit(format!("`{number}` lacks its unit"))
            .help(format!("seconds are written `{number}s`, minutes `{number}min`"))
            .fix(format!("write `{number}s`"), cx.at(span), format!("{number}s")),
        (Value::Duration(duration), Type::Quantity) => {
            wrong_unit(format!("`{duration}` is a duration, not a quantity"))
                .help("quantities end in `m`, `k`, `M`, `G`, `Ki`, `Mi`, `Gi`, or in nothing: `500m`, `256Mi`")
        }
        (Value::Duration(duration), Type::Int) => wrong_unit(format!("`{duration}` is a duration, not a number")),
        (Value::Quantity(quantity), Type::Int | Type::IntOrString) => {
            let finding = wrong_unit(format!("`{quantity}` is a quantity, not a number"));
            if quantity.is_whole() {
                let number = quantity.ceil().to_string();
                finding.fix(format!("write `{number}`"), cx.at(span), number)
            } else {
                finding
            }
        }
        (Value::Str(text), Type::Quantity) if Quantity::parse(text).is_ok() => finding
            .help("quantities are written without quotes")
            .fix(format!("write `{text}`"), cx.at(span), text.to_string()),
        (Value::Str(text), Type::Int) if text.parse::<i64>().is_ok() => finding
            .help("numbers are written without quotes")
            .fix(format!("write `{text}`"), cx.at(span), text.to_string()),
        (Value::Str(text), Type::Bool) if matches!(&**text, "true" | "false") => finding
            .help("`true` and `false` are written without quotes")
            .fix(format!("write `{text}`"), cx.at(span), text.to_string()),
        (Value::Str(text), Type::Date) if literal::parse_date(text).is_ok() => finding
            .help("days are written without quotes")
            .fix(format!("write `{text}`"), cx.at(span), text.to_string()),
        (Value::Bool(_) | Value::Int(_) | Value::Quantity(_) | Value::Duration(_), text) if text.is_text() => {
            let shown = match value {
                Value::Bool(value) => value.to_string(),
                Value::Int(value) => value.to_string(),
                Value::Quantity(value) => value.to_string(),
                Value::Duration(value) => value.to_string(),
                _ => String::new(),
            };
            finding.help(format!("text is quoted: `\"{shown}\"`")).fix(
                format!("write `\"{shown}\"`"),
                cx.at(span),
                format!("\"{shown}\""),
            )
        }
        (value, Type::List(item)) if !matches!(value, Value::List(_)) && fits(&type_of(value), item) => {
            finding.help("a list of one is written in brackets: `[…]`")
        }
        (Value::Entity(_), Type::String) => finding.help("its Kubernetes name is `.name`"),
        _ => finding,
    }
}

/// What a field of a Kubernetes object that holds text says for a value that is none.
fn field_text(value: Value, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    match (value, ty) {
        (Value::Duration(duration), Type::String) => Value::str(duration.go()),
        (Value::Quantity(quantity), Type::String) => Value::str(quantity.canonical()),
        (Value::Cidr(block), Type::String) => Value::str(block.to_string()),
        (Value::Date(date), _) => Value::str(format!("{date}T00:00:00Z")),
        (Value::Entity(entity), Type::String) if is_named_object(entity.kind) => Value::Str(entity.name),
        (value, ty) => {
            let finding = explain(&value, ty, mismatch(ty, &type_of(&value), span, cx), span, cx);
            cx.report(finding)
        }
    }
}

/// Whether there is one object or subject behind it, whose name is its own.
pub(crate) const fn is_named_object(kind: EntityKind) -> bool {
    matches!(
        kind,
        EntityKind::Namespace
            | EntityKind::Workload
            | EntityKind::ServiceAccount
            | EntityKind::User
            | EntityKind::Group
            | EntityKind::Role
    )
}

fn seconds(duration: Duration, span: Span, cx: &mut Cx<'_>) -> Value {
    match duration.seconds() {
        Some(seconds) => Value::Int(seconds),
        None => {
            let message = format!("`{duration}` is no whole number of seconds, which this field counts in");
            cx.report_value(Finding::new(codes::WRONG_UNIT, message, cx.at(span)))
        }
    }
}

/// A port by its number.
pub(crate) fn port_of(number: i64, span: Span, cx: &mut Cx<'_>) -> Value {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Value::Port(crate::Port { first: port, last: port, protocol: None }),
        _ => {
            cx.report_value(bad_value(format!("`{number}` is no port"), span, cx).help("ports are numbered 1 to 65535"))
        }
    }
}

/// An address block by its text.
pub(crate) fn cidr_of(text: &str, span: Span, cx: &mut Cx<'_>) -> Value {
    let quote = |block: &str| if block.contains(':') { format!("\"{block}\"") } else { block.to_owned() };
    match text.parse::<ipnet::IpNet>() {
        Ok(ipnet::IpNet::V6(block)) if block.addr().to_ipv4_mapped().is_some() => {
            let finding = bad_value(format!("`{text}` writes addresses of IPv4 as those of IPv6"), span, cx)
                .help("Kubernetes takes them as IPv4 alone: write `10.20.0.0/16`");
            cx.report_value(finding)
        }
        Ok(block) if block.addr() == block.network() => Value::Cidr(block),
        Ok(block) => {
            let masked = quote(&block.trunc().to_string());
            let finding = bad_value(format!("`{text}` is an address in a block, not a block"), span, cx)
                .because(format!("beyond its first {} bits it must be zero", block.prefix_len()))
                .help(format!("the block is `{masked}`"))
                .fix(format!("write `{masked}`"), cx.at(span), masked);
            cx.report_value(finding)
        }
        Err(_) => {
            let mut finding = bad_value(format!("`{text}` is no block of addresses"), span, cx)
                .help("write an address and a prefix length: `10.20.0.0/16`, `\"fd00::/8\"`");
            if let Ok(address) = text.parse::<std::net::IpAddr>() {
                let block = quote(&format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }));
                finding = finding.fix(format!("write `{block}`"), cx.at(span), block);
            }
            cx.report_value(finding)
        }
    }
}

/// Whether a text is RFC 3339's form of a moment, as far as its shape goes.
fn is_moment(text: &str) -> bool {
    let Some((day, time)) = text.split_once('T') else { return false };
    let shape = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | '-');
    literal::parse_date(day).is_ok()
        && time.len() >= 9
        && (time.ends_with('Z') || time.contains(['+', '-']))
        && time.trim_end_matches('Z').chars().all(shape)
}

fn map_as(fields: BTreeMap<Arc<str>, Value>, of: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    let present = fields.into_iter().filter(|(_, value)| *value != Value::Absent || matches!(of, Type::Optional(_)));
    Value::Map(present.map(|(key, value)| (key, coerce(value, of, span, cx))).collect())
}

fn record_as(
    mut fields: BTreeMap<Arc<str>, Value>,
    types: &Arc<BTreeMap<Arc<str>, Type>>,
    span: Span,
    cx: &mut Cx<'_>,
) -> Value {
    let mut record = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, ty) in &**types {
        let value = match fields.remove(name) {
            Some(value) => coerce(value, ty, span, cx),
            None if matches!(ty, Type::Optional(_) | Type::Error) => Value::Absent,
            None => {
                missing.push(&**name);
                Value::Error
            }
        };
        record.insert(Arc::clone(name), value);
    }
    if !missing.is_empty() {
        cx.report(missing_fields(&Type::Record(Arc::clone(types)), &missing, span, cx));
    }
    for (name, value) in fields {
        if value != Value::Absent && value != Value::Error {
            let message = format!("there is no field `{name}` in `{}`", Type::Record(Arc::clone(types)));
            let finding =
                Finding::new(codes::UNKNOWN_FIELD, message, cx.at(span)).because(format!("it has a field `{name}`"));
            cx.report(finding);
        }
    }
    Value::Record(record)
}

/// Fields that must be there and are not.
pub(crate) fn missing_fields(ty: &Type, names: &[&str], span: Span, cx: &Cx<'_>) -> Finding {
    let listed = crate::report::listing(names);
    let (noun, verb) = if names.len() == 1 { ("field", "is") } else { ("fields", "are") };
    let of = match ty {
        Type::Kube(kube) => format!(" of `{}`", kube.name),
        _ => String::new(),
    };
    Finding::new(codes::MISSING_FIELD, format!("the {noun} {listed}{of} {verb} missing"), cx.at(span))
        .help(format!("add {listed}"))
}

fn object_as(fields: BTreeMap<Arc<str>, Value>, kube: &KubeType, span: Span, cx: &mut Cx<'_>) -> Value {
    let Some(object) = cx.schema.object(kube.id) else { return Value::Object(kube.clone(), fields) };
    let mut result = BTreeMap::new();
    for (name, value) in fields {
        if value == Value::Absent {
            continue;
        }
        match object.field(&name) {
            Some(field) => {
                let ty = Type::of_schema(cx.schema, field.ty);
                let value = cx.inside_object(|cx| coerce(value, &ty, span, cx));
                result.insert(name, value);
            }
            None if object.open => {
                result.insert(name, value);
            }
            None => {
                let message = format!("`{}` has no field `{name}`", kube.name);
                let names = object.fields().map(|(name, _)| name);
                let mut finding = unknown(codes::UNKNOWN_FIELD, message, &name, span, names, cx);
                // The span is the whole value's: the name cannot be replaced there.
                finding.fixes.clear();
                cx.report(finding);
                result.insert(name, Value::Error);
            }
        }
    }
    let missing = missing_of(kube, |name| result.contains_key(name), cx);
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|name| &**name).collect();
        cx.report(missing_fields(&Type::Kube(kube.clone()), &names, span, cx));
        return Value::Error;
    }
    Value::Object(kube.clone(), result)
}

/// The required fields that an object lacks. What the server fills in does not count: the defaults of a custom type. What
/// is published as the default of a built-in type's required field is Go's zero value, which the server then refuses.
pub(crate) fn missing_of(kube: &KubeType, has: impl Fn(&str) -> bool, cx: &Cx<'_>) -> Vec<Arc<str>> {
    let custom = cx.schema.is_custom(kube.id);
    let fields = cx.schema.object(kube.id).into_iter().flat_map(kspec_schema::ObjectType::fields);
    fields
        .filter(|(name, field)| field.required && !(custom && field.default.is_some()) && !has(name))
        .map(|(name, _)| Arc::from(name))
        .collect()
}

fn wrong_kind(entity: &EntityRef, wanted: EntityKind, span: Span, cx: &mut Cx<'_>) -> Value {
    let message = format!("{} is wanted here, and `{}` is {}", wanted.noun(), entity.name, entity.kind.noun());
    let mut finding =
        Finding::new(codes::WRONG_KIND, message, cx.at(span)).because(format!("this is {}", entity.kind.noun()));
    if let Some(decl) = entity.decl {
        finding = finding.label(decl, "declared here");
    }
    cx.report(finding)
}

/// A value of which only the type is known.
fn unknown_as(found: Type, ty: &Type, span: Span, cx: &mut Cx<'_>) -> Value {
    if fits(&found, ty) || (cx.is_inside_object() && fits_field(&found, ty)) {
        return match (&found, ty) {
            // What is known to be closer than what is wanted stays so.
            (Type::Literals(_), Type::String) => Value::Unknown(found),
            (_, ty) if *ty.present().0 == Type::Any => Value::Unknown(found),
            (Type::Optional(_), _) | (_, Type::Optional(_)) if found == *ty => Value::Unknown(found),
            (found, Type::Optional(inner)) if !matches!(found, Type::Optional(_)) => Value::Unknown((**inner).clone()),
            _ => Value::Unknown(ty.clone()),
        };
    }
    let (present, optional) = found.present();
    if optional && fits(present, ty) {
        return absent(&found, span, false, cx);
    }
    if let (Type::Entity(_), Type::Entity(wanted)) = (present, ty) {
        let message = format!("{} is wanted here, not `{found}`", wanted.noun());
        return cx.report(Finding::new(codes::WRONG_KIND, message, cx.at(span)));
    }
    let mut finding = mismatch(ty, &found, span, cx);
    if found.is_text() && matches!(ty, Type::Literals(_) | Type::Image | Type::Regex | Type::Cidr | Type::Duration) {
        finding = finding.help(format!("which text it is shows only later: state the type `{ty}` where it comes from"));
    }
    cx.report(finding)
}

/// Whether a schema's struct lets any field be.
pub(crate) fn is_open(kube: &KubeType, cx: &Cx<'_>) -> bool {
    matches!(cx.schema.ty(kube.id), Shape::Object(object) if object.open)
}
