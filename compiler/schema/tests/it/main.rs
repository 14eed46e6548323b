//! What users of the crate see.

mod bundled;
