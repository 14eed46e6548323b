//! Questions about a cluster's access and connectivity: how they are spelt, what they are asked of, and the answers as documents.
//!
//! In: a [`Model`] (of a state, a program, or what the one makes of the other) and a question as the command line spells it.
//! Out: a document of [`document`]. What is allowed is decided by [`kspec_analysis`] alone.

pub mod document;
mod model;
mod net;
pub mod net_document;
pub mod net_graph;
pub mod paths;
mod question;
mod written;

pub use model::Model;
pub use net::{Packet, Place, PlaceError, place, port, shown};
pub use question::{Asker, Target, UnknownResource, request, target};
pub use written::{Written, WrittenError};
