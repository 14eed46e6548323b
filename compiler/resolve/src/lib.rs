//! Projects, modules, names: from sources to the program they declare.
//!
//! In: [`Facts`] (the project file, schemas, manifests, the day) and sources, set one by one in a [`Session`]. Out: a
//! [`kspec_model::program::Program`] and findings. Nothing is read, fetched or printed here.

mod config;
mod cycles;
mod db;
mod elaborate;
mod few;
mod knots;
mod lock;
mod manifests;
mod modules;
mod names;
mod session;
mod target;
mod unused;
mod users;

pub use config::{Admission, Config, EDITIONS, Environment, parse_config};
pub use elaborate::managed_flags;
pub use lock::{Lock, parse_lock};
pub use manifests::{CONTROLLERS, Controller, ManifestDoc, ManifestIndex};
pub use session::{Changed, Contribution, Facts, Session, Stats};
