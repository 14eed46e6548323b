//! A claim of a node's `/var/log`, mounted by a pod of one's own: the kubelet follows links there as root, for whoever may read logs of
//! the pod or of the node. Whoever makes the pod may, or the account that it runs as.

use std::collections::BTreeMap;

use kspec_model::cluster::HostPath;

use super::{
    controls::{Attempt, Refusal},
    graph::{Cut, Graph},
    host::{self, Reach},
    identity::{Held, Holdings, why},
    power::Power,
    state::{Scope, State},
    step::StepKind,
    volumes::{CLAIMS, PODS},
};

/// A pod that somebody makes, what makes it, and what reads its logs.
#[derive(Clone, Copy)]
struct Logging<'a> {
    namespace: &'a str,
    attempt: Attempt,
    pod: Held<'a>,
    kind: StepKind,
    reads: Held<'a>,
}

/// Who reads logs, by where; what is held by name before what a group has.
struct Readers<'a> {
    everywhere: Option<Held<'a>>,
    inside: BTreeMap<&'a str, Held<'a>>,
}

impl<'a> Readers<'a> {
    fn of(holdings: &Holdings<'a>) -> Self {
        let mut readers = Self { everywhere: None, inside: BTreeMap::new() };
        let better = |known: Option<&Held<'a>>, held: &Held<'a>| known.is_none_or(|known| held.own && !known.own);
        // A name that is allowed is no pod's that a controller makes, and may be no node's.
        let all = [Power::ReadPodLogs, Power::ReadNodeLogs].into_iter().flat_map(|power| holdings.of(power));
        for held in all.filter(|held| held.names.is_empty()) {
            match held.scope {
                Scope::Namespace(namespace) if better(readers.inside.get(namespace), held) => {
                    readers.inside.insert(namespace, *held);
                }
                Scope::Namespace(_) => {}
                _ if better(readers.everywhere.as_ref(), held) => readers.everywhere = Some(*held),
                _ => {}
            }
        }
        readers
    }

    /// Who reads them in a namespace; by name, if `own` asks for it.
    fn there(&self, namespace: &str, own: bool) -> Option<Held<'a>> {
        let there = [self.inside.get(namespace), self.everywhere.as_ref()];
        there.into_iter().flatten().find(|held| held.own || !own).copied()
    }
}

impl<'a> Graph<'a> {
    /// Pods that somebody makes, and whose logs they read. One will do: a node's files are the same through each.
    pub(super) fn logs(&mut self, from: u32, holdings: &Holdings<'a>) {
        if !self.facts.claimable.values().flatten().any(is_of_logs) {
            return;
        }
        let readers = Readers::of(holdings);
        let mut refused: Vec<(Logging<'a>, &'a Refusal)> = Vec::new();
        for (power, kind) in PODS {
            for pod in holdings.of(power) {
                for namespace in self.places(pod) {
                    let Some(reads) = readers.there(namespace, !pod.own) else { continue };
                    // A pod that may be privileged has all of this.
                    if self.facts.cut(namespace, Attempt::NewPod).is_none() {
                        continue;
                    }
                    for attempt in CLAIMS.into_iter().filter(|attempt| self.log_claim(namespace, *attempt).is_some()) {
                        let logging = Logging { namespace, attempt, pod: *pod, kind, reads };
                        match self.facts.refusal(Some(namespace), attempt) {
                            Some(refusal) => refused.push((logging, refusal)),
                            None => return self.logging(from, from, logging, false, None),
                        }
                    }
                }
            }
        }
        let Some((first, refusal)) = refused.first().copied() else { return };
        self.logging(from, from, first, false, Some(refusal));
        let lifts = |(logging, _): &(Logging<'a>, _)| {
            let lifted = self.lifted(from, logging.namespace, &[logging.attempt], holdings)?;
            (lifted.own || logging.pod.own || logging.reads.own).then_some((*logging, lifted))
        };
        if let Some((logging, lifted)) = refused.iter().find_map(lifts) {
            self.step(from, lifted.to, lifted.kind, lifted.grounds);
            let there = self.id(lifted.to);
            self.logging(there, from, logging, true, None);
        }
    }

    /// Draws one: the pod that is made, and its logs that are read.
    fn logging(&mut self, at: u32, from: u32, of: Logging<'a>, lifted: bool, refusal: Option<&'a Refusal>) {
        let Logging { namespace, attempt, pod, kind, reads } = of;
        let made = State::LoggingPod { namespace, attempt, lifted, from };
        self.step(at, made, kind, why(&[&pod]));
        let made = self.id(made);
        self.read_by(made, Some(namespace), &reads, (attempt, refusal.map(Cut::Refused)));
    }

    /// A pod of one's own that runs as an account which reads logs; of what was refused it by the namespace's labels nothing is left once
    /// they are `relabelled`.
    pub(super) fn logs_of_account(
        &mut self,
        id: u32,
        namespace: &'a str,
        (attempt, cut): (Attempt, Option<Cut<'a>>),
        relabelled: bool,
    ) {
        if self.log_claim(namespace, attempt).is_none() {
            return;
        }
        let mut found: Option<(Held<'a>, Option<Cut<'a>>)> = None;
        for name in self.facts.accounts.get(namespace).cloned().unwrap_or_default() {
            let Some(reads) = Readers::of(&self.holdings_of_account(namespace, name)).there(namespace, false) else {
                continue;
            };
            let refusal = self.facts.refusal_of(Some(namespace), Attempt::Account, Some(name));
            let refusal = refusal.filter(|refusal| refusal.lasting || !relabelled);
            if found.is_none() || refusal.is_none() {
                found = Some((reads, refusal.map(Cut::Refused)));
            }
            if refusal.is_none() {
                break;
            }
        }
        if let Some((reads, of_account)) = found {
            self.read_by(id, Some(namespace), &reads, (attempt, cut.or(of_account)));
        }
    }

    fn read_by(
        &mut self,
        id: u32,
        namespace: Option<&'a str>,
        reads: &Held<'a>,
        (attempt, cut): (Attempt, Option<Cut<'a>>),
    ) {
        let Some(mount) = namespace.and_then(|namespace| self.log_claim(namespace, attempt)) else { return };
        let fact = format!("{}{}", host::said(mount), self.as_whom(namespace));
        self.known_step(id, State::AnyNodeRead, StepKind::ReadThroughLogs, why(&[reads]), fact, cut);
        self.is_part_of(attempt);
    }

    /// What of a node's logs a pod there may claim.
    fn log_claim(&self, namespace: &'a str, attempt: Attempt) -> Option<&HostPath> {
        let place = (attempt == Attempt::BoundClaim).then_some(namespace);
        self.facts.claimable.get(&place)?.iter().find(|mount| is_of_logs(mount))
    }
}

fn is_of_logs(mount: &HostPath) -> bool {
    host::reach(mount, false).contains(&Reach::Logs)
}
