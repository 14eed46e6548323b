//! What pods and containers of one's own still get of a node where being root on it is refused them: each is another request, about which
//! admission is asked by itself.

use kspec_model::{ObjectKey, cluster::HostPath};

use super::{
    controls::Attempt,
    graph::{Cut, Graph},
    state::{Scope, State},
    step::StepKind,
};

impl<'a> Graph<'a> {
    /// A container that somebody adds to a pod: what the pod has, its node, and secrets. A level that Pod Security enforces is asked of
    /// the whole pod, volumes included, but not of what a claim stands for.
    pub(super) fn container(&mut self, id: u32, state: State<'a>, key: &'a ObjectKey) {
        let place = key.namespace.as_deref();
        let node = self.facts.cluster.workloads.get(key).and_then(|facts| facts.pod.node.as_deref());
        let refused = |graph: &Self, attempt| graph.facts.refusal(place, attempt).map(Cut::Refused);
        let root = |graph: &mut Self, cut| graph.body_step(id, State::Node(node), StepKind::RunPrivileged, cut, None);
        let secrets = State::Secrets(Scope::Namespace(place.unwrap_or_default()));
        match state {
            State::UnheldContainer(_, Attempt::AddedSecret, _) => {
                self.body_step(id, secrets, StepKind::MountSecret, None, None);
            }
            State::UnheldContainer(_, attempt @ (Attempt::AddedMount | Attempt::AddedClaim), _) => {
                self.mounts_anew(id, key, attempt, None);
            }
            State::UnheldContainer(..) => root(self, None),
            State::FreeContainer(..) => {
                let cut = refused(self, Attempt::AddedContainer);
                root(self, cut);
                if cut.is_some() {
                    for attempt in [Attempt::AddedMount, Attempt::AddedClaim] {
                        let cut = refused(self, attempt);
                        self.mounts_anew(id, key, attempt, cut);
                    }
                }
            }
            _ => {
                self.choice(id, State::Inside(key));
                let cut = place.and_then(|namespace| self.facts.cut(namespace, Attempt::AddedContainer));
                root(self, cut);
                if cut.is_some() {
                    for attempt in [Attempt::AddedMount, Attempt::AddedClaim] {
                        let cut = self.cut_mount(key, attempt);
                        self.mounts_anew(id, key, attempt, cut);
                    }
                }
                // Its variables may be of any secret; a level is about none.
                if place.is_some() {
                    let cut = refused(self, Attempt::AddedSecret);
                    self.body_step(id, secrets, StepKind::MountSecret, cut, None);
                }
            }
        }
    }

    /// What keeps an added container from mounting its pod's volumes.
    pub(super) fn cut_mount(&self, key: &'a ObjectKey, attempt: Attempt) -> Option<Cut<'a>> {
        let namespace = key.namespace.as_deref()?;
        match attempt {
            Attempt::AddedMount => self.facts.cut(namespace, attempt),
            _ => self.facts.refusal(Some(namespace), attempt).map(Cut::Refused),
        }
    }

    /// Whether a pod has volumes that an attempt is about.
    pub(super) fn has_volumes(&self, key: &'a ObjectKey, attempt: Attempt) -> bool {
        self.volumes_of(key, attempt).next().is_some()
    }

    fn volumes_of(&self, key: &'a ObjectKey, attempt: Attempt) -> impl Iterator<Item = &'a HostPath> + use<'a> {
        let pod = self.facts.cluster.workloads.get(key).map(|facts| &facts.pod);
        let volumes = pod.into_iter().flat_map(|pod| &pod.host_volumes);
        volumes.filter(move |path| path.volume.is_some() == (attempt == Attempt::AddedClaim))
    }

    /// A container that is added to a pod mounts what it likes of the pod's volumes, each as a whole, and writes there where the volume
    /// itself is not read-only ("Ephemeral Containers", Kubernetes documentation).
    fn mounts_anew(&mut self, id: u32, key: &'a ObjectKey, attempt: Attempt, cut: Option<Cut<'a>>) {
        let Some(facts) = self.facts.cluster.workloads.get(key) else { return };
        let volumes: Vec<&'a HostPath> = self.volumes_of(key, attempt).collect();
        for mount in &volumes {
            self.mounted(id, facts.pod.node.as_deref(), mount, cut);
        }
        self.read_through_logs(id, (key, facts), volumes, cut);
    }

    /// A pod of one's own that is not root on its node, but sees its processes.
    pub(super) fn node_processes(&mut self, id: u32, cut: Option<Cut<'a>>) {
        self.body_step(id, State::AnyNodeFiles, StepKind::ReadNeighbours, cut, Some("hostPID is true".to_owned()));
    }
}
