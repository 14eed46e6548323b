//! Ports.

use std::fmt;

use kspec_model::program::{PortSpec, Protocol};

/// A port or a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    /// First; 1 to 65535.
    pub first: u16,
    /// Last; not below `first`.
    pub last: u16,
    /// Protocol where stated.
    pub protocol: Option<Protocol>,
}

impl Port {
    /// Reads a literal's text: `443`, `443/tcp`, `8000..8100/udp`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numbers, protocol) = match text.split_once('/') {
            Some((numbers, protocol)) => {
                let found = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
                    .into_iter()
                    .find(|known| known.as_str().eq_ignore_ascii_case(protocol))?;
                (numbers, Some(found))
            }
            None => (text, None),
        };
        let (first, last) = numbers.split_once("..").unwrap_or((numbers, numbers));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first > 0 && first <= last).then_some(Self { first, last, protocol })
    }

    /// As the model has it: TCP where nothing is stated.
    #[must_use]
    pub fn spec(self) -> PortSpec {
        PortSpec { first: self.first, last: self.last, protocol: self.protocol.unwrap_or(Protocol::Tcp) }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last != self.first {
            write!(f, "..{}", self.last)?;
        }
        match self.protocol {
            Some(protocol) => write!(f, "/{}", protocol.as_str().to_lowercase()),
            None => Ok(()),
        }
    }
}
