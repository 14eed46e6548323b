//! Which places of the object an expression reads: a mutation whose reads and writes overlap would change more on a
//! second run.

use std::collections::BTreeMap;
use std::sync::Arc;

use kspec_model::rules::{Const, Expr, Method, Op, Root, Var};

/// A place of the object.
pub(super) type Place = Vec<Segment>;

/// A step into the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field or key.
    Name(Arc<str>),
    /// Any item or key.
    Any,
    /// The item that a `for` is at.
    Item(Var),
}

/// Places that variables stand for.
pub(super) type Places = BTreeMap<Var, Vec<Place>>;

/// The places that an expression is, where it is a path into the object.
pub(super) fn places(expr: &Expr, known: &Places) -> Option<Vec<Place>> {
    let step = |base: &Expr, segment: Segment| {
        let mut found = places(base, known)?;
        for place in &mut found {
            place.push(segment.clone());
        }
        Some(found)
    };
    match &expr.op {
        Op::Root(Root::Object) => Some(vec![Place::new()]),
        Op::Var(var) => known.get(var).cloned(),
        Op::Field(base, name) => step(base, Segment::Name(Arc::clone(name))),
        Op::Index(base, key) => match &key.op {
            Op::Const(Const::Text(name)) => step(base, Segment::Name(Arc::clone(name))),
            _ => step(base, Segment::Any),
        },
        Op::Call(Method::Flatten, base, _) => match &base.op {
            Op::List(parts) => Some(parts.iter().filter_map(|part| places(part, known)).flatten().collect()),
            _ => None,
        },
        Op::Coalesce(base, _) | Op::Convert(base) => places(base, known),
        _ => None,
    }
}

/// Every place that an expression reads.
pub(super) fn reads(expr: &Expr, known: &Places, into: &mut Vec<Place>) {
    if let Some(found) = places(expr, known) {
        into.extend(found);
    } else {
        match &expr.op {
            Op::Each { over, item, value, body, .. } => {
                reads(over, known, into);
                let mut inner = known.clone();
                if let Some(found) = places(over, known) {
                    let items: Vec<Place> = found
                        .into_iter()
                        .map(|mut place| {
                            place.push(Segment::Any);
                            place
                        })
                        .collect();
                    inner.insert(value.as_ref().unwrap_or(item).clone(), items);
                }
                reads(body, &inner, into);
                return;
            }
            Op::Let(var, value, body) => {
                reads(value, known, into);
                let mut inner = known.clone();
                if let Some(found) = places(value, known) {
                    inner.insert(Arc::clone(var), found);
                }
                reads(body, &inner, into);
                return;
            }
            _ => {}
        }
    }
    let is_path = places(expr, known).is_some();
    match &expr.op {
        // A part of a path is not read by itself; what fills in for it, and its keys, are.
        Op::Field(base, _) | Op::Convert(base) if is_path => keys(base, known, into),
        Op::Index(base, key) if is_path => {
            keys(base, known, into);
            reads(key, known, into);
        }
        Op::Coalesce(base, other) if is_path => {
            keys(base, known, into);
            reads(other, known, into);
        }
        Op::Call(Method::Flatten, ..) if is_path => {}
        op => op.for_each_child(&mut |child| reads(child, known, into)),
    }
}

/// What a path's keys read.
fn keys(path: &Expr, known: &Places, into: &mut Vec<Place>) {
    match &path.op {
        Op::Field(base, _) | Op::Convert(base) => keys(base, known, into),
        Op::Index(base, key) => {
            keys(base, known, into);
            reads(key, known, into);
        }
        Op::Coalesce(base, other) => {
            keys(base, known, into);
            reads(other, known, into);
        }
        _ => {}
    }
}

/// Whether one place lies in the other.
pub(super) fn overlap(a: &Place, b: &Place) -> bool {
    a.iter().zip(b).all(|(a, b)| match (a, b) {
        (Segment::Name(a), Segment::Name(b)) => a == b,
        _ => true,
    })
}

/// Whether what is read at one place and written at another, which overlap, is of the same item at each turn of the loops
/// around.
pub(super) fn of_one_item(read: &Place, write: &Place) -> bool {
    let mut pairs = read.iter().zip(write);
    pairs.all(|(read, write)| !matches!(write, Segment::Item(_)) || read == write)
}
