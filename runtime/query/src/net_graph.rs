//! Who reaches whom as a graph: by classes of ends, which is what can be drawn, and end by end, which is what can be looked up.

use std::collections::BTreeMap;

use kspec_analysis::net::{ClassEdges, EndClass, Reach, Summary};
use kspec_plan::short;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{document::QUERY_FORMAT, net_document::ReachDocument};

/// The answer of `net reach --summary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SummaryDocument {
    /// [`QUERY_FORMAT`].
    pub format_version: u32,
    /// Classes of ends: those of one namespace, or outside, that have the same connections with everyone.
    pub classes: Vec<ClassRow>,
    /// What each member of some classes reaches at each member of others, or at the others of its own. Any two classes are in one
    /// of them at most.
    pub edges: Vec<ClassEdgeRow>,
    /// Objects of kinds that are not evaluated and may change some of this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<String>,
    /// Policies of which it is not defined what they allow: `edges` has what is allowed for certain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambiguous_because: Vec<String>,
}

/// Ends with the same connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassRow {
    /// `ns/*` where it is every workload of the namespace and more than one, else its first member.
    pub name: String,
    /// The namespace; absent for addresses outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `ns/name[Kind]` or `a.b.c.d-e.f.g.h[External]`.
    pub members: Vec<String>,
}

/// Connections between classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassEdgeRow {
    /// The sources' places in `classes`. A class of one member says nothing of itself where it is in `dst` too.
    pub src: Vec<usize>,
    /// The destinations'.
    pub dst: Vec<usize>,
    /// As in `net reach`.
    pub conn: String,
}

impl SummaryDocument {
    /// Of an answer.
    #[must_use]
    pub fn new(reach: &Reach<'_>) -> Self {
        let Summary { classes, edges } = reach.summary();
        let row_of = |edge: ClassEdges| ClassEdgeRow {
            src: edge.sources,
            dst: edge.destinations,
            conn: edge.connections.to_string(),
        };
        Self {
            format_version: QUERY_FORMAT,
            edges: edges.into_iter().map(row_of).collect(),
            classes: classes.into_iter().map(row).collect(),
            unknown_because: reach.unknown_because.iter().map(short).collect(),
            ambiguous_because: in_doubt(reach),
        }
    }

    /// Pairs of classes with what the one reaches at the other, by source and destination.
    #[must_use]
    pub fn pairs(&self) -> Vec<(usize, usize, &str)> {
        let several = |number: usize| self.classes.get(number).is_some_and(|class| class.members.len() > 1);
        let of = |edge: &'_ ClassEdgeRow| {
            let sources = edge.src.clone();
            edge.dst.clone().into_iter().flat_map(move |dst| sources.clone().into_iter().map(move |src| (src, dst)))
        };
        let all = self.edges.iter().flat_map(|edge| of(edge).map(|(src, dst)| (src, dst, edge.conn.as_str())));
        let mut pairs: Vec<_> = all.filter(|(src, dst, _)| src != dst || several(*src)).collect();
        pairs.sort_unstable();
        pairs
    }
}

/// Policies by which it is not defined of some connection whether it is allowed.
#[must_use]
pub fn in_doubt(reach: &Reach<'_>) -> Vec<String> {
    if reach.is_ambiguous() { reach.network().in_doubt().iter().map(short).collect() } else { Vec::new() }
}

fn row(class: EndClass) -> ClassRow {
    let name = match (&class.namespace, class.members.as_slice()) {
        (Some(namespace), [_, _, ..]) if class.whole => format!("{namespace}/*"),
        (_, members) => members.first().cloned().unwrap_or_default(),
    };
    ClassRow { name, namespace: class.namespace, members: class.members }
}

/// What the page of `net graph -o html` knows: every row of `net reach`, names and reasons written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageData {
    /// Ends as they are written, workloads first; what they are called in the rest is their place here.
    pub ends: Vec<String>,
    /// How many of them are workloads.
    pub workloads: usize,
    /// Sets of connections as they are written.
    pub conns: Vec<String>,
    /// Policies.
    pub policies: Vec<String>,
    /// Sets of policies, by their places.
    pub whys: Vec<Vec<usize>>,
    /// Rows that share destination, connections and policies: these, and the sources.
    pub rows: Vec<(usize, usize, usize, Vec<usize>)>,
    /// Rows of which it is not defined whether they are allowed, likewise.
    pub ambiguous: Vec<(usize, usize, usize, Vec<usize>)>,
    /// Workloads that callers from outside are led to: which, connections, what leads them.
    pub internet: Vec<(usize, usize, usize)>,
    /// Objects that are not evaluated; rows that they may change are left out.
    pub unknown: Vec<String>,
}

/// Texts by number, in the order in which they are met.
#[derive(Default)]
struct Numbers<T>(BTreeMap<T, usize>);

impl<T: Ord + Clone> Numbers<T> {
    fn of(&mut self, value: &T) -> usize {
        if let Some(known) = self.0.get(value) {
            return *known;
        }
        let next = self.0.len();
        self.0.insert(value.clone(), next);
        next
    }

    fn list(self) -> Vec<T> {
        let mut all: Vec<_> = self.0.into_iter().map(|(value, number)| (number, value)).collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, value)| value).collect()
    }
}

impl PageData {
    /// Of an answer.
    #[must_use]
    pub fn new(reach: &Reach<'_>) -> Self {
        let document = ReachDocument::new(reach);
        let (mut ends, mut conns) = (Numbers::default(), Numbers::default());
        let (mut policies, mut whys) = (Numbers::default(), Numbers::default());
        let workloads = reach.network().workloads();
        for workload in &workloads {
            ends.of(workload);
        }
        let mut why = |because: &[String]| {
            let because: Vec<usize> = because.iter().map(|policy| policies.of(policy)).collect();
            whys.of(&because)
        };
        let mut gather = |rows: &[crate::net_document::ReachRow]| {
            let mut grouped: BTreeMap<(usize, usize, usize), Vec<usize>> = BTreeMap::new();
            for row in rows {
                let key = (ends.of(&row.dst), conns.of(&row.conn), why(&row.because));
                grouped.entry(key).or_default().push(ends.of(&row.src));
            }
            grouped.into_iter().map(|((dst, conn, why), sources)| (dst, conn, why, sources)).collect()
        };
        let (rows, ambiguous) = (gather(&document.rows), gather(&document.ambiguous));
        let led = document.internet.iter();
        let internet = led.map(|row| (ends.of(&row.dst), conns.of(&row.conn), why(&row.because))).collect();
        Self {
            ends: ends.list(),
            workloads: workloads.len(),
            conns: conns.list(),
            whys: whys.list(),
            policies: policies.list(),
            rows,
            ambiguous,
            internet,
            unknown: document.unknown_because,
        }
    }
}
