//! Persistent volumes of a node's paths: whoever may create one, and some pod, mounts what they like of any node, whatever Pod
//! Security says ("RBAC Good Practices", "Persistent volume creation", Kubernetes documentation).
//!
//! A pod claims a volume without `create` on claims: for an ephemeral volume, and for each `volumeClaimTemplates` of a StatefulSet,
//! the control plane makes the claim ("Ephemeral Volumes").

use super::{
    graph::Graph,
    identity::{Held, Holdings, why},
    power::Power,
    state::State,
    step::StepKind,
};

/// What gives someone a pod with the volumes that they like, and the step that it is.
const PODS: [(Power, StepKind); 3] = [
    (Power::CreatePods, StepKind::CreatePod),
    (Power::CreateCustom, StepKind::CreatePod),
    (Power::RewriteTemplates, StepKind::RewriteTemplate),
];

impl<'a> Graph<'a> {
    /// The pods that someone has mount a volume of theirs.
    pub(super) fn volumes(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (power, kind) in PODS {
            for (_, volume, pod) in holdings.both(Power::CreateVolumes, power) {
                let Some(namespace) = self.place(&pod) else { continue };
                self.step(from, State::Volume(from), StepKind::CreateVolume, why(&[&volume]));
                let there = self.id(State::Volume(from));
                self.step(there, State::ClaimingPod(namespace, from), kind, why(&[&pod]));
            }
        }
    }

    /// A namespace where it gives them a pod; one will do.
    fn place(&self, held: &Held<'a>) -> Option<&'a str> {
        let (deed, facts) = (held.deed, &self.facts);
        if deed.power == Power::CreateCustom && !facts.serves(deed.group, deed.resource, deed.kind) {
            return None;
        }
        if deed.power == Power::RewriteTemplates && !held.names.is_empty() {
            return self.named_workloads(held).into_iter().find_map(|key| key.namespace.as_deref());
        }
        let mut places = self.namespaces_of(held.scope.inside()).into_iter();
        match deed.power {
            Power::RewriteTemplates => {
                places.find(|namespace| facts.templates.contains(&(deed.group, deed.kind, namespace)))
            }
            _ => places.next(),
        }
    }
}
