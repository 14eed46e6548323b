//! What a chain to root on a node takes, as far as what would cut it goes: not every control is about every way.

use super::{
    answer::Paths,
    controls::Attempt,
    graph::{Edge, Via},
    host::{self, Reach},
    state::{Scope, State},
    step::StepKind,
};

/// By what a chain comes to be root on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeWay {
    /// A pod or container of one's own, where no Pod Security level is enforced: one would refuse it.
    Unlevelled,
    /// Likewise, where no level would: Pod Security is off, or exempts the namespace, the user or a runtime class.
    Exempt,
    /// Likewise, once labels or policies are changed, or in a namespace that is made for it.
    Lifted,
    /// A persistent volume of one's own, in a pod of one's own: Pod Security looks behind no claim ("Pod Security Standards").
    OwnVolume,
    /// A persistent volume of a node's path that is there, in a pod of one's own.
    Claimed,
    /// A pod that runs open to its node, by its own fields.
    Running,
    /// A pod that runs with a claim of a node's path.
    RunningClaim,
}

impl<'a> Paths<'a> {
    /// By what a way comes to a node; none where it ends elsewhere.
    pub(super) fn node_way(&self, way: &[&Edge<'a>]) -> Option<NodeWay> {
        let state = |id: u32| self.graph.states.get(id as usize).copied();
        if !matches!(state(way.last()?.to)?, State::Node(_) | State::AnyNode) {
            return None;
        }
        let last = way.iter().rposition(|edge| matches!(edge.via, Via::Step(_)))?;
        let edge = way.get(last)?;
        let from = state(edge.from)?;
        Some(match edge.of {
            Some(Attempt::Claim | Attempt::BoundClaim) if edge.via == Via::Step(StepKind::MountVolume) => {
                NodeWay::OwnVolume
            }
            Some(Attempt::Claim | Attempt::BoundClaim) => NodeWay::Claimed,
            Some(Attempt::AddedClaim) => NodeWay::RunningClaim,
            Some(Attempt::AddedMount) => NodeWay::Running,
            Some(_) => match from {
                State::NewPod(Scope::Namespace(namespace)) => self.where_made(namespace),
                State::Added(key) => self.where_made(key.namespace.as_deref().unwrap_or_default()),
                State::FreeContainer(..) => NodeWay::Exempt,
                // Who is exempt makes it without any of this.
                State::FreePod(..) => {
                    let made = last.checked_sub(1).and_then(|before| state(way.get(before)?.from));
                    if matches!(made, Some(State::Freed(..))) { NodeWay::Lifted } else { NodeWay::Exempt }
                }
                _ => NodeWay::Lifted,
            },
            None if edge.via == Via::Step(StepKind::LeaveByHostPath) && self.by_claims_alone(from) => {
                NodeWay::RunningClaim
            }
            None => NodeWay::Running,
        })
    }

    /// Whether a level would refuse there what is open to its node.
    fn where_made(&self, namespace: &str) -> NodeWay {
        let defaults = &self.graph.facts.cluster.pod_security;
        let is_exempt = defaults.off || defaults.by_runtime_class || defaults.namespaces.contains(namespace);
        if is_exempt { NodeWay::Exempt } else { NodeWay::Unlevelled }
    }

    /// Whether a pod has the paths that lead to its node by claims, all of them.
    fn by_claims_alone(&self, state: State<'a>) -> bool {
        let State::Inside(key) = state else { return false };
        let pod = self.graph.facts.cluster.workloads.get(key).map(|facts| &facts.pod);
        let mut paths = pod.into_iter().flat_map(|pod| &pod.host_paths);
        paths.all(|path| path.volume.is_some() || !host::reach(path, false).contains(&Reach::Node))
    }
}
