//! Persistent volumes of a node's paths: whoever may create one, and some pod, mounts what they like of any node, whatever Pod
//! Security says ("RBAC Good Practices", "Persistent volume creation", Kubernetes documentation).
//!
//! A pod claims a volume without `create` on claims: for an ephemeral volume, and for each `volumeClaimTemplates` of a StatefulSet,
//! the control plane makes the claim ("Ephemeral Volumes"). A pod that must not be root still writes: the kubelet gives the files of a
//! `local` volume to the pod's `fsGroup` (`pkg/volume/local`), which no level is about.

use super::{
    controls::Attempt,
    graph::Graph,
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
};

/// What gives someone a pod with the volumes that they like, and the step that it is.
pub(super) const PODS: [(Power, StepKind); 3] = [
    (Power::CreatePods, StepKind::CreatePod),
    (Power::CreateCustom, StepKind::CreatePod),
    (Power::RewriteTemplates, StepKind::RewriteTemplate),
];

/// What admission is asked of pods that mount volumes which are there: bound already, or free for any claim.
pub(super) const CLAIMS: [Attempt; 2] = [Attempt::BoundClaim, Attempt::Claim];

impl<'a> Graph<'a> {
    /// The pods that someone has mount a volume of theirs.
    pub(super) fn volumes(&mut self, from: u32, holdings: &Holdings<'a>) {
        for (power, kind) in PODS {
            for (_, volume, pod) in holdings.pairs(Power::CreateVolumes, power) {
                let places = self.places(&pod);
                let open = places.iter().find(|place| self.facts.refusal(Some(place), Attempt::Claim).is_none());
                // One will do.
                let Some(namespace) = open.or(places.first()).copied() else { continue };
                let closed: &[&'a str] = if open.is_none() { &places } else { &[] };
                let lift = |place: &&'a str| Some((*place, self.lifted(from, place, &[Attempt::Claim], holdings)?));
                let lifted = closed.iter().find_map(lift);
                if !(volume.own || pod.own || lifted.as_ref().is_some_and(|(_, lifted)| lifted.own)) {
                    continue;
                }
                let asked = (None, Attempt::Volume, None);
                self.ask(from, State::Volume(from), StepKind::CreateVolume, &[&volume], asked, holdings);
                let there = self.id(State::Volume(from));
                let claims = State::ClaimingPod { namespace, lifted: false, from };
                self.step(there, claims, kind, why(&[&pod]));
                if let Some((namespace, lifted)) = lifted {
                    self.step(there, lifted.to, lifted.kind, lifted.grounds);
                    let lifted = self.id(lifted.to);
                    let claims = State::ClaimingPod { namespace, lifted: true, from };
                    self.step(lifted, claims, kind, why(&[&pod]));
                }
            }
        }
    }

    /// The namespaces where it gives someone pods.
    pub(super) fn places(&self, held: &Held<'a>) -> Vec<&'a str> {
        let (deed, facts) = (held.deed, &self.facts);
        if deed.power == Power::CreateCustom && !facts.serves(deed.group, deed.resource, deed.kind) {
            return Vec::new();
        }
        if deed.power == Power::RewriteTemplates && !held.names.is_empty() {
            let named = self.named_workloads(held);
            return named.into_iter().filter_map(|key| key.namespace.as_deref()).collect();
        }
        let scope = held.scope.inside();
        if deed.power != Power::RewriteTemplates {
            return self.namespaces_of(scope);
        }
        let with_templates = facts.templates.get(&(deed.group, deed.kind)).into_iter().flatten().copied();
        with_templates.filter(|namespace| scope.meet(Scope::Namespace(namespace)).is_some()).collect()
    }
}
