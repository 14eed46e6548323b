//! Checking of bodies.

mod environment;
mod function;
mod mutation;
mod object;
mod rule;

pub use function::check_fn;
pub(crate) use mutation::LISTS;
pub use mutation::check_mutation;
pub use object::check_object;
pub use rule::check_rule;
