//! The security model.
//!
//! Two halves meet here. [`program`] is what a project declares: fully expanded, every name resolved to the Kubernetes
//! name it stands for, every node knowing where it came from. [`cluster`] is what a set of Kubernetes objects means for
//! access and connectivity, whoever wrote them. A program is lowered to objects, and objects (lowered or found in a
//! cluster) are lifted into a [`cluster::Cluster`]; every analysis reads that and nothing else, so one analysis serves the
//! program, the state, and the state after apply.

pub mod cluster;
mod object;
pub mod program;
pub mod rules;
mod selector;

pub use object::{Object, ObjectKey};
pub use selector::{LabelSelector, Labels, Operator, Requirement};
