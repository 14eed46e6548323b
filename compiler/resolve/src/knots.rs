//! Items that need each other.

use std::{collections::BTreeSet, sync::Arc};

use kspec_diagnostics::ItemId;
use rustc_hash::FxHashMap;

use crate::db::Unit;

/// How far the search has come with an item.
struct Seen {
    number: usize,
    /// The least number of an open item that is reached from here.
    low: usize,
    open: bool,
}

/// The sets of several items that draw on each other, among what `from` draws on: the strongly connected components (Tarjan,
/// "Depth-first search and linear graph algorithms", 1972), without recursion on the machine's stack.
pub(crate) fn knots<'u>(
    from: impl IntoIterator<Item = &'u ItemId>,
    units: &FxHashMap<ItemId, Arc<Unit>>,
) -> Vec<BTreeSet<ItemId>> {
    let mut seen: FxHashMap<ItemId, Seen> = FxHashMap::default();
    let mut open: Vec<ItemId> = Vec::new();
    let mut knots = Vec::new();
    for root in from {
        let mut entered = Some(*root).filter(|root| !seen.contains_key(root));
        let mut trail = Vec::new();
        loop {
            if let Some((id, unit)) = entered.take().and_then(|id| Some((id, units.get(&id)?))) {
                let number = seen.len();
                seen.insert(id, Seen { number, low: number, open: true });
                open.push(id);
                trail.push((id, unit.uses.items.iter()));
            }
            let Some((id, drawn)) = trail.last_mut() else { break };
            let id = *id;
            if let Some(next) = drawn.next() {
                match seen.get(next).map(|next| (next.open, next.number)) {
                    None => entered = Some(*next),
                    Some((true, number)) => lower(&mut seen, id, number),
                    Some((false, _)) => {}
                }
                continue;
            }
            trail.pop();
            let Some(Seen { number, low, .. }) = seen.get(&id) else { continue };
            let (number, low) = (*number, *low);
            if let Some((above, _)) = trail.last() {
                lower(&mut seen, *above, low);
            }
            if low == number {
                let at = open.iter().rposition(|other| *other == id).unwrap_or_default();
                let knot: BTreeSet<ItemId> = open.drain(at..).collect();
                for member in &knot {
                    if let Some(seen) = seen.get_mut(member) {
                        seen.open = false;
                    }
                }
                if knot.len() > 1 {
                    knots.push(knot);
                }
            }
        }
    }
    knots
}

fn lower(seen: &mut FxHashMap<ItemId, Seen>, id: ItemId, to: usize) {
    if let Some(seen) = seen.get_mut(&id) {
        seen.low = seen.low.min(to);
    }
}
