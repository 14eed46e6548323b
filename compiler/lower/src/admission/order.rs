//! Whether a mutation's statements may run one after the other over whole lists, as patches do, where the evaluator goes
//! through them item by item.
//!
//! A patch sees what the patches before it made. So a condition that stands around several statements is asked before each
//! of them, and a statement goes through all items before the next one begins. Both mean the same unless something is read
//! that another statement writes; what is read and written is known here as far as the names in its path go.

use std::sync::Arc;

use kspec_model::rules::{Change, Each, Expr, Op, Root};

use super::cel::Unsaid;

/// Names of fields and keys from the object; [`ANY`] is an item of a list.
type Path<'m> = Vec<&'m str>;

const ANY: &str = "*";
/// How many items a list has.
const LENGTH: &str = "#";

/// Refuses statements whose patches would mean something else.
pub(super) fn check(changes: &[Change]) -> Result<(), Unsaid> {
    completed_between(&written(changes, &mut Items::default()))?;
    all(changes, &mut Items::default())
}

/// The API server completes the object after each patch: a limit that is written becomes the request where there is none,
/// before the request's own default.
fn completed_between(written: &[Path<'_>]) -> Result<(), Unsaid> {
    for (at, limit) in written.iter().enumerate() {
        if let Some(request) = request_of(limit)
            && written.iter().skip(at + 1).any(|later| *later == request)
        {
            let why = "the API server makes a request of a limit before the request's default: state the request first";
            return Err(Unsaid(why.to_owned()));
        }
    }
    Ok(())
}

/// Where the request of a limit is.
fn request_of<'m>(limit: &Path<'m>) -> Option<Path<'m>> {
    match limit.as_slice() {
        [around @ .., "resources", "limits", resource] => {
            Some([around, &["resources", "requests", *resource]].concat())
        }
        _ => None,
    }
}

/// Variables and where they are in the object, where that is known.
#[derive(Default)]
struct Items<'m> {
    bound: Vec<(&'m Arc<str>, Option<Path<'m>>)>,
}

/// Something that is read: where, and the place of the variable among [`Items`] through which.
struct Read<'m> {
    path: Path<'m>,
    through: Option<usize>,
}

fn all<'m>(changes: &'m [Change], items: &mut Items<'m>) -> Result<(), Unsaid> {
    changes.iter().try_for_each(|change| one(change, items))
}

fn one<'m>(change: &'m Change, items: &mut Items<'m>) -> Result<(), Unsaid> {
    match change {
        Change::For { item, over, body } => {
            for list in over {
                let (list, filter) = split(list);
                let own = items.bound.len();
                items.bound.push((
                    item,
                    items.path(list).map(|mut path| {
                        path.push(ANY);
                        path
                    }),
                ));
                let written = written(body, items);
                if let Some((var, condition)) = filter {
                    items.bound.push((var, items.bound.get(own).and_then(|(_, path)| path.clone())));
                    let read = items.reads(condition);
                    items.bound.pop();
                    asked_again(&read, &written)?;
                    from_others(&read, &written, own)?;
                }
                if written.len() > 1 {
                    from_others(&of_changes(body, items), &written, own)?;
                }
                let done = all(body, items);
                items.bound.pop();
                done?;
            }
            Ok(())
        }
        Change::If { when, body } => {
            asked_again(&items.reads(when), &written(body, items))?;
            all(body, items)
        }
        Change::Write { .. } | Change::Remove { .. } => Ok(()),
    }
}

/// A list that is ranged over, and what its items must be.
fn split(list: &Expr) -> (&Expr, Option<(&Arc<str>, &Expr)>) {
    match &list.op {
        Op::Each { what: Each::Filter, over, item, value: None, body } => (over, Some((item, body))),
        _ => (list, None),
    }
}

/// A condition must not read what a statement after which it is asked again writes.
fn asked_again(read: &[Read<'_>], written: &[Path<'_>]) -> Result<(), Unsaid> {
    let before = written.split_last().map_or(&[][..], |(_, before)| before);
    if read.iter().any(|read| before.iter().any(|write| overlap(&read.path, write))) {
        return Err(Unsaid("several statements hang on one condition, which the first may change".to_owned()));
    }
    Ok(())
}

/// What is read other than through the item itself must not be written for another item.
fn from_others(read: &[Read<'_>], written: &[Path<'_>], own: usize) -> Result<(), Unsaid> {
    let elsewhere = read.iter().filter(|read| read.through.is_none_or(|through| through < own));
    if elsewhere.into_iter().any(|read| written.iter().any(|write| overlap(&read.path, write))) {
        return Err(Unsaid("a statement for one item reads what another may have changed".to_owned()));
    }
    Ok(())
}

/// Whether one place lies in the other.
fn overlap(one: &[&str], other: &[&str]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other || *one == ANY || *other == ANY)
}

/// What statements write, in their order.
fn written<'m>(changes: &'m [Change], items: &mut Items<'m>) -> Vec<Path<'m>> {
    let mut paths = Vec::new();
    for change in changes {
        match change {
            Change::For { item, over, body } => {
                for list in over {
                    let mut path = items.path(split(list).0);
                    if let Some(path) = &mut path {
                        path.push(ANY);
                    }
                    items.bound.push((item, path));
                    paths.extend(written(body, items));
                    items.bound.pop();
                }
            }
            Change::If { body, .. } => paths.extend(written(body, items)),
            // What is not known may be anything.
            Change::Write { place, .. } | Change::Remove { place, .. } => {
                paths.push(items.path(place).unwrap_or_default());
            }
        }
    }
    paths
}

/// What statements read besides their places.
fn of_changes<'m>(changes: &'m [Change], items: &mut Items<'m>) -> Vec<Read<'m>> {
    let mut reads = Vec::new();
    for change in changes {
        match change {
            Change::For { item, over, body } => {
                for list in over {
                    let (list, filter) = split(list);
                    let mut path = items.path(list);
                    if let Some(path) = &mut path {
                        path.push(ANY);
                    }
                    items.bound.push((item, path.clone()));
                    if let Some((var, condition)) = filter {
                        items.bound.push((var, path));
                        reads.extend(items.reads(condition));
                        items.bound.pop();
                    }
                    reads.extend(of_changes(body, items));
                    items.bound.pop();
                }
            }
            Change::If { when, body } => {
                reads.extend(items.reads(when));
                reads.extend(of_changes(body, items));
            }
            Change::Write { value, .. } => reads.extend(items.reads(value)),
            Change::Remove { .. } => {}
        }
    }
    reads
}

impl<'m> Items<'m> {
    /// Where a chain of fields and keys leads, as far as that is known; none for what is no place.
    fn path(&self, expr: &'m Expr) -> Option<Path<'m>> {
        self.place(expr).map(|read| read.path)
    }

    fn place(&self, expr: &'m Expr) -> Option<Read<'m>> {
        let (mut names, mut at) = (Vec::new(), expr);
        loop {
            match &at.op {
                Op::Field(base, name) => {
                    names.push(&**name);
                    at = base;
                }
                Op::Index(base, key) => {
                    match &key.op {
                        Op::Const(kspec_model::rules::Const::Text(name)) => names.push(&**name),
                        _ => names.push(ANY),
                    }
                    at = base;
                }
                Op::Convert(base) => at = base,
                Op::Root(Root::Object) => {
                    names.reverse();
                    return Some(Read { path: names, through: None });
                }
                Op::Var(var) => {
                    let (through, (_, path)) =
                        self.bound.iter().enumerate().rev().find(|(_, (name, _))| *name == var)?;
                    let mut path = path.clone()?;
                    path.extend(names.into_iter().rev());
                    return Some(Read { path, through: Some(through) });
                }
                _ => return None,
            }
        }
    }

    /// Every place of the object that an expression reads.
    fn reads(&mut self, expr: &'m Expr) -> Vec<Read<'m>> {
        let mut found = Vec::new();
        self.collect(expr, &mut found);
        found
    }

    fn collect(&mut self, expr: &'m Expr, found: &mut Vec<Read<'m>>) {
        if let Some(read) = self.place(expr) {
            found.push(read);
            // Keys are read too.
            let mut at = expr;
            while let Op::Field(base, _) | Op::Convert(base) | Op::Index(base, _) = &at.op {
                if let Op::Index(_, key) = &at.op {
                    self.collect(key, found);
                }
                at = base;
            }
            return;
        }
        match &expr.op {
            Op::Each { over, item, value, body, .. } => {
                let list = self.place(over);
                let path = match list {
                    Some(Read { mut path, through }) => {
                        found.push(Read { path: path.iter().copied().chain([LENGTH]).collect(), through });
                        path.push(ANY);
                        Some((path, through))
                    }
                    None => {
                        self.collect(over, found);
                        None
                    }
                };
                let before = found.len();
                let own = self.bound.len();
                self.bound.push((item, path.as_ref().map(|(path, _)| path.clone())));
                if let Some(value) = value {
                    self.bound.push((value, path.as_ref().map(|(path, _)| path.clone())));
                }
                self.collect(body, found);
                self.bound.truncate(own);
                // What is read through the item is read through whatever the list was.
                for read in found.iter_mut().skip(before).filter(|read| read.through.is_some_and(|at| at >= own)) {
                    read.through = path.as_ref().and_then(|(_, through)| *through);
                }
            }
            Op::Let(var, value, body) => {
                self.collect(value, found);
                self.bound.push((var, None));
                self.collect(body, found);
                self.bound.pop();
            }
            op => {
                let mut children = Vec::new();
                op.for_each_child(&mut |child| children.push(child));
                children.into_iter().for_each(|child| self.collect(child, found));
            }
        }
    }
}
