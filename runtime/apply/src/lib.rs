//! Makes a plan so.
//!
//! In: [`Work`] (what to apply and what to remove, in phases) and a [`Connection`](kspec_state::live::Connection). Out: a
//! [`Report`] with one result an object, or an [`ApplyError`] where nothing was begun.
//!
//! Invariants:
//! - Objects are written by server-side apply with the project's one field manager, whole as the program says them and
//!   nothing else, so that a run that was cut short is completed by the next and a field of someone else's is never touched.
//!   A conflict is an answer, not an obstacle: force is used for adoption alone, and only where it was asked for.
//! - The inventory knows of a kind before its first object exists and until its last is gone.
//! - Nothing is removed while something could not be applied.
//! - Only an object that carries the project's label is ever removed, and namespaces, definitions, service accounts and
//!   adopted objects are released instead unless named for deletion: see [`is_protected`].

mod blocked;
mod deletions;
mod dry_run;
mod effect;
mod error;
mod inventory;
mod ready;
mod remove;
mod report;
mod run;
mod send;
mod work;
mod write;

pub use dry_run::ServerDryRun;
pub use error::{ApplyError, Failure, UnknownKind};
pub use report::{Effect, ObjectResult, Outcome, REPORT_FORMAT, Report};
pub use run::{Options, Stop, apply, apply_until_signalled};
pub use work::{Deletion, Intent, RELEASED, Removal, Wanted, Work, is_protected};
