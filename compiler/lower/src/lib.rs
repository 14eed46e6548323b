//! The model as Kubernetes objects and host files, a folder a target.
//!
//! In: a [`Program`](kspec_model::program::Program), the namespaces of the state, the date. Out: [`objects`] of the stable
//! APIs in the order in which they are safe to apply, and [`host`] files that an API server starts from. Both are pure and
//! byte-for-byte reproducible: the same input gives the same bytes, whatever order maps were filled in.

pub mod admission;
mod files;
mod finding;
mod host;
mod inventory;
mod names;
mod objects;
mod scan;
mod shared;
mod yaml;

pub use admission::{Placement, SYSTEM_NAMESPACES, WEBHOOK_SERVICE, placements, table, webhook_configurations};
pub use files::manifest_path;
pub use host::{HostFile, HostOutput, HostSettings, host, host_findings};
pub use inventory::{Inventory, PART_OF, TOOLING, inventory, inventory_in};
pub use objects::{
    EXCEPTION_OWNER, EXCEPTION_REASON, EXCEPTION_UNTIL, LoweredObject, MANAGED_BY, OutlinedObject, PROJECT, PURPOSE,
    Phase, Share, Shown, known_namespaces, objects, objects_and_table, outline, show_objects,
};
pub use yaml::to_yaml;
