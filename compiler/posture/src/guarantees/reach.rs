//! `… reaches …`: what policies let through, asked of sets of ends.

use std::collections::BTreeSet;

use ipnet::IpNet;
use kspec_analysis::{
    access::{Extent, Pattern, SubjectRef},
    net::{Connections, Direction, Effect, End, Ends, Half, Packet, Part, Reach, Why},
};
use kspec_diagnostics::Place;
use kspec_model::{
    LabelSelector, ObjectKey,
    cluster::{Cluster, WorkloadFacts},
    program::{Peer, PortRef, Reaches, RoleRef, RoleRule},
};

use super::{EMPTY, Outcome, Prover, Responsible, Violation, edges::edges_of, minimal::settled, say, short};
use crate::network::READ;

/// Resources that lead callers from outside to pods: with [`READ`], those of which a part unread would make an answer a guess.
const ENTRIES: [&str; 2] = ["ingresses", "services"];

/// What brings pods with labels of one's own choice about.
const MAKERS: &[(&str, &str)] = &[
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
];

/// How many subjects are named.
const NAMED: usize = 8;
/// What a workload is to itself.
const ANOTHER: &str = "another of its pods";

impl Prover<'_, '_> {
    pub(super) fn reaches(
        &self,
        always: bool,
        reaches: &Reaches,
        reach: &Reach<'_>,
        notes: &mut Vec<String>,
    ) -> Outcome {
        let (from, to) = (self.ends(&reaches.from, reach, true), self.ends(&reaches.to, reach, false));
        for (peer, ends) in [(&reaches.from, &from), (&reaches.to, &to)] {
            if ends.is_empty() {
                notes.push(format!("there is no {} here, so that nothing is shown for it", peer_text(peer)));
            }
        }
        let ports = match ports(reaches, &to, reach, &self.program.project.network.dns_ports) {
            Ok(ports) => ports,
            Err(why) => return Outcome::NotDecided(why),
        };
        if let Some(why) = self.unread(&[READ.as_slice(), &ENTRIES].concat()) {
            return Outcome::NotDecided(why);
        }
        let unknown = unknown_because(reach, [&from, &to], reaches.through_any_path);
        notes.extend(self.joiners(reach, [&from, &to]));
        let violation = if always {
            match self.always_reaches(reaches, [&from, &to], ports.as_ref(), reach) {
                Ok(violation) => violation,
                Err(why) => return Outcome::NotDecided(why),
            }
        } else {
            self.never_reaches(reaches, [&from, &to], ports.as_ref(), reach)
        };
        match violation {
            _ if !unknown.is_empty() => {
                let names: Vec<String> = unknown.iter().map(short).collect();
                Outcome::NotDecided(format!("{} may change it, and is not evaluated", names.join(", ")))
            }
            Some(violation) => Outcome::Violated(violation),
            None if reaches.through_any_path && !reach.network().in_doubt().is_empty() => Outcome::NotDecided(format!(
                "some connection of a chain may pass, and which do is not defined: {}",
                names(&reach.network().in_doubt())
            )),
            None => {
                let open = ports.unwrap_or_else(Connections::all);
                match reach.doubtful(&from, &to, &open).filter(|_| !always) {
                    Some(packet) => Outcome::NotDecided(format!(
                        "whether {} is let through is not defined: {}",
                        packet_text(&packet),
                        names(&reach.network().in_doubt())
                    )),
                    None => self.whole_of_connections(),
                }
            }
        }
    }

    fn never_reaches(
        &self,
        reaches: &Reaches,
        [from, to]: [&Ends; 2],
        ports: Option<&Connections>,
        reach: &Reach<'_>,
    ) -> Option<Violation> {
        let open = ports.cloned().unwrap_or_else(Connections::all);
        let packets = if reaches.through_any_path {
            reach.chain(from, &self.handing_on(reaches, reach), to, &open)?
        } else {
            vec![reach.allowed(from, to, &open)?]
        };
        let (first, last) = (packets.first()?, packets.last()?);
        let there = match &first.src {
            Some(src) if packets.len() == 1 && *src == last.dst => format!("{}, {ANOTHER}", end_text(&last.dst)),
            _ => end_text(&last.dst),
        };
        let hops = if packets.len() > 1 { format!(", by {} connections", packets.len()) } else { String::new() };
        let message =
            format!("{} reaches {there} : {} {}{hops}", source_text(first), last.protocol.as_str(), last.port);
        let mut witness = Vec::new();
        let mut responsible: Vec<Responsible> = Vec::new();
        for packet in &packets {
            witness.push(format!("{} is let through", packet_text(packet)));
            for object in &packet.led_by {
                witness.push(format!("{} leads callers there", short(object)));
                responsible.push(self.responsible(object, format!("{} leads callers in", short(object))));
            }
            for (half, direction) in self.halves(packet, reach) {
                witness.push(format!("{}: {}", side(direction), half_text(&half)));
            }
        }
        responsible.extend(self.letting_through(&packets, reach));
        let mut seen = BTreeSet::new();
        responsible.retain(|responsible| seen.insert((responsible.place.clone(), responsible.text.clone())));
        let help = if responsible.is_empty() {
            "isolate one end: `default deny` in its namespace, with edges for what it needs"
        } else {
            "take away what lets it through, or narrow it"
        };
        Some(Violation { message, witness, responsible, help: help.to_owned() })
    }

    fn always_reaches(
        &self,
        reaches: &Reaches,
        [from, to]: [&Ends; 2],
        ports: Option<&Connections>,
        reach: &Reach<'_>,
    ) -> Result<Option<Violation>, String> {
        if reaches.through_any_path {
            return Err(EMPTY.to_owned());
        }
        let Some(packet) = reach.refused(from, to, ports) else { return Ok(None) };
        let halves = self.halves(&packet, reach);
        if let [(egress, _), (ingress, _)] = halves.as_slice()
            && egress.possible
            && ingress.possible
        {
            let doubt = names(&reach.network().in_doubt());
            return Err(format!("whether {} is let through is not defined: {doubt}", packet_text(&packet)));
        }
        let mut witness = vec![format!("{} is not let through", packet_text(&packet))];
        let mut help = "add the edge, at both ends where both are isolated".to_owned();
        if let (Some(End::Address(_)), End::Workload(key)) = (&packet.src, &packet.dst) {
            for lead in reach.leading_to(key) {
                witness.push(format!("{} leads callers there, and lets in no address that is refused", short(lead)));
                if lead.kind != "Service" {
                    help = "promise it of the pods that hand on what comes from outside, or add the edge".to_owned();
                }
            }
        }
        let mut responsible = Vec::new();
        for (half, direction) in halves.iter().filter(|(half, _)| !half.allowed) {
            witness.push(format!("{}: {}", side(*direction), half_text(half)));
            let which = if *direction == Direction::Egress { "outgoing" } else { "incoming" };
            responsible.extend(refusing(&packet, (half, *direction), reach).into_iter().map(|policy| {
                let isolates = policy.kind == "NetworkPolicy";
                let does = if isolates { "has no rule for, and isolates," } else { "denies" };
                let text = format!("{} {does} these {which} connections", short(&policy));
                self.responsible(&policy, text)
            }));
        }
        responsible.sort_by(|one, other| (&one.object, &one.text).cmp(&(&other.object, &other.text)));
        responsible.dedup();
        let message = format!("{} is not let through", packet_text(&packet));
        Ok(Some(Violation { message, witness, responsible, help }))
    }

    /// What both ends say to a packet; nothing for a caller that is led in. From one workload to itself, it is from one of its pods to
    /// another.
    fn halves(&self, packet: &Packet, reach: &Reach<'_>) -> Vec<(Half, Direction)> {
        let Some(src) = &packet.src else { return Vec::new() };
        let (asked, nothing) = ((packet.protocol, packet.port), BTreeSet::new());
        let half = |direction| {
            let half = reach.network().half_without((src, &packet.dst), asked, direction, Part::Whole, &nothing);
            half.map(|half| (half, direction))
        };
        [Direction::Egress, Direction::Ingress].into_iter().filter_map(half).collect()
    }

    /// Policies without which not all of these packets pass: with what every other one lets through or passes on left out, and what they
    /// isolate and deny left as it is, they do, and with one more left out they don't.
    fn letting_through(&self, packets: &[Packet], reach: &Reach<'_>) -> Vec<Responsible> {
        let network = reach.network();
        let mut halves = Vec::new();
        for packet in packets {
            let Some(src) = &packet.src else { continue };
            for (near, direction) in [(src, Direction::Egress), (&packet.dst, Direction::Ingress)] {
                halves.push((packet, src, direction, network.deciders(near, direction)));
            }
        }
        let all: BTreeSet<ObjectKey> = halves.iter().flat_map(|(.., deciders)| deciders).cloned().collect();
        let passes = |(packet, src, direction): (&Packet, &End, Direction), kept: &BTreeSet<ObjectKey>| {
            let gone = all.difference(kept).cloned().collect();
            let asked = (packet.protocol, packet.port);
            let half = network.half_without((src, &packet.dst), asked, direction, Part::Giving, &gone);
            half.is_none_or(|half| half.allowed)
        };
        let kept = settled(all.clone(), |kept| {
            halves.iter().all(|(packet, src, direction, _)| passes((packet, src, *direction), kept))
        });
        let mut responsible = Vec::new();
        for policy in &kept {
            let mut others = kept.clone();
            others.remove(policy);
            let stopped =
                halves.iter().filter(|(packet, src, direction, _)| !passes((packet, src, *direction), &others));
            responsible.extend(stopped.map(|(packet, ..)| self.policy(policy, packet, reach)));
        }
        responsible
    }

    /// A policy that lets a packet through: an edge, where the program has one for it, else itself.
    fn policy(&self, policy: &ObjectKey, packet: &Packet, reach: &Reach<'_>) -> Responsible {
        let place = self.coming.place(self.survey, policy);
        let ours = matches!(place, Place::Source(_));
        let edge = if ours { edges_of(self.program, packet, reach).first().copied() } else { None };
        match edge {
            Some(origin) => Responsible {
                object: policy.clone(),
                place: origin.at.into(),
                text: "this edge lets it through".to_owned(),
            },
            None => self.responsible(policy, format!("{} lets it through", short(policy))),
        }
    }

    /// Pods that may be in the middle of a chain: those that are there for another guarantee alone are not.
    fn handing_on(&self, reaches: &Reaches, reach: &Reach<'_>) -> Ends {
        reach.workloads(|key, _| {
            let others = self.pods.and_then(|pods| pods.only_for.get(key));
            others.is_none_or(|peers| peers.contains(&reaches.from) || peers.contains(&reaches.to))
        })
    }

    /// The ends that a peer means.
    fn ends(&self, peer: &Peer, reach: &Reach<'_>, calls: bool) -> Ends {
        let ranges = &self.program.project.network;
        // Pods that are there for other peers alone are no ends of this one.
        let workloads = |meant: &dyn Fn(&ObjectKey, &WorkloadFacts) -> bool| {
            reach.workloads(|key, facts| {
                let others = self.pods.and_then(|pods| pods.only_for.get(key));
                others.is_none_or(|peers| peers.contains(peer)) && meant(key, facts)
            })
        };
        match peer {
            Peer::Workload { namespace, name } => {
                let declared =
                    self.program.workloads.iter().find(|one| one.namespace == *namespace && one.name == *name);
                workloads(&|key, facts| {
                    key.namespace.as_ref() == Some(namespace)
                        && declared.is_some_and(|workload| workload.pods.matches(&facts.labels))
                })
            }
            Peer::Namespace(name) => workloads(&|key, _| key.namespace.as_ref() == Some(name)),
            Peer::All => workloads(&|_, _| true),
            Peer::Any => {
                let all = workloads(&|_, _| true).or(reach.addresses(None, &[]));
                if calls { all.with_callers() } else { all }
            }
            Peer::Dns => workloads(&|key, facts| {
                key.namespace.as_ref() == Some(&ranges.dns_namespace)
                    && ranges.dns_pods.iter().all(|(label, value)| facts.labels.get(label) == Some(value))
            }),
            Peer::Internet => {
                let own: Vec<IpNet> =
                    ranges.pods.iter().chain(&ranges.services).chain(&ranges.nodes).copied().collect();
                let outside = reach.addresses(None, &own);
                if calls { outside.with_callers() } else { outside }
            }
            Peer::Cidr { block, except } => reach.addresses(Some(block), except),
            Peer::Pods { pods, namespaces } => workloads(&|key, facts| {
                pods.matches(&facts.labels)
                    && match namespaces {
                        Some(namespaces) => self.is_of(key, namespaces),
                        None => true,
                    }
            }),
        }
    }

    fn is_of(&self, key: &ObjectKey, namespaces: &LabelSelector) -> bool {
        let facts = key.namespace.as_ref().and_then(|namespace| self.coming.cluster.namespaces.get(namespace));
        facts.is_some_and(|facts| namespaces.matches(&facts.labels))
    }

    /// Who may make pods where the ends are, and so decide which labels run there.
    fn joiners(&self, reach: &Reach<'_>, ends: [&Ends; 2]) -> Vec<String> {
        let namespaces: BTreeSet<&str> =
            ends.into_iter().flat_map(|ends| reach.keys(ends)).filter_map(|key| key.namespace.as_deref()).collect();
        let known = namespaces.into_iter().filter(|name| !self.coming.namespaces.contains_key(*name));
        let known: BTreeSet<&str> = known.collect();
        if known.is_empty() {
            return Vec::new();
        }
        let mut subjects = BTreeSet::new();
        let mut system = BTreeSet::new();
        for maker in self.makers.get_or_init(|| makers(&self.coming.cluster)) {
            if maker.namespace.as_deref().is_none_or(|namespace| known.contains(namespace)) {
                if maker.built_in {
                    system.insert(&maker.subject)
                } else {
                    subjects.insert(&maker.subject)
                };
            }
        }
        let mut named: Vec<String> = subjects.iter().take(NAMED).map(|subject| say(subject)).collect();
        if subjects.len() > NAMED {
            named.push(format!("{} more", subjects.len() - NAMED));
        }
        if !system.is_empty() {
            named.push(format!("{} of the system's own", system.len()));
        }
        if named.is_empty() {
            named.push("nobody by RBAC".to_owned());
        }
        let places: Vec<String> = known.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if known.len() > NAMED { format!(" and {} more", known.len() - NAMED) } else { String::new() };
        vec![format!("who may make pods in {}{more}, with whatever labels: {}", places.join(", "), named.join(", "))]
    }
}

/// Somebody who may make pods.
pub(super) struct Maker {
    subject: SubjectRef,
    /// Where; everywhere without one.
    namespace: Option<String>,
    built_in: bool,
}

fn makers(cluster: &Cluster) -> Vec<Maker> {
    let patterns = MAKERS.iter().flat_map(|(group, resource)| {
        ["create", "update", "patch"].map(|verb| Pattern { verb, group, resource, subresource: "", name: None })
    });
    let patterns: Vec<Pattern<'_>> = patterns.collect();
    let makes = |rule: &RoleRule| patterns.iter().any(|pattern| pattern.is_allowed_by(rule, Extent::Some));
    let roles: BTreeSet<&RoleRef> =
        cluster.roles.iter().filter(|(_, facts)| facts.rules.iter().any(makes)).map(|(role, _)| role).collect();
    let bindings = cluster.bindings.iter().filter(|(_, facts)| roles.contains(&facts.role));
    let all = bindings.flat_map(|(binding, facts)| {
        facts.subjects.iter().map(|subject| Maker {
            subject: SubjectRef::from(subject),
            namespace: binding.namespace.clone(),
            built_in: facts.built_in,
        })
    });
    all.filter(|maker| !maker.subject.is_masters()).collect()
}

/// The ports that are meant, none for any.
fn ports(reaches: &Reaches, to: &Ends, reach: &Reach<'_>, dns: &[u16]) -> Result<Option<Connections>, String> {
    let mut all = Connections::none();
    if reaches.to == Peer::Dns {
        for port in dns {
            for protocol in [kspec_model::program::Protocol::Udp, kspec_model::program::Protocol::Tcp] {
                all = all.union(&Connections::range(protocol, *port, *port));
            }
        }
        return Ok(Some(all));
    }
    for port in &reaches.ports {
        let more = match port {
            PortRef::Number(spec) => Connections::range(spec.protocol, spec.first, spec.last),
            PortRef::Protocol(protocol) => Connections::protocol(*protocol),
            PortRef::Named { name, protocol } => {
                let numbers = reach.keys(to).flat_map(|key| reach.network().port_numbers(key, name, *protocol));
                let found = numbers
                    .fold(Connections::none(), |all, number| all.union(&Connections::range(*protocol, number, number)));
                if found.is_empty() {
                    return Err(format!("no pod there has a port called `{name}`"));
                }
                found
            }
        };
        all = all.union(&more);
    }
    Ok((!reaches.ports.is_empty()).then_some(all))
}

/// Objects that are not evaluated and may have a say.
fn unknown_because(reach: &Reach<'_>, ends: [&Ends; 2], anywhere: bool) -> BTreeSet<ObjectKey> {
    let network = reach.network();
    if anywhere {
        return network.unknown_because(None).into_iter().collect();
    }
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    for key in ends.into_iter().flat_map(|ends| reach.keys(ends)) {
        if seen.insert(key.namespace.as_deref()) {
            let end = End::Workload(key.clone());
            found.extend(network.unknown_because(Some((&end, &end))));
        }
    }
    found
}

/// Policies without which an end would consent to a packet that it refuses: were all that they say of the direction left out, it would, and
/// with any of them there it would not.
fn refusing(packet: &Packet, (half, direction): (&Half, Direction), reach: &Reach<'_>) -> BTreeSet<ObjectKey> {
    let Some(src) = &packet.src else { return BTreeSet::new() };
    let network = reach.network();
    let near = if direction == Direction::Egress { src } else { &packet.dst };
    let denies = |policy: &ObjectKey| {
        let said = half.says.iter().find(|say| say.policy == *policy);
        said.is_some_and(|say| matches!(say.effect, Effect::NoRule | Effect::Denies))
    };
    // What does not refuse it now stays first.
    let all: BTreeSet<(bool, ObjectKey)> =
        network.deciders(near, direction).into_iter().map(|policy| (denies(&policy), policy)).collect();
    let found = settled(all, |gone| {
        let gone = gone.iter().map(|(_, policy)| policy.clone()).collect();
        let asked = (packet.protocol, packet.port);
        let half = network.half_without((src, &packet.dst), asked, direction, Part::Whole, &gone);
        half.is_some_and(|half| half.allowed)
    });
    found.into_iter().map(|(_, policy)| policy).collect()
}

const fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
}

fn of_effect(half: &Half, effect: Effect) -> impl Iterator<Item = &ObjectKey> {
    half.says.iter().filter(move |say| say.effect == effect).map(|say| &say.policy)
}

fn half_text(half: &Half) -> String {
    let by = |effect: Effect| of_effect(half, effect).map(short).collect::<Vec<_>>().join(", ");
    match half.why {
        Why::Outside => "outside the cluster, where no policy applies".to_owned(),
        Why::HostNetwork => "on its node's network, where no policy applies".to_owned(),
        Why::Itself => "a pod always reaches itself".to_owned(),
        Why::NotSelected => "no policy isolates this end".to_owned(),
        Why::Default => "no policy decides, so that it is allowed".to_owned(),
        Why::Rule => format!("allowed by {}", by(Effect::Allows)),
        Why::NoRule => format!("isolated by {}, without a rule for it", by(Effect::NoRule)),
        Why::AdminRule if half.allowed => format!("allowed by {}", by(Effect::Allows)),
        Why::AdminRule => format!("denied by {}", by(Effect::Denies)),
        Why::Ambiguous => "not defined".to_owned(),
    }
}

fn packet_text(packet: &Packet) -> String {
    let itself = packet.src.as_ref() == Some(&packet.dst);
    let other = if itself { format!(", {ANOTHER}") } else { String::new() };
    let (from, to) = (source_text(packet), end_text(&packet.dst));
    format!("{from} → {to}{other} : {} {}", packet.protocol.as_str(), packet.port)
}

fn source_text(packet: &Packet) -> String {
    packet.src.as_ref().map_or_else(|| "a caller from outside".to_owned(), end_text)
}

pub(super) fn end_text(end: &End) -> String {
    match end {
        End::Workload(key) => {
            format!("{}/{}[{}]", key.namespace.as_deref().unwrap_or_default(), key.name, key.kind)
        }
        End::Address(address) => address.to_string(),
    }
}

fn peer_text(peer: &Peer) -> String {
    match peer {
        Peer::Workload { namespace, name } => format!("workload `{namespace}/{name}`"),
        Peer::Namespace(name) => format!("pod in namespace `{name}`"),
        Peer::Dns => "DNS pod".to_owned(),
        Peer::Internet | Peer::Cidr { .. } => "such address".to_owned(),
        Peer::All | Peer::Any | Peer::Pods { .. } => "such pod".to_owned(),
    }
}

fn names(objects: &[ObjectKey]) -> String {
    objects.iter().map(short).collect::<Vec<_>>().join(", ")
}
