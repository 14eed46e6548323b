//! RBAC: what is allowed, and why.
//!
//! [`Index`] answers questions one by one, exactly as the API server's RBAC authorizer does; [`delta`] compares two
//! clusters at the level of permissions.

mod delta;
mod index;
mod permission;
mod request;
mod rule;

pub use delta::{AccessChange, AccessDelta, GrantRef, ResourceRef, delta};
pub use index::{Answer, Because, Index, allowed};
pub use request::{Request, SubjectRef, effective_groups};
pub use rule::PolicyRule;
