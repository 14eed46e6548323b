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
