//! Questions about connectivity as people spell them.

use std::net::IpAddr;

use kspec_analysis::net::{End, Network};
use kspec_model::{ObjectKey, program::Protocol};
use serde::Deserialize;

/// One end of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A workload, a pod of one, or an address.
    End(End),
    /// `internet`: as a source, whoever calls from outside what leads to the destination; as a destination, any public address.
    Internet,
}

/// Why a text is no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceError {
    /// Neither a workload, nor an address, nor `internet`.
    Spelling(String),
    /// No workload of that name.
    Absent(String, Vec<String>),
    /// A node, which no policy is about.
    Node(String),
    /// Several, of different kinds.
    Ambiguous(String, Vec<String>),
}

impl std::fmt::Display for PlaceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Spelling(text) => {
                write!(f, "`{text}` is neither NAMESPACE/NAME[Kind], nor an address, nor internet")
            }
            Self::Absent(text, alike) if alike.is_empty() => write!(f, "there is no workload {text}"),
            Self::Absent(text, alike) => {
                write!(f, "there is no workload {text}; there is {}", alike.join(", "))
            }
            Self::Node(name) => write!(f, "node {name} is no end of a connection that is asked about"),
            Self::Ambiguous(text, of) => write!(f, "`{text}` may be {}: write the kind in brackets", of.join(" or ")),
        }
    }
}

/// Reads `NAMESPACE/NAME`, `NAMESPACE/NAME[Kind]`, an address or `internet`.
///
/// # Errors
/// When it is none of them, or names none or several workloads.
pub fn place(network: &Network<'_>, text: &str) -> Result<Place, PlaceError> {
    if text == "internet" {
        return Ok(Place::Internet);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Place::End(End::Address(address)));
    }
    let wrong = || PlaceError::Spelling(text.to_owned());
    let (namespace, rest) = text.split_once('/').ok_or_else(wrong)?;
    let (name, kind) = match rest.split_once('[') {
        Some((name, kind)) => (name, Some(kind.strip_suffix(']').ok_or_else(wrong)?)),
        None => (rest, None),
    };
    if namespace.is_empty() || name.is_empty() {
        return Err(wrong());
    }
    let named = network.named(namespace, name, kind);
    if let [pod] = named.as_slice()
        && pod.kind == "Pod"
    {
        return Ok(Place::End(End::Workload((*pod).clone())));
    }
    let mut found: Vec<&ObjectKey> = named.into_iter().filter_map(|key| network.stands_as(key)).collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [] if is_node(network, namespace) => Err(PlaceError::Node(name.to_owned())),
        [] => {
            let alike = network.workloads().into_iter().filter(|known| known.contains(&format!("/{name}[")));
            Err(PlaceError::Absent(text.to_owned(), alike.collect()))
        }
        [one] => Ok(Place::End(End::Workload((*one).clone()))),
        several => Err(PlaceError::Ambiguous(text.to_owned(), several.iter().map(|key| written(key)).collect())),
    }
}

/// Whether the word before the slash says that a node is meant, and no namespace.
fn is_node(network: &Network<'_>, word: &str) -> bool {
    let of_namespace = format!("{word}/");
    ["node", "nodes"].contains(&word) && !network.workloads().iter().any(|known| known.starts_with(&of_namespace))
}

/// As an end is written in answers.
#[must_use]
pub fn shown(place: &Place) -> String {
    match place {
        Place::Internet => "internet".to_owned(),
        Place::End(End::Address(address)) => address.to_string(),
        Place::End(End::Workload(key)) => written(key),
    }
}

fn written(key: &ObjectKey) -> String {
    format!("{}/{}[{}]", key.namespace.as_deref().unwrap_or_default(), key.name, key.kind)
}

/// Reads `80`, `80/tcp`, `53/UDP`.
///
/// # Errors
/// When it is no port from 1 to 65535, or the protocol is none of TCP, UDP and SCTP.
pub fn port(text: &str) -> Result<(Protocol, u16), String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
    let protocol = Protocol::parse(&protocol.to_uppercase())
        .ok_or_else(|| format!("`{protocol}` is none of the protocols TCP, UDP and SCTP"))?;
    let number = number.parse().ok().filter(|number| *number > 0);
    number
        .map(|number| (protocol, number))
        .ok_or_else(|| format!("`{text}` is no port from 1 to 65535, such as 80 or 53/udp"))
}

/// A line of `net probe --batch`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// The end that opens the connection.
    pub src: String,
    /// The end that is called.
    pub dst: String,
    /// `TCP` unless given.
    #[serde(default)]
    pub protocol: Option<String>,
    /// Port at the destination.
    pub port: u16,
}

impl Packet {
    /// Protocol and port.
    ///
    /// # Errors
    /// As [`port`].
    pub fn port(&self) -> Result<(Protocol, u16), String> {
        port(&format!("{}/{}", self.port, self.protocol.as_deref().unwrap_or("TCP")))
    }
}
