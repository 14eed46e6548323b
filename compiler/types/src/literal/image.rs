//! References to container images.

use std::sync::Arc;

/// A reference to an image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Image {
    /// As written.
    pub text: Arc<str>,
}
