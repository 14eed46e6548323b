//! Checking of bodies.

mod containers;
pub(crate) mod environment;
mod function;
pub(crate) mod mutation;
mod object;
pub(crate) mod rule;

pub use environment::{OnKind, connect_options, on_kinds};
pub use function::check_fn;
pub(crate) use mutation::LISTS;
pub use mutation::check_mutation;
pub use object::check_object;
pub use rule::check_rule;
