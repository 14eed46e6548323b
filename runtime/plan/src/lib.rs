//! What would change: objects, access, connectivity, hosts.

mod diff;

pub use diff::{FieldChange, FieldConflict, ObjectDiff, diff_object, diff_result, merge_object};
