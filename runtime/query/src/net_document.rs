//! Answers about connectivity as documents: what `-o json` prints.

use kspec_analysis::net::{
    Connections, Deed, Direction, Effect, End, Exposure, Flip, Half, Network, Reach, Say, Verdict, Why,
};
use kspec_model::{ObjectKey, program::Protocol};
use kspec_plan::{Connectivity, short};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Place, document::QUERY_FORMAT, net_graph::SummaryDocument, shown};

/// The answer of `net reach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReachDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// A row for each pair that has any connection, sorted.
    pub rows: Vec<ReachRow>,
    /// Workloads that callers from outside are led to.
    pub internet: Vec<ReachRow>,
    /// Rows of which it is not defined whether they are allowed: `because` names the policies that share tier and priority, or
    /// have a peer that means addresses that are not in the objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambiguous: Vec<ReachRow>,
    /// Objects of kinds that are not evaluated: rows that they may change are left out, so that one that is not here is not
    /// known to be denied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<String>,
}

/// Who reaches whom on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReachRow {
    /// `ns/name[Kind]`, `a.b.c.d-e.f.g.h[External]` or `internet`.
    pub src: String,
    /// `ns/name[Kind]` or `a.b.c.d-e.f.g.h[External]`.
    pub dst: String,
    /// `All Connections`, or ports by protocol: `TCP 80,443-445,UDP 53`.
    pub conn: String,
    /// Policies that allow some of it; none where no policy isolates either end. Of `internet`: what leads callers in.
    pub because: Vec<String>,
}

impl ReachDocument {
    /// Of an answer; rows in doubt are left out.
    #[must_use]
    pub fn new(reach: &Reach<'_>) -> Self {
        let rows = reach.rows().into_iter().filter(|row| reach.doubts(row).is_empty()).map(|row| {
            let because = reach.because(&row).iter().map(short).collect();
            let conn = row.edge.connections.to_string();
            ReachRow { src: row.edge.src, dst: row.edge.dst, conn, because }
        });
        let in_doubt: Vec<_> = reach.network().in_doubt().iter().map(short).collect();
        let ambiguous = reach.ambiguous_rows().into_iter().map(|row| ReachRow {
            src: row.edge.src,
            dst: row.edge.dst,
            conn: row.edge.connections.to_string(),
            because: in_doubt.clone(),
        });
        let led = reach.exposures().into_iter().filter(|exposure| !exposure.connections.is_empty());
        let internet = led.map(|exposure| ReachRow {
            src: shown(&Place::Internet),
            dst: exposure.dst,
            conn: exposure.connections.to_string(),
            because: exposure.because.iter().map(short).collect(),
        });
        Self {
            format_version: QUERY_FORMAT,
            rows: rows.collect(),
            internet: if reach.unknown_because.is_empty() { internet.collect() } else { Vec::new() },
            ambiguous: ambiguous.collect(),
            unknown_because: reach.unknown_because.iter().map(short).collect(),
        }
    }
}

/// The answer of `net probe` and `net explain`; with `--batch`, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProbeDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Who opens the connection.
    pub src: String,
    /// Who is called.
    pub dst: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Port at the destination.
    pub port: u16,
    /// Whether it may be opened; null where objects that are not evaluated may change the answer, or it is ambiguous.
    pub allowed: Option<bool>,
    /// Whether what decides is not defined: policies of one tier and priority that say different things, or a peer that means
    /// addresses that are not in the objects.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ambiguous: bool,
    /// What decides, the source's side first: where it is denied, the sides that deny it.
    pub because: Vec<Reason>,
    /// Of `explain`: every policy that has a say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<Reason>>,
    /// Of `explain`: changes that together turn the answer round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<Vec<Change>>,
    /// Objects that are not evaluated and may change the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<String>,
}

/// What one side says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// `egress` at the source, `ingress` at the destination, `entry` for what leads callers from outside in.
    pub side: String,
    /// `allows`, `denies`, or `passes` (an administrators' rule that leaves it to what comes after).
    pub effect: String,
    /// `rule`, `no_rule` (policies select the end and none of their rules allows it), `not_selected` (no policy has a
    /// say), `default` (none decides), `host_network`, `outside` (policies do not apply to it), `itself` (both ends are one pod),
    /// `led_in`, `not_led_in`.
    pub why: String,
    /// The policy, or what leads callers in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The policy's rules that match, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<usize>,
    /// False where the rule's peer means addresses that are not in the objects, so that it may match or not.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    #[schemars(default = "yes")]
    pub certain: bool,
}

/// What `certain` is where it is not said.
fn yes() -> bool {
    true
}

/// A change to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// `egress` or `ingress`.
    pub side: String,
    /// `add_rule` (for the far end on the port), `narrow_rule` (so that it no longer holds the far end on the port), `put_before` (a
    /// rule of an administrators' policy, one that decides the other way), or `isolate` (a new policy that selects the near end).
    pub deed: String,
    /// The policy; absent for `isolate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule to narrow, or to put another before, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// Other workloads that the policy selects, to which the change applies as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<usize>,
    /// Whether the rule to add must be for every peer: the far end is on its node's network, where no selector recognises it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every_peer: bool,
}

/// The answer of `net diff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NetDiffDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// What opens and what closes.
    #[serde(flatten)]
    pub connectivity: Connectivity,
}

/// Schemas of the documents of `kspec net`, by name.
#[must_use]
pub fn net_schemas() -> [(&'static str, serde_json::Value); 4] {
    [
        ("net-reach", schemars::schema_for!(ReachDocument).to_value()),
        ("net-reach-summary", schemars::schema_for!(SummaryDocument).to_value()),
        ("net-probe", schemars::schema_for!(ProbeDocument).to_value()),
        ("net-diff", schemars::schema_for!(NetDiffDocument).to_value()),
    ]
}

fn side(direction: Direction) -> String {
    match direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
    .to_owned()
}

fn reasons(direction: Direction, half: &Half, every: bool) -> Vec<Reason> {
    let reason = |effect: &str, why: &str| Reason {
        side: side(direction),
        effect: effect.to_owned(),
        why: why.to_owned(),
        object: None,
        rules: Vec::new(),
        certain: true,
    };
    let free = match half.why {
        Why::Outside => "outside",
        Why::HostNetwork => "host_network",
        Why::NotSelected => "not_selected",
        Why::Itself => "itself",
        _ => "default",
    };
    let counts = |say: &&Say| match (half.why, say.effect) {
        (Why::Ambiguous, _) => true,
        (_, Effect::Allows) => half.allowed,
        (_, Effect::Denies | Effect::NoRule) => !half.allowed,
        (_, Effect::Passes) => false,
    };
    let said = half.says.iter().filter(|say| every || counts(say)).map(|say| {
        let (effect, why) = match say.effect {
            Effect::Allows => ("allows", "rule"),
            Effect::Denies => ("denies", "rule"),
            Effect::Passes => ("passes", "rule"),
            Effect::NoRule => ("denies", "no_rule"),
        };
        Reason {
            object: Some(short(&say.policy)),
            rules: say.rules.clone(),
            certain: say.certain,
            ..reason(effect, why)
        }
    });
    let mut reasons: Vec<_> = said.collect();
    if matches!(half.why, Why::Outside | Why::HostNetwork | Why::NotSelected | Why::Default) {
        reasons.push(reason("allows", free));
    }
    // Once for both ends, which are one.
    if half.why == Why::Itself && direction == Direction::Egress {
        reasons.push(reason("allows", free));
    }
    reasons
}

impl ProbeDocument {
    /// An answer not yet known.
    fn open(src: &Place, dst: &Place, protocol: Protocol, port: u16) -> Self {
        Self {
            format_version: QUERY_FORMAT,
            src: shown(src),
            dst: shown(dst),
            protocol: protocol.as_str().to_owned(),
            port,
            allowed: None,
            ambiguous: false,
            because: Vec::new(),
            policies: None,
            flip: None,
            unknown_because: Vec::new(),
        }
    }

    /// Asks about one connection; `exposures` are those of the cluster, where the source is the internet. With `explain`, tells every policy that has a say, and what would turn the answer round.
    ///
    /// # Errors
    /// When both ends are outside the cluster, where kspec sees nothing.
    pub fn ask(
        network: &Network<'_>,
        exposures: &[Exposure],
        (src, dst): (&Place, &Place),
        (protocol, port): (Protocol, u16),
        explain: bool,
    ) -> Result<Self, String> {
        let itself = matches!((src, dst), (Place::End(src), Place::End(dst)) if src.is_same_pod(dst));
        // Pods of a controller go by its name, unless it is one of them that is meant.
        let (standing_src, standing_dst) = (standing(network, src), standing(network, dst));
        let (src, dst) = if itself { (src, dst) } else { (&standing_src, &standing_dst) };
        let mut document = Self::open(src, dst, protocol, port);
        let outside =
            || format!("{} and {} are both outside the cluster, where no policy applies", shown(src), shown(dst));
        let any_address = End::Address(std::net::Ipv4Addr::UNSPECIFIED.into());
        let end = |place: &Place| match place {
            Place::End(end) => end.clone(),
            Place::Internet => any_address.clone(),
        };
        if let (End::Address(_), End::Address(_)) = (end(src), end(dst)) {
            return Err(outside());
        }
        if !itself {
            document.unknown_because =
                network.unknown_because(Some((&end(src), &end(dst)))).iter().map(short).collect();
        }
        let verdict = match (src, dst) {
            (Place::Internet, _) => {
                document.led_in(exposures, explain);
                return Ok(document);
            }
            (Place::End(src), Place::Internet) => network.probe_internet(src, protocol, port),
            (Place::End(src), Place::End(dst)) => network.probe(src, dst, protocol, port),
        };
        let verdict = verdict.ok_or_else(outside)?;
        document.because = because(&verdict);
        document.ambiguous = verdict.ambiguous;
        if document.unknown_because.is_empty() && !verdict.ambiguous {
            document.allowed = Some(verdict.allowed);
        }
        if explain {
            let halves = [(Direction::Egress, &verdict.egress), (Direction::Ingress, &verdict.ingress)];
            document.policies =
                Some(halves.into_iter().flat_map(|(direction, half)| reasons(direction, half, true)).collect());
            if document.allowed.is_some() {
                document.flip = Some(network.flip(&verdict).iter().map(Change::from).collect());
            }
        }
        Ok(document)
    }

    fn led_in(&mut self, exposures: &[Exposure], explain: bool) {
        let protocol = Protocol::parse(&self.protocol);
        let has =
            |connections: &Connections| protocol.is_some_and(|protocol| connections.contains(protocol, self.port));
        let there = exposures.iter().find(|exposure| exposure.dst == self.dst);
        self.ambiguous = there.is_some_and(|exposure| has(&exposure.ambiguous));
        let exposure = there.filter(|exposure| has(&exposure.connections) || self.ambiguous);
        let reason = |why: &str, effect: &str, object: Option<String>| Reason {
            side: "entry".to_owned(),
            effect: effect.to_owned(),
            why: why.to_owned(),
            object,
            rules: Vec::new(),
            certain: true,
        };
        if self.unknown_because.is_empty() && !self.ambiguous {
            self.allowed = Some(exposure.is_some());
        }
        self.because = match exposure {
            Some(exposure) => {
                exposure.because.iter().map(|object| reason("led_in", "allows", Some(short(object)))).collect()
            }
            None => vec![reason("not_led_in", "denies", None)],
        };
        if explain {
            self.policies = Some(self.because.clone());
        }
    }
}

/// The workload that an end counts as.
fn standing(network: &Network<'_>, place: &Place) -> Place {
    match place {
        Place::End(End::Workload(key)) => Place::End(End::Workload(network.stands_as(key).unwrap_or(key).clone())),
        other => other.clone(),
    }
}

fn because(verdict: &Verdict) -> Vec<Reason> {
    [(Direction::Egress, &verdict.egress), (Direction::Ingress, &verdict.ingress)]
        .into_iter()
        .filter(|(_, half)| verdict.allowed || !half.allowed && (!half.possible || verdict.ambiguous))
        .flat_map(|(direction, half)| reasons(direction, half, false))
        .collect()
}

impl From<&Flip> for Change {
    fn from(flip: &Flip) -> Self {
        let plain = |deed: &str, policy: Option<&ObjectKey>| Self {
            side: side(flip.direction),
            deed: deed.to_owned(),
            policy: policy.map(short),
            rule: None,
            others: None,
            every_peer: false,
        };
        match &flip.deed {
            Deed::PutBefore { policy, rule, others, every_peer } => Self {
                rule: Some(*rule),
                others: Some(*others),
                every_peer: *every_peer,
                ..plain("put_before", Some(policy))
            },
            Deed::AddRule { policy, others, every_peer } => {
                Self { others: Some(*others), every_peer: *every_peer, ..plain("add_rule", Some(policy)) }
            }
            Deed::NarrowRule { policy, rule } => Self { rule: Some(*rule), ..plain("narrow_rule", Some(policy)) },
            Deed::Isolate => plain("isolate", None),
        }
    }
}
