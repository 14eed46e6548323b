//! RBAC: what is allowed, and why.
//!
//! [`Index`] answers questions one by one, exactly as the API server's RBAC authorizer does; [`delta`] compares two
//! clusters at the level of permissions.

mod claim;
mod delta;
mod escalation;
pub(crate) mod index;
pub(crate) mod permission;
pub(crate) mod request;
pub(crate) mod rule;
mod subjects;

pub use claim::{Extent, Grantees, Pattern, Spot};
pub use delta::{AccessChange, AccessDelta, GrantRef, ResourceRef, delta};
pub use escalation::{Authority, Covered, Grant};
pub use index::{Answer, Because, Index, allowed, role_key};
pub use request::{Request, SubjectRef, effective_groups};
pub use rule::PolicyRule;
pub use subjects::{Allowed, HeldRule};
