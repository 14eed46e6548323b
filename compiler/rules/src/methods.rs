//! Methods of lists, maps, texts and address blocks.

use std::sync::Arc;

use ipnet::IpNet;
use kspec_model::rules::{Method, Ty};

use crate::equal::{compare, equal};
use crate::eval::Frame;
use crate::fault::{Failed, fault};
use crate::literal::{Duration, Quantity, glob_matches};
use crate::value::{Text, Val};

/// A list's items; of what is absent, none. `None` of what is no list.
pub(crate) fn items<'a>(value: &Val<'a>) -> Result<Option<Vec<Val<'a>>>, Failed> {
    Ok(Some(match value {
        Val::Absent => Vec::new(),
        Val::List(items) => items.to_vec(),
        Val::JsonList(items, ty) => items.iter().map(|json| Val::of_json(json, ty)).collect::<Result<_, _>>()?,
        _ => return Ok(None),
    }))
}

/// A list's item; `None` behind its end, and of what is absent.
pub(crate) fn item<'a>(value: &Val<'a>, at: usize) -> Result<Option<Val<'a>>, Failed> {
    match value {
        Val::Absent => Ok(None),
        Val::List(items) => Ok(items.get(at).cloned()),
        Val::JsonList(items, ty) => items.get(at).map(|json| Val::of_json(json, ty)).transpose(),
        _ => Err(fault("a method of lists on something else")),
    }
}

/// What is in a map, in the order of its keys.
pub(crate) fn entries<'a>(value: &Val<'a>) -> Result<Option<Vec<(Text<'a>, Val<'a>)>>, Failed> {
    const ANY: &Ty = &Ty::Any;
    let (map, ty) = match value {
        Val::Absent => return Ok(Some(Vec::new())),
        Val::Map(map) => {
            let there = map.iter().filter(|(_, value)| !matches!(value, Val::Absent));
            return Ok(Some(there.map(|(key, value)| (key.clone(), value.clone())).collect()));
        }
        Val::JsonMap(map, ty) => (*map, *ty),
        Val::JsonObject(map) => (*map, ANY),
        _ => return Ok(None),
    };
    let mut entries = Vec::with_capacity(map.len());
    for (key, json) in map {
        let value = Val::of_json(json, ty)?;
        if !matches!(value, Val::Absent) {
            entries.push((Text::Borrowed(key.as_str()), value));
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Some(entries))
}

/// Whether a map has a key.
pub(crate) fn has(map: &Val<'_>, key: &str) -> bool {
    match map {
        Val::Map(map) => map.get(key).is_some_and(|value| !matches!(value, Val::Absent)),
        Val::JsonMap(map, _) | Val::JsonObject(map) => map.get(key).is_some_and(|json| !json.is_null()),
        _ => false,
    }
}

/// An address block, or one address as a block of it alone; host bits are cleared.
pub(crate) fn block(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(block) => Some(block.trunc()),
        Err(_) => text.parse::<std::net::IpAddr>().ok().map(IpNet::from),
    }
}

/// Calls a method.
pub(crate) fn call<'a>(
    method: Method,
    base: Val<'a>,
    arguments: &[Val<'a>],
    ty: &Ty,
    frame: &mut Frame<'a>,
) -> Result<Val<'a>, Failed> {
    let argument = arguments.first().unwrap_or(&Val::Absent);
    if let Val::Cidr(block) = &base {
        let Val::Cidr(other) = argument else { return Ok(Val::Bool(false)) };
        let contains = block.contains(other);
        return Ok(Val::Bool(contains || (method == Method::Overlaps && other.contains(block))));
    }
    if base.as_text().is_some() {
        return text(method, &base, arguments, frame);
    }
    match method {
        // A text's methods chain over what is absent; a list's and a map's count it as empty.
        Method::StartsWith
        | Method::EndsWith
        | Method::Matches
        | Method::Like
        | Method::Lower
        | Method::Upper
        | Method::Trim
        | Method::TrimPrefix
        | Method::TrimSuffix
        | Method::Replace
        | Method::Split
        | Method::Overlaps => match base {
            Val::Absent => Ok(Val::Absent),
            _ => Err(fault("a method of texts on something else")),
        },
        Method::Size | Method::IsEmpty | Method::Contains if matches!(base, Val::Absent) && ty.is_optional() => {
            Ok(Val::Absent)
        }
        Method::Has => Ok(Val::Bool(argument.as_text().is_some_and(|key| has(&base, key)))),
        Method::Keys | Method::Values | Method::Merge => of_map(method, &base, argument, frame),
        Method::Size | Method::IsEmpty if matches!(base, Val::Map(_) | Val::JsonMap(..) | Val::JsonObject(_)) => {
            let count = entries(&base)?.map_or(0, |entries| entries.len());
            Ok(if method == Method::Size { Val::count(count) } else { Val::Bool(count == 0) })
        }
        method => of_list(method, &base, argument, ty, frame),
    }
}

fn text<'a>(method: Method, base: &Val<'a>, arguments: &[Val<'a>], frame: &mut Frame<'a>) -> Result<Val<'a>, Failed> {
    let text = base.as_text().unwrap_or_default();
    let first = arguments.first().and_then(Val::as_text).unwrap_or_default();
    // Work is linear in the text, and in what is looked for.
    frame.spend((text.len() + first.len()) / 64)?;
    Ok(match method {
        Method::Size => Val::count(text.chars().count()),
        Method::IsEmpty => Val::Bool(text.is_empty()),
        Method::Contains => Val::Bool(text.contains(first)),
        Method::StartsWith => Val::Bool(text.starts_with(first)),
        Method::EndsWith => Val::Bool(text.ends_with(first)),
        Method::Like => {
            // A glob's guesses about its stars may each read the text once.
            let stars = first.matches('*').count();
            frame.spend(text.len().saturating_mul(stars.min(1 + first.len() / 2)) / 8)?;
            Val::Bool(glob_matches(first, text))
        }
        Method::Lower => return frame.text(text.to_lowercase()),
        Method::Upper => return frame.text(text.to_uppercase()),
        Method::Trim => return frame.text(text.trim().to_owned()),
        Method::TrimPrefix => return frame.text(text.strip_prefix(first).unwrap_or(text).to_owned()),
        Method::TrimSuffix => return frame.text(text.strip_suffix(first).unwrap_or(text).to_owned()),
        Method::Replace => {
            let by = arguments.get(1).and_then(Val::as_text).unwrap_or_default();
            // An upper bound before anything is made.
            frame.spend(text.len().saturating_add(1).saturating_mul(by.len().saturating_add(1)) / 64)?;
            return frame.text(text.replace(first, by));
        }
        Method::Split => {
            let parts: Vec<Val<'a>> = text.split(first).map(Val::text).collect();
            frame.spend(parts.len())?;
            Val::list(parts)
        }
        _ => return Err(fault("a method that texts do not have")),
    })
}

fn of_map<'a>(method: Method, base: &Val<'a>, argument: &Val<'a>, frame: &mut Frame<'a>) -> Result<Val<'a>, Failed> {
    let Some(own) = entries(base)? else { return Err(fault("a method of maps on something else")) };
    frame.spend(own.len())?;
    Ok(match method {
        Method::Keys => Val::list(own.into_iter().map(|(key, _)| Val::Text(key)).collect()),
        Method::Values => Val::list(own.into_iter().map(|(_, value)| value).collect()),
        _ => {
            let Some(other) = entries(argument)? else { return Err(fault("a map merged with something else")) };
            frame.spend(other.len())?;
            Val::Map(Arc::new(own.into_iter().chain(other).collect()))
        }
    })
}

fn of_list<'a>(
    method: Method,
    base: &Val<'a>,
    argument: &Val<'a>,
    ty: &Ty,
    frame: &mut Frame<'a>,
) -> Result<Val<'a>, Failed> {
    let Some(mut items) = items(base)? else { return Err(fault("a method of lists on something else")) };
    frame.spend(items.len())?;
    Ok(match method {
        Method::Size => Val::count(items.len()),
        Method::IsEmpty => Val::Bool(items.is_empty()),
        Method::Contains => Val::Bool(items.iter().any(|item| equal(item, argument))),
        Method::First => items.into_iter().next().unwrap_or(Val::Absent),
        Method::Last => items.pop().unwrap_or(Val::Absent),
        Method::Min | Method::Max | Method::Sort => {
            // A comparison for each level of a binary tree over the items.
            frame.spend(items.len().saturating_mul(items.len().checked_ilog2().unwrap_or(0) as usize))?;
            items.sort_by(|a, b| compare(a, b).unwrap_or(std::cmp::Ordering::Equal));
            match method {
                Method::Sort => Val::list(items),
                Method::Min => items.into_iter().next().unwrap_or(Val::Absent),
                _ => items.pop().unwrap_or(Val::Absent),
            }
        }
        Method::Sum => sum(items, ty)?,
        Method::Reverse => {
            items.reverse();
            Val::list(items)
        }
        Method::Distinct => {
            let mut kept: Vec<Val<'a>> = Vec::new();
            for item in items {
                frame.spend(kept.len())?;
                if !kept.iter().any(|known| equal(known, &item)) {
                    kept.push(item);
                }
            }
            Val::list(kept)
        }
        Method::Flatten => {
            let mut flat = Vec::new();
            for item in &items {
                let Some(inner) = self::items(item)? else { return Err(fault("a list that holds no lists")) };
                frame.spend(inner.len())?;
                flat.extend(inner);
            }
            Val::list(flat)
        }
        Method::Join => {
            let separator = argument.as_text().unwrap_or_default();
            let mut text = String::new();
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push_str(separator);
                }
                match item.as_text() {
                    Some(part) => text.push_str(part),
                    None => text.push_str(&item.printed().unwrap_or_default()),
                }
                frame.spend(separator.len() / 64)?;
            }
            return frame.text(text);
        }
        _ => return Err(fault("a method that lists do not have")),
    })
}

fn sum<'a>(items: Vec<Val<'a>>, ty: &Ty) -> Result<Val<'a>, Failed> {
    let zero = match ty.present() {
        Ty::Float => Val::Float(0.0),
        Ty::Quantity => Val::Quantity(Quantity::ZERO),
        Ty::Duration => Val::Duration(Duration { nanos: 0 }),
        _ => Val::Int(0),
    };
    let total = items.into_iter().try_fold(zero, |total, item| match (total, item) {
        (Val::Int(a), Val::Int(b)) => a.checked_add(b).map(Val::Int),
        (Val::Float(a), Val::Float(b)) => Some(Val::Float(a + b)).filter(|_| (a + b).is_finite()),
        #[expect(clippy::cast_precision_loss, reason = "a number beside a fraction is small")]
        (Val::Float(a), Val::Int(b)) => Some(Val::Float(a + b as f64)),
        (Val::Quantity(a), Val::Quantity(b)) => a.checked_add(b).map(Val::Quantity),
        (Val::Duration(a), Val::Duration(b)) => {
            a.nanos.checked_add(b.nanos).map(|nanos| Val::Duration(Duration { nanos }))
        }
        _ => None,
    });
    total.ok_or_else(|| fault("a sum too large"))
}
