//! Sets of connections: for each protocol, the destination ports.

use std::{fmt, str::FromStr};

use kspec_model::program::Protocol;
use serde::{Deserialize, Serialize};

/// Destination ports by protocol. Written as netpol-analyzer does: `All Connections`, `TCP 80,443-445,UDP 53`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Connections {
    tcp: Intervals,
    udp: Intervals,
    sctp: Intervals,
}

/// Sorted, disjoint, not adjacent; both ends included.
type Intervals = Vec<(u16, u16)>;

const FIRST: u16 = 1;
const LAST: u16 = u16::MAX;
const ALL: &str = "All Connections";
const NONE: &str = "No Connections";

impl Connections {
    /// No connection.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Every port of every protocol.
    #[must_use]
    pub fn all() -> Self {
        let ports = || vec![(FIRST, LAST)];
        Self { tcp: ports(), udp: ports(), sctp: ports() }
    }

    /// Every port of one protocol.
    #[must_use]
    pub fn protocol(protocol: Protocol) -> Self {
        Self::range(protocol, FIRST, LAST)
    }

    /// Ports `first` to `last`, both included.
    #[must_use]
    pub fn range(protocol: Protocol, first: u16, last: u16) -> Self {
        let mut connections = Self::none();
        if first <= last {
            *connections.ports_mut(protocol) = vec![(first, last)];
        }
        connections
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        PROTOCOLS.iter().all(|protocol| self.ports(*protocol).is_empty())
    }

    /// Whether it holds everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        PROTOCOLS.iter().all(|protocol| self.ports(*protocol) == [(FIRST, LAST)])
    }

    /// Ranges of one protocol, ascending, both ends included.
    #[must_use]
    pub fn ports(&self, protocol: Protocol) -> &[(u16, u16)] {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
            Protocol::Sctp => &self.sctp,
        }
    }

    /// One that is held: the lowest port of the first protocol that has any, TCP before UDP and SCTP.
    #[must_use]
    pub fn first(&self) -> Option<(Protocol, u16)> {
        let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter();
        protocols.filter_map(|protocol| Some((protocol, self.ports(protocol).first()?.0))).next()
    }

    /// Whether a connection to that port is held.
    #[must_use]
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ports(protocol).iter().any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// What either holds.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let mut all: Vec<_> = a.iter().chain(b).copied().collect();
            all.sort_unstable();
            let mut merged: Intervals = Vec::with_capacity(all.len());
            for (first, last) in all {
                match merged.last_mut() {
                    Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                    _ => merged.push((first, last)),
                }
            }
            merged
        })
    }

    /// What both hold.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let overlap = |x: &(u16, u16), y: &(u16, u16)| (x.0.max(y.0), x.1.min(y.1));
            a.iter().flat_map(|x| b.iter().map(move |y| overlap(x, y))).filter(|(first, last)| first <= last).collect()
        })
    }

    /// What this holds and the other does not.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let mut left = Vec::new();
            for (first, last) in a {
                let mut from = *first;
                let mut open = true;
                for (cut_first, cut_last) in b.iter().filter(|cut| cut.1 >= *first && cut.0 <= *last) {
                    if *cut_first > from {
                        left.push((from, cut_first - 1));
                    }
                    match cut_last.checked_add(1) {
                        Some(next) => from = next,
                        None => open = false,
                    }
                }
                if open && from <= *last {
                    left.push((from, *last));
                }
            }
            left
        })
    }

    fn zip(&self, other: &Self, combine: impl Fn(&[(u16, u16)], &[(u16, u16)]) -> Intervals) -> Self {
        Self {
            tcp: combine(&self.tcp, &other.tcp),
            udp: combine(&self.udp, &other.udp),
            sctp: combine(&self.sctp, &other.sctp),
        }
    }

    fn ports_mut(&mut self, protocol: Protocol) -> &mut Intervals {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
            Protocol::Sctp => &mut self.sctp,
        }
    }
}

/// In the order of their names, which is the order they are written in.
const PROTOCOLS: [Protocol; 3] = [Protocol::Sctp, Protocol::Tcp, Protocol::Udp];

impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str(ALL);
        }
        if self.is_empty() {
            return f.write_str(NONE);
        }
        let mut separator = "";
        for protocol in PROTOCOLS {
            for (position, (first, last)) in self.ports(protocol).iter().enumerate() {
                match position {
                    0 => write!(f, "{separator}{} ", protocol.as_str())?,
                    _ => f.write_str(",")?,
                }
                write!(f, "{first}")?;
                if first != last {
                    write!(f, "-{last}")?;
                }
                separator = ",";
            }
        }
        Ok(())
    }
}

impl From<Connections> for String {
    fn from(connections: Connections) -> Self {
        connections.to_string()
    }
}

impl FromStr for Connections {
    type Err = String;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            ALL => return Ok(Self::all()),
            NONE => return Ok(Self::none()),
            _ => {}
        }
        let wrong = || format!("`{text}` is no set of connections");
        let mut connections = Self::none();
        let mut protocol = None;
        for part in text.split(',') {
            let range = match part.split_once(' ') {
                Some((name, range)) => {
                    protocol = Protocol::parse(name);
                    range
                }
                None => part,
            };
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Some(protocol), Ok(first), Ok(last)) = (protocol, first.parse(), last.parse()) else {
                return Err(wrong());
            };
            connections = connections.union(&Self::range(protocol, first, last));
        }
        Ok(connections)
    }
}

impl TryFrom<String> for Connections {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
