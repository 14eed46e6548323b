//! The shortest way to a goal, from everywhere at once: breadth first, backwards.

use std::collections::VecDeque;

use super::graph::{Edge, Via};

/// For every state, the edge that its shortest way to the goals begins with.
#[derive(Debug)]
pub(super) struct Ways {
    next: Vec<Option<u32>>,
}

impl Ways {
    /// Edges that `open` refuses are not taken. Choices and memberships cost nothing, steps one each; of two ways as long the one
    /// wins whose edge was drawn first, so that an answer depends on the cluster alone.
    pub(super) fn to(goals: &[u32], states: usize, edges: &[Edge<'_>], open: impl Fn(&Edge<'_>) -> bool) -> Self {
        let mut into: Vec<Vec<u32>> = vec![Vec::new(); states];
        for (position, edge) in edges.iter().enumerate().filter(|(_, edge)| open(edge)) {
            if let (Some(list), Ok(position)) = (into.get_mut(edge.to as usize), u32::try_from(position)) {
                list.push(position);
            }
        }
        let mut distance = vec![u32::MAX; states];
        let mut next = vec![None; states];
        let mut queue = VecDeque::new();
        for goal in goals {
            if let Some(slot) = distance.get_mut(*goal as usize) {
                *slot = 0;
                queue.push_back((*goal, 0));
            }
        }
        while let Some((state, far)) = queue.pop_front() {
            if distance.get(state as usize).is_none_or(|known| *known < far) {
                continue;
            }
            for position in into.get(state as usize).into_iter().flatten() {
                let Some(edge) = edges.get(*position as usize) else { continue };
                let costs = u32::from(matches!(edge.via, Via::Step(_)));
                let from = edge.from as usize;
                if let (Some(known), Some(first)) = (distance.get_mut(from), next.get_mut(from))
                    && far + costs < *known
                {
                    *known = far + costs;
                    *first = Some(*position);
                    if costs == 0 {
                        queue.push_front((edge.from, far));
                    } else {
                        queue.push_back((edge.from, far + 1));
                    }
                }
            }
        }
        Self { next }
    }

    /// The edges of the way from a state, none where there is no way.
    pub(super) fn from<'e, 'a>(&self, state: u32, edges: &'e [Edge<'a>]) -> Vec<&'e Edge<'a>> {
        let mut way = Vec::new();
        let mut at = state;
        while let Some(edge) =
            self.next.get(at as usize).copied().flatten().and_then(|position| edges.get(position as usize))
        {
            way.push(edge);
            at = edge.to;
        }
        way
    }
}
