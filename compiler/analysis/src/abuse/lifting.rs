//! What somebody gets out of their way by relabelling a namespace or taking policies away, before they add a container to a pod that
//! runs, or claim a volume.

use std::collections::BTreeSet;

use kspec_model::ObjectKey;

use super::{
    controls::Attempt,
    graph::{Graph, Ground},
    identity::{Held, Holdings, why},
    power::Power,
    refusals::{TAKES, relabels, takes_away},
    state::{Scope, State},
    step::StepKind,
};

/// How somebody lifts everything that refuses an attempt in a namespace.
#[derive(Debug)]
pub(super) struct Lifted<'a> {
    pub(super) to: State<'a>,
    pub(super) kind: StepKind,
    pub(super) grounds: Vec<Ground<'a>>,
    /// Whether some of it is held by name, and not by a group.
    pub(super) own: bool,
}

impl<'a> Graph<'a> {
    /// Containers that somebody adds where what holds them back is theirs to lift.
    pub(super) fn added(&mut self, from: u32, holdings: &Holdings<'a>) {
        let mut powers = TAKES.into_iter().chain([Power::LabelNamespaces]);
        if powers.all(|power| holdings.of(power).is_empty()) {
            return;
        }
        for held in holdings.of(Power::AddContainers) {
            // One of a node's pods will do for the node, and one of a namespace's for its secrets.
            let (mut nodes, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
            for key in self.pods_of(held) {
                let Some(namespace) = key.namespace.as_deref() else { continue };
                let node = self.facts.cluster.workloads.get(key).and_then(|facts| facts.pod.node.as_deref());
                if self.facts.cut(namespace, Attempt::AddedContainer).is_some() && !nodes.contains(&node) {
                    if self.adds(from, (namespace, key), Attempt::AddedContainer, held, holdings) {
                        nodes.insert(node);
                    } else {
                        self.adds_mounts(from, (namespace, key), held, holdings);
                    }
                }
                if self.facts.refusal(Some(namespace), Attempt::AddedSecret).is_some() && namespaces.insert(namespace) {
                    self.adds(from, (namespace, key), Attempt::AddedSecret, held, holdings);
                }
            }
        }
    }

    /// One that is not root on its node may mount what its pod has of the node.
    fn adds_mounts(
        &mut self,
        from: u32,
        (namespace, key): (&'a str, &'a ObjectKey),
        held: &Held<'a>,
        holdings: &Holdings<'a>,
    ) {
        for attempt in [Attempt::AddedMount, Attempt::AddedClaim] {
            if self.has_volumes(key, attempt) && self.cut_mount(key, attempt).is_some() {
                self.adds(from, (namespace, key), attempt, held, holdings);
            }
        }
    }

    /// Whether somebody adds such a container.
    fn adds(
        &mut self,
        from: u32,
        (namespace, key): (&'a str, &'a ObjectKey),
        attempt: Attempt,
        held: &Held<'a>,
        holdings: &Holdings<'a>,
    ) -> bool {
        let lifted = self.lifted(from, namespace, &[Attempt::AnyContainer, attempt], holdings);
        let Some(lifted) = lifted.filter(|lifted| lifted.own || held.own) else { return false };
        self.step(from, lifted.to, lifted.kind, lifted.grounds);
        let there = self.id(lifted.to);
        self.step(there, State::UnheldContainer(key, attempt, from), StepKind::AddContainer, why(&[held]));
        true
    }

    /// Workloads whose pods it is about.
    fn pods_of(&self, held: &Held<'a>) -> Vec<&'a ObjectKey> {
        if !held.names.is_empty() {
            return self.named_workloads(held);
        }
        let inside = |namespace: &str| held.scope.meet(Scope::Namespace(namespace)).is_some();
        let there = self.facts.workloads.iter().filter(|(namespace, _)| inside(namespace));
        there.flat_map(|(_, pods)| pods.iter().map(|(key, _)| *key)).collect()
    }

    /// How somebody lifts all that refuses the last of these attempts, each of which its request is. A level of Pod Security is in the
    /// way of containers that are root on their node.
    pub(super) fn lifted(
        &self,
        from: u32,
        namespace: &'a str,
        attempts: &[Attempt],
        holdings: &Holdings<'a>,
    ) -> Option<Lifted<'a>> {
        let attempt = *attempts.last()?;
        let levelled = matches!(attempt, Attempt::AddedContainer | Attempt::AddedMount);
        let mut labels = levelled && self.facts.pod_security(namespace).is_some();
        let mut taken: Vec<&Held<'a>> = Vec::new();
        for refusal in attempts.iter().filter_map(|attempt| self.facts.refusal(Some(namespace), *attempt)) {
            if labels && !refusal.lasting {
                continue;
            }
            let mut takes = TAKES.into_iter().flat_map(|power| holdings.of(power));
            match takes.find(|held| takes_away(held, refusal)) {
                Some(take) if taken.iter().any(|known| std::ptr::eq(*known, take)) => {}
                Some(take) => taken.push(take),
                None if !refusal.lasting => labels = true,
                None => return None,
            }
        }
        let (to, kind) = match taken.is_empty() {
            true => (State::Relabelled(namespace, attempt, from), StepKind::LiftPodSecurity),
            false => (State::Unruled(Some(namespace), attempt, from), StepKind::TakePolicy),
        };
        if labels {
            taken.push(relabels(holdings, namespace)?);
        }
        Some(Lifted { to, kind, grounds: why(&taken), own: taken.iter().any(|held| held.own) })
    }
}
