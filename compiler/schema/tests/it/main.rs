//! What users of the crate see.

mod bundled;
mod crds;
mod facts;
mod sample;
mod validate;
