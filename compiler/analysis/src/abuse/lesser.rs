//! What pods and containers of one's own still get of a node where being root on it is refused them: each is another request, about which
//! admission is asked by itself.

use kspec_model::{ObjectKey, cluster::HostPath};

use super::{
    controls::Attempt,
    graph::{Cut, Graph},
    identity::{Held, why},
    refusals::takes_away,
    state::{Scope, State},
    step::StepKind,
    volumes::CLAIMS,
};

/// What a new pod may have of its node short of being root there.
pub(super) const LESS: [Attempt; 3] = [Attempt::HostProcess, Attempt::NodeProcesses, Attempt::NodeMemory];
/// New pods that have something of their node, the most first.
pub(super) const NODES: [Attempt; 4] =
    [Attempt::NewPod, Attempt::HostProcess, Attempt::NodeProcesses, Attempt::NodeMemory];

impl<'a> Graph<'a> {
    /// A container that somebody adds to a pod: what the pod has, its node, and secrets. A level that Pod Security enforces is asked of
    /// the whole pod, volumes included, but not of what a claim stands for.
    pub(super) fn container(&mut self, id: u32, state: State<'a>, key: &'a ObjectKey) {
        let place = key.namespace.as_deref();
        let node = self.facts.cluster.workloads.get(key).and_then(|facts| facts.pod.node.as_deref());
        let refused = |graph: &Self, attempt| graph.facts.refusal(place, attempt).map(Cut::Refused);
        let root = |graph: &mut Self, cut| {
            graph.part_step(id, State::Node(node), StepKind::RunPrivileged, (Attempt::AddedContainer, cut), None);
        };
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
        let on = self.on(facts.pod.node.as_deref());
        for mount in &volumes {
            for (to, kind, fact) in self.mounted(&on, mount) {
                self.part_step(id, to, kind, (attempt, cut), Some(fact));
            }
        }
        self.read_through_logs(id, (key, facts), volumes, cut);
    }

    /// A pod of one's own that is not root on its node: what it has of the node all the same, and of what claims stand for. Once a
    /// namespace is `relabelled`, nothing is left of what its labels refused.
    pub(super) fn less(&mut self, id: u32, namespace: Option<&'a str>, relabelled: bool) {
        for attempt in LESS {
            let cut = match namespace {
                Some(namespace) if !relabelled => self.facts.cut(namespace, attempt),
                _ => self.facts.lasting(namespace, attempt),
            };
            self.less_by(id, attempt, cut);
        }
        self.claims(id, namespace, relabelled);
    }

    /// What one such attempt gives. Of nodes of Windows a host process is administrator: what makes a pod root on the others means nothing
    /// to them.
    pub(super) fn less_by(&mut self, id: u32, attempt: Attempt, cut: Option<Cut<'a>>) {
        let (to, kind, field) = match attempt {
            Attempt::HostProcess if !self.facts.windows.is_empty() => {
                (State::AnyWindows, StepKind::RunPrivileged, "hostProcess")
            }
            Attempt::NodeProcesses => (State::AnyNodeFiles, StepKind::ReadNeighbours, "hostPID"),
            Attempt::NodeMemory if !self.facts.sharing.is_empty() => {
                (State::AnySharing, StepKind::ShareMemory, "hostIPC")
            }
            _ => return,
        };
        self.part_step(id, to, kind, (attempt, cut), Some(format!("{field} is true")));
    }

    /// What claims of a node's paths give a pod of one's own, whatever Pod Security says; of what was refused it by the namespace's
    /// labels nothing is left once they are `relabelled`.
    pub(super) fn claims(&mut self, id: u32, namespace: Option<&'a str>, relabelled: bool) {
        for attempt in CLAIMS {
            let refusal = self.facts.refusal(namespace, attempt).filter(|refusal| refusal.lasting || !relabelled);
            self.claimed(id, namespace, (attempt, refusal.map(Cut::Refused)), relabelled);
        }
    }

    /// As whom a pod mounts them. A level leaves it every group, and `restricted` every user but root: what the permissions of a node's files
    /// let these do nobody can tell from here.
    pub(super) fn as_whom(&self, namespace: Option<&'a str>) -> &'static str {
        match namespace.and_then(|namespace| self.facts.pod_security(namespace)) {
            Some(Cut::Level { level, .. }) if level != "baseline" => ", as any group and any user but root",
            _ => "",
        }
    }

    /// Claims of one kind.
    pub(super) fn claimed(
        &mut self,
        id: u32,
        namespace: Option<&'a str>,
        (attempt, cut): (Attempt, Option<Cut<'a>>),
        relabelled: bool,
    ) {
        let on = self.anywhere();
        let as_whom = self.as_whom(namespace);
        let place = if attempt == Attempt::BoundClaim { namespace } else { None };
        if attempt == Attempt::BoundClaim && place.is_none() {
            return;
        }
        for mount in self.facts.claimable.get(&place).cloned().unwrap_or_default() {
            for (to, kind, fact) in self.mounted(&on, &mount) {
                self.part_step(id, to, kind, (attempt, cut), Some(format!("{fact}{as_whom}")));
            }
        }
        if let Some(namespace) = namespace {
            self.logs_of_account(id, namespace, (attempt, cut), relabelled);
        }
    }

    /// Whether there are claims, or volumes for some, that an attempt is about.
    pub(super) fn has_claims(&self, namespace: &'a str, attempt: Attempt) -> bool {
        let place = (attempt == Attempt::BoundClaim).then_some(namespace);
        self.facts.claimable.contains_key(&place)
    }

    /// Claims that pods were refused, for whoever takes away what refuses them.
    pub(super) fn unruled_claims(
        &mut self,
        from: u32,
        taken: &Held<'a>,
        (pod, kind): (&Held<'a>, StepKind),
        namespace: &'a str,
    ) {
        for attempt in CLAIMS.into_iter().filter(|attempt| self.has_claims(namespace, *attempt)).collect::<Vec<_>>() {
            let refusal = self.facts.refusal(Some(namespace), attempt);
            if refusal.is_some_and(|refusal| takes_away(taken, refusal)) {
                let there = State::Unruled(Some(namespace), attempt, from);
                self.step(from, there, StepKind::TakePolicy, why(&[taken]));
                let there = self.id(there);
                self.step(there, State::UnruledPod(namespace, attempt, from), kind, why(&[pod]));
            }
        }
    }
}
