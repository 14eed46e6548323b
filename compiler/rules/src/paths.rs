//! Paths that rules of a table have in common, each read once a request.
//!
//! `object.spec.containers` stands in most rules on pods, and `c.securityContext` in many of those that go over them. Each such
//! path has a number in its table, and what it leads to is kept for the next rule that reads it: under the request, or under
//! the list's item that it begins at. What is kept depends on the request alone, so that no rule's verdict depends on the
//! rules before it; a path costs its steps, kept or not.

use std::sync::Arc;

use kspec_model::rules::{Root, Ty};
use rustc_hash::FxHashMap;

use crate::compile::Node;
use crate::value::Val;

/// The most values that are kept at once: beyond, lists' items keep nothing, and their paths are read each time.
const CELLS: usize = 16 << 10;

/// A path, and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) start: Start,
    /// Among the paths that begin alike.
    number: usize,
    /// How it is read: one step from a shorter path.
    pub(crate) plain: Arc<Node>,
    /// Nodes that are evaluated where nothing is kept.
    pub(crate) steps: usize,
}

/// What a path begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// A part of the request.
    Request,
    /// The item in this slot.
    Item(usize),
}

/// A step of a path.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// `.name`
    Field(Arc<str>),
    /// `["key"]`
    Key(Arc<str>),
    /// The value as its type.
    Convert,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Base {
    Root(Root),
    Item,
    Path(usize),
}

/// The numbers of a table's paths.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    request: FxHashMap<(Base, Step, Ty), usize>,
    item: FxHashMap<(Base, Step, Ty), usize>,
}

impl Paths {
    /// The path a step further than a node, if that is one; `item`: whether a slot holds the item of a list that is one.
    pub(crate) fn step(
        &mut self,
        from: &Node,
        step: impl FnOnce() -> Step,
        ty: &Ty,
        item: impl FnOnce(usize) -> bool,
    ) -> Option<(Start, usize)> {
        let (start, base) = match from {
            Node::Root(root) => (Start::Request, Base::Root(*root)),
            Node::Slot(slot) if item(*slot) => (Start::Item(*slot), Base::Item),
            Node::Shared(shared) => (shared.start, Base::Path(shared.number)),
            _ => return None,
        };
        let numbers = match start {
            Start::Request => &mut self.request,
            Start::Item(_) => &mut self.item,
        };
        let next = numbers.len();
        Some((start, *numbers.entry((base, step(), ty.clone())).or_insert(next)))
    }

    /// Room for what a request's paths lead to.
    pub(crate) fn room<'a>(&self) -> Kept<'a> {
        let mut cells = Vec::with_capacity(self.request.len() + 4 * self.item.len());
        cells.resize_with(self.request.len(), Cell::default);
        Kept { cells, width: self.item.len() }
    }
}

impl Shared {
    pub(crate) fn new((start, number): (Start, usize), plain: Node) -> Self {
        let steps = |base: &Node| if let Node::Shared(path) = base { path.steps } else { 1 };
        let steps = match &plain {
            Node::Field(base, ..) | Node::Convert(base, _) => 1 + steps(base),
            Node::Index(base, ..) => 2 + steps(base),
            _ => 1,
        };
        Self { start, number, plain: Arc::new(plain), steps }
    }
}

/// What a path led to.
#[derive(Debug, Default)]
struct Cell<'a> {
    value: Option<Val<'a>>,
    /// Where the cells of its items are, if it is a list that was gone over.
    items: Option<usize>,
}

/// What the paths of one request led to: a row of cells for those that begin at the request, and one for each item of the lists
/// that were gone over.
#[derive(Debug, Default)]
pub(crate) struct Kept<'a> {
    cells: Vec<Cell<'a>>,
    /// Cells of an item's row.
    width: usize,
}

impl<'a> Kept<'a> {
    pub(crate) fn get(&self, row: usize, path: &Shared) -> Option<&Val<'a>> {
        self.cells.get(row + path.number)?.value.as_ref()
    }

    pub(crate) fn put(&mut self, row: usize, path: &Shared, value: &Val<'a>) {
        if let Some(cell) = self.cells.get_mut(row + path.number) {
            cell.value = Some(value.clone());
        }
    }

    /// The first row of a list's items; none where there are too many.
    pub(crate) fn rows(&mut self, row: usize, path: &Shared, items: usize) -> Option<usize> {
        let next = self.cells.len();
        let cell = self.cells.get_mut(row + path.number)?;
        if let Some(first) = cell.items {
            return Some(first);
        }
        let more = items.checked_mul(self.width).filter(|more| next + more <= CELLS)?;
        cell.items = Some(next);
        self.cells.resize_with(next + more, Cell::default);
        Some(next)
    }

    /// The row of an item.
    pub(crate) const fn row(&self, first: usize, at: usize) -> usize {
        first + at * self.width
    }
}
