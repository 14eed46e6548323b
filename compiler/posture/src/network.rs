//! K0405, K0406 and K0408 to K0414: what is odd about the policies of a whole cluster.
//!
//! Of a program alone only that is told which needs no knowledge of others' workloads. Of the program's own policies that is left
//! out which is told of its declarations.

use kspec_analysis::net::{
    Direction, NetOptions,
    findings::{Cover, Example, Oddity, RuleAt, Services, oddities},
};
use kspec_diagnostics::{Finding, Place, codes};
use kspec_model::{
    LabelSelector, ObjectKey,
    cluster::{AdminPolicyFacts, PolicyTier},
};

use crate::Survey;

/// Resources of which a part unread would make what is told a guess.
pub(crate) const READ: [&str; 12] = [
    "adminnetworkpolicies",
    "baselineadminnetworkpolicies",
    "clusternetworkpolicies",
    "cronjobs",
    "daemonsets",
    "deployments",
    "jobs",
    "namespaces",
    "networkpolicies",
    "pods",
    "replicasets",
    "statefulsets",
];

pub(crate) fn check(survey: &Survey<'_>, findings: &mut Vec<Finding>) {
    if !survey.unread_of(&READ).is_empty() {
        return;
    }
    let found = oddities(&survey.cluster, &NetOptions::default(), &services(survey));
    let teller = Teller { survey };
    findings.extend(found.iter().filter(|oddity| teller.counts(oddity)).map(|oddity| teller.finding(oddity)));
}

/// Where DNS is: as `kspec.toml` says.
fn services(survey: &Survey<'_>) -> Services {
    survey.program.as_ref().map_or_else(Services::default, |(program, _)| {
        let network = &program.project.network;
        Services {
            dns_namespace: network.dns_namespace.clone(),
            dns_pods: LabelSelector { match_labels: network.dns_pods.clone(), match_expressions: Vec::new() },
            dns_ports: network.dns_ports.clone(),
        }
    })
}

struct Teller<'t, 'a> {
    survey: &'t Survey<'a>,
}

impl Teller<'_, '_> {
    fn counts(&self, oddity: &Oddity) -> bool {
        if !self.survey.is_whole() && !matches!(oddity, Oddity::NoDefaultDeny { .. } | Oddity::Ambiguous { .. }) {
            return false;
        }
        // A program that writes no network may well leave them to another.
        let leaves_networks = !self.survey.is_whole()
            && self.survey.program.as_ref().is_some_and(|(program, _)| program.networks.is_empty());
        if leaves_networks && matches!(oddity, Oddity::NoDefaultDeny { .. }) {
            return false;
        }
        // Policies that are not evaluated may consent where NetworkPolicies do not, and deny where these do not.
        let plain = self.survey.cluster.opaque.is_empty();
        match oddity {
            Oddity::SelectsNothing { policy } => !self.is_own(policy),
            Oddity::NamesNobody { at, .. } | Oddity::NoSuchPort { at, .. } => !self.is_own(&at.policy),
            Oddity::Superfluous { policy, covered_by, refused, .. } => {
                let all_own = self.is_own(policy) && covered_by.iter().all(|cover| self.is_own(&cover.policy));
                !all_own && (plain || !refused)
            }
            Oddity::DnsForgotten { policies, .. } => plain && !policies.iter().all(|policy| self.is_own(policy)),
            Oddity::OneSided { .. } | Oddity::NoDefaultDeny { .. } | Oddity::Needless { .. } => plain,
            Oddity::Vacuous { .. } | Oddity::Shadowed { .. } | Oddity::Ambiguous { .. } => true,
        }
    }

    /// Whether the program declares it.
    fn is_own(&self, policy: &ObjectKey) -> bool {
        matches!(self.survey.place(policy), Place::Source(_))
    }

    fn finding(&self, oddity: &Oddity) -> Finding {
        match oddity {
            Oddity::SelectsNothing { policy } => {
                let text = format!("{} selects no workload", name(policy));
                Finding::new(codes::EMPTY_SELECTOR, text, self.survey.place(policy))
                    .help("correct its selector, or delete it: it protects nothing as it stands")
            }
            Oddity::NamesNobody { at, peer, on_node } => self.names_nobody(at, *peer, *on_node),
            Oddity::NoSuchPort { at, port, protocol, destination, .. } => {
                let (kind, same) = match protocol {
                    Some(protocol) => (format!("{} port", protocol.as_str()), "of that name and protocol"),
                    None => ("port".to_owned(), "of that name"),
                };
                let text = format!("no pod that {} is about has a {kind} `{port}`", rule(at));
                Finding::new(codes::UNKNOWN_PORT_NAME, text, self.survey.place(&at.policy))
                    .because(format!("names `{port}`"))
                    .witness(vec![format!("{destination} declares no container port {same}")])
                    .help("name the port as the containers do, or give its number: the rule allows nothing on it")
            }
            Oddity::OneSided { at, refusing, example, refused_by, .. } => {
                let (other, verb) = match at.direction {
                    Direction::Egress => ("ingress", "allows connections to"),
                    Direction::Ingress => ("egress", "allows connections from"),
                };
                let text = format!("{} {verb} {}, whose own {other} refuses them", rule(at), listed(refusing));
                let finding = Finding::new(codes::ONE_SIDED_RULE, text, self.survey.place(&at.policy))
                    .because("allows it")
                    .witness(vec![example.to_string()])
                    .help(format!(
                        "give the other end's {other} a rule for it, or take this one out: `kspec net explain` says which policy to change"
                    ));
                refused_by.iter().fold(finding, |finding, policy| {
                    finding.label(self.survey.place(policy), format!("refuses it: {}", name(policy)))
                })
            }
            Oddity::Superfluous { policy, rule, covered_by, refused } => {
                self.superfluous(policy, *rule, covered_by, *refused)
            }
            Oddity::Vacuous { policy, direction } => {
                let half = direction.map(|direction| format!("the {} of ", side(direction))).unwrap_or_default();
                let text = format!("{half}{} isolates and allows everything, so that it changes nothing", name(policy));
                Finding::new(codes::VACUOUS_POLICY, text, self.survey.place(policy))
                    .help("delete it, or narrow its rules: a pod that no policy isolates is as open")
            }
            Oddity::Shadowed { at, by, example } => {
                let text = format!("{} is never asked: earlier rules decide everything that it names", rule(at));
                let finding = Finding::new(codes::SHADOWED_RULE, text, self.survey.place(&at.policy))
                    .because("comes too late")
                    .witness(vec![example.to_string()])
                    .help("give it a lower priority number, put it before what decides now, or delete it");
                by.iter().take(LISTED).fold(finding, |finding, earlier| {
                    finding.label(self.survey.place(&earlier.policy), format!("decides before: {}", rule(earlier)))
                })
            }
            Oddity::Needless { policy, rule: which, by, example } => self.needless(policy, *which, by, example),
            Oddity::Ambiguous { says, example } => {
                let names: Vec<_> = says.iter().map(|at| name(&at.policy)).collect();
                let text = format!("{} have one priority and say different things", names.join(" and "));
                let place = says.first().map_or_else(|| Place::Object("".into()), |at| self.survey.place(&at.policy));
                let finding = Finding::new(codes::AMBIGUOUS_PRIORITY, text, place)
                    .because(says.first().map(rule).unwrap_or_default())
                    .witness(vec![example.to_string(), "which of them decides is not defined".to_owned()])
                    .help("give one of them another priority: the lower number comes first");
                says.iter().skip(1).fold(finding, |finding, at| {
                    finding.label(self.survey.place(&at.policy), format!("says otherwise: {}", rule(at)))
                })
            }
            Oddity::DnsForgotten { workloads, policies, example, calls } => {
                let text = format!("{} may not ask DNS", listed(workloads));
                let first = policies.first();
                let place = first.map_or_else(|| Place::Object("".into()), |policy| self.survey.place(policy));
                let finding = Finding::new(codes::DNS_FORGOTTEN, text, place)
                    .because(first.map(|policy| format!("isolates: {}", name(policy))).unwrap_or_default())
                    .witness(vec![
                        format!("{} looks up the name of {calls}", example.src),
                        format!("{example} is dropped"),
                        "the connection is never tried".to_owned(),
                    ])
                    .help("allow egress to the cluster's DNS pods on UDP and TCP, and their ingress");
                policies.iter().skip(1).fold(finding, |finding, policy| {
                    finding.label(self.survey.place(policy), format!("isolates: {}", name(policy)))
                })
            }
            Oddity::NoDefaultDeny { namespace, directions, open } => self.no_default(namespace, directions, open),
        }
    }

    fn names_nobody(&self, at: &RuleAt, peer: Option<usize>, on_node: bool) -> Finding {
        let what = match peer {
            Some(peer) => format!("peer {peer} of {}", rule(at)),
            None => rule(at),
        };
        let finding =
            Finding::new(codes::EMPTY_SELECTOR, format!("{what} names no pod"), self.survey.place(&at.policy));
        if on_node {
            finding
                .witness(vec![
                    "the pods that it means are on their nodes' network, where no selector recognises them".to_owned(),
                ])
                .help("name their nodes' addresses instead")
        } else {
            finding.help("correct its selectors, or delete it: nothing comes of it as it stands")
        }
    }

    fn superfluous(
        &self,
        policy: &ObjectKey,
        which: Option<(Direction, usize)>,
        covered_by: &[Cover],
        refused: bool,
    ) -> Finding {
        let what = which.map_or_else(
            || name(policy),
            |(direction, number)| rule(&RuleAt { policy: policy.clone(), direction, rule: number }),
        );
        let finding = Finding::new(
            codes::SUPERFLUOUS_POLICY,
            format!("{what} changes nothing: every connection stays as it is without it"),
            self.survey.place(policy),
        );
        let mut witness = Vec::new();
        if refused {
            witness.push("the rest of what it allows is refused by the other ends".to_owned());
        }
        let finding = covered_by.iter().take(LISTED).fold(finding, |finding, cover| {
            let says = match (which, cover.rule) {
                (Some((direction, _)), Some(rule)) => format!("holds it: rule {rule} of its {}", side(direction)),
                _ => format!("holds it: {}", name(&cover.policy)),
            };
            finding.label(self.survey.place(&cover.policy), says)
        });
        let finding = if witness.is_empty() { finding } else { finding.witness(witness) };
        finding.help("delete it, or narrow what holds it: policies only add up")
    }

    fn needless(
        &self,
        policy: &ObjectKey,
        which: Option<(Direction, usize)>,
        by: &[RuleAt],
        example: &Example,
    ) -> Finding {
        let what = which.map_or_else(
            || name(policy),
            |(direction, number)| rule(&RuleAt { policy: policy.clone(), direction, rule: number }),
        );
        let text = format!("{what} changes nothing: without it every connection fares the same");
        let baseline = |facts: &AdminPolicyFacts| facts.tier == PolicyTier::Baseline;
        let then = match self.survey.cluster.admin_policies.get(policy) {
            _ if !by.is_empty() => "which another rule would decide the same",
            Some(facts) if baseline(facts) => "which is allowed all the same where nothing denies it",
            _ => "which goes on to the next tier all the same",
        };
        let finding = Finding::new(codes::SUPERFLUOUS_POLICY, text, self.survey.place(policy))
            .because("changes nothing")
            .witness(vec![format!("it decides {example}, {then}")])
            .help("delete it, or narrow what decides the same");
        by.iter().take(LISTED).fold(finding, |finding, other| {
            finding.label(self.survey.place(&other.policy), format!("decides the same: {}", rule(other)))
        })
    }

    fn no_default(&self, namespace: &str, directions: &[Direction], open: &[String]) -> Finding {
        let sides: Vec<_> = directions.iter().map(|direction| side(*direction)).collect();
        let key = ObjectKey {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: namespace.to_owned(),
        };
        let text = format!("namespace `{namespace}` does not deny {} by default", sides.join(" and "));
        let witness = if open.is_empty() {
            "a new pod that no other policy selects is open".to_owned()
        } else {
            format!("no policy isolates {}", listed(open))
        };
        Finding::new(codes::NO_DEFAULT_DENY, text, self.survey.place(&key)).witness(vec![witness]).help(
            "write `network in … { default deny }`, or a NetworkPolicy with an empty podSelector and no rules, after allowing what is needed",
        )
    }
}

/// Names listed before the rest is counted.
const LISTED: usize = 6;

fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}

fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
}

fn rule(at: &RuleAt) -> String {
    format!("rule {} of the {} of {}", at.rule, side(at.direction), name(&at.policy))
}

fn name(policy: &ObjectKey) -> String {
    match &policy.namespace {
        Some(namespace) => format!("{} {namespace}/{}", policy.kind, policy.name),
        None => format!("{} {}", policy.kind, policy.name),
    }
}
