//! How far someone gets who uses what they were given: chains of permissions, pods, nodes and secrets.
//!
//! In: a cluster. Out: for each subject and workload, the shortest chain to a [`Goal`], each step with the binding, role and rule or the
//! field of the pod behind it. The graph is drawn once ([`Paths::new`]), each goal searched once, whatever the number of subjects.
//! What a step takes is judged for one identity at a time, together with its groups: what two identities that someone holds could do
//! only together is not found.

mod acting;
mod answer;
mod applying;
mod bodies;
mod combined;
mod connections;
mod controls;
mod graph;
mod host;
mod identity;
mod lesser;
mod lifting;
mod logs;
mod mounts;
mod node_way;
mod nodes;
mod permission;
mod power;
mod refusals;
mod search;
mod state;
mod step;
mod tokens;
mod volumes;
mod writing;

pub use answer::{Answer, DynamicGrant, Goal, NotFollowed, Origin, Path, Paths, Reason, Settings, Step};
pub use controls::{Attempt, Control, Controls, Refusal, Refuser, SenderRefusal};
pub use node_way::NodeWay;
pub use permission::{Holder, Reached, Way};
pub use step::StepKind;
